//! Every statement of the store is prepared by both real databases: what the compiler can't check.

use tongluo::store::{Dialect, Stmt, Store};

use crate::engines::rooms;

#[tokio::test]
async fn every_statement_is_understood_by_both_databases() {
    for room in rooms().await {
        let mut faults = Vec::new();
        // The roster's statements need an import's own stage, on the connection that has it.
        let store = room.store.alone().await.unwrap();
        tongluo::store::roster::lay_stage(&store).await.unwrap();
        for stmt in tongluo::store::statements() {
            if let Err(fault) = store.prepare(stmt).await {
                faults.push(format!("{} on {}: {fault}", stmt.name, room.name));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(tongluo::store::statements().len() > 60);
    }
}

/// What is asked for every answer, list and timer: from the few rows it names, by keys. SQLite has
/// no statistics of a night that has just begun, and else walks all rows of an alert each time.
const BY_KEYS: [&str; 10] = [
    "CANDIDATES",
    "OWN_HOMES",
    "LOCK_STANDINGS",
    "FINISHED",
    "LOADS",
    "OPEN_OF_LISTS",
    "GRIDS_OF_LISTS",
    "START_PACE",
    "LOOK_NOTICES",
    "PACES",
];

/// What is shown from its first row on, and the index that has its order.
const IN_ORDER: [(&str, &str); 1] = [("HOME_ENTRY", "journal_alert")];

/// How SQLite answers a statement, step by step.
async fn plan_of(store: &Store, stmt: &Stmt) -> Vec<String> {
    let mut text = format!("EXPLAIN QUERY PLAN {}", stmt.sql(Dialect::Sqlite));
    for n in (1..=stmt.takes()).rev() {
        text = text.replace(&format!("${n}"), "NULL");
    }
    let asked: &'static Stmt = Box::leak(Box::new(Stmt::new("PLAN", text.leak())));
    let plan: Vec<(i64, i64, i64, String)> = store.rows(asked, Vec::new()).await.unwrap();
    plan.into_iter().map(|step| step.3).collect()
}

#[tokio::test]
async fn what_is_shown_from_its_first_row_on_is_not_sorted_whole_on_sqlite() {
    let rooms = rooms().await;
    let room = rooms.iter().find(|room| room.store.dialect() == Dialect::Sqlite).unwrap();
    let all = tongluo::store::statements();
    for (name, index) in IN_ORDER {
        let stmt = all.iter().find(|stmt| stmt.name == name).unwrap();
        let plan = plan_of(&room.store, stmt).await;
        assert!(plan[0].contains(index), "{name}: {plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{name}: {plan:?}");
    }
}

#[tokio::test]
async fn what_is_asked_all_the_time_walks_no_whole_alert_on_sqlite() {
    let rooms = rooms().await;
    let room = rooms.iter().find(|room| room.store.dialect() == Dialect::Sqlite).unwrap();
    let mut plans = Vec::new();
    for stmt in tongluo::store::statements() {
        if !BY_KEYS.contains(&stmt.name) {
            continue;
        }
        for step in plan_of(&room.store, stmt).await {
            let whole = step.starts_with("SCAN") && !step.starts_with("SCAN json_each");
            assert!(!whole && !step.ends_with("(alert_id=?)"), "{}: {step}", stmt.name);
        }
        plans.push(stmt.name);
    }
    assert_eq!(plans.len(), BY_KEYS.len(), "{plans:?}");
}
