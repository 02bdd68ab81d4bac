//! Numbers that stand in no roster and asked for help: kept sealed so that they can be answered and
//! called back, until their texts are erased. And what a task says of homes and numbers it came
//! from. Decides nothing.

use super::db::{ids, rows_json};
use super::places::full_name;
use super::{Store, StoreFault, Tx};
use crate::args;

crate::statements! {
    KEEP_STRANGERS = "INSERT INTO address (lane, realm, sealed, hash, last4, ord, state_at) \
        SELECT 1, r.realm, i.from_sealed, i.from_hash, i.last4, 1, $2 FROM \
        {rows $1: inbound bigint, realm bigint} JOIN inbound i ON i.id = r.inbound \
        WHERE i.from_sealed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM address a \
        WHERE a.hash = i.from_hash AND a.lane = 1)";
    STRANGERS = "SELECT i.id, min(a.id) FROM inbound i JOIN address a ON a.hash = i.from_hash \
        AND a.lane = 1 WHERE i.id {in $1} GROUP BY i.id";
    ERASE_STRANGERS = "DELETE FROM address WHERE id IN (SELECT a.id FROM address a \
        WHERE a.household_id IS NULL AND a.human_id IS NULL AND a.person_id IS NULL \
        AND a.state_at < $1 ORDER BY a.id LIMIT $2)";
    TASK_WRITERS = "SELECT t.id, i.from_sealed, i.from_hash FROM task t JOIN inbound i \
        ON i.id = t.inbound_id WHERE t.id {in $1} AND i.from_sealed IS NOT NULL \
        AND i.from_hash IS NOT NULL ORDER BY t.id";
    HOME_DOORS = concat!("SELECT h.id, ", full_name!("g", "b"),
        " || ' ' || h.door || ' ' || h.name FROM household h ",
        "JOIN place b ON b.id = h.building_id JOIN place g ON g.id = h.grid_id ",
        "WHERE h.id {in $1} ORDER BY h.id");
}

/// A reply from a number that is nobody's.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StrangerRow {
    pub inbound: i64,
    /// `domain::lane::Realm`.
    pub realm: i64,
}

/// Keeps the numbers of these replies; gives each reply's address.
pub async fn keep(
    tx: &mut Tx,
    rows: &[StrangerRow],
    now: i64,
) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.exec(&KEEP_STRANGERS, args![rows_json(rows)?, now]).await?;
    let replies: Vec<i64> = rows.iter().map(|row| row.inbound).collect();
    tx.rows(&STRANGERS, args![ids(&replies)]).await
}

/// The number that wrote a task's text: task, sealed, hash.
pub async fn writers(
    store: &Store,
    tasks: &[i64],
) -> Result<Vec<(i64, Vec<u8>, Vec<u8>)>, StoreFault> {
    store.rows(&TASK_WRITERS, args![ids(tasks)]).await
}

/// Where these homes are, in words.
pub async fn doors(tx: &mut Tx, homes: &[i64]) -> Result<Vec<(i64, String)>, StoreFault> {
    tx.rows(&HOME_DOORS, args![ids(homes)]).await
}
