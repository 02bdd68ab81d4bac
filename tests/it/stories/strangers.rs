//! Replies that belong to no home: they can be called back, and whoever wrote is answered. And a
//! phone that disowns its number disarms nobody.

use tongluo::domain::access::Role;
use tongluo::store::desk::{self, TaskRow};
use tongluo::store::desk_page::After;

use crate::plant::{DUTY_ROOM, HOME, home_number, human_number};
use crate::town::{Setup, Town, on_both};

async fn tasks(town: &Town) -> Vec<TaskRow> {
    desk::tasks(&town.engine.store, 0, 100).await.unwrap()
}

async fn dialled(town: &Town, words: &str) -> Vec<String> {
    let mut actor = town.approver.clone();
    actor.rights.push((Role::Desk, 1));
    let looks = tongluo::engine::desk::Looks::default();
    let page = town.engine.desk_page(&looks, &actor, 0, After::default()).await.unwrap();
    let mut homes = page.tasks.into_iter().flat_map(|card| card.homes);
    let home = homes.find(|home| home.row.text.contains(words)).unwrap();
    home.dials.into_iter().map(|dial| dial.number).collect()
}

#[tokio::test]
async fn a_cry_from_a_number_of_no_roster_is_answered_and_can_be_called_back() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        let number = home_number(HOME + 4_000_000);
        town.says(&number, "我妈妈在四明路12号，水进屋了").await;
        town.settle().await;
        assert_eq!(dialled(&town, "四明路").await, std::slice::from_ref(&number));
        let all = tasks(&town).await;
        let told = town.engine.writers(&all).await.unwrap();
        assert!(told.values().any(|n| *n == number), "{told:?}");
        let heard = town.heard(&number);
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert!(heard[0].contains("求助") || heard[0].contains("收到"), "{heard:?}");
        // Again at once: a second task, no second thanks.
        town.says(&number, "水进屋了快来").await;
        town.settle().await;
        assert_eq!(town.heard(&number).len(), 1);
        assert_eq!(dialled(&town, "快来").await, [number]);
        town
    })
    .await;
}

#[tokio::test]
async fn a_responsible_persons_own_cry_carries_his_name_and_is_answered() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        let before = town.leader_heard(DUTY_ROOM).len();
        town.leader_says(DUTY_ROOM, "救命，水进屋了").await;
        town.settle().await;
        let all = tasks(&town).await;
        let task = all.iter().find(|t| t.text.contains("救命")).unwrap();
        assert_eq!((task.kind, task.text.contains("责任人市值班室")), (1, true), "{task:?}");
        assert_eq!(dialled(&town, "救命").await, [human_number(DUTY_ROOM)]);
        assert!(town.leader_heard(DUTY_ROOM).len() > before);
        town
    })
    .await;
}

#[tokio::test]
async fn a_wrong_number_from_a_phone_with_duties_is_an_alarm_and_keeps_the_number() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        for text in ["打错了", "退订"] {
            town.leader_says(DUTY_ROOM, text).await;
            let all = tasks(&town).await;
            let said = all.iter().find(|t| t.text.contains(&format!("“{text}”"))).unwrap();
            assert_eq!((said.kind, said.text.contains("市值班室")), (4, true), "{said:?}");
        }
        let state = format!(
            "SELECT CAST(max(state) AS bigint) FROM address \
             WHERE human_id = {DUTY_ROOM}"
        );
        assert_eq!(town.count(&state).await, 0);
        assert_eq!(town.count("SELECT count(*) FROM address_claim").await, 0);
        // A resident's own still counts.
        town.says(&home_number(HOME + 3), "打错了").await;
        assert_eq!(town.count("SELECT count(*) FROM address_claim").await, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_number_of_many_homes_has_them_all_named() {
    on_both(Setup::default(), async |town| {
        let set = format!(
            "SET hash = (SELECT a.hash FROM address a WHERE a.household_id = {0}), \
             sealed = (SELECT a.sealed FROM address a WHERE a.household_id = {0}), shares = 5",
            HOME + 1
        );
        let sql = format!(
            "UPDATE address {set} WHERE household_id BETWEEN {} AND {}",
            HOME + 1,
            HOME + 5
        );
        town.break_in(&sql).await;
        town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 1), "救命，水进屋了").await;
        let all = tasks(&town).await;
        let task = all.iter().find(|t| t.text.contains("救命")).unwrap();
        for n in 1..=5 {
            assert!(task.text.contains(&format!("王家{n}")), "{task:?}");
        }
        town
    })
    .await;
}
