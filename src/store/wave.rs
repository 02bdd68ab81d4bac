//! The waves after the first: ring 1 of a set of grids once more, and what the wave before left
//! over. When a wave is due stands in the plan. An update's tries go on beside its waves: they owe
//! its text to closed doors too, which no later wave looks at.

use super::db::ids;
use super::{StoreFault, Tx};
use crate::args;

crate::statements! {
    PLAN_WAVE = "INSERT INTO batch (alert_id, version, kind, pick, wave, attempt, tries, lane, \
        class, rank, grid_id, ring, seq_from, seq_to, ord, not_before, state, created_at) \
        SELECT b.alert_id, b.version, 1, $6, $4, 1, 1, b.lane, b.class, b.rank, b.grid_id, \
        b.ring, b.seq_from, b.seq_to, b.ord, $5, 0, $5 FROM batch b WHERE b.alert_id = $1 \
        AND b.version = $2 AND b.grid_id {in $3} AND b.wave = 1 AND b.attempt = 1 AND b.kind = 1 \
        AND b.ring = 1 AND EXISTS (SELECT 1 FROM standing s WHERE s.alert_id = b.alert_id \
        AND s.grid_id = b.grid_id AND s.seq BETWEEN b.seq_from AND b.seq_to AND s.ring = 1 \
        AND s.closed_at IS NULL) ON CONFLICT DO NOTHING";
    JUST_SENT = "SELECT p.id FROM place p WHERE p.id {in $2} AND (EXISTS (SELECT 1 FROM batch b \
        WHERE b.alert_id = $1 AND b.grid_id = p.id AND b.kind = 1 AND b.wave > 1 \
        AND b.pick = 2 AND b.attempt = 1 AND b.created_at > $3) OR EXISTS (SELECT 1 \
        FROM timer t WHERE t.alert_id = $1 AND t.kind = $4 AND t.place_id = p.id \
        AND t.due_at <= $5)) ORDER BY p.id";
    CLOSE_WAVE = "UPDATE batch SET state = 1, done_at = $4, \
        lost = CASE WHEN lease_until IS NULL THEN lost ELSE 1 END, lease_until = NULL \
        WHERE alert_id = $1 AND state = 0 AND kind = 1 AND grid_id {in $2} \
        AND wave < $3 AND ring = 1 AND attempt > 1 AND version = 1 \
        AND (lease_until IS NULL OR lease_until < $5)";
}

/// Which of these grids had a wave since then, or have one due: timers of kind `waves`.
pub async fn just_sent(
    tx: &mut Tx,
    alert: i64,
    grids: &[i64],
    since: i64,
    waves: i64,
    now: i64,
) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64,)> =
        tx.rows(&JUST_SENT, args![alert, ids(grids), since, waves, now]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Plans wave `wave` of ring 1 in these grids and closes what the wave before left over.
pub async fn plan_wave(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    grids: &[i64],
    wave: i64,
    now: i64,
    machine: i64,
) -> Result<u64, StoreFault> {
    let grids = ids(grids);
    tx.exec(&CLOSE_WAVE, args![alert, &grids, wave, now, machine]).await?;
    let again = crate::domain::batch::Pick::Again.code();
    tx.exec(&PLAN_WAVE, args![alert, version, &grids, wave, now, again]).await
}
