//! The journal's rows: appended in the caller's transaction, chained by one leased chainer, paged.
//!
//! Readers follow `pos`, which only the chainer gives, in the order of its commits. Nobody follows
//! `id`: a smaller one may be committed after a larger one was seen.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::db::rows_json;
use super::lease::{self, Held};
use super::{Store, StoreFault, Tx};
use crate::args;
use crate::domain::journal::{Chain, Entry, GENESIS, Hash, hex};

/// A longer detail is kept as its beginning, its length and its hash.
pub const MAX_DETAIL_BYTES: usize = 64 << 10;
/// Entries of one page, or of one step of the chainer, at most.
pub const MAX_PAGE: usize = 500;

crate::statements! {
    APPEND_ENTRIES = "INSERT INTO journal (at, actor, act, alert_id, detail)
        SELECT r.at, r.actor, r.act, r.alert_id, r.detail
        FROM {rows $1: n bigint, at bigint, actor text, act text, alert_id bigint, detail text}
        ORDER BY r.n";
    ANY_UNCHAINED = "SELECT id FROM journal WHERE pos IS NULL LIMIT 1";
    COUNT_UNCHAINED = "SELECT count(*) FROM journal WHERE pos IS NULL";
    UNCHAINED = "SELECT id, at, actor, act, alert_id, detail FROM journal
        WHERE pos IS NULL ORDER BY id LIMIT $1";
    JOURNAL_HEAD = "SELECT pos, hash FROM journal
        WHERE pos IS NOT NULL ORDER BY pos DESC LIMIT 1";
    /// All hashes travel as one value; `coalesce` tells PostgreSQL that it is one of bytes.
    LINK_ENTRIES = "UPDATE journal SET pos = r.pos,
            hash = substr(coalesce(journal.hash, $2), CAST(r.start AS integer), 32)
        FROM {rows $1: id bigint, pos bigint, start bigint}
        WHERE journal.id = r.id AND journal.pos IS NULL";
    JOURNAL_PAGE = "SELECT pos, at, actor, act, alert_id, detail, hash FROM journal
        WHERE pos > $1 ORDER BY pos LIMIT $2";
    JOURNAL_OF_ALERT = "SELECT pos, at, actor, act, alert_id, detail, hash FROM journal
        WHERE alert_id = $1 AND pos > $2 ORDER BY pos LIMIT $3";
    LAST_DETAIL = "SELECT detail FROM journal WHERE alert_id = $1 AND act = $2
        ORDER BY id DESC LIMIT 1";
}

/// An entry to be written with the change it tells of.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// ms UTC.
    pub at: i64,
    /// The account's name, the human's code, or the step that acted.
    pub actor: String,
    /// `domain::access::Action::word`, or a step's own word.
    pub act: String,
    pub alert_id: Option<i64>,
    pub detail: Value,
}

impl NewEntry {
    /// The stored form of the detail: no U+0000, which PostgreSQL refuses, and bounded.
    fn detail_text(&self) -> String {
        let text = self.detail.to_string();
        if text.len() <= MAX_DETAIL_BYTES {
            return text;
        }
        let hash: Hash = Sha256::digest(text.as_bytes()).into();
        let begins: String = text.chars().take(MAX_DETAIL_BYTES / 8).collect();
        json!({"cut": text.len(), "sha256": hex::text(&hash), "begins": begins}).to_string()
    }
}

#[derive(Serialize)]
struct AppendRow {
    n: usize,
    at: i64,
    actor: String,
    act: String,
    alert_id: Option<i64>,
    detail: String,
}

/// Writes entries, in this order, in the transaction of what they tell of.
pub async fn append(tx: &mut Tx, entries: &[NewEntry]) -> Result<(), StoreFault> {
    if entries.is_empty() {
        return Ok(());
    }
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    let rows: Vec<AppendRow> = entries
        .iter()
        .enumerate()
        .map(|(n, entry)| AppendRow {
            n,
            at: entry.at,
            actor: clean(&entry.actor),
            act: clean(&entry.act),
            alert_id: entry.alert_id,
            detail: entry.detail_text(),
        })
        .collect();
    tx.exec(&APPEND_ENTRIES, args![rows_json(&rows)?]).await?;
    Ok(())
}

