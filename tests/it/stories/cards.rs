//! One card at the desk for one household that cries, whatever the number of orders and taps, and
//! one for the homes of a building that cry within a quarter of an hour; one for what a household
//! writes that nobody understands. Acts are of the whole
//! card, and nothing that came meanwhile is closed unheard.

use tongluo::domain::access::Role;
use tongluo::domain::triage::Triage;
use tongluo::engine::desk::{DeskPage, Looks, Read};
use tongluo::engine::tasks::Closing;
use tongluo::store::desk;
use tongluo::store::desk_page::After;

use crate::plant::{DUTY_ROOM, HOME, home_number};
use crate::town::{Setup, Town, on_both, refusal};

async fn page(town: &Town) -> DeskPage {
    let mut actor = town.approver.clone();
    actor.rights.push((Role::Desk, 1));
    let looks = Looks::default();
    town.engine.desk_page(&looks, &actor, 0, After::default()).await.unwrap()
}

async fn cries(town: &Town, home: i64, text: &str) {
    town.says(&home_number(HOME + home), text).await;
}

const OPEN: &str = "SELECT count(*) FROM task WHERE kind = 1 AND state < 2";
const FREE: &str = "SELECT count(*) FROM task WHERE kind = 1 AND state = 0";

#[tokio::test]
async fn a_household_under_three_orders_is_one_card_and_closed_with_one_word() {
    on_both(Setup::default(), async |town| {
        let (ended, first) = town.flood_order().await;
        town.minutes(2).await;
        town.engine.end(&town.approver, &ended).await.unwrap();
        let (_, second) = town.flood_order().await;
        let (_, third) = town.flood_order().await;
        town.minutes(2).await;
        cries(&town, 4, "水进屋了").await;
        assert_eq!(town.count(OPEN).await, 3, "custody is computed by order");
        let desk = page(&town).await;
        assert_eq!((desk.tasks.len(), desk.grave.len()), (1, 1), "{:?}", desk.tasks);
        let card = &desk.tasks[0];
        let home = &card.homes[0];
        assert_eq!((card.homes.len(), home.row.household_id), (1, Some(HOME + 4)));
        assert!(
            [second, third].contains(&home.row.alert_id),
            "a live one stands for the ended one"
        );
        assert_eq!(home.others.len(), 1, "both others have one title: {:?}", home.others);
        assert_eq!(desk::tasks(&town.engine.store, 0, 9).await.unwrap().len(), 1);
        // Again and again: the same card, with all the words.
        cries(&town, 4, "快来救人，水到腰了").await;
        cries(&town, 4, "快来救人，水到腰了").await;
        let desk = page(&town).await;
        let (home, uid) = (&desk.tasks[0].homes[0], desk.tasks[0].at.anchor.clone());
        assert_eq!((desk.tasks.len(), home.row.cries), (1, 3), "{desk:?}");
        assert_eq!(home.row.text, "水进屋了；快来救人，水到腰了");
        assert_eq!(town.count(OPEN).await, 3);

        town.engine.take_task(&town.approver, &uid, None).await.unwrap();
        assert_eq!(town.count(FREE).await, 0);
        for alert in [second, third] {
            assert_eq!(town.custody(alert).await.open_desk, 1);
        }
        town.settle().await;
        let heard = town.heard(&home_number(HOME + 4));
        let named = heard.iter().filter(|text| text.contains("李签发接手了")).count();
        assert_eq!(named, 1, "one text, not one an order: {heard:?}");
        // In hand, a fourth cry is the holder's; whoever has not seen it closes nothing.
        cries(&town, 4, "人在房顶上").await;
        assert_eq!(town.count(FREE).await, 0);
        let blind = Closing { whole: false, seen: Some(3) };
        let said = town.engine.close_card(&town.approver, &uid, "已接走", blind).await;
        assert!(refusal(said).contains("又来了新的求助"));
        assert_eq!(town.count(OPEN).await, 3, "nothing half-applied");
        let seen = Closing { whole: false, seen: Some(4) };
        town.engine.close_card(&town.approver, &uid, "已接走", seen).await.unwrap();
        assert_eq!(town.count(OPEN).await, 0);
        for alert in [first, second, third] {
            let custody = town.custody(alert).await;
            assert_eq!((custody.help, custody.orphans), (0, 0), "{custody:?}");
        }
        let desk = page(&town).await;
        assert_eq!((desk.tasks.len(), desk.done.len()), (0, 1), "{:?}", desk.done);
        town.check().await;
        town
    })
    .await;
}

#[tokio::test]
async fn a_graver_cry_of_a_card_in_hand_is_nobodys_until_somebody_takes_that() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        cries(&town, 4, "2").await;
        let uid = page(&town).await.tasks[0].at.anchor.clone();
        town.engine.take_task(&town.approver, &uid, None).await.unwrap();
        let before = page(&town).await;
        assert_eq!((before.tasks[0].at.class, before.tasks[0].at.held), (2, 2));
        town.minutes(1).await;
        let called = town.leader_heard(DUTY_ROOM).len();
        cries(&town, 4, "水进屋了，救命").await;
        let desk = page(&town).await;
        let at = &desk.tasks[0].at;
        assert_eq!((desk.tasks.len(), at.class, at.held, &at.anchor), (1, 1, 0, &uid));
        assert_eq!(desk.grave, std::slice::from_ref(&uid));
        let custody = town.custody(alert).await;
        assert_eq!((custody.open_desk, custody.orphans, custody.help), (0, 0, 1), "{custody:?}");
        town.seconds(61).await;
        assert!(town.leader_heard(DUTY_ROOM).len() > called, "called out within a minute");
        town.engine.take_task(&town.approver, &uid, None).await.unwrap();
        assert_eq!(town.custody(alert).await.open_desk, 1);
        // One less grave than what he has in hand changes nothing of his.
        cries(&town, 4, "2").await;
        assert_eq!(town.custody(alert).await.open_desk, 1);
        assert_eq!(page(&town).await.tasks[0].at.class, 1);
        town.check().await;
        town
    })
    .await;
}

