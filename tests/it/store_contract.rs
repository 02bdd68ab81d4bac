//! What other rooms rely on in the store, on both databases, with two handles as of two processes:
//! leases and epochs, the order of picking, shared permits, appends that are repeated, claims at
//! the same moment, faults by name.

use std::collections::BTreeSet;

use tongluo::args;
use tongluo::base::limits::{BATCH_WEIGHT, HINT_AGE_MS, LEASE_MS};
use tongluo::domain::alert::State;
use tongluo::store::batch::due::{self, Turn};
use tongluo::store::batch::{self, Leased, OutcomeRow};
use tongluo::store::receipt::{self, ReceiptRow, SentName};
use tongluo::store::{Stmt, Store, StoreFault, permit, timer};

use crate::engines::rooms;

static BATCH: Stmt = Stmt::new(
    "CONTRACT_BATCH",
    "INSERT INTO batch (id, alert_id, version, kind, pick, wave, attempt, tries, lane, class, \
     rank, grid_id, ring, seq_from, seq_to, ord, not_before, state, created_at) \
     SELECT r.id, 1, 1, 1, 1, 1, 1, 1, 1, 1, r.rank, 100, 3, r.id * 10, r.id * 10 + 9, r.ord, \
     r.due, 0, 0 FROM {rows $1: id bigint, rank bigint, ord bigint, due bigint} WHERE true",
);
static NOTICES: Stmt = Stmt::new("CONTRACT_NOTICES", "UPDATE batch SET kind = 2 WHERE id <= $1");
static EPOCH: Stmt =
    Stmt::new("CONTRACT_EPOCH", "SELECT lease_epoch, state FROM batch WHERE id = $1");
static OUTCOMES: Stmt =
    Stmt::new("CONTRACT_OUTCOMES", "SELECT kind, external_id FROM outcome ORDER BY address_id");
static LOCK: Stmt = Stmt::new("CONTRACT_LOCK", "UPDATE batch SET class = class WHERE id = $1");

/// Runs a case on every database with two handles.
async fn each(case: impl AsyncFn(&Store, &Store)) {
    for room in rooms().await {
        println!("--- on {}", room.name);
        let (one, two) = (room.store_handle().await, room.store_handle().await);
        case(&one, &two).await;
        one.close().await;
        two.close().await;
        room.close().await;
    }
}

/// Batches of id, rank, place in the order, and when they are due.
async fn plan(store: &Store, rows: &[(i64, i64, i64, i64)]) {
    let rows: Vec<_> = rows
        .iter()
        .map(|(id, rank, ord, due)| {
            serde_json::json!({"id": id, "rank": rank, "ord": ord, "due": due})
        })
        .collect();
    let rows = serde_json::to_string(&rows).unwrap();
    store.exec(&BATCH, args![rows]).await.unwrap();
}

async fn lease(store: &Store, ids: &[i64], owner: &str, machine: i64) -> Vec<Leased> {
    batch::lease(store, ids, owner, machine).await.unwrap()
}

async fn finish(store: &Store, leased: &Leased) -> bool {
    let mut tx = store.begin().await.unwrap();
    let done =
        batch::finish(&mut tx, std::slice::from_ref(leased), 5, State::Live.code()).await.unwrap();
    tx.commit().await.unwrap();
    done
}

async fn append(store: &Store, outcome: (i64, &str)) -> u64 {
    let (k, x) = outcome;
    let row = OutcomeRow { b: 1, seq: 10, a: 1, k, x: Some(x.into()), c: None };
    let mut tx = store.begin().await.unwrap();
    let written = batch::append(&mut tx, "practice", &[row], 5).await.unwrap();
    tx.commit().await.unwrap();
    written
}

