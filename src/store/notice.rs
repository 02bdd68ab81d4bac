//! Notices: messages to single persons, put into batches of their own kind so that leases,
//! permits and priority are the same as for households. One statement per group.

use super::db::rows_json;
use super::{Store, StoreFault, Tx};
use crate::args;

crate::statements! {
    OPEN_BATCH = "INSERT INTO batch (alert_id, version, kind, pick, wave, attempt, tries, lane, \
        class, rank, grid_id, ring, seq_from, seq_to, ord, not_before, state, created_at) \
        VALUES ($1, 0, 2, 1, 1, 1, 1, $2, 1, $3, 0, 0, $4, 0, $5, $4, 0, $4) RETURNING id";
    POST = "INSERT INTO notice (alert_id, batch_id, address_id, purpose, n, attempt, human_id, \
        household_id, text, created_at) SELECT $1, $2, r.address, r.purpose, r.n, 1, r.human, \
        r.household, r.text, $4 FROM {rows $3: address bigint, purpose bigint, n bigint, \
        human bigint, household bigint, text text} WHERE true ON CONFLICT DO NOTHING";
    LOOK_NOTICES = "SELECT n.id, n.address_id, n.attempt, n.purpose, n.text, a.sealed, a.hash, \
        a.realm FROM notice n JOIN address a ON a.id = n.address_id WHERE n.batch_id = $1 \
        AND n.kind IS NULL AND (n.due_at IS NULL OR n.due_at <= $3) ORDER BY n.id LIMIT $2";
    NEXT_NOTICE = "SELECT min(COALESCE(due_at, 0)) FROM notice WHERE batch_id = $1 \
        AND kind IS NULL";
    // A call of which nobody knew whether it was taken, and whose receipt has come since.
    KNOWN_BY_RECEIPT = "UPDATE notice SET kind = 1 WHERE batch_id = $1 AND kind IS NULL \
        AND attempt > 1 AND EXISTS (SELECT 1 FROM receipt r WHERE r.notice_id = notice.id)";
    SETTLE = "UPDATE notice SET kind = CASE WHEN r.due IS NULL THEN r.kind END, \
        attempt = notice.attempt + CASE WHEN r.due IS NULL THEN 0 ELSE 1 END, due_at = r.due, \
        provider = $2, external_id = r.x, code = r.c, at = $3 \
        FROM {rows $1: id bigint, kind bigint, due bigint, x text, c text} \
        WHERE notice.id = r.id AND notice.kind IS NULL RETURNING notice.id";
    RECALL_NOTICES = "UPDATE batch SET state = 2, done_at = $3, lease_until = NULL WHERE id IN \
        (SELECT b.id \
        FROM batch b WHERE b.alert_id = $1 AND b.kind = 2 AND b.state = 0 AND NOT EXISTS \
        (SELECT 1 FROM notice n WHERE n.batch_id = b.id AND n.kind IS NULL \
        AND NOT (n.purpose {in $2})) ORDER BY b.id {lock})";
    NOTICE_KIND = "SELECT kind FROM alert WHERE id = $1";
}

/// A message to one person, ready to be put into the store.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Post {
    pub address: i64,
    /// `domain::notice::Purpose`.
    pub purpose: i64,
    /// Which one of its kind: the same again is not sent twice.
    pub n: i64,
    pub human: Option<i64>,
    pub household: Option<i64>,
    pub text: String,
}

/// Puts messages of one rank on their way. `nonce` keeps batches of one instant apart.
pub async fn post(
    tx: &mut Tx,
    alert: i64,
    lane: i64,
    rank: i64,
    posts: &[Post],
    now: i64,
    nonce: i64,
) -> Result<u64, StoreFault> {
    let mut written = 0;
    for (part, chunk) in posts.chunks(200).enumerate() {
        let ord = nonce.saturating_add(i64::try_from(part).unwrap_or(0));
        let row: Option<(i64,)> = tx.first(&OPEN_BATCH, args![alert, lane, rank, now, ord]).await?;
        let batch = row.map_or(0, |r| r.0);
        written += tx.exec(&POST, args![alert, batch, rows_json(chunk)?, now]).await?;
    }
    Ok(written)
}

/// A notice as the look found it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct NoticeRow {
    pub id: i64,
    pub address_id: i64,
    pub attempt: i64,
    pub purpose: i64,
    pub text: String,
    pub sealed: Vec<u8>,
    pub hash: Vec<u8>,
    pub realm: i64,
}

/// Notices of a batch that have no outcome yet and whose time has come.
pub async fn look(
    store: &Store,
    batch: i64,
    limit: i64,
    now: i64,
) -> Result<Vec<NoticeRow>, StoreFault> {
    store.rows(&LOOK_NOTICES, args![batch, limit, now]).await
}

/// Notes as taken what was unknown until its receipt came.
pub async fn known_by_receipt(store: &Store, batch: i64) -> Result<u64, StoreFault> {
    store.exec(&KNOWN_BY_RECEIPT, args![batch]).await
}

/// When the first notice of a batch that has no outcome yet is due, story ms; 0: at once.
pub async fn next_at(tx: &mut Tx, batch: i64) -> Result<Option<i64>, StoreFault> {
    let row: Option<(Option<i64>,)> = tx.first(&NEXT_NOTICE, args![batch]).await?;
    Ok(row.and_then(|row| row.0))
}

/// What came of a notice. `due`: it is tried once more then, story ms.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SettleRow {
    pub id: i64,
    pub kind: i64,
    pub due: Option<i64>,
    pub x: Option<String>,
    pub c: Option<String>,
}

/// Writes outcomes of notices that have none; gives these. What another process wrote stays.
pub async fn settle(
    tx: &mut Tx,
    rows: &[&SettleRow],
    provider: &str,
    now: i64,
) -> Result<Vec<i64>, StoreFault> {
    let kept: Vec<(i64,)> = tx.rows(&SETTLE, args![rows_json(rows)?, provider, now]).await?;
    Ok(kept.into_iter().map(|row| row.0).collect())
}

/// Ends the batches of an alert in which only notices of these purposes still wait. A chunk that
/// is being called finds it out at its next look.
pub async fn recall(
    tx: &mut Tx,
    alert: i64,
    purposes: &[i64],
    now: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&RECALL_NOTICES, args![alert, super::db::ids(purposes), now]).await
}

/// The kind of the alert a notice belongs to; none for notices without an alert.
pub async fn kind_of(store: &Store, alert: i64) -> Result<Option<i64>, StoreFault> {
    let row: Option<(i64,)> = store.first(&NOTICE_KIND, args![alert]).await?;
    Ok(row.map(|r| r.0))
}
