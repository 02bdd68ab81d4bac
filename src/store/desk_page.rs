//! The help desk's page: cards by urgency, hand and age with the homes they are about, who may be
//! asked to go, and the few changes of a task that are the desk's own. A card is one task, or the
//! helps of one incident (`cry`). What a helper has promised in time is no card: nobody waits. What
//! a class means is decided in `domain`.

use super::db::ids;
use super::{Store, StoreFault, Tx};
use crate::args;

/// Tasks of a page's cards, at most.
const TASKS_MAX: i64 = 4_000;

/// The columns of a task with its home.
macro_rules! desk_columns {
    () => {
        "SELECT t.id, t.uid, COALESCE(t.incident_id, t.id) AS card, t.alert_id, a.uid AS alert, \
         a.title, a.kind AS alert_kind, a.state AS alert_state, t.cries, t.cried_at, \
         CAST(CASE WHEN t.kind = 5 THEN 1 ELSE 0 END AS bigint) \
         AS promise, \
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

/// A helper's word that he goes, and its time is not over at `$2`.
macro_rules! promised {
    () => {
        "(t.kind = 5 AND t.state = 1 AND t.deadline_at > $2) "
    };
}

/// Cards at the places of `$1`, at `$2`, of the alert `$3` (0: of all).
macro_rules! cards {
    () => {
        concat!(
            "WITH mine AS (SELECT t.id, COALESCE(t.incident_id, t.id) AS card, t.class, ",
            "CAST(CASE WHEN t.state = 1 AND t.deadline_at > $2 THEN 2 ",
            "WHEN t.kind = 5 THEN 1 ELSE 0 END AS bigint) AS held, ",
            "t.opened_at FROM task t ",
            "LEFT JOIN household h ON h.id = t.household_id ",
            "WHERE t.state < 2 AND ($3 = 0 OR t.alert_id = $3) AND NOT ",
            promised!(),
            "AND ",
            at_mine!(),
            "), cards AS (SELECT card, min(class) AS class, min(held) AS held, ",
            "min(opened_at) AS opened_at, min(id) AS first_id FROM mine GROUP BY card) "
        )
    };
}

crate::statements! {
    DESK_CARDS = concat!(cards!(), "SELECT c.card, c.class, c.held, c.opened_at, t.uid AS anchor ",
        "FROM cards c JOIN task t ON t.id = c.first_id WHERE c.class > $4 OR (c.class = $4 AND ",
        "(c.held > $5 OR (c.held = $5 AND (c.opened_at > $6 OR (c.opened_at = $6 ",
        "AND c.card > $7))))) ORDER BY c.class, c.held, c.opened_at, c.card LIMIT $8");
    OF_CARDS = concat!(desk_columns!(), "WHERE t.state < 2 AND (t.incident_id {in $1} ",
        "OR (t.id {in $1} AND t.incident_id IS NULL)) ORDER BY t.id LIMIT $2");
    DESK_DONE = concat!(desk_columns!(), "WHERE t.state = 2 AND t.closed_at > $3 ",
        "AND ($2 = 0 OR t.alert_id = $2) AND NOT EXISTS (SELECT 1 FROM task k ",
        "WHERE k.incident_id = t.incident_id AND k.household_id = t.household_id ",
        "AND k.closed_at = t.closed_at AND k.id < t.id AND ($2 = 0 OR k.alert_id = $2)) AND ",
        at_mine!(), "ORDER BY t.closed_at DESC, t.id LIMIT $4");
    DESK_COUNTS = concat!(cards!(), "SELECT c.class, c.held, count(*) FROM cards c ",
        "GROUP BY c.class, c.held ORDER BY c.class, c.held");
    DESK_GRAVE = concat!(cards!(), "SELECT t.uid FROM cards c JOIN task t ON t.id = c.first_id ",
        "WHERE c.class = 1 AND c.held = 0 ORDER BY c.opened_at, c.card LIMIT $4");
    PROMISES = concat!("SELECT count(*) AS homes, min(t.deadline_at) AS first_at FROM task t ",
        "LEFT JOIN household h ON h.id = t.household_id WHERE t.state < 2 ",
        "AND ($3 = 0 OR t.alert_id = $3) AND ", promised!(), "AND ", at_mine!());
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
    NEAR = "SELECT hu.code, hu.name, min(d.role) AS role, min(pa.distance) AS distance \
        FROM place_above pa JOIN duty d ON d.place_id = pa.above_id AND d.role <= 6 \
        JOIN human hu ON hu.id = d.human_id AND hu.retired_at IS NULL WHERE pa.place_id = $1 \
        GROUP BY hu.code, hu.name ORDER BY 4, 3, hu.code LIMIT 40";
    SET_CLASS = "UPDATE task SET class = $2, kind = $3, building_id = COALESCE(building_id, \
        (SELECT h.building_id FROM household h WHERE h.id = task.household_id)) \
        WHERE id = $1 AND state < 2";
    HURRY_TASK = "UPDATE timer SET due_at = {least}(due_at, $3) WHERE alert_id = $1 AND kind = 7 \
        AND subject_id = $2";
    DEMAND_OF = "SELECT demand FROM standing WHERE alert_id = $1 AND household_id = $2";
    LOCK_TASK = "SELECT kind, class, state, cries FROM task WHERE id = $1 {lock}";
}

/// A task as the desk's page shows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DeskRow {
    pub id: i64,
    pub uid: String,
    /// Tasks of one incident are one card.
    pub card: i64,
    /// 0: no alert known.
    pub alert_id: i64,
    pub alert: Option<String>,
    pub title: Option<String>,
    pub alert_kind: Option<i64>,
    pub alert_state: Option<i64>,
    /// How often the home cried while this was open, and the last time.
    pub cries: i64,
    pub cried_at: Option<i64>,
    /// 1: a helper said that he goes.
    pub promise: i64,
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

/// Behind which card a page begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct After {
    class: i64,
    held: i64,
    opened_at: i64,
    card: i64,
}

impl After {
    /// The inverse of its display; an empty text is the beginning.
    pub fn read(text: &str) -> Option<After> {
        if text.is_empty() {
            return Some(After::default());
        }
        let parts: Option<Vec<i64>> = text.split('.').map(|part| part.parse().ok()).collect();
        match parts?[..] {
            [class, held, opened_at, card] => Some(After { class, held, opened_at, card }),
            _ => None,
        }
    }
}

impl std::fmt::Display for After {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}.{}", self.class, self.held, self.opened_at, self.card)
    }
}

