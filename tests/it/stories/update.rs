//! What an update says to whom: only who has something new to do hears it, only a raised demand
//! is asked again, and neither a busy day nor the night is filled with texts.

use std::collections::BTreeSet;

use tongluo::engine::issue::OrderForm;
use tongluo::store::order::RingRow;
use tongluo::store::situation;

use crate::plant::{GRID, HOME, Layout, home_number, leader, second_number};
use crate::town::{Setup, Town, on_both};

/// The next version, drafted by one and approved by another.
async fn update(town: &Town, uid: &str, form: &OrderForm) {
    town.engine.update(&town.author, uid, form).await.unwrap();
    town.engine.submit(&town.author, uid).await.unwrap();
    town.engine.approve(&town.approver, uid, false).await.unwrap();
    town.check().await;
}

/// Homes (their places in the town) that were sent an order's text after the first `sent`.
fn told(town: &Town, sent: usize) -> BTreeSet<i64> {
    let taken = town.taken().split_off(sent);
    let texts: BTreeSet<String> =
        taken.into_iter().filter(|e| e.reference.starts_with('b')).map(|e| e.to).collect();
    (1..=town.homes).filter(|n| texts.contains(&home_number(HOME + n))).collect()
}

fn movers(homes: i64) -> BTreeSet<i64> {
    (1..=homes).filter(|n| n % 2 == 0).collect()
}

fn to_shelter(town: &Town, shelter: &str) -> OrderForm {
    let mut form = town.flood_form();
    form.vars.insert("shelter".into(), shelter.into());
    form
}

#[tokio::test]
async fn an_update_that_changes_nothing_to_do_is_sent_to_nobody_and_undoes_no_answer() {
    let layout = Layout { second_phone_every: 2, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let form = town.flood_form();
        let (uid, alert) = town.release(&form).await;
        town.minutes(2).await;
        // Home 5 needs a person; her 1 is all that is asked of her.
        town.says(&home_number(HOME + 5), "1").await;
        let before = town.custody(alert).await;
        assert_eq!(before.answered, 1);
        let sent = town.taken().len();
        let later = OrderForm { expires_at: Some(town.now() + 20 * 3_600_000), ..form };
        update(&town, &uid, &later).await;
        town.seconds(30).await;
        assert_eq!(told(&town, sent), BTreeSet::new());
        assert_eq!(town.custody(alert).await.answered, 1);
        // What she says again is still to the point, and who answers only now as well.
        town.says(&home_number(HOME + 5), "1").await;
        assert_eq!(town.custody(alert).await.answered, 1);
        // Home 6 has one person, who leaves.
        town.says(&home_number(HOME + 6), "3").await;
        assert_eq!(town.custody(alert).await.answered, 2);
        // The second wave goes on under the new version.
        town.minutes(4).await;
        let second = town.heard(&second_number(HOME + 2));
        assert!(second.iter().any(|text| text.contains("更新：")), "{second:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn who_was_not_reached_by_the_old_text_gets_the_new_one_all_the_same() {
    on_both(Setup::default(), async |town| {
        let form = town.flood_form();
        let uid = town.engine.draft(&town.author, &form).await.unwrap();
        town.engine.submit(&town.author, &uid).await.unwrap();
        town.engine.approve(&town.approver, &uid, false).await.unwrap();
        town.engine.feed_once().await.unwrap();
        town.engine.work_waiting().await.unwrap();
        assert_eq!(town.taken().len(), 0, "expanded, and nothing sent yet");
        let later = OrderForm { expires_at: Some(town.now() + 20 * 3_600_000), ..form };
        update(&town, &uid, &later).await;
        town.settle().await;
        assert_eq!(told(&town, 0), (1..=town.homes).collect());
        town
    })
    .await;
}

#[tokio::test]
async fn a_raised_demand_is_asked_again_and_an_old_answer_does_not_meet_it() {
    on_both(Setup::default(), async |town| {
        let mut form = town.flood_form();
        let (uid, alert) = town.release(&form).await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 5), "1").await;
        assert_eq!(town.custody(alert).await.answered, 1);
        let sent = town.taken().len();
        let ring = |ring: i64, demand: i64, pursued: i64| RingRow { ring, demand, pursued };
        form.rings = Some(vec![ring(1, 4, 1), ring(2, 4, 1), ring(3, 0, 0)]);
        update(&town, &uid, &form).await;
        town.seconds(5).await;
        assert_eq!(told(&town, sent), [5].into(), "only she has something new to do");
        assert_eq!(town.custody(alert).await.answered, 0, "asked again");
        // Half a minute later she still answers the first question, not the new one.
        town.seconds(25).await;
        town.says(&home_number(HOME + 5), "1").await;
        assert_eq!(town.custody(alert).await.answered, 0);
        town.minutes(2).await;
        town.says(&home_number(HOME + 5), "3").await;
        let rows: Vec<(i64, i64)> = town
            .rows(&format!(
                "SELECT version, whereabouts FROM standing WHERE household_id = {}",
                HOME + 5
            ))
            .await;
        assert_eq!(rows[0].0, 2);
        assert!(rows[0].1 > 0, "her 3 answers the new demand");
        town
    })
    .await;
}

