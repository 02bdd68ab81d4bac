//! Receipts, and the names by which they meet their messages where a gateway's receipts carry its
//! own name and not our reference. Whichever of the two comes first leaves its row under the name,
//! so that they meet whatever the order, and two processes wait for each other there. What a
//! receipt leads to is decided in `engine`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::db::rows_json;
use super::{Store, StoreFault, Tx};
use crate::args;

crate::statements! {
    KEEP_RECEIPTS = "INSERT INTO receipt (source_key, provider, batch_id, address_id, notice_id, \
        external_id, class, code, at, stored_at) SELECT r.key, r.provider, r.batch, r.address, \
        r.notice, r.x, r.class, r.code, r.at, $2 FROM {rows $1: key text, provider text, \
        batch bigint, address bigint, notice bigint, x text, class bigint, code text, \
        at bigint} WHERE true ON CONFLICT (source_key) DO NOTHING";
    // All parts of the messages first, so that two last parts don't miss each other.
    LOCK_PARTS = "SELECT name, heard FROM sent_name WHERE provider = $1 AND parts > 1 \
        AND whole IN (SELECT w.whole FROM sent_name w JOIN {rows $2: name text} \
        ON w.name = r.name WHERE w.provider = $1 AND w.parts > 1) ORDER BY name {lock}";
    HEAR_NAMES = "INSERT INTO sent_name (provider, name, whole, parts, heard, delivered, at) \
        SELECT CAST($1 AS text), r.name, r.name, 1, 1, r.delivered, $3 FROM \
        {rows $2: name text, delivered bigint} WHERE true ORDER BY r.name \
        ON CONFLICT (provider, name) DO UPDATE SET heard = 1, \
        delivered = {greatest}(sent_name.delivered, excluded.delivered) \
        RETURNING name, batch_id, address_id, notice_id, whole, parts";
    WHOLES_DELIVERED = "SELECT k.whole, count(*) FROM sent_name k WHERE k.provider = $1 \
        AND k.parts > 1 AND k.whole IN (SELECT r.name FROM {rows $2: name text}) \
        GROUP BY k.whole HAVING sum(k.delivered) >= max(k.parts)";
    // A name that a gateway gives anew is another message's.
    NOTE_NAMES = "INSERT INTO sent_name (provider, name, whole, parts, batch_id, address_id, \
        notice_id, heard, delivered, at) SELECT CAST($1 AS text), r.name, r.whole, r.parts, \
        r.batch, r.address, r.notice, 0, 0, $3 FROM {rows $2: name text, whole text, \
        parts bigint, batch bigint, address bigint, notice bigint} WHERE true ORDER BY r.name \
        ON CONFLICT (provider, name) DO UPDATE SET whole = excluded.whole, \
        parts = excluded.parts, batch_id = excluded.batch_id, address_id = excluded.address_id, \
        notice_id = excluded.notice_id, at = excluded.at, \
        heard = CASE WHEN COALESCE(sent_name.batch_id, sent_name.notice_id) IS NULL \
        OR COALESCE(sent_name.batch_id, 0) = COALESCE(excluded.batch_id, 0) \
        AND COALESCE(sent_name.address_id, 0) = COALESCE(excluded.address_id, 0) \
        AND COALESCE(sent_name.notice_id, 0) = COALESCE(excluded.notice_id, 0) \
        THEN sent_name.heard ELSE 0 END, \
        delivered = CASE WHEN COALESCE(sent_name.batch_id, sent_name.notice_id) IS NULL \
        OR COALESCE(sent_name.batch_id, 0) = COALESCE(excluded.batch_id, 0) \
        AND COALESCE(sent_name.address_id, 0) = COALESCE(excluded.address_id, 0) \
        AND COALESCE(sent_name.notice_id, 0) = COALESCE(excluded.notice_id, 0) \
        THEN sent_name.delivered ELSE 0 END RETURNING name, heard";
    // Delivered stands only where all parts are.
    MEET = "UPDATE receipt SET batch_id = n.batch_id, address_id = n.address_id, \
        notice_id = n.notice_id, class = CASE WHEN receipt.class = 1 AND n.parts > \
        (SELECT sum(k.delivered) FROM sent_name k WHERE k.provider = n.provider \
        AND k.parts > 1 AND k.whole = n.whole) THEN 2 ELSE receipt.class END \
        FROM sent_name n JOIN {rows $2: name text} ON r.name = n.name WHERE n.provider = $1 \
        AND receipt.provider = n.provider AND receipt.external_id = n.name \
        AND receipt.batch_id IS NULL AND receipt.notice_id IS NULL \
        RETURNING receipt.source_key AS key, receipt.provider, receipt.batch_id AS batch, \
        receipt.address_id AS address, receipt.notice_id AS notice, receipt.external_id AS x, \
        receipt.class, receipt.code, receipt.at";
    FORGET_NAMES = "DELETE FROM sent_name WHERE at < $1";
}

