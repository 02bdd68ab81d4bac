//! Numbers that a gateway called dead, and what brings them back: a doubt about the gateway, a
//! sign of life, an official's word. Whether a gateway is believed is `domain::burial`'s. Rows are
//! changed as sets, locked by key.

use super::db::{ids, rows_json};
use super::{StoreFault, Tx};
use crate::args;

crate::statements! {
    BURY = "UPDATE address SET state = 1, state_at = $2 WHERE id IN (SELECT id FROM address \
        WHERE id {in $1} AND state = 0 ORDER BY id {lock})";
    DOUBT = "UPDATE address SET state = 0, state_at = $2 WHERE id IN (SELECT id FROM address \
        WHERE id {in $1} AND state IN (0, 1) ORDER BY id {lock})";
    REVIVE = "UPDATE address SET state = 0, state_at = $2 WHERE id IN (SELECT id FROM address \
        WHERE id {in $1} AND state = 1 ORDER BY id {lock})";
    DEAD_SINCE = "SELECT id, CAST(0 AS bigint) FROM address WHERE state = 1 AND state_at >= $1 \
        ORDER BY id {lock}";
    // Other rows of the same number are the same telephone.
    DELIVERED_DEAD = "SELECT DISTINCT z.id, CAST(0 AS bigint) FROM {rows $1: address bigint, \
        notice bigint, at bigint} LEFT JOIN notice n ON n.id = r.notice JOIN address a \
        ON a.id = COALESCE(r.address, n.address_id) JOIN address z ON z.hash = a.hash \
        WHERE z.state = 1 AND COALESCE(z.state_at, 0) <= r.at";
    DEAD_OF_NUMBERS = "SELECT a.id, CAST(0 AS bigint) FROM {rows $1: n bigint} JOIN address a \
        ON a.hash = substr({bytes $2}, CAST(r.n * 16 + 1 AS int), 16) WHERE a.state = 1";
}

/// Marks numbers that do not exist, so that no later order counts on them.
pub async fn bury(tx: &mut Tx, addresses: &[i64], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&BURY, args![ids(addresses), now]).await
}

/// What was said of these numbers up to `now` is not believed: a later wave may try them again.
pub async fn doubt(tx: &mut Tx, addresses: &[i64], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&DOUBT, args![ids(addresses), now]).await
}

/// Dead numbers among these are good again. Gives how many were.
pub async fn revive(tx: &mut Tx, addresses: &[i64], now: i64) -> Result<u64, StoreFault> {
    if addresses.is_empty() {
        return Ok(0);
    }
    tx.exec(&REVIVE, args![ids(addresses), now]).await
}

/// Locks all that were called dead at `since` or later.
pub async fn dead_since(tx: &mut Tx, since: i64) -> Result<Vec<i64>, StoreFault> {
    let found: Vec<(i64, i64)> = tx.rows(&DEAD_SINCE, args![since]).await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// A message that reached a handset, by the address or the notice of its receipt.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Delivered {
    pub address: Option<i64>,
    pub notice: Option<i64>,
    pub at: i64,
}

/// Dead numbers that a message has reached since.
pub async fn delivered_dead(tx: &mut Tx, rows: &[Delivered]) -> Result<Vec<i64>, StoreFault> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<(i64, i64)> = tx.rows(&DELIVERED_DEAD, args![rows_json(rows)?]).await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

#[derive(serde::Serialize)]
struct Nth {
    n: usize,
}

/// Dead ones among numbers, by their hashes of 16 bytes each.
pub async fn dead_of(tx: &mut Tx, hashes: &[u8]) -> Result<Vec<i64>, StoreFault> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let nths: Vec<Nth> = (0..hashes.len() / 16).map(|n| Nth { n }).collect();
    let found: Vec<(i64, i64)> =
        tx.rows(&DEAD_OF_NUMBERS, args![rows_json(&nths)?, hashes]).await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}
