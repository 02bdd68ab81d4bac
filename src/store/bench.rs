//! A bare town to be measured, and the questions a bench asks of it: written in sets, in one
//! statement a kind. No step of the engine uses it, and it makes no believable town.

use serde::Serialize;

use super::db::rows_json;
use super::{Stmt, Store, StoreFault, Tx};
use crate::args;

crate::statements! {
    PLACES = "INSERT INTO place (id, code, name, kind, parent_id, depth, ord) SELECT r.id, \
        r.code, r.name, \
        r.kind, r.parent, r.depth, r.id FROM {rows $1: id bigint, code text, name text, kind text, \
        parent bigint, depth bigint} WHERE true";
    // One level of the closure from the level above it.
    ABOVE = "INSERT INTO place_above (place_id, above_id, distance) SELECT p.id, p.id, 0 FROM \
        place p \
        WHERE p.depth = $1 UNION ALL SELECT p.id, a.above_id, a.distance + 1 FROM place p \
        JOIN place_above a ON a.place_id = p.parent_id WHERE p.depth = $1";
    HUMANS = "INSERT INTO human (id, code, name) SELECT r.id, r.code, r.name FROM \
        {rows $1: id bigint, code text, name text} WHERE true";
    DUTIES = "INSERT INTO duty (place_id, human_id, role, ord) SELECT r.place, r.human, r.role, \
        1 FROM \
        {rows $1: place bigint, human bigint, role bigint} WHERE true";
    HOMES = "INSERT INTO household (id, code, kind, name, grid_id, building_id, place_id, floor, \
        door, \
        persons, needs, categories, ord) SELECT q.id, 'c' || q.id, 1, '王家' || q.id, q.grid, \
        q.building, q.building, q.n / 4 + 1, CAST(q.n AS text), 1 + q.id % 3, \
        CASE WHEN q.id % 10 = 0 THEN CAST($3 AS bigint) ELSE 0 END, \
        CASE WHEN q.id % 20 = 7 THEN 1 ELSE 0 END, q.id \
        FROM (SELECT (b.id - $4) * $5 + r.n AS id, b.parent_id AS grid, b.id AS building, r.n AS n \
        FROM place b CROSS JOIN {rows $1: n bigint} WHERE b.kind = 'building') q WHERE q.id <= $2";
    ADDRESSES = "INSERT INTO address (household_id, human_id, lane, realm, sealed, hash, last4, \
        ord) \
        SELECT r.household, r.human, 1, 2, \
        substr({bytes $2}, CAST(r.at + 1 AS int), CAST(r.len AS int)), \
        substr({bytes $3}, CAST(r.n * 16 + 1 AS int), 16), '0000', 1 FROM {rows $1: n bigint, \
        at bigint, len bigint, household bigint, human bigint} WHERE true";
    ACCOUNTS = "INSERT INTO account (id, name, created_at) VALUES (1, '陈制作', 0), (2, '李签发', 0)";
    BATCHES = "INSERT INTO batch (id, alert_id, version, kind, pick, wave, attempt, tries, lane, \
        class, \
        rank, grid_id, ring, seq_from, seq_to, ord, not_before, state, created_at) SELECT \
        CAST($2 AS bigint) - r.n, $2, 1, 1, 1, 1, 1, 1, 1, 1, 1, r.n, 1, 1, 200, r.n, 0, 1, 0 \
        FROM {rows $1: n bigint} WHERE true";
    EXPANDING = "SELECT count(*) FROM (SELECT 1 FROM expansion WHERE state = 0 LIMIT 1) q";
    OPEN = "SELECT count(*) FROM (SELECT 1 FROM batch WHERE state = 0 LIMIT 1) q";
    TAKEN = "SELECT count(DISTINCT seq * 10000000 + grid_id) FROM outcome WHERE kind = 1";
    OUTCOMES = "SELECT count(*) FROM outcome";
    TOLD = "SELECT count(*) FROM receipt WHERE class = 1 AND batch_id IS NOT NULL";
}

/// Places with their ids, parents and depths.
pub async fn put_places<T: Serialize>(store: &Store, rows: &[T]) -> Result<(), StoreFault> {
    put(store, &PLACES, rows).await
}

/// One level of the tree's closure, from the level above it.
pub async fn close_level(store: &Store, depth: i64) -> Result<(), StoreFault> {
    store.exec(&ABOVE, args![depth]).await.map(drop)
}

/// People with their ids.
pub async fn put_humans<T: Serialize>(store: &Store, rows: &[T]) -> Result<(), StoreFault> {
    put(store, &HUMANS, rows).await
}

/// Who answers for which place.
pub async fn put_duties<T: Serialize>(store: &Store, rows: &[T]) -> Result<(), StoreFault> {
    put(store, &DUTIES, rows).await
}

