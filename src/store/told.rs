//! Messages to whoever had a text, as notices cut into batches by one statement each: a text for
//! all. Who had it: outcome accepted or unknown, or in a batch that was leased or lost.
//! What is said and whether is decided by the engine.

use super::db::ids;
use super::{StoreFault, Tx};
use crate::args;

/// Addresses of households that an update dropped: `$1` alert, `$2` places, `$3` purpose, `$7`
/// machine time. Who stands in a batch that is still in a hand is told when that hand is known.
macro_rules! dropped {
    () => {
        "SELECT s.household_id, a.id AS address_id, s.dropped AS n, \
         (row_number() OVER (ORDER BY s.grid_id, s.seq, a.ord) - 1) / 200 AS cut \
         FROM standing s JOIN address a ON a.household_id = s.household_id AND a.lane = 1 \
         AND a.speaks_for = 1 WHERE s.alert_id = $1 AND s.dropped > 0 AND EXISTS (SELECT 1 \
         FROM place_above pa WHERE pa.place_id = s.building_id AND pa.above_id {in $2}) \
         AND (EXISTS (SELECT 1 FROM outcome o WHERE o.alert_id = s.alert_id \
         AND o.grid_id = s.grid_id AND o.seq = s.seq AND o.address_id = a.id \
         AND o.kind IN (1, 5)) OR (NOT EXISTS (SELECT 1 FROM outcome o \
         WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id AND o.seq = s.seq \
         AND o.kind IN (1, 5)) AND a.id = (SELECT x.id FROM address x \
         WHERE x.household_id = s.household_id AND x.lane = 1 AND x.state = 0 \
         ORDER BY CASE WHEN x.relative IS NULL THEN 0 ELSE 1 END, x.ord LIMIT 1) \
         AND EXISTS (SELECT 1 FROM batch b WHERE b.alert_id = s.alert_id \
         AND b.grid_id = s.grid_id AND b.ring = s.ring AND b.kind = 1 \
         AND b.version < s.dropped AND s.seq BETWEEN b.seq_from AND b.seq_to AND (b.lost = 1 \
         OR (b.state = 0 AND b.lease_until <= $7))))) AND NOT EXISTS (SELECT 1 \
         FROM notice t WHERE t.alert_id = s.alert_id AND t.address_id = a.id \
         AND t.purpose = $3 AND t.n = s.dropped AND t.attempt = 1)"
    };
}
/// Every number that had anything of an alert: `$1` alert, `$2` purpose. No other lane's address:
/// these notices go by SMS.
macro_rules! anybody {
    () => {
        "SELECT q.household_id, q.address_id, CAST(0 AS bigint) AS n, \
         (row_number() OVER (ORDER BY q.address_id) - 1) / 200 AS cut FROM (SELECT \
         s.household_id, o.address_id FROM outcome o JOIN standing s ON s.alert_id = o.alert_id \
         AND s.grid_id = o.grid_id AND s.seq = o.seq WHERE o.alert_id = $1 \
         AND o.kind IN (1, 5) UNION SELECT t.household_id, t.address_id FROM notice t \
         WHERE t.alert_id = $1 AND t.kind IN (1, 5) AND t.purpose <> $2) q \
         JOIN address a ON a.id = q.address_id AND a.lane = 1"
    };
}
macro_rules! open {
    ($who:ident, $now:literal, $nonce:literal, $rank:literal) => {
        concat!(
            "INSERT INTO batch (alert_id, version, kind, pick, wave, attempt, tries, lane, class, ",
            "rank, grid_id, ring, seq_from, seq_to, ord, not_before, state, created_at) ",
            "SELECT CAST($1 AS bigint), 0, 2, 1, 1, 1, 1, 1, 1, CAST(",
            $rank,
            " AS bigint), 0, 0, CAST(",
            $now,
            " AS bigint), 0, CAST(",
            $nonce,
            " AS bigint) + w.cut, CAST(",
            $now,
            " AS bigint), 0, CAST(",
            $now,
            " AS bigint) FROM (",
            $who!(),
            ") w GROUP BY w.cut"
        )
    };
}
macro_rules! tell {
    ($who:ident, $purpose:literal, $now:literal, $nonce:literal, $text:literal) => {
        concat!(
            "INSERT INTO notice (alert_id, batch_id, address_id, purpose, n, attempt, ",
            "household_id, text, created_at) SELECT b.alert_id, b.id, w.address_id, CAST(",
            $purpose,
            " AS bigint), w.n, 1, w.household_id, CAST(",
            $text,
            " AS text), CAST(",
            $now,
            " AS bigint) FROM (",
            $who!(),
            ") w JOIN batch b ON b.alert_id = $1 AND b.kind = 2 AND b.seq_from = ",
            $now,
            " AND b.ord = CAST(",
            $nonce,
            " AS bigint) + w.cut WHERE true ON CONFLICT DO NOTHING"
        )
    };
}

