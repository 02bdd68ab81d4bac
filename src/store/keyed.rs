//! By which key a store was sealed: a mark that only this key makes, and that tells nothing of it.
//! Written once, by whoever opens the store first; comparing it is the caller's.

use super::{Store, StoreFault};
use crate::args;

crate::statements! {
    READ_KEY_MARK = "SELECT value FROM setting WHERE name = 'key_mark'";
    KEEP_KEY_MARK = "INSERT INTO setting (name, value) VALUES ('key_mark', $1) \
        ON CONFLICT (name) DO NOTHING";
}

/// The mark of the key. None: nothing was ever sealed.
pub async fn mark(store: &Store) -> Result<Option<String>, StoreFault> {
    let row: Option<(String,)> = store.first(&READ_KEY_MARK, args![]).await?;
    Ok(row.map(|row| row.0))
}

/// Keeps this mark where there is none; gives the one that holds.
pub async fn keep_mark(store: &Store, made: &str) -> Result<String, StoreFault> {
    if let Some(kept) = mark(store).await? {
        return Ok(kept);
    }
    store.exec(&KEEP_KEY_MARK, args![made]).await?;
    Ok(mark(store).await?.unwrap_or_default())
}
