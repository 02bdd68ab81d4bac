//! Helpers (结对帮扶人) whom an order lets go: it was wrong, leaves their homes out, or is over.
//! The one of these stories lives in no home of the order.

use std::collections::BTreeMap;

use crate::plant::{HOME, STREET_DUTY, human_number};
use crate::sim::acts::{Act, Hands};
use crate::sim::wire::Slow;
use crate::sim::world::{Ran, World};
use crate::stories::orders::{HELPER, leave_out_the_second_grid, plant_helper, two_grids};
use crate::town::{Setup, Town, on_both};

const PROMISES: &str = "SELECT count(*) FROM task WHERE kind = 5 AND state < 2";

fn wrong_school() -> BTreeMap<String, String> {
    [("wrong".to_owned(), "到四明小学".to_owned())].into()
}

fn heard(town: &Town) -> Vec<String> {
    town.heard(&human_number(HELPER))
}

/// An order of which the helper has the text, and which he answered with 1.
async fn promised(town: &Town) -> (String, i64) {
    plant_helper(town).await;
    let (uid, alert) = town.flood_order().await;
    town.minutes(1).await;
    town.says(&human_number(HELPER), "1").await;
    assert_eq!(town.count(PROMISES).await, 2);
    (uid, alert)
}

#[tokio::test]
async fn a_helper_hears_that_the_order_was_wrong_and_has_promised_nothing_any_more() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = promised(&town).await;
        let before = heard(&town).len();
        town.engine.withdraw(&town.author, &uid, &wrong_school()).await.unwrap();
        assert_eq!(town.count(PROMISES).await, 0);
        town.minutes(3).await;
        let told = heard(&town)[before..].to_vec();
        assert_eq!(told.len(), 1, "once: {told:?}");
        assert!(told[0].contains("转移指令发错了，作废：前面说“到四明小学”，错了"), "{told:?}");
        assert!(told[0].contains("等新的通知"), "{told:?}");
        let custody = town.custody(alert).await;
        assert_eq!((custody.pursued, custody.open, custody.orphans), (0, 0, 0), "{custody:?}");
        // His 1 counts for nothing now.
        town.says(&human_number(HELPER), "1").await;
        assert_eq!(town.count(PROMISES).await, 0);
        let noted = "SELECT count(*) FROM journal WHERE act = 'helper.release'";
        assert_eq!(town.count(noted).await, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_helper_hears_that_the_order_is_over_unless_another_still_asks_him_to_go() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = promised(&town).await;
        let mut other = town.flood_form();
        other.title = "第二次转移指令".into();
        let (second, _) = town.release(&other).await;
        town.minutes(2).await;
        let before = heard(&town).len();
        town.engine.end(&town.approver, &uid).await.unwrap();
        assert_eq!(town.count(PROMISES).await, 0);
        town.minutes(2).await;
        let told = heard(&town)[before..].to_vec();
        assert_eq!(told.len(), 1, "{told:?}");
        let goes_on = "转移指令已解除；第二次转移指令没有解除，您结对的住户照去";
        assert!(told[0].contains(goes_on), "{told:?}");
        let custody = town.custody(alert).await;
        assert!(custody.open > 0 && custody.orphans == 0, "{custody:?}");
        let before = heard(&town).len();
        town.engine.end(&town.approver, &second).await.unwrap();
        town.minutes(2).await;
        let told = heard(&town)[before..].to_vec();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("已解除，您结对的住户不用再去"), "{told:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn a_helper_hears_once_which_of_his_homes_an_update_leaves_out() {
    on_both(two_grids(), async |town| {
        let own = format!("UPDATE household SET helper_id = {HELPER} WHERE id = {}", HOME + 15);
        plant_helper(&town).await;
        town.break_in(&own).await;
        let form = town.flood_form();
        let (uid, alert) = town.release(&form).await;
        town.minutes(1).await;
        town.says(&human_number(HELPER), "1").await;
        assert_eq!(town.count(PROMISES).await, 3);
        let before = heard(&town).len();
        leave_out_the_second_grid(&town, &uid, &form).await;
        assert_eq!(town.count(PROMISES).await, 2, "the other two are still his");
        town.minutes(1).await;
        let told = heard(&town)[before..].to_vec();
        assert_eq!(told.len(), 1, "what stays as it was is not told again: {told:?}");
        assert!(told[0].contains("转移指令不再包括您结对的王家15"), "{told:?}");
        assert!(!told[0].contains("王家5（") && !told[0].contains("王家10"), "{told:?}");
        let custody = town.custody(alert).await;
        assert_eq!((custody.open_desk, custody.orphans), (2, 0), "{custody:?}");
        leave_out_the_second_grid(&town, &uid, &form).await;
        town.minutes(1).await;
        assert_eq!(heard(&town).len(), before + 1, "nothing new");
        town
    })
    .await;
}

