//! Slots of calendar jobs: who runs one, and which were done. And the rows those jobs are about:
//! texts past their retention, permits nobody uses.
//!
//! Decides neither what is due nor for how long anything is kept.

use super::stranger::ERASE_STRANGERS;
use super::{Store, StoreFault, Tx};
use crate::args;

crate::statements! {
    SLOTS_DONE = "SELECT job, max(slot) FROM job_slot WHERE done_at IS NOT NULL GROUP BY job";
    CLAIM_SLOT = "INSERT INTO job_slot (job, slot, until_at) VALUES ($1, $2, $4) \
        ON CONFLICT (job, slot) DO UPDATE SET until_at = excluded.until_at \
        WHERE job_slot.done_at IS NULL AND job_slot.until_at <= $3";
    FINISH_SLOT = "UPDATE job_slot SET done_at = $3 WHERE job = $1 AND slot = $2 \
        AND done_at IS NULL";
    FORGET_SLOTS = "DELETE FROM job_slot WHERE slot < $1";
    ERASE_INBOUND = "UPDATE inbound SET text = '', raw = NULL, from_sealed = NULL WHERE id IN \
        (SELECT i.id FROM inbound i WHERE i.received_at < $1 AND i.state <> 0 \
        AND (i.text <> '' OR i.raw IS NOT NULL OR i.from_sealed IS NOT NULL) \
        ORDER BY i.id LIMIT $2)";
    ERASE_NOTICES = "UPDATE notice SET text = '' WHERE id IN (SELECT n.id FROM notice n \
        WHERE n.created_at < $1 AND n.kind IS NOT NULL AND n.text <> '' ORDER BY n.id LIMIT $2)";
    ERASE_TASKS = "UPDATE task SET text = '', result = NULL WHERE id IN (SELECT t.id FROM task t \
        WHERE t.closed_at < $1 AND (t.text <> '' OR t.result IS NOT NULL) ORDER BY t.id LIMIT $2)";
    DROP_PERMITS = "DELETE FROM permit WHERE arrival_us < $1";
    READ_SETTING = "SELECT value FROM setting WHERE name = $1";
    WRITE_SETTING = "INSERT INTO setting (name, value) VALUES ($1, $2) \
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
}

/// Rows of one erasing statement: short, so that replies get in between.
const ERASE_ROWS: i64 = 2_000;
/// Where the journal's last verified entry is written down.
const VERIFIED: &str = "journal.verified";

/// The latest slot done of each job.
pub async fn done(store: &Store) -> Result<Vec<(String, i64)>, StoreFault> {
    store.rows(&SLOTS_DONE, args![]).await
}

/// Takes a slot until `until` (machine time). False: it is done, or in another's hands.
pub async fn claim(
    store: &Store,
    job: &str,
    slot: i64,
    machine_now: i64,
    until: i64,
) -> Result<bool, StoreFault> {
    Ok(store.exec(&CLAIM_SLOT, args![job, slot, machine_now, until]).await? == 1)
}

/// Writes down that a slot was done. False: somebody else had done it by then.
pub async fn finish(tx: &mut Tx, job: &str, slot: i64, now: i64) -> Result<bool, StoreFault> {
    Ok(tx.exec(&FINISH_SLOT, args![job, slot, now]).await? == 1)
}

/// Forgets slots before an instant.
pub async fn forget(store: &Store, before: i64) -> Result<u64, StoreFault> {
    store.exec(&FORGET_SLOTS, args![before]).await
}

/// Erases what people wrote and were written before an instant, and who wrote it. What was
/// decided of it stays, and so does every journal entry. Gives the number of rows.
pub async fn erase_texts(store: &Store, before: i64) -> Result<u64, StoreFault> {
    let mut erased = 0;
    for stmt in [&ERASE_INBOUND, &ERASE_NOTICES, &ERASE_TASKS, &ERASE_STRANGERS] {
        loop {
            let rows = store.exec(stmt, args![before, ERASE_ROWS]).await?;
            erased += rows;
            if rows < ERASE_ROWS.unsigned_abs() {
                break;
            }
        }
    }
    Ok(erased)
}

/// Drops the permits of gateways unused since an instant; they begin anew when they are used.
pub async fn drop_permits(store: &Store, before_ms: i64) -> Result<u64, StoreFault> {
    store.exec(&DROP_PERMITS, args![before_ms.saturating_mul(1_000)]).await
}

/// Position and hash, in hex, of the journal entry up to which all was verified.
pub async fn verified(store: &Store) -> Result<Option<(i64, String)>, StoreFault> {
    let row: Option<(String,)> = store.first(&READ_SETTING, args![VERIFIED]).await?;
    Ok(row.and_then(|(text,)| {
        let (pos, hash) = text.split_once(':')?;
        Some((pos.parse().ok()?, hash.to_owned()))
    }))
}

/// Writes down how far the journal was verified.
pub async fn set_verified(tx: &mut Tx, pos: i64, hash: &str) -> Result<(), StoreFault> {
    tx.exec(&WRITE_SETTING, args![VERIFIED, format!("{pos}:{hash}")]).await.map(drop)
}
