//! A later version over the households that an earlier one reached: who is told anew, who has the
//! same thing to do as before, and who no longer belongs. Set-based, a grid or an alert at a time.
//! What counts as the same is decided by who renders the texts.

use serde::Serialize;

use super::{COUNT_TALLY, DROP_TALLY};
use crate::args;
use crate::store::db::{ids, rows_json};
use crate::store::{StoreFault, Tx};

crate::statements! {
    ADVANCE = concat!("WITH top AS MATERIALIZED (SELECT s.grid_id, max(s.seq) AS seq ",
        "FROM standing s WHERE s.alert_id = $1 AND s.grid_id {in $3} GROUP BY s.grid_id), ",
        member!("{in $5}"),
        "INSERT INTO standing (alert_id, grid_id, seq, household_id, building_id, version, ring, ",
        "band, demand, pursued, persons, vulnerable, since, told) ",
        "SELECT $1, m.grid_id, COALESCE(top.seq, 0) + row_number() OVER (PARTITION BY m.grid_id ",
        "ORDER BY ", band!(), ", m.ring, m.ord, m.id), m.id, m.building_id, $2, m.ring, ",
        band!(), ", r.demand, r.pursued, m.persons, m.vulnerable, $2, $2 ",
        "FROM member m JOIN alert_ring r ON r.alert_id = $1 AND r.version = $2 ",
        "AND r.ring = m.ring LEFT JOIN top ON top.grid_id = m.grid_id WHERE true ",
        "ON CONFLICT (alert_id, household_id) DO UPDATE SET version = excluded.version, ",
        "ring = excluded.ring, demand = excluded.demand, pursued = excluded.pursued, ",
        "dropped = 0, since = CASE WHEN excluded.demand > standing.demand THEN excluded.version ",
        "WHEN excluded.demand < standing.demand THEN {least}(standing.since, (SELECT ",
        // Answers to whichever version asked as much as this one does, without a break, count.
        "COALESCE(max(w.version), 0) + 1 FROM alert_ring w JOIN alert_version v ",
        "ON v.alert_id = w.alert_id AND v.version = w.version AND v.live_at IS NOT NULL ",
        "WHERE w.alert_id = $1 AND w.version < $2 AND w.ring = excluded.ring ",
        "AND w.demand < excluded.demand)) ELSE standing.since END, ",
        "told = CASE WHEN standing.dropped = 0 AND EXISTS (SELECT 1 ",
        "FROM {rows $4: version bigint, was bigint, is_now bigint} ",
        "WHERE r.version = standing.told AND r.was = standing.demand ",
        "AND r.is_now = excluded.demand) AND EXISTS (SELECT 1 FROM outcome o ",
        "WHERE o.alert_id = standing.alert_id AND o.grid_id = standing.grid_id ",
        "AND o.seq = standing.seq AND o.version >= standing.told AND (o.kind = 1 OR (o.kind = 5 ",
        "AND EXISTS (SELECT 1 FROM receipt t WHERE t.batch_id = o.batch_id ",
        "AND t.address_id = o.address_id)))) ",
        "THEN standing.told ELSE excluded.version END, ",
        "closed_at = CASE WHEN excluded.demand > standing.demand THEN NULL ",
        "ELSE standing.closed_at END");
    ASKED_OTHERWISE = "SELECT s.household_id FROM standing s WHERE s.alert_id = $1 \
        AND s.grid_id {in $2} AND s.pursued = 1 AND s.closed_at IS NULL AND EXISTS (SELECT 1 \
        FROM statement t WHERE t.alert_id = s.alert_id AND t.household_id = s.household_id) \
        ORDER BY s.grid_id, s.seq";
    DROP_OUT = concat!("WITH ", inside_all!(), ", ",
        member!("IN (SELECT place_id FROM inside)"),
        "UPDATE standing SET dropped = $2, pursued = 0 WHERE alert_id = $1 AND dropped = 0 ",
        "AND household_id NOT IN (SELECT m.id FROM member m)");
    DROPPED_GRIDS = "SELECT DISTINCT grid_id FROM standing WHERE alert_id = $1 AND dropped = $2 \
        ORDER BY grid_id";
    STOP_BATCHES = "UPDATE batch SET state = 2, done_at = $3 WHERE alert_id = $1 \
        AND version < $2 AND kind = 1 AND state = 0 AND lease_until IS NULL AND NOT EXISTS \
        (SELECT 1 FROM expansion e WHERE e.alert_id = $1 AND e.version = $2 \
        AND e.grid_id = batch.grid_id)";
}

/// A text of an older version that asks a household for the same thing as the new one: the
/// version, what it asked, and what is asked now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SameText {
    pub version: i64,
    pub was: i64,
    pub is_now: i64,
}

/// Brings the standings of these grids to a later version. Who has nothing new to do, and may
/// have the older text, keeps it and is not sent this one.
pub(super) async fn advance(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    grids: &str,
    places: &str,
    same: &[SameText],
) -> Result<(), StoreFault> {
    tx.exec(&ADVANCE, args![alert, version, grids, rows_json(same)?, places]).await?;
    tx.exec(&DROP_TALLY, args![alert, grids]).await?;
    Ok(())
}

/// Open households of these grids of which something was said: by what is asked now it may be
/// answered.
pub async fn asked_otherwise(
    tx: &mut Tx,
    alert: i64,
    grids: &[i64],
) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64,)> = tx.rows(&ASKED_OTHERWISE, args![alert, ids(grids)]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Lets go of the households that a version no longer means: they are pursued no more, and hear
/// nothing of it. Where a whole grid is gone, its batches end. Open helps stay open. Run after the
/// version's expansion was planned.
pub async fn drop_out(tx: &mut Tx, alert: i64, version: i64, now: i64) -> Result<u64, StoreFault> {
    let dropped = tx.exec(&DROP_OUT, args![alert, version]).await?;
    if dropped == 0 {
        return Ok(0);
    }
    let grids: Vec<(i64,)> = tx.rows(&DROPPED_GRIDS, args![alert, version]).await?;
    let grids = ids(&grids.iter().map(|row| row.0).collect::<Vec<_>>());
    tx.exec(&DROP_TALLY, args![alert, &grids]).await?;
    tx.exec(&COUNT_TALLY, args![alert, &grids]).await?;
    tx.exec(&STOP_BATCHES, args![alert, version, now]).await?;
    Ok(dropped)
}