#[tokio::test]
async fn who_was_never_told_to_go_is_told_nothing_when_the_order_was_wrong() {
    on_both(Setup::default(), async |town| {
        plant_helper(&town).await;
        let (uid, _) = town.flood_order().await;
        town.engine.withdraw(&town.author, &uid, &wrong_school()).await.unwrap();
        town.minutes(3).await;
        assert!(heard(&town).is_empty(), "{:?}", heard(&town));
        town
    })
    .await;
}

#[tokio::test]
async fn a_helper_who_is_being_called_when_the_order_is_taken_back_hears_that_it_was_wrong() {
    let setup = || Setup { calls_open: 2, ..Setup::default() };
    on_both(setup(), async |town| {
        plant_helper(&town).await;
        let mut world = World::open(town, setup(), 1, 2).await;
        let town = &world.town;
        let (uid, _) = town.flood_order().await;
        town.engine.fire_due().await.unwrap();
        let sql = "SELECT DISTINCT b.id FROM batch b JOIN notice n ON n.batch_id = b.id \
                   WHERE b.state = 0 AND n.purpose = 14";
        let batches: Vec<i64> = town.rows::<(i64,)>(sql).await.into_iter().map(|r| r.0).collect();
        assert_eq!(batches.len(), 1);
        let hands = Hands::of(town);
        world.processes[0].wire.begin(Slow::AfterTaken, 0);
        let step = hands.step(&world.processes[0].engine, Act::Send(batches));
        assert_eq!(world.run(0, step, None).await, Ran::Hangs);
        let town = &world.town;
        town.engine.withdraw(&town.author, &uid, &wrong_school()).await.unwrap();
        town.clock.advance_machine_ms(2_000);
        assert_eq!(world.let_go(0, None).await, Ran::Done);
        world.town.minutes(2).await;
        let told = heard(&world.town);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().any(|text| text.contains("要人帮")), "{told:?}");
        assert!(told.iter().any(|text| text.contains("发错了，作废")), "{told:?}");
        world.town
    })
    .await;
}

/// How many texts with this word each of these heard after so many others.
fn since(town: &Town, before: &[(i64, usize)], word: &str) -> Vec<(i64, usize)> {
    let told = before.iter().map(|(human, n)| {
        let texts = town.heard(&human_number(*human));
        (*human, texts[*n..].iter().filter(|text| text.contains(word)).count())
    });
    told.collect()
}

/// Everybody whom the order woke, with what each has heard so far.
async fn woken(town: &Town) -> Vec<(i64, usize)> {
    let sql = "SELECT DISTINCT human_id FROM notice WHERE purpose = 1 AND kind = 1 ORDER BY 1";
    let humans: Vec<(i64,)> = town.rows(sql).await;
    humans.into_iter().map(|(human,)| (human, town.heard(&human_number(human)).len())).collect()
}

#[tokio::test]
async fn whoever_was_woken_hears_once_that_the_order_was_wrong_or_is_over() {
    for word in ["发错了，作废", "已解除"] {
        on_both(Setup::default(), async |town| {
            plant_helper(&town).await;
            let (uid, alert) = town.flood_order().await;
            town.minutes(1).await;
            town.says(&human_number(STREET_DUTY), "1").await;
            // The building leaders have their lists, those above them have none.
            town.minutes(8).await;
            let before = woken(&town).await;
            assert!(before.iter().any(|(human, _)| *human == STREET_DUTY), "{before:?}");
            assert!(before.len() > 3, "{before:?}");
            if word == "已解除" {
                town.engine.end(&town.approver, &uid).await.unwrap();
            } else {
                town.engine.withdraw(&town.author, &uid, &wrong_school()).await.unwrap();
            }
            town.minutes(3).await;
            let once: Vec<(i64, usize)> = before.iter().map(|(human, _)| (*human, 1)).collect();
            assert_eq!(since(&town, &before, word), once);
            let noted = "SELECT count(*) FROM journal WHERE act = 'summons.release'";
            assert_eq!(town.count(noted).await, 1);
            assert_eq!(town.custody(alert).await.orphans, 0);
            town
        })
        .await;
    }
}
