//! The help desk's page: tasks by urgency and age with the home they are about, who may be asked to
//! go, and the few changes of a task that are the desk's own. Opening, taking and closing stand in
//! `desk`; what a class means is decided in `domain`.

use super::db::ids;
use super::{Store, StoreFault, Tx};
use crate::args;

/// The columns of a task with its home; `$1` are the places of whoever looks.
macro_rules! desk_columns {
    () => {
        "SELECT t.id, t.uid, t.alert_id, a.uid AS alert, a.title, a.kind AS alert_kind, \
         t.household_id, h.code AS household, h.name, g.name AS grid, b.name AS building, \
         h.floor, h.door, h.persons, h.needs, t.kind, t.class, t.state, t.text, t.owner, \
         t.opened_at, t.taken_at, t.deadline_at, t.closed_at, t.result, i.last4, \
         COALESCE(s.demand, 0) AS demand, s.closed_at AS home_closed_at FROM task t \
         LEFT JOIN alert a ON a.id = t.alert_id \
         LEFT JOIN household h ON h.id = t.household_id \
         LEFT JOIN place b ON b.id = COALESCE(h.building_id, t.building_id) \
         LEFT JOIN place g ON g.id = h.grid_id LEFT JOIN inbound i ON i.id = t.inbound_id \
         LEFT JOIN standing s ON s.alert_id = t.alert_id AND s.household_id = t.household_id "
    };
}

/// At a place of `$1`; what belongs to no building is the root's.
macro_rules! at_mine {
    () => {
        "(EXISTS (SELECT 1 FROM place_above pa WHERE pa.place_id = COALESCE(h.building_id, \
         t.building_id) AND pa.above_id {in $1}) OR (COALESCE(h.building_id, t.building_id) \
         IS NULL AND EXISTS (SELECT 1 FROM place p WHERE p.parent_id IS NULL \
         AND p.id {in $1}))) "
    };
}

crate::statements! {
    DESK_PAGE = concat!(desk_columns!(), "WHERE t.state < 2 AND ($2 = 0 OR t.alert_id = $2) ",
        "AND (t.class > $3 OR (t.class = $3 AND (t.opened_at > $4 OR (t.opened_at = $4 ",
        "AND t.id > $5)))) AND ", at_mine!(), "ORDER BY t.class, t.opened_at, t.id LIMIT $6");
    DESK_DONE = concat!(desk_columns!(), "WHERE t.state = 2 AND t.closed_at > $3 ",
        "AND ($2 = 0 OR t.alert_id = $2) AND ", at_mine!(),
        "ORDER BY t.closed_at DESC, t.id LIMIT $4");
    DESK_COUNTS = concat!("SELECT t.class, t.state, count(*) FROM task t LEFT JOIN household h ",
        "ON h.id = t.household_id WHERE t.state < 2 AND ($2 = 0 OR t.alert_id = $2) AND ",
        at_mine!(), "GROUP BY t.class, t.state ORDER BY t.class, t.state");
    SENDERS = "SELECT t.id, a.id AS address_id, a.sealed, a.hash, a.relative FROM task t \
        JOIN inbound i ON i.id = t.inbound_id JOIN address a ON a.hash = i.from_hash \
        AND a.lane IN (1, 2) \
        WHERE t.id {in $1} AND (t.household_id IS NULL OR a.household_id = t.household_id) \
        ORDER BY t.id, a.id";
    GOERS = "SELECT DISTINCT t.id, hu.code, hu.name, d.role, pa.distance FROM task t \
        LEFT JOIN household h ON h.id = t.household_id JOIN place_above pa \
        ON pa.place_id = COALESCE(h.building_id, t.building_id) JOIN duty d \
        ON d.place_id = pa.above_id AND d.role <= 6 JOIN human hu ON hu.id = d.human_id \
        AND hu.retired_at IS NULL WHERE t.id {in $1} ORDER BY t.id, pa.distance, d.role, hu.code";
    SET_CLASS = "UPDATE task SET class = $2, kind = $3 WHERE id = $1 AND state < 2";
    HURRY_TASK = "UPDATE timer SET due_at = {least}(due_at, $3) WHERE alert_id = $1 AND kind = 7 \
        AND subject_id = $2";
    DEMAND_OF = "SELECT demand FROM standing WHERE alert_id = $1 AND household_id = $2";
    LOCK_TASK = "SELECT kind, class, state FROM task WHERE id = $1 {lock}";
}

