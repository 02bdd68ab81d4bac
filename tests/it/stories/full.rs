//! A store that takes leases and no outcomes, as a full disk does: nobody is called again and
//! again, and what was called is noted once there is room.

use std::collections::BTreeMap;

use tongluo::store::view;

use crate::plant::{HOME, home_number};
use crate::town::{Setup, Town, on_both};

/// No outcome is taken. SQLite ends the whole transaction by itself, as it does on a full disk.
async fn refuse(town: &Town, table: &str, column: &str) {
    let sql = if town.is_sqlite() {
        format!(
            "CREATE TRIGGER full_{table} BEFORE INSERT ON {table} \
             WHEN '{table}' = 'outcome' OR CAST(NEW.{column} AS TEXT) LIKE 'probe:%' \
             BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END"
        )
    } else {
        let check = if table == "outcome" { "false" } else { "name NOT LIKE 'probe:%'" };
        format!("ALTER TABLE {table} ADD CONSTRAINT full_{table} CHECK ({check}) NOT VALID")
    };
    town.break_in(&sql).await;
}

async fn room_again(town: &Town, table: &str) {
    let sql = match town.is_sqlite() {
        true => format!("DROP TRIGGER full_{table}"),
        false => format!("ALTER TABLE {table} DROP CONSTRAINT full_{table}"),
    };
    town.break_in(&sql).await;
}

/// As the pump does it: a step that fails gives its leases back and the next round tries again.
async fn rounds(town: &Town, seconds: i64) {
    for _ in 0..seconds / 5 {
        town.clock.advance_ms(5_000);
        let _ = town.engine.fire_due().await;
        for _ in 0..8 {
            let fed = town.engine.feed_once().await.unwrap();
            for hint in &fed.direct {
                let _ = town.engine.work(hint).await;
            }
            let worked = town.engine.work_waiting().await;
            let ids: Vec<(i64,)> = town.rows("SELECT id FROM batch").await;
            let ids: Vec<i64> = ids.into_iter().map(|row| row.0).collect();
            let _ = view::let_go(&town.engine.store, &ids, "story").await;
            if worked.is_ok_and(|n| n == 0) {
                break;
            }
        }
    }
}

/// Texts of the order by number.
fn ordered(town: &Town) -> BTreeMap<String, usize> {
    let mut heard = BTreeMap::new();
    for entry in town.taken().into_iter().filter(|e| e.reference.starts_with('b')) {
        *heard.entry(entry.to).or_default() += 1;
    }
    heard
}

#[tokio::test]
async fn outcomes_that_cannot_be_kept_call_nobody_twice() {
    on_both(Setup::default(), async |town| {
        refuse(&town, "outcome", "code").await;
        let (_, alert) = town.flood_order().await;
        rounds(&town, 300).await;
        let first = ordered(&town);
        assert!(!first.is_empty() && first.values().all(|n| *n == 1), "{first:?}");
        let kept = town.count("SELECT CAST(count(*) AS bigint) FROM outcome").await;
        assert_eq!((kept, town.engine.unnoted()), (0, first.len()));
        room_again(&town, "outcome").await;
        // Not as far as the second wave.
        rounds(&town, 40).await;
        town.settle().await;
        town.check().await;
        let after = ordered(&town);
        assert!(after.values().all(|n| *n == 1), "{after:?}");
        for n in 1..=town.homes {
            assert!(after.contains_key(&home_number(HOME + n)), "home {n} never heard");
        }
        assert_eq!(town.engine.unnoted(), 0);
        assert_eq!(town.custody(alert).await.orphans, 0);
        town
    })
    .await;
}

#[tokio::test]
async fn a_store_without_room_has_nobody_called_at_all() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        refuse(&town, "outcome", "code").await;
        refuse(&town, "lease", "name").await;
        rounds(&town, 120).await;
        assert_eq!(town.taken().len(), 0, "a call whose outcome can't be kept");
        assert!(town.engine.takes_writes().await.is_err());
        room_again(&town, "outcome").await;
        room_again(&town, "lease").await;
        rounds(&town, 200).await;
        town.settle().await;
        town.check().await;
        let heard = ordered(&town);
        assert_eq!(heard.len() as i64, town.homes);
        assert!(heard.values().all(|n| *n == 1), "{heard:?}");
        assert_eq!(town.engine.takes_writes().await, Ok(()));
        assert_eq!(town.custody(alert).await.orphans, 0);
        town
    })
    .await;
}
