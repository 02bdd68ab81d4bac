//! What the demo's narrator and its simulated people look at, read from the rows. It changes
//! nothing, and no step of the engine relies on it.

use crate::args;
use crate::store::{Store, StoreFault};

crate::statements! {
    WAVES = "SELECT wave, count(*) FROM outcome WHERE alert_id = $1 AND kind <> 6 GROUP BY wave \
        ORDER BY wave";
    GRIDS = "SELECT count(*), CAST(COALESCE(sum(CASE WHEN state = 1 THEN 1 ELSE 0 END), 0) AS \
        bigint), \
        count(handed_at) FROM expansion WHERE alert_id = $1";
    LISTS = "SELECT rung, state, count(*) FROM list WHERE alert_id = $1 GROUP BY rung, state";
    TASKS = "SELECT kind, class, state, count(*) FROM task WHERE alert_id = $1 GROUP BY kind, \
        class, state";
    RINGS = "SELECT ring, count(*), CAST(COALESCE(sum(CASE WHEN closed_at IS NOT NULL AND helps \
        = 0 \
        THEN 1 ELSE 0 END), 0) AS bigint) FROM standing WHERE alert_id = $1 GROUP BY ring \
        ORDER BY ring";
    UNWOKEN = "SELECT h.name, p.name FROM summons s JOIN human h ON h.id = s.human_id JOIN duty d \
        ON d.human_id = h.id AND d.role IN (2, 3) JOIN place p ON p.id = d.place_id \
        WHERE s.alert_id = $1 AND s.woken_at IS NULL ORDER BY p.ord LIMIT 3";
    DOORS = "SELECT l.uid, hh.code, s.ring, l.human_id, t.code, l.answered_at FROM standing s \
        CROSS JOIN place_above pa CROSS JOIN list l CROSS JOIN human t CROSS JOIN household hh \
        WHERE pa.place_id = s.building_id AND l.alert_id = s.alert_id \
        AND l.place_id = pa.above_id AND l.state IN (2, 4) AND t.id = l.human_id \
        AND hh.id = s.household_id AND s.alert_id = $1 AND s.pursued = 1 AND s.closed_at IS NULL \
        ORDER BY s.vulnerable DESC, s.grid_id, s.seq";
}

/// Wave and attempts to households.
pub async fn waves(store: &Store, alert: i64) -> Result<Vec<(i64, i64)>, StoreFault> {
    store.rows(&WAVES, args![alert]).await
}

/// Grids: all, expanded, with rings 1 and 2 handed to the gateway.
pub async fn grids(store: &Store, alert: i64) -> Result<(i64, i64, i64), StoreFault> {
    Ok(store.first(&GRIDS, args![alert]).await?.unwrap_or_default())
}

/// Rung, state and number of lists.
pub async fn lists(store: &Store, alert: i64) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    store.rows(&LISTS, args![alert]).await
}

/// Kind, class, state and number of tasks.
pub async fn tasks(store: &Store, alert: i64) -> Result<Vec<(i64, i64, i64, i64)>, StoreFault> {
    store.rows(&TASKS, args![alert]).await
}

/// Ring, households, of them answered to the point.
pub async fn rings(store: &Store, alert: i64) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    store.rows(&RINGS, args![alert]).await
}

/// Name and grid of a few who did not wake.
pub async fn unwoken(store: &Store, alert: i64) -> Result<Vec<(String, String)>, StoreFault> {
    store.rows(&UNWOKEN, args![alert]).await
}

/// An open door on a list that somebody took.
#[derive(Debug, Clone)]
pub struct Door {
    pub list: String,
    pub household: String,
    pub ring: i64,
    pub human: i64,
    pub human_code: String,
    pub taken_at: Option<i64>,
}

/// Open doors on taken lists, the fragile first.
pub async fn doors(store: &Store, alert: i64) -> Result<Vec<Door>, StoreFault> {
    let rows: Vec<(String, String, i64, i64, String, Option<i64>)> =
        store.rows(&DOORS, args![alert]).await?;
    let door = |(list, household, ring, human, human_code, taken_at)| Door {
        list,
        household,
        ring,
        human,
        human_code,
        taken_at,
    };
    Ok(rows.into_iter().map(door).collect())
}
