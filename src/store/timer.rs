//! Timers: when the next act of a track is due. Time belongs to an alert, a place in it, a list,
//! a task or a person; a silent household never has one. Only the next timer of a track exists.

use super::db::ids;
use super::{Store, StoreFault, Tx};
use crate::args;
use crate::base::limits::TIMERS_STEP;

crate::statements! {
    SET_TIMER = "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (alert_id, kind, place_id, subject_id) \
        DO UPDATE SET step = excluded.step, due_at = excluded.due_at";
    SET_FOR_PLACES = "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
        SELECT $1, $2, r.place, 0, r.step, r.due FROM \
        {rows $3: place bigint, step bigint, due bigint} WHERE true \
        ON CONFLICT (alert_id, kind, place_id, subject_id) \
        DO UPDATE SET step = excluded.step, due_at = excluded.due_at";
    CLAIM_DUE = "SELECT id, alert_id, kind, place_id, subject_id, step, due_at FROM timer \
        WHERE due_at <= $1 AND (alert_id = 0 OR alert_id {in $3}) ORDER BY due_at, id LIMIT $2 \
        {skip}";
    CLAIM_AGAIN = "SELECT id, alert_id, kind, place_id, subject_id, step, due_at FROM timer \
        WHERE id {in $1} AND due_at <= $2 ORDER BY due_at, id {skip}";
    PUT_OFF = "UPDATE timer SET due_at = $2 WHERE id = $1";
    DROP_TIMERS = "DELETE FROM timer WHERE id {in $1}";
    STOP_ALERT = "DELETE FROM timer WHERE alert_id = $1 AND NOT (kind {in $2})";
    DROP_ONE = "DELETE FROM timer WHERE alert_id = $1 AND kind = $2 AND subject_id = $3";
    LOOK_AT_LISTS = "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
        SELECT t.alert_id, 16, t.place_id, 0, 0, CAST($3 AS bigint) FROM timer t \
        WHERE t.alert_id = $1 AND t.kind = 3 AND t.place_id {in $2} ON CONFLICT DO NOTHING";
    LOOK_AT_CLOSED = "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
        SELECT DISTINCT x.alert_id, 16, x.place_id, 0, 0, CAST($2 AS bigint) FROM \
        {rows $1: alert bigint, grid bigint, building bigint} JOIN timer x \
        ON x.alert_id = r.alert AND x.kind = 3 AND x.place_id = r.grid \
        WHERE NOT EXISTS (SELECT 1 FROM tally t WHERE t.alert_id = r.alert \
        AND t.grid_id = r.grid AND t.building_id = r.building AND t.pursued > t.closed) \
        ON CONFLICT DO NOTHING";
    // Waits for a step that is just ending such a ladder: it can't have seen the door.
    REOPEN = "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
        SELECT DISTINCT a.id, CASE WHEN a.state = 5 THEN 9 ELSE 16 END, \
        CASE WHEN a.state = 5 THEN 0 ELSE r.grid END, 0, 0, CAST($2 AS bigint) FROM \
        {rows $1: alert bigint, grid bigint, building bigint} JOIN alert a ON a.id = r.alert \
        WHERE a.state IN (4, 5) ON CONFLICT DO NOTHING";
    TAKE_LISTS = "DELETE FROM timer WHERE alert_id = $1 AND kind = 3 AND place_id {in $2} \
        RETURNING id, alert_id, kind, place_id, subject_id, step, due_at";
    SET_FOR_HUMANS = "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
        SELECT $1, $2, 0, r.human, 0, r.due FROM {rows $3: human bigint, due bigint} WHERE true \
        ON CONFLICT DO NOTHING";
    START_PACE = "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
        SELECT DISTINCT l.alert_id, CAST($2 AS bigint), p.id, 0, 0, CAST($3 AS bigint) \
        FROM list l CROSS JOIN place_above pa CROSS JOIN place p WHERE pa.place_id = l.place_id \
        AND p.id = pa.above_id AND p.kind = 'grid' AND l.id {in $1} AND l.alert_id + 0 = $4 \
        AND l.rung < 7 ON CONFLICT DO NOTHING";
    // A grid that is not expanded yet has at least a person a home.
    COUNT_OPEN = "SELECT CAST(sum(q.homes) AS bigint), CAST(sum(q.persons) AS bigint) FROM \
        (SELECT count(*) AS homes, COALESCE(sum(s.persons), 0) AS persons FROM standing s \
        WHERE s.alert_id = $1 AND ((s.pursued = 1 AND s.closed_at IS NULL) OR s.helps > 0) \
        UNION ALL SELECT COALESCE(sum(e.pursued), 0), COALESCE(sum(e.pursued), 0) \
        FROM expansion e WHERE e.alert_id = $1 AND e.state = 0 AND NOT EXISTS (SELECT 1 \
        FROM standing s WHERE s.alert_id = $1 AND s.grid_id = e.grid_id)) q";
    START_GRIDS = "UPDATE expansion SET started_at = $4 WHERE alert_id = $1 AND version = $2 \
        AND grid_id {in $3} AND started_at IS NULL";
    NEXT_TIMER = "SELECT min(due_at) FROM timer";
}

