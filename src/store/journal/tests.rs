//! The journal on every database: appended, chained, paged, and found out when it was touched.

use super::*;
use crate::domain::journal::{Why, verify};
use crate::store::{Stmt, testbed};

const NOW: i64 = 1_381_100_000_000;

fn new(act: &str, alert_id: Option<i64>) -> NewEntry {
    NewEntry {
        at: NOW,
        actor: "值班员\0王建国".into(),
        act: act.into(),
        alert_id,
        detail: json!({"说明": "凤山街道\u{0}转移", "户": 3_000}),
    }
}

async fn add(store: &Store, acts: &[&str]) {
    let mut tx = store.begin().await.unwrap();
    let entries: Vec<_> = acts.iter().map(|act| new(act, Some(7))).collect();
    append(&mut tx, &entries).await.unwrap();
    tx.commit().await.unwrap();
}

async fn lease_for(store: &Store, owner: &str, now: i64) -> Held {
    lease::take(store, "chain", owner, now, 30_000).await.unwrap().unwrap()
}

async fn whole(store: &Store) -> Vec<Entry> {
    page(store, 0, MAX_PAGE).await.unwrap()
}

#[tokio::test]
async fn entries_are_chained_in_the_order_in_which_they_were_written() {
    for store in testbed::stores("journal_order").await {
        let held = lease_for(&store, "甲", NOW).await;
        assert!(!waits(&store).await.unwrap());
        add(&store, &["一", "二", "三"]).await;
        assert!(waits(&store).await.unwrap());
        assert_eq!(count_unchained(&store).await.unwrap(), 3);
        assert_eq!(whole(&store).await, []);
        let first = chain(&store, &held, 2).await.unwrap();
        let (count, more) = (2, true);
        assert_eq!(first, Linked::Entries { count, more });
        add(&store, &["四"]).await;
        let rest = chain(&store, &held, 100).await.unwrap();
        let (count, more) = (2, false);
        assert_eq!(rest, Linked::Entries { count, more });
        let entries = whole(&store).await;
        let acts: Vec<_> = entries.iter().map(|e| e.act.as_str()).collect();
        assert_eq!(acts, ["一", "二", "三", "四"]);
        assert_eq!(verify(&entries).unwrap().entries, 4);
        assert_eq!(entries[0].actor, "值班员\u{fffd}王建国");
        let detail: Value = serde_json::from_str(&entries[0].detail).unwrap();
        assert_eq!(detail["户"], 3_000);
        assert_eq!(detail["说明"], "凤山街道\u{0}转移");
    }
}

#[tokio::test]
async fn what_is_rolled_back_was_never_written() {
    for store in testbed::stores("journal_back").await {
        let mut tx = store.begin().await.unwrap();
        append(&mut tx, &[new("alert.approve", None)]).await.unwrap();
        drop(tx);
        add(&store, &["alert.return"]).await;
        let held = lease_for(&store, "甲", NOW).await;
        chain(&store, &held, 10).await.unwrap();
        let entries = whole(&store).await;
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].pos, entries[0].act.as_str()), (1, "alert.return"));
    }
}

#[tokio::test]
async fn who_lost_the_lease_writes_nothing() {
    for store in testbed::stores("journal_lost").await {
        add(&store, &["一"]).await;
        let old = lease_for(&store, "甲", NOW).await;
        let new = lease_for(&store, "乙", NOW + 60_000).await;
        assert_eq!(chain(&store, &old, 10).await.unwrap(), Linked::Lost);
        assert!(waits(&store).await.unwrap());
        chain(&store, &new, 10).await.unwrap();
        assert_eq!(whole(&store).await.len(), 1);
    }
}

/// The trap of following ids: the smaller id is committed after the larger one was chained.
#[tokio::test]
async fn an_entry_committed_late_is_chained_late_and_not_lost() {
    for store in testbed::stores("journal_late").await {
        if store.dialect() == crate::store::Dialect::Sqlite {
            continue; // one writer at a time: ids are committed in order
        }
        let held = lease_for(&store, "甲", NOW).await;
        let mut slow = store.begin().await.unwrap();
        append(&mut slow, &[new("慢", None)]).await.unwrap();
        add(&store, &["快"]).await;
        chain(&store, &held, 10).await.unwrap();
        let seen = page(&store, 0, 10).await.unwrap();
        slow.commit().await.unwrap();
        chain(&store, &held, 10).await.unwrap();
        let later = page(&store, seen[0].pos, 10).await.unwrap();
        assert_eq!((seen[0].act.as_str(), later[0].act.as_str()), ("快", "慢"));
        assert_eq!(verify(&whole(&store).await).unwrap().entries, 2);
    }
}

#[tokio::test]
async fn a_touched_row_is_found_where_it_stands() {
    static FORGE: Stmt = Stmt::new("forge", "UPDATE journal SET actor = '假' WHERE pos = $1");
    static CUT: Stmt = Stmt::new("cut", "DELETE FROM journal WHERE pos = $1");
    for store in testbed::stores("journal_forged").await {
        add(&store, &["一", "二", "三", "四"]).await;
        let held = lease_for(&store, "甲", NOW).await;
        chain(&store, &held, 10).await.unwrap();
        store.exec(&FORGE, args![3_i64]).await.unwrap();
        let broken = verify(&whole(&store).await).unwrap_err();
        assert_eq!((broken.pos, broken.why), (3, Why::Hash));
        store.exec(&CUT, args![2_i64]).await.unwrap();
        let broken = verify(&whole(&store).await).unwrap_err();
        assert_eq!((broken.pos, broken.why), (3, Why::Position { expected: 2 }));
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_an_alert_has_its_own() {
    for store in testbed::stores("journal_pages").await {
        let mut tx = store.begin().await.unwrap();
        let entries: Vec<_> = (0..7).map(|n| new("步", Some(n % 2))).collect();
        append(&mut tx, &entries).await.unwrap();
        tx.commit().await.unwrap();
        let held = lease_for(&store, "甲", NOW).await;
        chain(&store, &held, 10).await.unwrap();
        let mut positions = Vec::new();
        let mut after = 0;
        loop {
            let next = page(&store, after, 3).await.unwrap();
            let Some(last) = next.last() else { break };
            after = last.pos;
            positions.push(next.iter().map(|e| e.pos).collect::<Vec<_>>());
        }
        assert_eq!(positions, [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
        let odd = page_of_alert(&store, 1, 2, 10).await.unwrap();
        assert_eq!(odd.iter().map(|e| e.pos).collect::<Vec<_>>(), [4, 6]);
    }
}

#[tokio::test]
async fn an_endless_detail_is_cut_and_says_so() {
    for store in testbed::stores("journal_long").await {
        let mut entry = new("长", None);
        entry.detail = Value::String("汛".repeat(MAX_DETAIL_BYTES));
        let mut tx = store.begin().await.unwrap();
        append(&mut tx, &[entry]).await.unwrap();
        tx.commit().await.unwrap();
        let held = lease_for(&store, "甲", NOW).await;
        chain(&store, &held, 10).await.unwrap();
        let kept = &whole(&store).await[0].detail;
        assert!(kept.len() <= MAX_DETAIL_BYTES);
        let kept: Value = serde_json::from_str(kept).unwrap();
        assert_eq!(kept["cut"], MAX_DETAIL_BYTES * 3 + 2);
    }
}

#[tokio::test]
async fn every_statement_is_understood_by_every_database() {
    for store in testbed::stores("journal_sql").await {
        for stmt in ALL.iter().chain(lease::ALL) {
            store.prepare(stmt).await.unwrap_or_else(|e| panic!("{}: {e}", stmt.name));
        }
    }
}
