//! The schema's own life: migrations embedded for both dialects, run by sqlx's migrator.
//!
//! Rewritten in place until the first release; afterwards expand, then contract.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::db::{Pool, Store, StoreFault};

macro_rules! both {
    ($($number:literal $name:literal),+ $(,)?) => {
        [$((
            $number,
            $name,
            include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
            include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
        )),+]
    };
}

static MIGRATIONS: [(i64, &str, &str, &str); 3] =
    both![1 "0001_registry", 2 "0002_alert", 3 "0003_answer"];

fn migrator(postgres: bool) -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|(number, name, pg, lite)| {
            let text: &'static str = if postgres { pg } else { lite };
            let sql: SqlStr = text.into_sql_str();
            Migration::new(*number, Cow::Borrowed(*name), MigrationType::Simple, sql, false)
        })
        .collect();
    Migrator::with_migrations(migrations)
}

/// Brings the schema up to this program's version. Safe to run from many processes at once.
pub async fn migrate(store: &Store) -> Result<(), StoreFault> {
    match store.pool() {
        Pool::Postgres(pool) => migrator(true).run(pool).await?,
        Pool::Sqlite { write, .. } => migrator(false).run(write).await?,
    }
    Ok(())
}