/// The class of a receipt of which other parts are still to come.
const ON_THE_WAY: i64 = 2;
/// That of a message that its handset confirmed.
const DELIVERED: i64 = 1;

/// A receipt ready to be kept.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct ReceiptRow {
    pub key: String,
    pub provider: String,
    pub batch: Option<i64>,
    pub address: Option<i64>,
    pub notice: Option<i64>,
    /// The gateway's own name for the message or its part.
    pub x: Option<String>,
    pub class: i64,
    pub code: String,
    pub at: Option<i64>,
}

impl ReceiptRow {
    /// Whether it is known which message it is about.
    pub fn is_met(&self) -> bool {
        self.batch.is_some() || self.notice.is_some()
    }
}

/// Keeps receipts as they come, those about nothing known as well. Gives how many are new.
pub async fn keep(tx: &mut Tx, rows: &[ReceiptRow], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&KEEP_RECEIPTS, args![rows_json(rows)?, now]).await
}

/// What a gateway's receipts will call a message, or one part of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SentName {
    pub name: String,
    /// The name of its first part.
    pub whole: String,
    pub parts: i64,
    pub batch: Option<i64>,
    pub address: Option<i64>,
    pub notice: Option<i64>,
}

#[derive(serde::Serialize)]
struct Named<'a> {
    name: &'a str,
    delivered: i64,
}

fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<String, StoreFault> {
    let once: BTreeSet<&str> = names.into_iter().collect();
    rows_json(&once.into_iter().map(|name| Named { name, delivered: 0 }).collect::<Vec<_>>())
}

type Known = (String, Option<i64>, Option<i64>, Option<i64>, String, i64);

/// Gives receipts of one gateway that carry only its own names the messages these are about, where
/// they are known, and notes that the names were heard. A part's "delivered" is the message's only
/// with the last of them. Before the receipts are kept.
pub async fn hear(
    tx: &mut Tx,
    provider: &str,
    rows: &mut [ReceiptRow],
    now: i64,
) -> Result<(), StoreFault> {
    let mut heard: BTreeMap<String, i64> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.is_met()) {
        if let Some(name) = &row.x {
            *heard.entry(name.clone()).or_default() |= i64::from(row.class == DELIVERED);
        }
    }
    if heard.is_empty() {
        return Ok(());
    }
    let names: Vec<Named> =
        heard.iter().map(|(name, delivered)| Named { name, delivered: *delivered }).collect();
    let names = rows_json(&names)?;
    let _: Vec<(String, i64)> = tx.rows(&LOCK_PARTS, args![provider, &names]).await?;
    let known: Vec<Known> = tx.rows(&HEAR_NAMES, args![provider, names, now]).await?;
    let wholes = known.iter().filter(|one| one.5 > 1).map(|one| one.4.as_str());
    let wholes: Vec<&str> = wholes.collect();
    let mut done: Vec<(String, i64)> = Vec::new();
    if !wholes.is_empty() {
        done = tx.rows(&WHOLES_DELIVERED, args![provider, named(wholes)?]).await?;
    }
    let known: HashMap<&str, &Known> = known.iter().map(|one| (one.0.as_str(), one)).collect();
    for row in rows.iter_mut().filter(|row| !row.is_met()) {
        let Some(one) = row.x.as_deref().and_then(|name| known.get(name)) else { continue };
        (row.batch, row.address, row.notice) = (one.1, one.2, one.3);
        let whole = one.5 == 1 || done.iter().any(|(name, _)| *name == one.4);
        if row.class == DELIVERED && !whole {
            row.class = ON_THE_WAY;
        }
    }
    Ok(())
}

/// Notes what receipts will call these messages. Gives the receipts that were here before them,
/// which are theirs now.
pub async fn note(
    tx: &mut Tx,
    provider: &str,
    sent: &[SentName],
    now: i64,
) -> Result<Vec<ReceiptRow>, StoreFault> {
    let once: BTreeMap<&str, &SentName> = sent.iter().map(|one| (one.name.as_str(), one)).collect();
    if once.is_empty() {
        return Ok(Vec::new());
    }
    let sent = rows_json(&once.into_values().collect::<Vec<_>>())?;
    let noted: Vec<(String, i64)> = tx.rows(&NOTE_NAMES, args![provider, sent, now]).await?;
    let early: Vec<&str> =
        noted.iter().filter(|row| row.1 == 1).map(|row| row.0.as_str()).collect();
    if early.is_empty() {
        return Ok(Vec::new());
    }
    tx.rows(&MEET, args![provider, named(early)?]).await
}

/// Forgets names that were given or heard before an instant.
pub async fn forget_names(store: &Store, before: i64) -> Result<u64, StoreFault> {
    store.exec(&FORGET_NAMES, args![before]).await
}
