//! One night by each vendor's gateway: an order goes out, receipts meet their messages, a number of
//! which a receipt says that it does not exist sends its text to the next, a resident's answer
//! counts, and nobody falls through.

use std::collections::BTreeSet;

use tongluo::practice::gateway::{DeadNumbers, Vendor, Vices};

use crate::plant::{HOME, Layout, home_number, second_number};
use crate::town::{Setup, Town, on_both};

const DELIVERED: &str = "SELECT count(DISTINCT r.address_id) FROM receipt r JOIN outcome o \
    ON o.batch_id = r.batch_id AND o.address_id = r.address_id WHERE r.class = 1 AND o.kind = 1";
const UNMET: &str = "SELECT count(*) FROM receipt WHERE batch_id IS NULL AND notice_id IS NULL";
/// A home whose number does not exist, as a receipt tells; another answers.
const DEAD: i64 = HOME + 2;
const ANSWERS: i64 = HOME + 4;

fn aliyun() -> Vendor {
    Vendor::Aliyun(vec![("SMS_1".into(), "${text}".into())])
}

fn tencent() -> Vendor {
    Vendor::Tencent(vec![("1001".into(), "{1}".into())])
}

/// The number does not exist: that share of calls is refused, of the others a receipt says so.
fn dead(at_call: f64) -> DeadNumbers {
    let numbers = BTreeSet::from([home_number(DEAD)]);
    DeadNumbers { numbers, at_call, ..DeadNumbers::default() }
}

fn setup(vendor: Vendor) -> Setup {
    Setup {
        layout: Layout { second_phone_every: 1, ..Layout::default() },
        vices: Vices {
            dead_numbers: dead(0.0),
            receipt_early: 0.3,
            receipt_doubled: 0.3,
            ..Vices::default()
        },
        vendor,
        ..Setup::default()
    }
}

async fn night(setup: Setup) {
    on_both(setup, async |town| {
        let (_, alert) = town.flood_order().await;
        town.settle().await;
        town.seconds(30).await;
        for home in 1..=town.homes {
            let heard = town.heard(&home_number(HOME + home));
            assert_eq!(heard.len(), 1, "home {home}: {heard:?}");
        }
        let second = second_number(DEAD);
        assert_eq!(town.heard(&second), town.heard(&home_number(DEAD)), "the text goes on");
        let state = format!("SELECT state FROM address WHERE household_id = {DEAD} AND ord = 1");
        assert_eq!(town.count(&state).await, 1, "and the number is dead");
        assert_eq!(town.count(UNMET).await, 0, "every receipt has met its message");
        assert_eq!(town.count(DELIVERED).await, town.homes, "all but one, and one more");
        town.says(&home_number(ANSWERS), "1").await;
        assert_eq!(town.custody(alert).await.heard, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn by_aliyun() {
    night(setup(aliyun())).await;
}

#[tokio::test]
async fn by_tencent() {
    night(setup(tencent())).await;
}

#[tokio::test]
async fn by_kannel() {
    night(setup(Vendor::Kannel)).await;
}

/// Calls that the practice gateway was asked for, by what the messages of one have in common.
fn names_of(town: &Town) -> BTreeSet<String> {
    town.taken().into_iter().map(|entry| entry.sid).collect()
}

#[tokio::test]
async fn many_messages_share_a_call_and_one_wrong_number_keeps_nobody_from_it() {
    // Refused at the call: Aliyun refuses all of that call with it.
    let vices = Vices { dead_numbers: dead(1.0), ..Vices::default() };
    let layout = Layout { homes: 40, second_phone_every: 1, ..Layout::default() };
    let setup = Setup { layout, vices, vendor: aliyun(), ..Setup::default() };
    on_both(setup, async |town| {
        town.flood_order().await;
        town.settle().await;
        let texts = town.taken().len();
        let calls = names_of(&town).len();
        assert!(calls * 4 < texts, "{calls} calls for {texts} messages");
        assert!(town.heard(&home_number(DEAD)).is_empty());
        assert_eq!(town.heard(&second_number(DEAD)).len(), 1);
        for home in (1..=town.homes).filter(|home| HOME + home != DEAD) {
            assert_eq!(town.heard(&home_number(HOME + home)).len(), 1, "home {home}");
        }
        let kinds: Vec<(i64, i64)> =
            town.rows("SELECT kind, count(*) FROM outcome GROUP BY kind ORDER BY kind").await;
        assert_eq!(kinds, [(1, town.homes), (2, 1)], "nobody else pays for the one number");
        town
    })
    .await;
}

#[tokio::test]
async fn a_call_that_brings_no_answer_leaves_all_its_messages_unknown() {
    let vices = Vices { timeout_taken: 1.0, receipt_missing: 1.0, ..Vices::default() };
    on_both(Setup { vices, vendor: aliyun(), ..Setup::default() }, async |town| {
        town.flood_order().await;
        town.settle().await;
        let kinds: Vec<(i64, i64)> =
            town.rows("SELECT kind, count(*) FROM outcome GROUP BY kind ORDER BY kind").await;
        assert_eq!(kinds, [(5, town.homes)]);
        town
    })
    .await;
}

#[tokio::test]
async fn rubbish_for_an_answer_is_unknown_and_what_is_dropped_is_still_in_custody() {
    for vendor in [aliyun(), tencent(), Vendor::Kannel] {
        let vices = Vices { garbage: 0.5, dropped: 0.5, ..Vices::default() };
        on_both(Setup { vices, vendor, ..Setup::default() }, async |town| {
            let (_, alert) = town.flood_order().await;
            town.minutes(1).await;
            let known = "SELECT count(*) FROM outcome WHERE kind NOT IN (1, 5)";
            assert_eq!(town.count(known).await, 0);
            assert!(town.custody(alert).await.balances());
            town
        })
        .await;
    }
}