/// A task as the desk's page shows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DeskRow {
    pub id: i64,
    pub uid: String,
    /// 0: no alert known.
    pub alert_id: i64,
    pub alert: Option<String>,
    pub title: Option<String>,
    pub alert_kind: Option<i64>,
    pub household_id: Option<i64>,
    pub household: Option<String>,
    pub name: Option<String>,
    pub grid: Option<String>,
    pub building: Option<String>,
    pub floor: Option<i64>,
    pub door: Option<String>,
    pub persons: Option<i64>,
    pub needs: Option<i64>,
    pub kind: i64,
    pub class: i64,
    pub state: i64,
    pub text: String,
    pub owner: Option<String>,
    pub opened_at: i64,
    pub taken_at: Option<i64>,
    pub deadline_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub result: Option<String>,
    /// The end of the number that wrote it.
    pub last4: Option<String>,
    /// What its home is asked under the alert; 0 also where it is not of its audience.
    pub demand: i64,
    pub home_closed_at: Option<i64>,
}

/// Behind which task a page begins: class, opened at, id.
pub type After = (i64, i64, i64);

/// Open and taken tasks at these places (alert 0: of all), the most urgent and oldest first.
pub async fn page(
    store: &Store,
    places: &[i64],
    alert: i64,
    after: After,
    limit: i64,
) -> Result<Vec<DeskRow>, StoreFault> {
    store.rows(&DESK_PAGE, args![ids(places), alert, after.0, after.1, after.2, limit]).await
}

/// What was closed since an instant, the latest first.
pub async fn done(
    store: &Store,
    places: &[i64],
    alert: i64,
    since: i64,
    limit: i64,
) -> Result<Vec<DeskRow>, StoreFault> {
    store.rows(&DESK_DONE, args![ids(places), alert, since, limit]).await
}

/// Tasks by class and state.
pub async fn counts(
    store: &Store,
    places: &[i64],
    alert: i64,
) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    store.rows(&DESK_COUNTS, args![ids(places), alert]).await
}

/// A number from which a task's text came.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SenderRow {
    /// The task.
    pub id: i64,
    pub address_id: i64,
    pub sealed: Vec<u8>,
    pub hash: Vec<u8>,
    pub relative: Option<String>,
}

/// The numbers from which these tasks came, where they are known.
pub async fn senders(store: &Store, tasks: &[i64]) -> Result<Vec<SenderRow>, StoreFault> {
    store.rows(&SENDERS, args![ids(tasks)]).await
}

/// Who answers for the places of these tasks, the nearest first: task, code, name, role, distance.
pub async fn goers(
    store: &Store,
    tasks: &[i64],
) -> Result<Vec<(i64, String, String, i64, i64)>, StoreFault> {
    store.rows(&GOERS, args![ids(tasks)]).await
}

/// Kind, class and state of a task, locked.
pub async fn lock(tx: &mut Tx, task: i64) -> Result<Option<(i64, i64, i64)>, StoreFault> {
    tx.first(&LOCK_TASK, args![task]).await
}

/// Gives an open task a class and a kind. False: it is closed already.
pub async fn set_class(tx: &mut Tx, task: i64, class: i64, kind: i64) -> Result<bool, StoreFault> {
    Ok(tx.exec(&SET_CLASS, args![task, class, kind]).await? == 1)
}

/// Lets the task's timer act no later than `due_at`.
pub async fn hurry(tx: &mut Tx, alert: i64, task: i64, due_at: i64) -> Result<u64, StoreFault> {
    tx.exec(&HURRY_TASK, args![alert, task, due_at]).await
}

/// What a home is asked under an alert. None: it is not of its audience.
pub async fn demand(tx: &mut Tx, alert: i64, household: i64) -> Result<Option<i64>, StoreFault> {
    let row: Option<(i64,)> = tx.first(&DEMAND_OF, args![alert, household]).await?;
    Ok(row.map(|row| row.0))
}