#[tokio::test]
async fn a_lease_is_one_owners_until_it_runs_out_and_then_of_a_new_epoch() {
    each(async |one, two| {
        plan(one, &[(1, 1, 1, 0)]).await;
        let first = lease(one, &[1], "甲", 0).await.remove(0);
        assert!(lease(two, &[1], "乙", LEASE_MS).await.is_empty(), "it still holds");
        assert_eq!(batch::renew(one, "甲", LEASE_MS - 1).await.unwrap(), 1);
        assert_eq!(batch::renew(two, "乙", LEASE_MS - 1).await.unwrap(), 0);
        assert!(lease(two, &[1], "乙", LEASE_MS + 1).await.is_empty(), "renewed");
        assert_eq!(batch::renew(one, "甲", 2 * LEASE_MS).await.unwrap(), 0, "too late");
        let second = lease(two, &[1], "乙", 2 * LEASE_MS).await.remove(0);
        assert_eq!(second.lease_epoch, first.lease_epoch + 1);
        let (first, second) = ([first], [second]);
        assert!(!batch::are_ours(one, &first, "甲").await.unwrap());
        assert!(batch::are_ours(two, &second, "乙").await.unwrap());
        let state = State::Live.code();
        assert!(!batch::may_go_on(two, &second, "乙", state).await.unwrap(), "no such version");
        // Who lost it neither puts it back nor finishes it.
        assert_eq!(batch::put_back(one, &first, 9).await.unwrap(), 0);
        assert!(!finish(one, &first[0]).await);
        assert!(finish(two, &second[0]).await);
        assert!(!finish(two, &second[0]).await, "only once");
        assert!(lease(one, &[1], "甲", 9 * LEASE_MS).await.is_empty(), "it is done");
    })
    .await;
}

#[tokio::test]
async fn what_is_appended_again_changes_nothing() {
    each(async |one, two| {
        plan(one, &[(1, 1, 1, 0)]).await;
        assert_eq!(append(one, (5, "first")).await, 1);
        assert_eq!(append(two, (1, "second")).await, 0);
        let kept: Vec<(i64, Option<String>)> = one.rows(&OUTCOMES, args![]).await.unwrap();
        assert_eq!(kept, [(5, Some("first".to_owned()))]);
    })
    .await;
}

/// A receipt of the gateway's part `name`, kept. Gives what it is about and its class.
async fn receipt_of(store: &Store, name: &str, class: i64) -> (Option<i64>, i64) {
    let mut rows = [ReceiptRow {
        key: format!("smpp:st:{name}:{class}"),
        provider: "smpp".into(),
        batch: None,
        address: None,
        notice: None,
        x: Some(name.into()),
        class,
        code: "DELIVRD".into(),
        at: None,
    }];
    let mut tx = store.begin().await.unwrap();
    receipt::hear(&mut tx, "smpp", &mut rows, 5).await.unwrap();
    receipt::keep(&mut tx, &rows, 5).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(rows[0].batch.is_some(), rows[0].is_met());
    (rows[0].batch, rows[0].class)
}

/// Notes a message of that batch, of these parts. Gives what was here before it: batch and class.
async fn sent(store: &Store, batch: i64, names: &[&str]) -> Vec<(String, Option<i64>, i64)> {
    let name = |name: &&str| SentName {
        name: (*name).into(),
        whole: names[0].into(),
        parts: i64::try_from(names.len()).unwrap(),
        batch: Some(batch),
        address: Some(7),
        notice: None,
    };
    let names: Vec<SentName> = names.iter().map(name).collect();
    let mut tx = store.begin().await.unwrap();
    let met = receipt::note(&mut tx, "smpp", &names, 5).await.unwrap();
    tx.commit().await.unwrap();
    let mut met: Vec<_> =
        met.into_iter().map(|row| (row.x.unwrap(), row.batch, row.class)).collect();
    met.sort();
    met
}

#[tokio::test]
async fn a_receipt_and_its_message_meet_by_name_whichever_comes_first() {
    each(async |one, two| {
        assert_eq!(sent(one, 1, &["a"]).await, []);
        assert_eq!(receipt_of(two, "a", 1).await, (Some(1), 1));
        assert_eq!(receipt_of(two, "b", 1).await, (None, 1), "nobody knows it yet");
        assert_eq!(receipt_of(two, "b", 6).await, (None, 6));
        let met = sent(one, 2, &["b"]).await;
        assert_eq!(met, [("b".into(), Some(2), 1), ("b".into(), Some(2), 6)]);
        assert_eq!(sent(one, 2, &["b"]).await, [], "they have met already");
        // The same name of another gateway is another message's.
        let mut tx = one.begin().await.unwrap();
        let other = SentName {
            name: "c".into(),
            whole: "c".into(),
            parts: 1,
            batch: Some(3),
            address: Some(7),
            notice: None,
        };
        receipt::note(&mut tx, "cmpp", &[other], 5).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(receipt_of(two, "c", 1).await, (None, 1));
        // A centre that begins its names anew: the later message is meant from then on.
        assert_eq!(sent(one, 9, &["a"]).await, []);
        assert_eq!(receipt_of(two, "a", 6).await, (Some(9), 6));
        assert_eq!(receipt::forget_names(one, 6).await.unwrap(), 4);
        assert_eq!(receipt_of(two, "a", 7).await, (None, 7));
    })
    .await;
}

