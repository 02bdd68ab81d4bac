//! Who is signed in. Cookies arrive hashed; how long a session lives is the caller's, all instants
//! are machine time. Nothing here knows a cookie or a password.

use super::{Store, StoreFault, Tx};
use crate::args;

crate::statements! {
    OPEN_SESSION = "INSERT INTO session (hash, account_id, opened_at, seen_at)
        VALUES ($1, $2, $3, $3)";
    SESSION = "SELECT s.account_id, a.name, s.opened_at, s.seen_at
        FROM session s JOIN account a ON a.id = s.account_id
        WHERE s.hash = $1 AND s.opened_at > $2 AND s.seen_at > $3 AND a.disabled_at IS NULL";
    SESSION_SEEN = "UPDATE session SET seen_at = $2 WHERE hash = $1 AND seen_at < $2";
    END_SESSION = "DELETE FROM session WHERE hash = $1";
    END_SESSIONS = "DELETE FROM session WHERE account_id = $1 AND hash <> $2";
    DROP_SESSIONS = "DELETE FROM session WHERE opened_at <= $1 OR seen_at <= $2 OR hash IN
        (SELECT hash FROM session WHERE account_id = $3 ORDER BY seen_at DESC
            LIMIT 1000 OFFSET $4)";
}

/// A session that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SessionRow {
    pub account_id: i64,
    pub name: String,
    pub opened_at: i64,
    pub seen_at: i64,
}

/// From when on a session must have been opened and seen to be alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    pub opened_at: i64,
    pub seen_at: i64,
}

/// Begins a session.
pub async fn open(
    tx: &mut Tx,
    hash: &[u8; 32],
    account_id: i64,
    now: i64,
) -> Result<(), StoreFault> {
    tx.exec(&OPEN_SESSION, args![hash.to_vec(), account_id, now]).await?;
    Ok(())
}

/// The session of a cookie's hash, where it is alive and its account open.
pub async fn find(
    store: &Store,
    hash: &[u8; 32],
    since: Since,
) -> Result<Option<SessionRow>, StoreFault> {
    store.first(&SESSION, args![hash.to_vec(), since.opened_at, since.seen_at]).await
}

/// It was used.
pub async fn saw(store: &Store, hash: &[u8; 32], now: i64) -> Result<(), StoreFault> {
    store.exec(&SESSION_SEEN, args![hash.to_vec(), now]).await?;
    Ok(())
}

/// Ends one. Whether there was one.
pub async fn end(tx: &mut Tx, hash: &[u8; 32]) -> Result<bool, StoreFault> {
    Ok(tx.exec(&END_SESSION, args![hash.to_vec()]).await? == 1)
}

/// Ends all of an account but the one named.
pub async fn end_all(
    tx: &mut Tx,
    account_id: i64,
    but: Option<&[u8; 32]>,
) -> Result<u64, StoreFault> {
    let but = but.map_or_else(Vec::new, |hash| hash.to_vec());
    tx.exec(&END_SESSIONS, args![account_id, but]).await
}

/// Drops those that have ended, and what an account has beyond its newest `most`.
pub async fn drop_ended(
    tx: &mut Tx,
    since: Since,
    account_id: i64,
    most: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&DROP_SESSIONS, args![since.opened_at, since.seen_at, account_id, most]).await
}
