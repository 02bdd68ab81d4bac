//! A receipt that says for good that nobody is reached: the next number has the text in the same
//! moment, of a home in every ring as of a leader, and nobody's list calls that door silent.

use tongluo::channel::ReceiptEvent;
use tongluo::domain::outcome::ReceiptClass;
use tongluo::practice::gateway::{DeadNumbers, Vices};
use tongluo::store::view;

use crate::plant::{HOME, Layout, home_number, human_number, leader, plant_number, second_number};
use crate::town::{Setup, Town, on_both};

/// A home of each ring, see `plant`.
const OF_RINGS: [i64; 3] = [2, 5, 3];
const SECOND: i64 = 500;

/// No receipts but those that the story tells.
fn silent_gateway() -> Vices {
    Vices { receipt_missing: 1.0, ..Vices::default() }
}

fn two_phones() -> Setup {
    let layout = Layout { second_phone_every: 1, ..Layout::default() };
    Setup { layout, vices: silent_gateway(), ..Setup::default() }
}

/// The gateway reports of the last message to a number.
async fn reports(town: &Town, number: &str, class: ReceiptClass) {
    let entry = town.taken().into_iter().rfind(|entry| entry.to == number).unwrap();
    let receipt = ReceiptEvent {
        external_id: None,
        reference: Some(entry.reference.clone()),
        callee: None,
        class,
        code: class.word().into(),
        at: Some(town.now()),
        source_key: format!("{}.{}", entry.reference, class.word()),
    };
    town.engine.take_receipts("practice", &[receipt]).await.unwrap();
    town.settle().await;
    town.check().await;
}

async fn state_of(town: &Town, home: i64, ord: i64) -> i64 {
    let sql = format!("SELECT state FROM address WHERE household_id = {home} AND ord = {ord}");
    town.count(&sql).await
}

#[tokio::test]
async fn the_next_number_has_the_text_at_once_in_every_ring() {
    on_both(two_phones(), async |town| {
        town.flood_order().await;
        town.settle().await;
        for (home, ring) in OF_RINGS.iter().zip(1..) {
            let home = HOME + home;
            let sql = format!("SELECT ring FROM standing WHERE household_id = {home}");
            assert_eq!(town.count(&sql).await, ring);
            let second = second_number(home);
            assert!(town.heard(&second).is_empty());
            reports(&town, &home_number(home), ReceiptClass::Suspended).await;
            assert_eq!(town.heard(&second), town.heard(&home_number(home)), "ring {ring}");
            assert_eq!(state_of(&town, home, 1).await, 0, "it may be back in weeks");
            // Said again, and of the second as well: there is no third.
            reports(&town, &home_number(home), ReceiptClass::Suspended).await;
            reports(&town, &second, ReceiptClass::Barred).await;
            assert_eq!((town.heard(&home_number(home)).len(), town.heard(&second).len()), (1, 1));
        }
        // A text that was stopped, or a phone that is off, is no wrong number.
        for class in [ReceiptClass::ContentBlocked, ReceiptClass::PhoneOff] {
            reports(&town, &home_number(HOME + 4), class).await;
        }
        assert!(town.heard(&second_number(HOME + 4)).is_empty());
        // Who has spoken meanwhile is not written to at another number.
        town.says(&home_number(HOME + 6), "1").await;
        reports(&town, &home_number(HOME + 6), ReceiptClass::Suspended).await;
        assert!(town.heard(&second_number(HOME + 6)).is_empty());
        town
    })
    .await;
}

#[tokio::test]
async fn a_number_that_does_not_exist_is_dead_to_later_orders() {
    on_both(two_phones(), async |town| {
        let (_, first) = town.flood_order().await;
        town.settle().await;
        let home = HOME + 2;
        reports(&town, &home_number(home), ReceiptClass::AbsentNumber).await;
        assert_eq!(town.heard(&second_number(home)).len(), 1);
        assert_eq!(state_of(&town, home, 1).await, 1);
        town.forget(first).await;
        town.flood_order().await;
        town.settle().await;
        let heard = (town.heard(&home_number(home)).len(), town.heard(&second_number(home)).len());
        assert_eq!(heard, (1, 2), "the second order counts on the second number");
        // A sign of life brings it back, as any dead number.
        town.says(&home_number(home), "1").await;
        assert_eq!(state_of(&town, home, 1).await, 0);
        town
    })
    .await;
}