crate::statements! {
    OPEN_DROPPED = open!(dropped, "$4", "$5", "$6");
    TELL_DROPPED = tell!(dropped, "$3", "$4", "$5", "$6");
    OPEN_ANYBODY = open!(anybody, "$3", "$4", "$5");
    TELL_ANYBODY = tell!(anybody, "$2", "$3", "$4", "$5");
    KEEP_FAREWELL = "INSERT INTO farewell (alert_id, place_id, purpose, text, told_at) \
        VALUES ($1, $2, $3, $4, $5) RETURNING id";
    FAREWELLS = "SELECT id, place_id, purpose, text FROM farewell WHERE id {in $1} ORDER BY id";
    STILL_OUT = "SELECT count(*) FROM batch b WHERE b.alert_id = $1 AND b.kind = 1 \
        AND b.state = 0 AND b.lease_until > $3 AND EXISTS (SELECT 1 FROM standing s \
        JOIN place_above pa ON pa.place_id = s.building_id AND pa.above_id {in $2} \
        WHERE s.alert_id = b.alert_id AND s.grid_id = b.grid_id AND s.ring = b.ring \
        AND s.seq BETWEEN b.seq_from AND b.seq_to AND s.dropped > b.version)";
}

/// One text for all, and what its notices are.
pub struct Word<'a> {
    pub purpose: i64,
    pub rank: i64,
    pub text: &'a str,
    pub now: i64,
    /// Keeps batches of one instant apart.
    pub nonce: i64,
}

/// A word to those below a place who no longer belong, as it is told until all have it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Farewell {
    pub id: i64,
    pub place_id: i64,
    pub purpose: i64,
    pub text: String,
}

/// Tells the households below these places that an update dropped, and that may have had an older
/// text, where they were not told so already. Gives the number of messages.
pub async fn tell_dropped(
    tx: &mut Tx,
    alert: i64,
    places: &[i64],
    word: &Word<'_>,
    machine: i64,
) -> Result<u64, StoreFault> {
    let places = ids(places);
    let (purpose, now, nonce) = (word.purpose, word.now, word.nonce);
    let opening = args![alert, &places, purpose, now, nonce, word.rank, machine];
    tx.exec(&OPEN_DROPPED, opening).await?;
    tx.exec(&TELL_DROPPED, args![alert, &places, purpose, now, nonce, word.text, machine]).await
}

/// Keeps what is told below a place, to be told again.
pub async fn keep_farewell(
    tx: &mut Tx,
    alert: i64,
    place: i64,
    word: &Word<'_>,
) -> Result<i64, StoreFault> {
    let values = args![alert, place, word.purpose, word.text, word.now];
    let row: Option<(i64,)> = tx.first(&KEEP_FAREWELL, values).await?;
    Ok(row.map_or(0, |r| r.0))
}

/// What was kept to be told again.
pub async fn farewells(tx: &mut Tx, kept: &[i64]) -> Result<Vec<Farewell>, StoreFault> {
    tx.rows(&FAREWELLS, args![ids(kept)]).await
}

/// Whether a batch that may still bring dropped households below these places an older text is in
/// somebody's hands.
pub async fn still_out(
    tx: &mut Tx,
    alert: i64,
    places: &[i64],
    machine: i64,
) -> Result<bool, StoreFault> {
    let row: Option<(i64,)> = tx.first(&STILL_OUT, args![alert, ids(places), machine]).await?;
    Ok(row.is_some_and(|r| r.0 > 0))
}

/// Tells everybody who had anything of an alert. Gives the number of messages.
pub async fn tell_anybody(tx: &mut Tx, alert: i64, word: &Word<'_>) -> Result<u64, StoreFault> {
    let (purpose, now, nonce) = (word.purpose, word.now, word.nonce);
    tx.exec(&OPEN_ANYBODY, args![alert, purpose, now, nonce, word.rank]).await?;
    tx.exec(&TELL_ANYBODY, args![alert, purpose, now, nonce, word.text]).await
}