/// What a step of the chainer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// Another holds the lease by now; nothing was written.
    Lost,
    /// So many entries got their position and hash; `more` may be waiting.
    Entries { count: usize, more: bool },
}

/// Whether an entry waits for the chainer. Reads only.
pub async fn waits(store: &Store) -> Result<bool, StoreFault> {
    let row: Option<(i64,)> = store.first(&ANY_UNCHAINED, args![]).await?;
    Ok(row.is_some())
}

/// How many committed entries have no position yet.
pub async fn count_unchained(store: &Store) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&COUNT_UNCHAINED, args![]).await?;
    Ok(row.map_or(0, |(count,)| count))
}

type Unchained = (i64, i64, String, String, Option<i64>, String);

/// Gives up to `limit` committed entries, by rising id, their positions and hashes.
///
/// The lease row stays locked until the commit, so positions are committed in their own order and
/// a reader that follows them misses nothing.
pub async fn chain(store: &Store, held: &Held, limit: usize) -> Result<Linked, StoreFault> {
    let limit = limit.clamp(1, MAX_PAGE);
    let mut tx = store.begin().await?;
    if !lease::keep(&mut tx, held).await? {
        return Ok(Linked::Lost);
    }
    let rows: Vec<Unchained> = tx.rows(&UNCHAINED, args![limit]).await?;
    if rows.is_empty() {
        return Ok(Linked::Entries { count: 0, more: false });
    }
    let head: Option<(i64, Vec<u8>)> = tx.first(&JOURNAL_HEAD, args![]).await?;
    let mut chain = match head {
        Some((pos, hash)) => Chain::after(pos, hash_of(&hash)?),
        None => Chain::default(),
    };
    let count = rows.len();
    let mut links = Vec::with_capacity(count);
    let mut hashes: Vec<u8> = Vec::with_capacity(count * 32);
    for (id, at, actor, act, alert, detail) in rows {
        let mut entry = Entry { pos: 0, at, actor, act, alert, detail, hash: GENESIS };
        chain.link(&mut entry);
        links.push(json!({"id": id, "pos": entry.pos, "start": hashes.len() + 1}));
        hashes.extend_from_slice(&entry.hash);
    }
    tx.exec(&LINK_ENTRIES, args![rows_json(&links)?, hashes]).await?;
    tx.commit().await?;
    Ok(Linked::Entries { count, more: count == limit })
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    pos: i64,
    at: i64,
    actor: String,
    act: String,
    alert_id: Option<i64>,
    detail: String,
    hash: Vec<u8>,
}

/// Chained entries after a position, for verification and export.
pub async fn page(store: &Store, after_pos: i64, limit: usize) -> Result<Vec<Entry>, StoreFault> {
    let args = args![after_pos, limit.clamp(1, MAX_PAGE)];
    entries(store.rows(&JOURNAL_PAGE, args).await?)
}

/// Chained entries of one alert after a position.
pub async fn page_of_alert(
    store: &Store,
    alert_id: i64,
    after_pos: i64,
    limit: usize,
) -> Result<Vec<Entry>, StoreFault> {
    let args = args![alert_id, after_pos, limit.clamp(1, MAX_PAGE)];
    entries(store.rows(&JOURNAL_OF_ALERT, args).await?)
}

/// What the latest entry of one act says of an alert, chained or not.
pub async fn last_detail(
    store: &Store,
    alert_id: i64,
    act: &str,
) -> Result<Option<String>, StoreFault> {
    let row: Option<(String,)> = store.first(&LAST_DETAIL, args![alert_id, act]).await?;
    Ok(row.map(|row| row.0))
}

fn entries(rows: Vec<EntryRow>) -> Result<Vec<Entry>, StoreFault> {
    let entry = |row: EntryRow| {
        Ok(Entry {
            pos: row.pos,
            at: row.at,
            actor: row.actor,
            act: row.act,
            alert: row.alert_id,
            detail: row.detail,
            hash: hash_of(&row.hash)?,
        })
    };
    rows.into_iter().map(entry).collect()
}

fn hash_of(bytes: &[u8]) -> Result<Hash, StoreFault> {
    bytes.try_into().map_err(|_| {
        let why = format!("a journal hash has {} bytes instead of 32", bytes.len());
        StoreFault::Broken(sqlx::Error::Decode(why.into()))
    })
}

#[cfg(test)]
mod tests;