/// A due timer.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TimerRow {
    pub id: i64,
    pub alert_id: i64,
    pub kind: i64,
    pub place_id: i64,
    pub subject_id: i64,
    pub step: i64,
    pub due_at: i64,
}

/// Sets the one timer of a track.
pub async fn set(
    tx: &mut Tx,
    alert: i64,
    kind: i64,
    place: i64,
    subject: i64,
    step: i64,
    due_at: i64,
) -> Result<(), StoreFault> {
    tx.exec(&SET_TIMER, args![alert, kind, place, subject, step, due_at]).await?;
    Ok(())
}

/// A place's next timer of one kind.
#[derive(Debug, Clone, serde::Serialize)]
pub struct PlaceTimer {
    pub place: i64,
    pub step: i64,
    pub due: i64,
}

/// Sets the timers of many places with one statement.
pub async fn set_for_places(
    tx: &mut Tx,
    alert: i64,
    kind: i64,
    rows: &[PlaceTimer],
) -> Result<(), StoreFault> {
    if !rows.is_empty() {
        let rows = super::db::rows_json(rows)?;
        tx.exec(&SET_FOR_PLACES, args![alert, kind, rows]).await?;
    }
    Ok(())
}

/// Locks the timers of these alerts, and of none, that are due at `now` (story time), the oldest
/// first, and removes them: their acts and successors must be written in the same transaction.
pub async fn claim_due(tx: &mut Tx, now: i64, alerts: &[i64]) -> Result<Vec<TimerRow>, StoreFault> {
    let due: Vec<TimerRow> = tx.rows(&CLAIM_DUE, args![now, TIMERS_STEP, ids(alerts)]).await?;
    if !due.is_empty() {
        let all: Vec<i64> = due.iter().map(|t| t.id).collect();
        tx.exec(&DROP_TIMERS, args![ids(&all)]).await?;
    }
    Ok(due)
}

/// Claims these timers, as far as they still are due, as [`claim_due`] does.
pub async fn claim_again(
    tx: &mut Tx,
    timers: &[i64],
    now: i64,
) -> Result<Vec<TimerRow>, StoreFault> {
    let due: Vec<TimerRow> = tx.rows(&CLAIM_AGAIN, args![ids(timers), now]).await?;
    let all: Vec<i64> = due.iter().map(|t| t.id).collect();
    tx.exec(&DROP_TIMERS, args![ids(&all)]).await?;
    Ok(due)
}

/// Lets a timer wait: its act can't be done now.
pub async fn put_off(tx: &mut Tx, timer: i64, due_at: i64) -> Result<u64, StoreFault> {
    tx.exec(&PUT_OFF, args![timer, due_at]).await
}

