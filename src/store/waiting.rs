//! Tasks in nobody's hands, and the numbers that are called for them: the duty room's, then those
//! of whoever answers for the place. Who of them is called when is `domain::calling`'s.

use super::db::{ids, rows_json};
use super::{StoreFault, Tx};
use crate::args;
use crate::domain::calling::DUTY_MAX;

macro_rules! is_there {
    () => {
        "NOT EXISTS (SELECT 1 FROM absence x WHERE x.human_id = d.human_id \
         AND x.from_at <= $1 AND x.until_at > $1) "
    };
}

crate::statements! {
    // Everybody's first number before anybody's second.
    DUTY_NUMBERS = concat!("SELECT q.human_id, q.address_id FROM (SELECT d.human_id, ",
        "a.id AS address_id, d.ord, row_number() OVER (PARTITION BY d.human_id ",
        "ORDER BY a.ord, a.id) AS nth FROM duty d JOIN place p ON p.id = d.place_id ",
        "AND p.parent_id IS NULL JOIN address a ON a.human_id = d.human_id AND a.lane = 1 ",
        "AND a.state = 0 WHERE d.role = 6 AND ", is_there!(),
        ") q ORDER BY q.nth, q.ord, q.human_id LIMIT $2");
    NUMBERS_ABOVE = concat!("SELECT pa.place_id, d.human_id, a.id FROM place_above pa ",
        "JOIN duty d ON d.place_id = pa.above_id AND d.role IN (4, 5) JOIN address a ",
        "ON a.id = (SELECT y.id FROM address y WHERE y.human_id = d.human_id AND y.lane = 1 ",
        "AND y.state = 0 ORDER BY y.ord, y.id LIMIT 1) WHERE pa.place_id {in $2} AND ",
        is_there!(), "ORDER BY pa.place_id, d.role DESC, d.ord, d.human_id");
    LOCK_TASKS = "SELECT id FROM task WHERE id {in $1} ORDER BY id {lock}";
    REOPEN_TASK = "UPDATE task SET state = 0, owner = NULL, owner_human = NULL \
        WHERE id {in $1} AND state = 1";
    WAITING = "SELECT t.id, t.class, \
        CAST(CASE WHEN t.state = 1 THEN COALESCE(t.deadline_at, 0) ELSE 0 END AS bigint) \
        AS kept_until, CAST({greatest}(t.opened_at, COALESCE(t.deadline_at, 0)) AS bigint) \
        AS since, COALESCE(h.grid_id, 0) AS grid_id, COALESCE(t.incident_id, t.id) AS card \
        FROM task t LEFT JOIN household h \
        ON h.id = t.household_id WHERE t.id {in $1} AND t.state < 2";
    TIMERS_OF_TASKS = "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
        SELECT r.alert, 7, 0, r.task, r.step, r.due FROM {rows $1: alert bigint, task bigint, \
        step bigint, due bigint} WHERE true ON CONFLICT (alert_id, kind, place_id, subject_id) \
        DO UPDATE SET step = excluded.step, due_at = excluded.due_at";
}

/// The duty room's numbers at `now`, who is on leave left out: human and address.
pub async fn duty_room(tx: &mut Tx, now: i64) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.rows(&DUTY_NUMBERS, args![now, DUTY_MAX]).await
}

/// First numbers of the streets' duty and the communities' heads above these places: place, human
/// and address, the street's first.
pub async fn above(
    tx: &mut Tx,
    places: &[i64],
    now: i64,
) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    tx.rows(&NUMBERS_ABOVE, args![now, ids(places)]).await
}

/// A task that is not closed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WaitingRow {
    pub id: i64,
    pub class: i64,
    /// Until when it is in somebody's hand; 0: in nobody's.
    pub kept_until: i64,
    /// Since when nobody has it: opened, or let lie by whoever took it.
    pub since: i64,
    /// 0: of no household.
    pub grid_id: i64,
    /// Tasks of one card are one call.
    pub card: i64,
}

/// Those of these tasks that are not closed.
pub async fn waiting(tx: &mut Tx, tasks: &[i64]) -> Result<Vec<WaitingRow>, StoreFault> {
    tx.rows(&WAITING, args![ids(tasks)]).await
}

/// Takes tasks out of hands that let the deadline pass.
pub async fn reopen(tx: &mut Tx, tasks: &[i64]) -> Result<u64, StoreFault> {
    let _: Vec<(i64,)> = tx.rows(&LOCK_TASKS, args![ids(tasks)]).await?;
    tx.exec(&REOPEN_TASK, args![ids(tasks)]).await
}

/// A task's next timer.
#[derive(Debug, Clone, serde::Serialize)]
pub struct TaskTimer {
    pub alert: i64,
    pub task: i64,
    pub step: i64,
    pub due: i64,
}

/// Sets the timers of tasks.
pub async fn set_timers(tx: &mut Tx, rows: &[TaskTimer]) -> Result<(), StoreFault> {
    if !rows.is_empty() {
        tx.exec(&TIMERS_OF_TASKS, args![rows_json(rows)?]).await?;
    }
    Ok(())
}