#[tokio::test]
async fn a_message_is_delivered_with_the_last_of_its_parts() {
    each(async |one, two| {
        sent(one, 1, &["a1", "a2", "a3"]).await;
        assert_eq!(receipt_of(two, "a2", 1).await, (Some(1), 2));
        assert_eq!(receipt_of(one, "a2", 1).await, (Some(1), 2), "said twice is not two parts");
        assert_eq!(receipt_of(one, "a3", 1).await, (Some(1), 2));
        assert_eq!(receipt_of(two, "a1", 1).await, (Some(1), 1));
        // Two parts are here before their message, and the third after it.
        receipt_of(one, "b1", 1).await;
        receipt_of(two, "b3", 1).await;
        let met = sent(one, 2, &["b1", "b2", "b3"]).await;
        assert_eq!(met, [("b1".into(), Some(2), 2), ("b3".into(), Some(2), 2)]);
        assert_eq!(receipt_of(one, "b2", 1).await, (Some(2), 1));
        // All are here before it.
        receipt_of(one, "c1", 1).await;
        receipt_of(two, "c2", 1).await;
        let met = sent(one, 3, &["c1", "c2"]).await;
        assert_eq!(met, [("c1".into(), Some(3), 1), ("c2".into(), Some(3), 1)]);
        // One that never came is the whole message's word.
        sent(one, 4, &["d1", "d2"]).await;
        assert_eq!(receipt_of(two, "d1", 1).await, (Some(4), 2));
        assert_eq!(receipt_of(two, "d2", 7).await, (Some(4), 7));
    })
    .await;
}

#[tokio::test]
async fn the_last_two_parts_at_the_same_moment_do_not_miss_each_other() {
    each(async |one, two| {
        for n in 0..20 {
            let (first, second) = (format!("{n}.1"), format!("{n}.2"));
            sent(one, n, &[&first, &second]).await;
            let (a, b) = tokio::join!(receipt_of(one, &first, 1), receipt_of(two, &second, 1));
            let mut classes = [a.1, b.1];
            classes.sort();
            assert_eq!(classes, [1, 2], "{n}");
        }
    })
    .await;
}

#[tokio::test]
async fn due_batches_are_picked_by_rank_and_place_and_once_per_hint_age() {
    each(async |one, two| {
        plan(one, &[(1, 200, 1, 0), (2, 100, 9, 0), (3, 100, 2, 0), (4, 1, 1, 50)]).await;
        let pick = async |store: &Store, machine: i64, limit: i64| -> Vec<i64> {
            let messages = limit * BATCH_WEIGHT;
            let due =
                due::pick_due(store, 1, 10, machine, HINT_AGE_MS, messages, Turn::Ranked).await;
            due.unwrap().into_iter().map(|b| b.id).collect()
        };
        assert_eq!(pick(one, 1_000, 2).await, [3, 2], "4 is not due yet");
        assert_eq!(pick(two, 1_000, 9).await, [1]);
        assert!(pick(one, 1_000 + HINT_AGE_MS, 9).await.is_empty(), "hinted a moment ago");
        assert_eq!(pick(two, 1_001 + HINT_AGE_MS, 9).await, [3, 2, 1], "those hints are lost");
        lease(one, &[3], "甲", 1_001 + HINT_AGE_MS).await;
        let later = 2_000 + HINT_AGE_MS + LEASE_MS;
        assert_eq!(pick(two, later, 9).await, [3], "its holder is gone");
    })
    .await;
}

#[tokio::test]
async fn who_has_waited_longest_has_his_turn_whatever_his_rank() {
    each(async |one, _| {
        plan(one, &[(1, 100, 1, 5), (2, 3_000, 1, 1), (3, 100, 2, 6)]).await;
        let pick = async |turn: Turn, machine: i64| -> Vec<i64> {
            let due = due::pick_due(one, 1, 10, machine, HINT_AGE_MS, 1, turn).await;
            due.unwrap().into_iter().map(|b| b.id).collect()
        };
        assert_eq!(pick(Turn::Ranked, 1_000).await, [1]);
        assert_eq!(pick(Turn::Oldest, 1_000).await, [2], "due since 1, of the lowest rank");
        assert_eq!(pick(Turn::Oldest, 1_000).await, [3]);
    })
    .await;
}

