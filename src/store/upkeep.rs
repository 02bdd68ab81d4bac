//! What keeps a store quick: fresh statistics after many rows came at once, and the database's own
//! tidying. It moves no row; who calls it decides when.

use super::{Dialect, Store, StoreFault};
use crate::args;

crate::statements! {
    ANALYZE_PLACE = "ANALYZE place";
    ANALYZE_ABOVE = "ANALYZE place_above";
    ANALYZE_HOUSEHOLD = "ANALYZE household";
    ANALYZE_PERSON = "ANALYZE person";
    ANALYZE_ADDRESS = "ANALYZE address";
    ANALYZE_HUMAN = "ANALYZE human";
    ANALYZE_DUTY = "ANALYZE duty";
    OPTIMIZE = "{optimize}";
}

/// Counts the roster's tables anew for the planner. SQLite plans by its indexes, and would hold
/// its one writer for it: nothing there.
pub async fn analyze_roster(store: &Store) -> Result<(), StoreFault> {
    match store.dialect() {
        Dialect::Sqlite => {}
        Dialect::Postgres => {
            for stmt in &ALL[..ALL.len() - 1] {
                store.exec(stmt, args![]).await?;
            }
        }
    }
    Ok(())
}

/// SQLite: `PRAGMA optimize`, which is short. PostgreSQL does by itself what there is to do.
pub async fn optimize(store: &Store) -> Result<(), StoreFault> {
    store.exec(&OPTIMIZE, args![]).await.map(drop)
}