/// As many homes behind every building's door as `doors` names, up to the `homes`-th; buildings
/// have ids from `first_building`, and every tenth home has `needs`.
pub async fn put_homes<T: Serialize>(
    store: &Store,
    doors: &[T],
    homes: i64,
    needs: i64,
    first_building: i64,
) -> Result<(), StoreFault> {
    let values = args![rows_json(doors)?, homes, needs, first_building, doors.len()];
    store.exec(&HOMES, values).await.map(drop)
}

/// Practice numbers; a row says where in the bytes its number stands.
pub async fn put_addresses<T: Serialize>(
    store: &Store,
    rows: &[T],
    sealed: Vec<u8>,
    hashes: Vec<u8>,
) -> Result<(), StoreFault> {
    store.exec(&ADDRESSES, args![rows_json(rows)?, sealed, hashes]).await.map(drop)
}

/// The two accounts that draft and approve.
pub async fn put_accounts(store: &Store) -> Result<(), StoreFault> {
    store.exec(&ACCOUNTS, args![]).await.map(drop)
}

/// Batches of no alert, for appends without an engine; their ids go down from `base`.
pub async fn put_batches<T: Serialize>(
    store: &Store,
    rows: &[T],
    base: i64,
) -> Result<(), StoreFault> {
    store.exec(&BATCHES, args![rows_json(rows)?, base]).await.map(drop)
}

async fn put<T: Serialize>(store: &Store, stmt: &Stmt, rows: &[T]) -> Result<(), StoreFault> {
    store.exec(stmt, args![rows_json(rows)?]).await.map(drop)
}

/// Whether a grid waits for its expansion.
pub async fn is_expanding(store: &Store) -> Result<bool, StoreFault> {
    Ok(count(store, &EXPANDING).await? > 0)
}

/// Whether a batch is open.
pub async fn is_sending(store: &Store) -> Result<bool, StoreFault> {
    Ok(count(store, &OPEN).await? > 0)
}

/// Households with an accepted message.
pub async fn taken(store: &Store) -> Result<i64, StoreFault> {
    count(store, &TAKEN).await
}

/// Receipts from handsets that are joined to a household's message.
pub async fn told(store: &Store) -> Result<i64, StoreFault> {
    count(store, &TOLD).await
}

/// Outcomes of any kind.
pub async fn outcomes(store: &Store) -> Result<i64, StoreFault> {
    count(store, &OUTCOMES).await
}

async fn count(store: &Store, stmt: &Stmt) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(stmt, args![]).await?;
    Ok(row.map_or(0, |row| row.0))
}

/// A run's name, its own as long as its process lives: a lock that ends with the connection.
pub struct Claim {
    admin: Store,
    held: Tx,
}

impl Claim {
    /// Gives the name up.
    pub async fn end(self) {
        drop(self.held);
        self.admin.close().await;
    }
}

static CLAIM: Stmt = Stmt::new(
    "CLAIM_SCHEMA",
    "SELECT CAST(1 AS bigint) FROM (SELECT pg_advisory_xact_lock(hashtext($1))) q",
);
static DEAD: Stmt = Stmt::new(
    "DEAD_SCHEMAS",
    "WITH run AS MATERIALIZED (SELECT CAST(nspname AS text) AS name FROM pg_namespace \
     WHERE nspname ~ '^bench_[0-9]+_[0-9]+$') \
     SELECT name FROM run WHERE pg_try_advisory_xact_lock(hashtext(name)) ORDER BY name",
);

/// Makes a schema of its own on the PostgreSQL at `url`, and gives the URL into it.
pub async fn claim_schema(url: &str, name: &str) -> Result<(Claim, String), StoreFault> {
    let admin = Store::open(url, 1).await?;
    let mut held = admin.begin().await?;
    let _: Vec<(i64,)> = held.rows(&CLAIM, args![name]).await?;
    by_admin(url, format!("CREATE SCHEMA {name}")).await?;
    let mark = if url.contains('?') { '&' } else { '?' };
    Ok((Claim { admin, held }, format!("{url}{mark}options=-csearch_path%3D{name}")))
}

/// Takes away the schemas of runs whose process is gone, and gives their names.
pub async fn remove_dead_schemas(url: &str) -> Result<Vec<String>, StoreFault> {
    let admin = Store::open(url, 1).await?;
    // Held until all are gone, so that two runs don't clear up the same.
    let mut held = admin.begin().await?;
    let dead: Vec<(String,)> = held.rows(&DEAD, args![]).await?;
    for (name,) in &dead {
        drop_schema(url, name).await?;
    }
    drop(held);
    admin.close().await;
    Ok(dead.into_iter().map(|row| row.0).collect())
}

/// Takes a schema away with all that is in it.
pub async fn drop_schema(url: &str, name: &str) -> Result<(), StoreFault> {
    by_admin(url, format!("DROP SCHEMA {name} CASCADE")).await
}

async fn by_admin(url: &str, sql: String) -> Result<(), StoreFault> {
    let admin = Store::open(url, 1).await?;
    let done = admin.exec(&Stmt::new("SCHEMA", Box::leak(sql.into_boxed_str())), args![]).await;
    admin.close().await;
    done.map(drop)
}
