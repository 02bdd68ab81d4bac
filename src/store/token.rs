//! API tokens, kept as hashes. Instants are machine time, as for sessions; what a token may be used
//! for is `domain::scope`'s.

use super::{Store, StoreFault, Tx};
use crate::args;

/// Tokens of one account shown.
const MOST: i64 = 100;

crate::statements! {
    MAKE_TOKEN = "INSERT INTO token (hash, account_id, name, scopes, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    TOKEN = "SELECT t.id, t.account_id, a.name, t.scopes, t.used_at
        FROM token t JOIN account a ON a.id = t.account_id
        WHERE t.hash = $1 AND t.expires_at > $2 AND a.disabled_at IS NULL";
    TOKEN_USED = "UPDATE token SET used_at = $2 WHERE id = $1";
    TOKENS = "SELECT id, account_id, name, scopes, created_at, expires_at, used_at FROM token
        WHERE account_id = $1 ORDER BY id DESC LIMIT $2";
    DROP_TOKEN = "DELETE FROM token WHERE account_id = $1 AND id = $2";
    DROP_TOKENS = "DELETE FROM token WHERE account_id = $1";
}

/// A token to be kept.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    pub hash: [u8; 32],
    pub account_id: i64,
    /// What it is for, in its owner's words.
    pub name: &'a str,
    pub scopes: i64,
    pub created_at: i64,
    pub expires_at: i64,
}

/// A token that is good, with its account's name.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Bearer {
    pub id: i64,
    pub account_id: i64,
    pub name: String,
    pub scopes: i64,
    pub used_at: Option<i64>,
}

/// A token as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TokenRow {
    pub id: i64,
    pub account_id: i64,
    pub name: String,
    pub scopes: i64,
    pub created_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
}

/// Keeps one.
pub async fn make(tx: &mut Tx, new: &NewToken<'_>) -> Result<i64, StoreFault> {
    let args = args![
        new.hash.to_vec(),
        new.account_id,
        new.name,
        new.scopes,
        new.created_at,
        new.expires_at
    ];
    let made: Option<(i64,)> = tx.first(&MAKE_TOKEN, args).await?;
    Ok(made.map_or(0, |row| row.0))
}

/// The token of a hash, where it has not expired and its account is open.
pub async fn find(store: &Store, hash: &[u8; 32], now: i64) -> Result<Option<Bearer>, StoreFault> {
    store.first(&TOKEN, args![hash.to_vec(), now]).await
}

/// It was used.
pub async fn used(store: &Store, id: i64, now: i64) -> Result<(), StoreFault> {
    store.exec(&TOKEN_USED, args![id, now]).await?;
    Ok(())
}

/// Those of an account, the newest first.
pub async fn list(store: &Store, account_id: i64) -> Result<Vec<TokenRow>, StoreFault> {
    store.rows(&TOKENS, args![account_id, MOST]).await
}

/// Takes one back. Whether there was one.
pub async fn revoke(tx: &mut Tx, account_id: i64, id: i64) -> Result<bool, StoreFault> {
    Ok(tx.exec(&DROP_TOKEN, args![account_id, id]).await? == 1)
}

/// Takes all of an account back.
pub async fn revoke_all(tx: &mut Tx, account_id: i64) -> Result<u64, StoreFault> {
    tx.exec(&DROP_TOKENS, args![account_id]).await
}
