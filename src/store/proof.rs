//! Rows of sends and replies in the form in which the journal seals them, made when they are
//! written and read back when they are verified. The hashing is `domain::journal`'s.

use serde_json::json;

use super::db::ids;
use super::{Store, StoreFault};
use crate::args;

crate::statements! {
    KEPT_SENDS = "SELECT o.batch_id, o.address_id, o.seq, o.kind, o.provider, o.external_id, \
        o.code, o.at FROM batch b JOIN outcome o ON o.alert_id = b.alert_id \
        AND o.grid_id = b.grid_id AND o.seq BETWEEN b.seq_from AND b.seq_to \
        AND o.version = b.version AND o.wave = b.wave AND o.attempt = b.attempt \
        AND o.batch_id = b.id WHERE b.id {in $1}";
    KEPT_NOTICES = "SELECT batch_id, id, text, kind, provider, external_id, code, at FROM notice \
        WHERE batch_id {in $1} AND kind IS NOT NULL";
    KEPT_REPLIES = "SELECT id, source_key, last4, text, sent_at, received_at FROM inbound \
        WHERE id {in $1}";
}

/// A row as it is sealed. `id` names it inside its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub batch: i64,
    pub id: i64,
    pub text: String,
    /// Its text was erased; what is left can't be proved any more.
    pub erased: bool,
}

impl Kept {
    /// A message to an address of a household.
    #[expect(clippy::too_many_arguments, reason = "a row's columns, in their order")]
    pub fn send(
        batch: i64,
        address: i64,
        seq: i64,
        kind: i64,
        provider: &str,
        external: Option<&str>,
        code: Option<&str>,
        at: i64,
    ) -> Kept {
        let text = json!([batch, address, seq, kind, provider, external, code, at]).to_string();
        Kept { batch, id: address, text, erased: false }
    }

    /// A message to one person. Its batch is put in by who reads it back.
    pub fn notice(
        id: i64,
        text: &str,
        kind: i64,
        provider: &str,
        external: Option<&str>,
        code: Option<&str>,
        at: i64,
    ) -> Kept {
        let row = json!([id, text, kind, provider, external, code, at]).to_string();
        Kept { batch: 0, id, text: row, erased: text.is_empty() }
    }

    /// A reply as it came in.
    pub fn reply(
        id: i64,
        key: &str,
        last4: &str,
        text: &str,
        sent: Option<i64>,
        received: i64,
    ) -> Kept {
        let row = json!([id, key, last4, text, sent, received]).to_string();
        Kept { batch: 0, id, text: row, erased: text.is_empty() }
    }
}

type SendColumns = (i64, i64, i64, i64, String, Option<String>, Option<String>, i64);
type NoticeColumns = (i64, i64, String, i64, String, Option<String>, Option<String>, i64);
type ReplyColumns = (i64, String, String, String, Option<i64>, i64);

/// Outcomes of these batches.
pub async fn sends(store: &Store, batches: &[i64]) -> Result<Vec<Kept>, StoreFault> {
    let rows: Vec<SendColumns> = store.rows(&KEPT_SENDS, args![ids(batches)]).await?;
    let kept =
        |r: SendColumns| Kept::send(r.0, r.1, r.2, r.3, &r.4, r.5.as_deref(), r.6.as_deref(), r.7);
    Ok(rows.into_iter().map(kept).collect())
}

/// Notices of these batches that have an outcome.
pub async fn notices(store: &Store, batches: &[i64]) -> Result<Vec<Kept>, StoreFault> {
    let rows: Vec<NoticeColumns> = store.rows(&KEPT_NOTICES, args![ids(batches)]).await?;
    let kept = |r: NoticeColumns| {
        let (x, c) = (r.5.as_deref(), r.6.as_deref());
        Kept { batch: r.0, ..Kept::notice(r.1, &r.2, r.3, &r.4, x, c, r.7) }
    };
    Ok(rows.into_iter().map(kept).collect())
}

/// These replies.
pub async fn replies(store: &Store, inbound: &[i64]) -> Result<Vec<Kept>, StoreFault> {
    let rows: Vec<ReplyColumns> = store.rows(&KEPT_REPLIES, args![ids(inbound)]).await?;
    let kept = |r: ReplyColumns| Kept::reply(r.0, &r.1, &r.2, &r.3, r.4, r.5);
    Ok(rows.into_iter().map(kept).collect())
}
