//! Tallies held against the standings they are the sums of, and counted again where they differ.
//! When that is looked at, and who is told, is the auditor's.

use super::db::ids;
use super::expand::{COUNT_TALLY, DROP_TALLY};
use super::{Store, StoreFault, Tx};
use crate::args;

/// Grids whose tallies are not their standings' sums, in one snapshot.
macro_rules! wrong {
    ($grids:literal) => {
        concat!(
            "SELECT DISTINCT w.grid_id, CAST(0 AS bigint) FROM (SELECT q.grid_id FROM (SELECT ",
            "s.grid_id, s.building_id, s.ring, count(*) AS audience, ",
            "CAST(sum(s.pursued) AS bigint) AS pursued, CAST(sum(CASE WHEN s.pursued = 1 ",
            "AND s.closed_at IS NOT NULL AND s.helps = 0 THEN 1 ELSE 0 END) AS bigint) AS closed, ",
            "CAST(sum(CASE WHEN s.pursued = 0 AND s.helps > 0 THEN 1 ELSE 0 END) AS bigint) ",
            "AS told_open, count(s.heard_at) AS heard, CAST(sum(CASE WHEN s.helps > 0 THEN 1 ",
            "ELSE 0 END) AS bigint) AS help, CAST(sum(s.refused) AS bigint) AS refused ",
            "FROM standing s WHERE s.alert_id = $1 ",
            $grids,
            "GROUP BY s.grid_id, s.building_id, s.ring UNION ALL SELECT s.grid_id, ",
            "s.building_id, s.ring, -s.audience, -s.pursued, -s.closed, -s.told_open, -s.heard, ",
            "-s.help, -s.refused FROM tally s WHERE s.alert_id = $1 ",
            $grids,
            ") q GROUP BY q.grid_id, q.building_id, q.ring HAVING sum(q.audience) <> 0 ",
            "OR sum(q.pursued) <> 0 OR sum(q.closed) <> 0 OR sum(q.told_open) <> 0 ",
            "OR sum(q.heard) <> 0 OR sum(q.help) <> 0 OR sum(q.refused) <> 0) w ",
            "ORDER BY w.grid_id"
        )
    };
}

crate::statements! {
    WRONG_GRIDS = wrong!("");
    STILL_WRONG = wrong!("AND s.grid_id {in $2} ");
    LOCK_DOORS = "WITH k AS (SELECT household_id FROM standing WHERE alert_id = $1 \
        AND grid_id {in $2} ORDER BY alert_id, grid_id + 0, seq {lock}) SELECT count(*) FROM k";
}

/// Grids of an alert whose tallies are not the sums of their standings.
pub async fn wrong_grids(store: &Store, alert: i64) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64, i64)> = store.rows(&WRONG_GRIDS, args![alert]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Counts these grids again, no answer moving them meanwhile. Gives those that were wrong still.
pub async fn recount(tx: &mut Tx, alert: i64, grids: &[i64]) -> Result<Vec<i64>, StoreFault> {
    let _: Option<(i64,)> = tx.first(&LOCK_DOORS, args![alert, ids(grids)]).await?;
    // Looked at once more under the locks: whoever moved them has committed since.
    let rows: Vec<(i64, i64)> = tx.rows(&STILL_WRONG, args![alert, ids(grids)]).await?;
    let wrong: Vec<i64> = rows.into_iter().map(|row| row.0).collect();
    if !wrong.is_empty() {
        tx.exec(&DROP_TALLY, args![alert, ids(&wrong)]).await?;
        tx.exec(&COUNT_TALLY, args![alert, ids(&wrong)]).await?;
    }
    Ok(wrong)
}