/// When the next timer is due, story time.
pub async fn next_due_at(store: &Store) -> Result<Option<i64>, StoreFault> {
    let row: Option<(Option<i64>,)> = store.first(&NEXT_TIMER, args![]).await?;
    Ok(row.and_then(|r| r.0))
}

/// Takes away the timer of one subject of an alert.
pub async fn drop_one(tx: &mut Tx, alert: i64, kind: i64, subject: i64) -> Result<u64, StoreFault> {
    tx.exec(&DROP_ONE, args![alert, kind, subject]).await
}

/// Takes away an alert's timers but those of these kinds: it ended or was withdrawn.
pub async fn stop_alert(tx: &mut Tx, alert: i64, kept: &[i64]) -> Result<u64, StoreFault> {
    tx.exec(&STOP_ALERT, args![alert, ids(kept)]).await
}

/// Lets the ladders of these grids be looked at now. Their own timers keep their time: whoever
/// else was asked still has it.
pub async fn look_at_lists(
    tx: &mut Tx,
    alert: i64,
    grids: &[i64],
    now: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&LOOK_AT_LISTS, args![alert, ids(grids), now]).await
}

/// A building of a grid whose doors moved.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Moved {
    pub alert: i64,
    pub grid: i64,
    pub building: i64,
}

/// Doors were closed: where a building has none left, its grid's ladder is looked at.
pub async fn look_at_closed(tx: &mut Tx, rows: &[Moved], now: i64) -> Result<(), StoreFault> {
    if !rows.is_empty() {
        tx.exec(&LOOK_AT_CLOSED, args![super::db::rows_json(rows)?, now]).await?;
    }
    Ok(())
}

/// Doors have opened again: a ladder that had come to its end is looked at again at `due`, that of
/// an ended alert as its search list.
pub async fn reopen(tx: &mut Tx, rows: &[Moved], due: i64) -> Result<(), StoreFault> {
    if !rows.is_empty() {
        tx.exec(&REOPEN, args![super::db::rows_json(rows)?, due]).await?;
    }
    Ok(())
}

/// Takes the ladders' timers of these grids, due or not; what follows is set by the caller.
pub async fn take_lists(
    tx: &mut Tx,
    alert: i64,
    grids: &[i64],
) -> Result<Vec<TimerRow>, StoreFault> {
    tx.rows(&TAKE_LISTS, args![alert, ids(grids)]).await
}

/// A timer of one person.
#[derive(Debug, Clone, serde::Serialize)]
pub struct HumanTimer {
    pub human: i64,
    pub due: i64,
}

/// Sets the timers of many persons with one statement; one that runs already stays as it is.
pub async fn set_for_humans(
    tx: &mut Tx,
    alert: i64,
    kind: i64,
    rows: &[HumanTimer],
) -> Result<(), StoreFault> {
    if !rows.is_empty() {
        let rows = super::db::rows_json(rows)?;
        tx.exec(&SET_FOR_HUMANS, args![alert, kind, rows]).await?;
    }
    Ok(())
}

/// Lets the pace of whoever took these lists of an alert be looked at, unless it is already.
pub async fn start_pace(
    tx: &mut Tx,
    alert: i64,
    lists: &[i64],
    kind: i64,
    due_at: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&START_PACE, args![ids(lists), kind, due_at, alert]).await
}

/// Households that are pursued and open or have an open help, and their persons; grids that are
/// still to be expanded by their head-counts.
pub async fn count_open(tx: &mut Tx, alert: i64) -> Result<(i64, i64), StoreFault> {
    let row: Option<(i64, i64)> = tx.first(&COUNT_OPEN, args![alert]).await?;
    Ok(row.unwrap_or_default())
}

/// Notes when the clocks of these grids started.
pub async fn start_grids(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    grids: &[i64],
    now: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&START_GRIDS, args![alert, version, ids(grids), now]).await
}