#[tokio::test]
async fn two_that_claim_at_the_same_moment_never_get_the_same() {
    each(async |one, two| {
        let rows: Vec<_> = (1..=40).map(|id| (id, 1, id, 0)).collect();
        plan(one, &rows).await;
        let ids: Vec<i64> = (1..=40).collect();
        let claims = (0..8).map(|n| {
            let (store, owner) = if n % 2 == 0 { (one, "甲") } else { (two, "乙") };
            let part = &ids[n * 4..];
            async move {
                loop {
                    match batch::lease(store, part, owner, 0).await {
                        Ok(leased) => return leased,
                        Err(fault) => assert!(fault.is_again(), "{fault}"),
                    }
                }
            }
        });
        let leased = futures_util::future::join_all(claims).await.concat();
        let distinct: BTreeSet<i64> = leased.iter().map(|b| b.id).collect();
        assert_eq!((leased.len(), distinct.len()), (40, 40));
        let row: Vec<(i64, i64)> = one.rows(&EPOCH, args![40_i64]).await.unwrap();
        assert_eq!(row, [(1, 0)]);
    })
    .await;
}

const PACE: permit::Rate = permit::Rate { per_second: 10.0, burst_ms: 1_000 };

#[tokio::test]
async fn permits_are_one_budget_of_all_handles() {
    each(async |one, two| {
        let asked = (0..12).map(|n| {
            let store = if n % 2 == 0 { one } else { two };
            permit::take(store, "practice", PACE, 3, 1_000)
        });
        let grants = futures_util::future::join_all(asked).await;
        let given: i64 = grants.iter().map(|g| g.as_ref().unwrap().count).sum();
        // Who lost too many races is told to come again, so that there may be a few left.
        assert!((1..=10).contains(&given), "{given}");
        let mut rest = 0;
        while permit::take(one, "practice", PACE, 1, 1_000).await.unwrap().count == 1 {
            rest += 1;
        }
        assert_eq!(given + rest, 10, "a second's worth at once");
        let none = permit::take(two, "practice", PACE, 1, 1_000).await.unwrap();
        assert_eq!(none.count, 0);
        let few = permit::take(two, "practice", PACE, 9, none.next_at).await.unwrap();
        assert_eq!(few.count, 0, "who wants many waits for a few at once");
        let next = permit::take(two, "practice", PACE, 1, none.next_at).await.unwrap();
        assert_eq!(next.count, 1, "{none:?}");
        let many = permit::take(two, "practice", PACE, 9, few.next_at + 100).await.unwrap();
        assert_eq!(many.count, 2, "{few:?}");
        assert_eq!(permit::take(one, "another", PACE, 9, 1_000).await.unwrap().count, 9);
    })
    .await;
}

#[tokio::test]
async fn a_permit_not_used_is_the_next_callers() {
    each(async |one, two| {
        let taken = permit::take(one, "practice", PACE, 50, 1_000).await.unwrap();
        assert_eq!(taken.count, 10);
        permit::give_back(one, "practice", PACE, 9).await.unwrap();
        let next = permit::take(two, "practice", PACE, 50, 1_000).await.unwrap();
        assert_eq!(next.count, 9, "one was used");
        permit::give_back(two, "practice", PACE, 0).await.unwrap();
        assert_eq!(permit::take(one, "practice", PACE, 1, 1_000).await.unwrap().count, 0);
    })
    .await;
}