#[tokio::test]
async fn cries_of_one_building_within_a_quarter_of_an_hour_are_one_incident() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        // Homes 1 to 5 are one building, 6 to 10 the next.
        cries(&town, 2, "2").await;
        cries(&town, 7, "2").await;
        town.minutes(4).await;
        cries(&town, 4, "水进屋了").await;
        let desk = page(&town).await;
        let homes: Vec<usize> = desk.tasks.iter().map(|card| card.homes.len()).collect();
        assert_eq!(homes, [2, 1], "{desk:?}");
        let card = &desk.tasks[0];
        assert_eq!((card.at.class, card.homes[0].row.household_id), (1, Some(HOME + 4)));
        let first = card.at.anchor.clone();
        town.engine.take_task(&town.approver, &first, None).await.unwrap();
        assert_eq!(town.custody(alert).await.open_desk, 2, "both homes are in hand");
        // One more joins, and is nobody's yet.
        town.minutes(6).await;
        cries(&town, 5, "2").await;
        let desk = page(&town).await;
        assert_eq!((desk.tasks[0].homes.len(), desk.tasks[0].at.held), (3, 0), "{desk:?}");
        assert_eq!(town.custody(alert).await.open_desk, 2);
        town.engine.take_task(&town.approver, &first, None).await.unwrap();
        assert_eq!(town.custody(alert).await.open_desk, 3);
        // After the quarter of an hour another begins, and a helped home alone is closed.
        town.minutes(6).await;
        cries(&town, 3, "2").await;
        let desk = page(&town).await;
        assert_eq!(desk.tasks.len(), 3, "{desk:?}");
        let two = card.homes.iter().find(|home| home.row.household_id == Some(HOME + 2)).unwrap();
        town.engine.close_task(&town.approver, &two.row.uid, "已背出来").await.unwrap();
        assert_eq!(town.custody(alert).await.help, 4);
        let rest = page(&town).await;
        let rest = rest.tasks.iter().find(|card| card.homes.len() == 2).unwrap();
        let whole = Closing { whole: true, seen: Some(rest.cries() - 1) };
        let uid = &rest.at.anchor;
        let said = town.engine.close_card(&town.approver, uid, "全楼已转移", whole).await;
        assert!(refusal(said).contains("又来了新的求助"));
        let whole = Closing { whole: true, seen: Some(rest.cries()) };
        town.engine.close_card(&town.approver, uid, "全楼已转移", whole).await.unwrap();
        let custody = town.custody(alert).await;
        assert_eq!((custody.help, custody.orphans), (2, 0), "{custody:?}");
        assert_eq!(page(&town).await.tasks.len(), 2);
        town.check().await;
        town
    })
    .await;
}

#[tokio::test]
async fn unclear_replies_of_one_household_are_one_card_and_none_is_read_away_unread() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        for text in ["什么时候发钱啊", "你们单位在哪里呢", "什么时候发钱啊"] {
            cries(&town, 4, text).await;
        }
        cries(&town, 6, "什么时候发钱啊").await;
        let desk = page(&town).await;
        assert_eq!(desk.tasks.len(), 2, "{:?}", desk.tasks);
        let home = &desk.tasks[0].homes[0].row;
        assert_eq!((home.household_id, home.kind, home.cries), (Some(HOME + 4), 2, 3));
        assert_eq!(home.text, "什么时候发钱啊；你们单位在哪里呢");
        let timers = format!("SELECT count(*) FROM timer WHERE kind = 7 AND alert_id = {alert}");
        assert_eq!(town.count(&timers).await, 2, "one a card");
        let uid = desk.tasks[0].at.anchor.clone();
        // In somebody's hand it stays there; what came since the look is not read away.
        town.engine.take_task(&town.approver, &uid, None).await.unwrap();
        cries(&town, 4, "那个事情怎么说").await;
        let held = &page(&town).await.tasks[1];
        assert_eq!((&held.at.anchor, held.at.held, held.cries()), (&uid, 2, 4));
        let read = |seen| town.engine.read_task(&town.approver, &uid, Read::Left, Some(seen));
        assert!(refusal(read(3).await).contains("又来了新的回复"));
        let raised = town.engine.set_task_class(&town.approver, &uid, Triage::B, Some(3)).await;
        assert!(refusal(raised).contains("又来了新的回复"));
        assert_eq!(town.custody(alert).await.help, 0, "nothing half-applied");
        read(4).await.unwrap();
        let left = format!("SELECT whereabouts FROM standing WHERE household_id = {}", HOME + 4);
        assert_eq!(town.count(&left).await, 3);
        assert_eq!(page(&town).await.tasks.len(), 1, "one word for all of them");
        // The next one is a card again; a help by it has all its words.
        cries(&town, 6, "那个事情怎么说").await;
        let uid = page(&town).await.tasks[0].at.anchor.clone();
        town.engine.set_task_class(&town.approver, &uid, Triage::A, Some(2)).await.unwrap();
        let desk = page(&town).await;
        assert_eq!((desk.tasks.len(), desk.tasks[0].homes[0].row.kind), (1, 1));
        assert_eq!(desk.tasks[0].homes[0].row.text, "什么时候发钱啊；那个事情怎么说");
        assert_eq!(town.custody(alert).await.help, 1);
        town.check().await;
        town
    })
    .await;
}
