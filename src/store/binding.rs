//! Followers of WeChat accounts and the homes they are bound to: codes asked for, and addresses of
//! the lane, which are kept like numbers. Instants are story time. Limits are `domain::binding`'s.

use super::{StoreFault, Tx};
use crate::args;
use crate::base::limits::SHARED_NUMBER;

crate::statements! {
    BINDINGS = "SELECT phone, source_key, mark, asked_at, first_at, asks, tries FROM binding
        WHERE hash = $1 ORDER BY asked_at DESC, phone {lock}";
    NUMBER_ASKS = "SELECT CAST(COALESCE(sum(asks), 0) AS bigint) FROM binding
        WHERE phone = $1 AND asked_at > $2";
    KEEP_BINDING = "INSERT INTO binding (hash, phone, source_key, mark, asked_at, first_at, asks,
            tries) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (hash, phone) DO UPDATE SET source_key = excluded.source_key,
            mark = excluded.mark, asked_at = excluded.asked_at, first_at = excluded.first_at,
            asks = excluded.asks, tries = excluded.tries";
    HOME_OF_PHONE = "SELECT min(id) FROM address WHERE hash = $1 AND lane = 1
        AND household_id IS NOT NULL AND state = 0 AND shares <= $2 HAVING count(*) > 0";
    BIND = "INSERT INTO address (household_id, person_id, lane, realm, sealed, hash, last4, ord,
            relative, shares, speaks_for, state, state_at)
        SELECT a.household_id, a.person_id, 3, a.realm, $2, $3, '微信', a.ord, a.relative,
            a.shares, 1, 0, $4 FROM address a WHERE a.hash = $1 AND a.lane = 1
            AND a.household_id IS NOT NULL AND a.state = 0 AND a.shares <= $5 ORDER BY a.id
        ON CONFLICT (household_id, lane, hash) WHERE household_id IS NOT NULL
            DO UPDATE SET state = 0, state_at = excluded.state_at, relative = excluded.relative";
    UNBIND = "UPDATE address SET state = 4, state_at = $2 WHERE hash = $1 AND lane = 3
        AND state <> 4 AND COALESCE(state_at, 0) <= $3";
    OF_LANE = "SELECT id FROM address WHERE id {in $1} AND lane = $2 ORDER BY id";
}

/// A code that a follower asked for.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Binding {
    /// Keyed hash of the number he named.
    pub phone: Vec<u8>,
    /// Of the message by which he asked.
    pub source_key: String,
    /// Mark of the code; empty once it was used.
    pub mark: String,
    pub asked_at: i64,
    /// Of the asks that are counted.
    pub first_at: i64,
    pub asks: i64,
    /// Wrong codes said.
    pub tries: i64,
}

/// What a follower asked for, the latest first, locked.
pub async fn of(tx: &mut Tx, follower: &[u8]) -> Result<Vec<Binding>, StoreFault> {
    tx.rows(&BINDINGS, args![follower.to_vec()]).await
}

/// Codes that went to a number since `from`.
pub async fn asks_of(tx: &mut Tx, phone: &[u8], from: i64) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = tx.first(&NUMBER_ASKS, args![phone.to_vec(), from]).await?;
    Ok(row.map_or(0, |row| row.0))
}

/// Writes a binding as it is now.
pub async fn keep(tx: &mut Tx, follower: &[u8], row: &Binding) -> Result<(), StoreFault> {
    let values = args![
        follower.to_vec(),
        row.phone.clone(),
        &row.source_key,
        &row.mark,
        row.asked_at,
        row.first_at,
        row.asks,
        row.tries
    ];
    tx.exec(&KEEP_BINDING, values).await?;
    Ok(())
}

/// The address a code goes to: a home's good number that not too many share.
pub async fn number(tx: &mut Tx, phone: &[u8]) -> Result<Option<i64>, StoreFault> {
    let row: Option<(i64,)> =
        tx.first(&HOME_OF_PHONE, args![phone.to_vec(), SHARED_NUMBER]).await?;
    Ok(row.map(|row| row.0))
}

/// Gives the homes of a number this follower's address; how many.
pub async fn bind(
    tx: &mut Tx,
    phone: &[u8],
    sealed: &[u8],
    follower: &[u8],
    now: i64,
) -> Result<u64, StoreFault> {
    let values = args![phone.to_vec(), sealed.to_vec(), follower.to_vec(), now, SHARED_NUMBER];
    tx.exec(&BIND, values).await
}

/// Takes a follower's address from all homes, where it was not bound after `at`; from how many.
pub async fn unbind(tx: &mut Tx, follower: &[u8], now: i64, at: i64) -> Result<u64, StoreFault> {
    tx.exec(&UNBIND, args![follower.to_vec(), now, at]).await
}

/// Those of `addresses` that are of this lane.
pub async fn of_lane(tx: &mut Tx, addresses: &[i64], lane: i64) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64,)> = tx.rows(&OF_LANE, args![super::db::ids(addresses), lane]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