#[tokio::test]
async fn a_list_does_not_call_a_door_silent_at_which_nobody_is_reached() {
    let setup = Setup { vices: silent_gateway(), ..Setup::default() };
    on_both(setup, async |town| {
        let (_, alert) = town.flood_order().await;
        town.settle().await;
        let before = view::reach_of_alert(&town.engine.store, alert).await.unwrap();
        assert_eq!((before.silent, before.unsent, before.no_phone), (6, 0, 0));
        reports(&town, &home_number(HOME + 2), ReceiptClass::AbsentNumber).await;
        reports(&town, &home_number(HOME + 4), ReceiptClass::Suspended).await;
        reports(&town, &home_number(HOME + 6), ReceiptClass::PhoneOff).await;
        let after = view::reach_of_alert(&town.engine.store, alert).await.unwrap();
        assert_eq!((after.silent, after.unsent, after.no_phone), (4, 1, 1));
        town.seconds(370).await;
        let offers = town.leader_heard(leader(0)).into_iter().filter(|t| t.contains("接手回1"));
        let offers: Vec<String> = offers.collect();
        let said = offers.last().unwrap();
        assert!(said.contains("未发出1") && said.contains("无电话1"), "{said}");
        town
    })
    .await;
}

#[tokio::test]
async fn receipts_that_find_nobody_anywhere_are_not_believed() {
    let layout = Layout { homes: 40, ..Layout::default() };
    let setup = Setup { layout, vices: silent_gateway(), ..Setup::default() };
    on_both(setup, async |town| {
        town.flood_order().await;
        town.settle().await;
        for home in 1..=60 {
            reports(&town, &home_number(HOME + home), ReceiptClass::AbsentNumber).await;
        }
        let dead = "SELECT count(*) FROM address WHERE state = 1";
        assert_eq!(town.count(dead).await, 0);
        let alarms = "SELECT count(*) FROM task WHERE kind = 4 AND text LIKE '%报空号%'";
        assert_eq!(town.count(alarms).await, 1);
        town
    })
    .await;
}

/// Every first number is dead: some are refused at the call, others by a receipt that is worked
/// before the outcome of its call is noted.
#[tokio::test]
async fn a_receipt_before_its_outcome_brings_the_next_number_as_well() {
    let firsts = (1..=10).map(|home| home_number(HOME + home)).collect();
    let setup = Setup {
        vices: Vices {
            receipt_early: 1.0,
            latency_ms: (3_000, 3_000),
            dead_numbers: DeadNumbers { numbers: firsts, ..DeadNumbers::default() },
            ..Vices::default()
        },
        receipts_first: true,
        ..two_phones()
    };
    on_both(setup, async |town| {
        town.flood_order().await;
        town.seconds(20).await;
        let refused = "SELECT count(*) FROM outcome WHERE kind = 2";
        assert_eq!(town.count(refused).await, 3, "the other seven are dead by receipt");
        for home in HOME + 1..=HOME + 10 {
            assert_eq!(town.heard(&second_number(home)).len(), 1, "home {home}");
            assert_eq!(state_of(&town, home, 1).await, 1, "home {home}");
        }
        town
    })
    .await;
}

/// The leader of the first grid has a second phone.
async fn second_phone(town: &Town) -> String {
    let number = human_number(leader(0) + SECOND);
    plant_number(&town.engine.store, &town.engine.sealer, leader(0), 2, &number).await;
    number
}

fn summonses(town: &Town, number: &str) -> usize {
    town.heard(number).into_iter().filter(|text| text.contains("醒着请回1")).count()
}

