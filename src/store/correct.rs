//! Who may have had the older text: by outcomes at once, and by leases that were open at that
//! moment once these have ended. Corrections go to them and to nobody else.

use super::db::ids;
use super::expand::{ExpansionRow, Spread, cut_batches};
use super::{Store, StoreFault, Tx};
use crate::args;
use crate::domain::batch::Pick;

/// A standing under the correction: what it asks of that ring is no longer what the old text did.
macro_rules! corrected {
    () => {
        "UPDATE standing SET version = $2, demand = COALESCE((SELECT r.demand FROM alert_ring r \
         WHERE r.alert_id = $1 AND r.version = $2 AND r.ring = standing.ring), standing.demand) \
         WHERE alert_id = $1 AND grid_id {in $3} AND version < $2 "
    };
}

crate::statements! {
    UNPURSUE = "UPDATE standing SET pursued = 0 WHERE alert_id = $1 AND grid_id {in $2} \
        AND pursued = 1";
    MARK_HAD = concat!(corrected!(),
        "AND EXISTS (SELECT 1 FROM outcome o WHERE o.alert_id = standing.alert_id \
        AND o.grid_id = standing.grid_id AND o.seq = standing.seq AND o.version < $2 \
        AND o.kind IN (1, 5))");
    MARK_LEASED = concat!(corrected!(),
        "AND EXISTS (SELECT 1 FROM batch b WHERE b.alert_id = standing.alert_id \
        AND b.grid_id = standing.grid_id AND b.version < $2 AND b.kind = 1 AND (b.lost = 1 \
        OR (b.state = 0 AND b.lease_until IS NOT NULL AND b.lease_until <= $4)) \
        AND standing.seq BETWEEN b.seq_from AND b.seq_to AND standing.ring = b.ring)");
    END_OLD = "UPDATE batch SET state = 2, done_at = $4, lease_until = NULL WHERE alert_id = $1 \
        AND version < $2 AND kind = 1 AND grid_id {in $3} AND state = 0 \
        AND (lease_until IS NULL OR lease_until <= $5)";
    RECALL = "UPDATE batch SET state = 2, done_at = $3 WHERE id IN (SELECT id FROM batch \
        WHERE alert_id = $1 AND version < $2 AND kind = 1 AND state = 0 AND lease_until IS NULL \
        ORDER BY id {skip})";
    STILL_LEASED = "SELECT count(*) FROM batch WHERE alert_id = $1 AND version < $2 AND kind = 1 \
        AND state = 0 AND lease_until IS NOT NULL";
    GRIDS_OF = "SELECT id, alert_id, version, grid_id FROM expansion WHERE alert_id = $1 \
        AND version = $2 ORDER BY ord";
    PENDING_OF = "SELECT count(*) FROM expansion WHERE alert_id = $1 AND version = $2 \
        AND state = 0";
    FINISH_CORRECTION = "UPDATE expansion SET state = 1, done_at = $2 WHERE id {in $1}";
    END_PENDING = "UPDATE expansion SET state = 2 WHERE alert_id = $1 AND version < $2 \
        AND state = 0";
    LEFT_GRIDS = "SELECT DISTINCT e.grid_id FROM expansion e WHERE e.alert_id = $1 \
        AND e.version < $2 AND e.state = 1 AND NOT EXISTS (SELECT 1 FROM expansion n \
        WHERE n.alert_id = e.alert_id AND n.version = $2 AND n.grid_id = e.grid_id) \
        ORDER BY e.grid_id";
    STOP_TRACKS = "DELETE FROM timer WHERE alert_id = $1 AND place_id {in $2} \
        AND kind IN (1, 2, 3, 6, 11)";
    DROP_TALLIES = "UPDATE tally SET pursued = 0, closed = 0, told_open = (SELECT count(*) FROM \
        standing s WHERE s.alert_id = tally.alert_id AND s.grid_id = tally.grid_id \
        AND s.building_id = tally.building_id AND s.ring = tally.ring AND s.helps > 0) \
        WHERE alert_id = $1 AND grid_id {in $2}";
}

/// Ends what older versions have not expanded: the newer one has its own rows.
pub async fn end_pending(tx: &mut Tx, alert: i64, version: i64) -> Result<u64, StoreFault> {
    tx.exec(&END_PENDING, args![alert, version]).await
}

/// Grids of older versions that are not in this one.
pub async fn left_grids(tx: &mut Tx, alert: i64, version: i64) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64,)> = tx.rows(&LEFT_GRIDS, args![alert, version]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Nobody in these grids is pursued any more. Gives how many were.
pub async fn leave(tx: &mut Tx, alert: i64, grids: &[i64]) -> Result<u64, StoreFault> {
    let grids = ids(grids);
    let open = tx.exec(&UNPURSUE, args![alert, &grids]).await?;
    tx.exec(&DROP_TALLIES, args![alert, &grids]).await?;
    tx.exec(&STOP_TRACKS, args![alert, grids]).await?;
    Ok(open)
}

/// Ends the batches of older versions that are in nobody's hands, so that only those that are may
/// still have brought the old text to somebody.
pub async fn recall(tx: &mut Tx, alert: i64, version: i64, now: i64) -> Result<u64, StoreFault> {
    tx.exec(&RECALL, args![alert, version, now]).await
}

/// Expands a correction over its grids: nobody there is pursued for the old text any more, and
/// whoever has an outcome that may have reached him is told.
pub async fn fill(
    tx: &mut Tx,
    rows: &[ExpansionRow],
    spread: &Spread,
    machine: i64,
) -> Result<(), StoreFault> {
    let Some(head) = rows.first() else {
        return Ok(());
    };
    let (alert, version) = (head.alert_id, head.version);
    let own_grids: Vec<i64> = rows.iter().map(|r| r.grid_id).collect();
    let grids = ids(&own_grids);
    leave(tx, alert, &own_grids).await?;
    mark(tx, alert, version, &grids, spread, machine, 0).await?;
    let own = ids(&rows.iter().map(|r| r.id).collect::<Vec<_>>());
    tx.exec(&FINISH_CORRECTION, args![own, spread.now]).await?;
    Ok(())
}

async fn mark(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    grids: &str,
    spread: &Spread,
    machine: i64,
    run: i64,
) -> Result<u64, StoreFault> {
    let had = tx.exec(&MARK_HAD, args![alert, version, grids]).await?;
    let leased = tx.exec(&MARK_LEASED, args![alert, version, grids, machine]).await?;
    tx.exec(&END_OLD, args![alert, version, grids, spread.now, machine]).await?;
    if had + leased > 0 {
        cut_batches(tx, alert, version, grids, spread, Pick::Told, run).await?;
    }
    Ok(had + leased)
}

/// Runs a correction again, for the leases that have ended since. True when none is left open.
pub async fn again(
    store: &Store,
    tx: &mut Tx,
    alert: i64,
    version: i64,
    spread: &Spread,
    machine: i64,
    run: i64,
) -> Result<bool, StoreFault> {
    let pending: Option<(i64,)> = store.first(&PENDING_OF, args![alert, version]).await?;
    let rows: Vec<ExpansionRow> = tx.rows(&GRIDS_OF, args![alert, version]).await?;
    let grids = ids(&rows.iter().map(|r| r.grid_id).collect::<Vec<_>>());
    mark(tx, alert, version, &grids, spread, machine, run).await?;
    let left: Option<(i64,)> = tx.first(&STILL_LEASED, args![alert, version]).await?;
    Ok(pending.is_some_and(|r| r.0 == 0) && left.is_some_and(|r| r.0 == 0))
}