#[tokio::test]
async fn below_flash_a_household_gets_three_messages_a_day_and_stays_in_custody() {
    on_both(Setup::default(), async |town| {
        let mut form = town.flood_form();
        form.urgency = Some("urgent".into());
        let (uid, alert) = town.release(&form).await;
        town.seconds(30).await;
        for shelter in ["东风小学", "南雷小学", "凤山小学"] {
            let mut next = to_shelter(&town, shelter);
            next.urgency = Some("urgent".into());
            update(&town, &uid, &next).await;
            town.seconds(30).await;
        }
        let texts = town.heard(&home_number(HOME + 2));
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert_eq!(situation::withheld(&town.engine.store, alert).await.unwrap(), 5);
        let noted = "SELECT count(*) FROM journal WHERE act = 'send.withheld'";
        assert!(town.count(noted).await > 0);
        let custody = town.custody(alert).await;
        assert_eq!((custody.orphans, custody.answered), (0, 0));
        // What has become 特急 is sent whatever was sent before.
        let sent = town.taken().len();
        update(&town, &uid, &to_shelter(&town, "凤山小学")).await;
        town.seconds(30).await;
        assert!(told(&town, sent).is_superset(&movers(town.homes)));
        town
    })
    .await;
}

#[tokio::test]
async fn at_night_who_is_only_told_of_something_urgent_sleeps_until_six() {
    on_both(Setup::default(), async |town| {
        let mut form = town.due_in(14 * 3_600_000);
        form.urgency = Some("urgent".into());
        let (uid, _) = town.release(&form).await;
        town.minutes(2).await;
        let awake: BTreeSet<i64> = (1..=town.homes).filter(|n| n % 2 == 0 || n % 5 == 0).collect();
        assert_eq!(told(&town, 0), awake);
        let shown = town.engine.show_alert(&town.approver, &uid, true).await.unwrap();
        let waits = &shown["waiting"];
        let asleep = town.homes - i64::try_from(awake.len()).unwrap();
        let six = crate::town::NIGHT + 8 * 3_600_000;
        assert_eq!((&waits["households"], &waits["until"]), (&asleep.into(), &six.into()));
        assert_eq!(waits["reasons"][0]["why"], "quiet_hours", "{waits}");
        town.down_minutes(8 * 60 - 10);
        town.settle().await;
        let asleep_still = (1..=town.homes).filter(|n| !awake.contains(n));
        let asleep_still: BTreeSet<i64> = asleep_still.collect();
        assert!(told(&town, 0).is_disjoint(&asleep_still));
        town.minutes(9).await;
        assert!(told(&town, 0).is_superset(&asleep_still));
        town
    })
    .await;
}

#[tokio::test]
async fn a_grid_that_an_update_leaves_out_is_let_go_whole() {
    let setup = Setup { layout: Layout { grids: 2, ..Layout::default() }, ..Setup::default() };
    on_both(setup, async |town| {
        let (uid, alert) = town.flood_order().await;
        town.minutes(7).await;
        let second = leader(1);
        let offers = |town: &Town| {
            let texts = town.leader_heard(second).into_iter();
            texts.filter(|text| text.contains("接手回1")).count()
        };
        assert_eq!(offers(&town), 1, "the second grid's leader is offered her list");
        town.says(&home_number(HOME + 12), "水进屋了").await;
        let before = town.custody(alert).await;
        let sent = town.taken().len();
        let mut form = town.flood_form();
        form.places = vec![format!("p{GRID}")];
        update(&town, &uid, &form).await;
        let after = town.custody(alert).await;
        assert_eq!(after.audience, before.audience, "nobody is forgotten");
        let tracks = format!(
            "SELECT count(*) FROM timer WHERE place_id = {} AND kind IN (1, 2, 3, 6)",
            GRID + 1
        );
        assert_eq!(town.count(&tracks).await, 0);
        town.minutes(20).await;
        assert_eq!(offers(&town), 1, "she is not asked again");
        let homes = told(&town, sent);
        assert!(homes.iter().all(|n| *n <= 10), "{homes:?}");
        // Home 12 asked for help; that is somebody's work until it is closed.
        let custody = town.custody(alert).await;
        assert_eq!((custody.help, custody.orphans), (1, 0), "{custody:?}");
        town
    })
    .await;
}