/// Where a card stands.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CardAt {
    pub card: i64,
    /// The most urgent of its tasks'.
    pub class: i64,
    /// 0: some of it is nobody's, or overdue; 1: a helper did not go as he said, and nobody cries
    /// there; 2: all of it is in hand.
    pub held: i64,
    /// The first of its tasks.
    pub opened_at: i64,
    /// By which it is known while it stands there: its first open task.
    pub anchor: String,
}

impl CardAt {
    /// The page behind this card.
    pub fn mark(&self) -> After {
        let CardAt { card, class, held, opened_at, .. } = *self;
        After { class, held, opened_at, card }
    }
}

/// Homes to which a helper has said that he goes, in time still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Promises {
    pub homes: i64,
    /// When the first of them is to be there.
    pub first_at: Option<i64>,
}

/// Open cards at these places (alert 0: of all) at `now`: the most urgent first, of these what
/// nobody has, and the oldest.
pub async fn cards(
    store: &Store,
    places: &[i64],
    alert: i64,
    now: i64,
    after: After,
    limit: i64,
) -> Result<Vec<CardAt>, StoreFault> {
    let After { class, held, opened_at: at, card } = after;
    store.rows(&DESK_CARDS, args![ids(places), now, alert, class, held, at, card, limit]).await
}

/// The open tasks of these cards.
pub async fn of_cards(store: &Store, cards: &[i64]) -> Result<Vec<DeskRow>, StoreFault> {
    store.rows(&OF_CARDS, args![ids(cards), TASKS_MAX]).await
}

/// Cards of class A that nobody has, of all alerts: their first tasks, the longest waiting first.
pub async fn grave(
    store: &Store,
    places: &[i64],
    now: i64,
    limit: i64,
) -> Result<Vec<String>, StoreFault> {
    let rows: Vec<(String,)> =
        store.rows(&DESK_GRAVE, args![ids(places), now, 0_i64, limit]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// What helpers have promised at these places, and is not overdue.
pub async fn promises(
    store: &Store,
    places: &[i64],
    alert: i64,
    now: i64,
) -> Result<Promises, StoreFault> {
    Ok(store.first(&PROMISES, args![ids(places), now, alert]).await?.unwrap_or_default())
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

/// Cards by class and whether they are in hand.
pub async fn counts(
    store: &Store,
    places: &[i64],
    alert: i64,
    now: i64,
) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    store.rows(&DESK_COUNTS, args![ids(places), now, alert]).await
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

/// Who answers for a place, the nearest first: code, name, role, distance.
pub async fn near(
    store: &Store,
    place: i64,
) -> Result<Vec<(String, String, i64, i64)>, StoreFault> {
    store.rows(&NEAR, args![place]).await
}

/// Kind, class, state and cries of a task, locked.
pub async fn lock(tx: &mut Tx, task: i64) -> Result<Option<(i64, i64, i64, i64)>, StoreFault> {
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