#[tokio::test]
async fn a_timer_fires_once_under_two_firers() {
    each(async |one, two| {
        let mut tx = one.begin().await.unwrap();
        for place in 1..=60 {
            timer::set(&mut tx, 1, 3, place, 0, 1, 10).await.unwrap();
        }
        timer::set(&mut tx, 1, 3, 99, 0, 1, 11).await.unwrap();
        tx.commit().await.unwrap();
        let fire = async |store: &Store| {
            let mut tx = store.begin().await.unwrap();
            let due = timer::claim_due(&mut tx, 10, &[1]).await.unwrap();
            tx.commit().await.unwrap();
            due
        };
        let (mut fired, second) = tokio::join!(fire(one), fire(two));
        fired.extend(second);
        let places: BTreeSet<i64> = fired.iter().map(|t| t.place_id).collect();
        assert_eq!((fired.len(), places.len()), (60, 60));
        // Not committed: it fires again.
        let mut tx = one.begin().await.unwrap();
        assert_eq!(timer::claim_due(&mut tx, 11, &[1]).await.unwrap().len(), 1);
        drop(tx);
        // PostgreSQL rolls back once it hears of it, which is a moment later.
        let mut free = 0;
        for _ in 0..500 {
            let mut tx = two.begin().await.unwrap();
            free = timer::claim_due(&mut tx, 11, &[1]).await.unwrap().len();
            if free > 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(free, 1);
    })
    .await;
}

#[tokio::test]
async fn values_that_do_not_match_the_text_are_refused_before_the_database_sees_them() {
    each(async |one, _| {
        for values in [args![], args![1_i64, 2_i64]] {
            let given = values.len();
            let fault = one.exec(&LOCK, values).await.err().unwrap();
            assert!(
                matches!(fault, StoreFault::Values { takes: 1, given: g, .. } if g == given),
                "{fault}"
            );
            assert!(!fault.is_again());
        }
    })
    .await;
}

/// PostgreSQL: a deadlock. SQLite: a writer that does not let go, beyond the busy time-out.
#[tokio::test]
async fn two_writers_in_each_others_way_are_told_to_try_again() {
    each(async |one, two| {
        plan(one, &[(1, 1, 1, 0), (2, 1, 2, 0)]).await;
        let write = async |store: &Store, first: i64, then: i64, met: &tokio::sync::Barrier| {
            let begun = store.begin().await;
            let mut tx = match begun {
                Ok(tx) => tx,
                Err(fault) => {
                    met.wait().await;
                    return Err(fault);
                }
            };
            tx.exec(&LOCK, args![first]).await?;
            met.wait().await;
            tx.exec(&LOCK, args![then]).await?;
            tx.commit().await
        };
        let met = tokio::sync::Barrier::new(2);
        let (left, right) = tokio::join!(write(one, 1, 2, &met), write(two, 2, 1, &met));
        let faults: Vec<StoreFault> = [left, right].into_iter().filter_map(Result::err).collect();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].is_again(), "{}", faults[0]);
    })
    .await;
}

#[tokio::test]
async fn a_window_counts_messages_so_that_notices_do_not_starve_homes() {
    each(async |one, _| {
        let mut rows: Vec<(i64, i64, i64, i64)> = (1..=30).map(|id| (id, 1_000, id, 0)).collect();
        rows.extend([(31, 2_000, 1, 0), (32, 2_000, 2, 0)]);
        plan(one, &rows).await;
        one.exec(&NOTICES, args![30]).await.unwrap();
        let due = due::pick_due(one, 1, 10, 1_000, HINT_AGE_MS, 31, Turn::Ranked).await.unwrap();
        let ids: Vec<i64> = due.into_iter().map(|b| b.id).collect();
        assert_eq!(ids, (1..=31).collect::<Vec<i64>>(), "30 notices and one batch of homes");
        let out = due::outstanding(one, 1, 1_000, HINT_AGE_MS).await.unwrap();
        assert_eq!(out, 30 + BATCH_WEIGHT);
    })
    .await;
}

/// SQLite's own "full", which takes the transaction back by itself: the writer must not stay in it.
#[tokio::test]
async fn a_full_file_spoils_one_transaction_and_not_the_writer() {
    static LIMIT: Stmt = Stmt::new("CONTRACT_LIMIT", "PRAGMA max_page_count = 1");
    static MANY: Stmt = Stmt::new(
        "CONTRACT_MANY",
        "INSERT INTO lease (name, owner, epoch, until_at) VALUES ($1, $2, 0, 0)",
    );
    let mut rooms = rooms().await;
    let room = rooms.remove(0);
    assert_eq!(room.name, "sqlite");
    let store = room.store_handle().await;
    // A limit below what is there: SQLite takes what is there, so that no page is left.
    store.take::<(i64,)>(&LIMIT, args![]).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let fault = tx.exec(&MANY, args!["满", "满".repeat(1 << 20)]).await.unwrap_err();
    assert!(fault.is_again(), "{fault}");
    assert!(fault.to_string().contains("full"), "{fault}");
    drop(tx);
    plan(&store, &[(1, 1, 1, 0)]).await;
    for _ in 0..3 {
        let leased = lease(&store, &[1], "甲", 0).await;
        let mut tx = store.begin().await.expect("the writer is not stuck in what is over");
        tx.exec(&MANY, args!["空", "空"]).await.unwrap();
        tx.rollback().await.unwrap();
        drop(leased);
    }
    assert_eq!(append(&store, (1, "first")).await, 1);
    tongluo::store::probe::write(&store, "甲").await.unwrap();
    store.close().await;
    room.close().await;
    for room in rooms {
        room.close().await;
    }
}
