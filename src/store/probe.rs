//! Whether the store takes a write of some size just now: a full disk lets small ones through.
//!
//! Decides nothing: who stops what for it is the engine's.

use super::{Store, StoreFault};
use crate::args;

crate::statements! {
    WRITE_PROBE = "INSERT INTO lease (name, owner, epoch, until_at) VALUES ($1, $2, 0, 0) \
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner";
    REMOVE_PROBE = "DELETE FROM lease WHERE name = $1";
}

/// Bytes of a probe: more pages than the outcomes of one chunk need.
const PROBE_BYTES: usize = 64 * 1024;

/// Writes some pages and takes them away again, both committed.
///
/// # Errors
/// What refused them: [`StoreFault::Again`] for a full or a lost store.
pub async fn write(store: &Store, owner: &str) -> Result<(), StoreFault> {
    let name = format!("probe:{owner}");
    let mut tx = store.begin().await?;
    tx.exec(&WRITE_PROBE, args![&name, "0".repeat(PROBE_BYTES)]).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    tx.exec(&REMOVE_PROBE, args![&name]).await?;
    tx.commit().await
}