#[tokio::test]
async fn the_second_call_goes_to_the_second_number() {
    on_both(Setup::default(), async |town| {
        let second = second_phone(&town).await;
        let first = human_number(leader(0));
        town.flood_order().await;
        for (after, calls) in [(30, (1, 0)), (120, (1, 1)), (120, (2, 1))] {
            town.seconds(after).await;
            assert_eq!((summonses(&town, &first), summonses(&town, &second)), calls);
        }
        // He wakes by the second, and is called no more.
        town.says(&second, "1").await;
        let woken =
            format!("SELECT count(*) FROM summons WHERE human_id = {} AND woken_at > 0", leader(0));
        assert_eq!(town.count(&woken).await, 1);
        town
    })
    .await;
}

/// His first number is dead, and says so at the call or by receipt.
async fn wakes_by_the_second(refuses_at_call: bool) {
    let numbers = match refuses_at_call {
        true => [human_number(leader(0))].into(),
        false => [].into(),
    };
    // By this seed the practice gateway refuses it at the call.
    let dead_numbers = DeadNumbers { numbers, ..DeadNumbers::default() };
    let vices = Vices { dead_numbers, seed: 5, ..silent_gateway() };
    on_both(Setup { vices, ..Setup::default() }, async |town| {
        let first = human_number(leader(0));
        let second = second_phone(&town).await;
        town.flood_order().await;
        town.settle().await;
        let refused =
            town.count("SELECT count(*) FROM notice WHERE purpose = 1 AND kind = 2").await;
        if refused == 0 {
            assert_eq!((summonses(&town, &first), summonses(&town, &second)), (1, 0));
            reports(&town, &first, ReceiptClass::AbsentNumber).await;
        }
        assert_eq!(refused, i64::from(town.heard(&first).is_empty()));
        assert_eq!(summonses(&town, &second), 1, "in the same moment");
        let sql = format!("SELECT state FROM address WHERE human_id = {} AND ord = 1", leader(0));
        assert_eq!(town.count(&sql).await, 1);
        // Everything else that he is told comes there as well; his list is offered to him.
        town.seconds(370).await;
        assert_eq!(summonses(&town, &second), 3, "three calls in all");
        let offers = town.heard(&second).into_iter().filter(|t| t.contains("接手回1")).count();
        assert_eq!(offers, 1);
        town.says(&second, "1").await;
        let held =
            format!("SELECT count(*) FROM list WHERE human_id = {} AND state = 2", leader(0));
        assert_eq!(town.count(&held).await, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_leader_whose_number_is_refused_is_told_at_his_next_one_at_once() {
    wakes_by_the_second(true).await;
}

#[tokio::test]
async fn a_leader_whose_number_is_dead_by_receipt_is_told_at_his_next_one_at_once() {
    wakes_by_the_second(false).await;
}

#[tokio::test]
async fn an_offer_that_reached_nobody_is_made_at_the_next_number() {
    let setup = Setup { vices: silent_gateway(), ..Setup::default() };
    on_both(setup, async |town| {
        let second = second_phone(&town).await;
        let first = human_number(leader(0));
        town.flood_order().await;
        town.seconds(30).await;
        town.leader_says(leader(0), "1").await;
        town.seconds(340).await;
        let offers =
            |number: &str| town.heard(number).into_iter().filter(|t| t.contains("接手回1")).count();
        assert_eq!((offers(&first), offers(&second)), (1, 0));
        // Barred is not dead, but he has a better one.
        reports(&town, &first, ReceiptClass::Barred).await;
        assert_eq!((offers(&first), offers(&second)), (1, 1));
        let sql = format!("SELECT state FROM address WHERE human_id = {} AND ord = 1", leader(0));
        assert_eq!(town.count(&sql).await, 1);
        // The only number of a person is kept, whatever is barred there.
        let deputy = leader(0) + 1;
        reports(&town, &human_number(deputy), ReceiptClass::Barred).await;
        let sql = format!("SELECT state FROM address WHERE human_id = {deputy}");
        assert_eq!(town.count(&sql).await, 0);
        town
    })
    .await;
}
