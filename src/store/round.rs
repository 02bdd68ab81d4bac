//! A leader's round: the doors of all his lists under one alert in the order in which he walks
//! them, what was tried there, who stood there last, and who has the doors around. Reads, and the
//! few look-ups that an act at a door needs; which door is whose is decided as in `list`.

use super::climb::{reach, reach_sums};
use super::db::ids;
use super::places::full_name;
use super::{Store, StoreFault, Tx};
use crate::args;

/// Grids and buildings of the lists of human `$2` under alert `$1`; building 0: the whole grid.
macro_rules! mine {
    () => {
        "WITH mine AS (SELECT DISTINCT g.id AS grid_id, CAST(CASE WHEN l.place_id = g.id THEN 0 \
         ELSE l.place_id END AS bigint) AS building_id FROM list l JOIN place_above pa \
         ON pa.place_id = l.place_id JOIN place g ON g.id = pa.above_id AND g.kind = 'grid' \
         WHERE l.alert_id = $1 AND l.human_id = $2 AND l.state IN (1, 2, 4) AND l.rung < 7) "
    };
}

/// Their standings `s`, without buildings in somebody else's hand.
macro_rules! of_mine {
    () => {
        "FROM standing s WHERE s.alert_id = $1 AND s.grid_id IN (SELECT grid_id FROM mine) \
         AND EXISTS (SELECT 1 FROM mine m WHERE m.grid_id = s.grid_id \
         AND (m.building_id = s.building_id OR (m.building_id = 0 AND NOT EXISTS (SELECT 1 \
         FROM list k WHERE k.alert_id = $1 AND k.place_id = s.building_id AND k.human_id <> $2 \
         AND k.state IN (2, 4))))) "
    };
}

macro_rules! door_columns {
    () => {
        "SELECT q.grid_id, q.seq, q.household_id, q.band, q.ring, q.demand, q.pursued, \
         q.persons, q.vulnerable, q.heard_at, q.whereabouts, q.refused, q.helps, q.verify, \
         q.closed_at, q.reach, hh.code, hh.name, hh.floor, hh.door, hh.needs, g.name AS grid, \
         g.ord, b.name AS building, CASE WHEN hh.place_id = hh.building_id THEN NULL \
         ELSE w.name END AS stairwell FROM (SELECT s.*, "
    };
}
macro_rules! door_places {
    () => {
        ") q JOIN household hh ON hh.id = q.household_id JOIN place g ON g.id = q.grid_id \
         JOIN place b ON b.id = q.building_id JOIN place w ON w.id = hh.place_id "
    };
}
macro_rules! open {
    () => {
        "AND ((s.pursued = 1 AND s.closed_at IS NULL) OR s.helps > 0) "
    };
}
macro_rules! walking {
    () => {
        "ORDER BY CASE WHEN q.helps > 0 THEN 0 ELSE 1 END, q.band, g.ord, q.grid_id, q.seq "
    };
}
/// Somebody stood at the door.
macro_rules! visited {
    () => {
        "AND EXISTS (SELECT 1 FROM statement st WHERE st.alert_id = s.alert_id \
         AND st.household_id = s.household_id AND st.giver = 60) "
    };
}
macro_rules! sums {
    () => {
        "SELECT count(*) AS doors, \
         CAST(COALESCE(sum(q.vulnerable), 0) AS bigint) AS fragile, \
         CAST(COALESCE(sum(CASE WHEN q.helps > 0 THEN 1 ELSE 0 END), 0) AS bigint) AS helps, "
    };
}

crate::statements! {
    DOORS = concat!(mine!(), door_columns!(), reach!(), " AS reach ", of_mine!(), open!(),
        door_places!(), walking!(), "LIMIT $3");
    TOLD = concat!(mine!(), door_columns!(), reach!(), " AS reach ", of_mine!(),
        "AND s.pursued = 0 AND s.heard_at IS NULL AND s.helps = 0 AND s.dropped = 0 ",
        door_places!(), walking!(), "LIMIT $3");
    DONE = concat!(mine!(), door_columns!(), "CAST(3 AS bigint) AS reach ", of_mine!(),
        "AND s.pursued = 1 AND s.closed_at IS NOT NULL AND s.helps = 0 ", visited!(),
        door_places!(), "ORDER BY q.closed_at DESC, q.grid_id, q.seq LIMIT $3");
    SUMS = concat!(mine!(), sums!(), reach_sums!(), " FROM (SELECT s.vulnerable, s.helps, ",
        reach!(), " AS reach ", of_mine!(), open!(), ") q");
    TOLD_AND_CLOSED = concat!(mine!(), "SELECT CAST(COALESCE(sum(CASE WHEN s.pursued = 0 ",
        "AND s.heard_at IS NULL AND s.helps = 0 AND s.dropped = 0 THEN 1 ELSE 0 END), 0) ",
        "AS bigint), CAST(COALESCE(sum(CASE WHEN s.pursued = 1 AND s.closed_at IS NOT NULL ",
        "AND s.helps = 0 THEN 1 ELSE 0 END), 0) AS bigint) ", of_mine!());
    SEARCH_DOORS = concat!(door_columns!(), reach!(), " AS reach FROM standing s ",
        "WHERE s.alert_id = $1 AND CAST($2 AS bigint) IS NOT NULL ", open!(), door_places!(),
        walking!(), "LIMIT $3");
    SEARCH_DONE = concat!(door_columns!(), "CAST(3 AS bigint) AS reach FROM standing s ",
        "WHERE s.alert_id = $1 AND CAST($2 AS bigint) IS NOT NULL AND s.pursued = 1 ",
        "AND s.closed_at IS NOT NULL AND s.helps = 0 AND EXISTS (SELECT 1 FROM statement st ",
        "WHERE st.alert_id = s.alert_id AND st.household_id = s.household_id ",
        "AND st.claim IN (16, 17, 18)) ", door_places!(),
        "ORDER BY q.closed_at DESC, q.grid_id, q.seq LIMIT $3");
    SEARCH_SUMS = concat!(sums!(), reach_sums!(), " FROM (SELECT s.vulnerable, s.helps, ",
        reach!(), " AS reach FROM standing s WHERE s.alert_id = $1 ", open!(), ") q");
    AT_THE_DOOR = "SELECT st.household_id, st.source_key, st.claim, st.detail, st.closes, \
        st.persons, st.observed_at, st.giver_id, COALESCE(h.name, '') AS who FROM statement st \
        LEFT JOIN human h ON h.id = st.giver_id WHERE st.alert_id = $1 \
        AND st.household_id {in $2} AND st.giver = 60 \
        ORDER BY st.household_id, st.observed_at, st.id";
    TRIED = "SELECT s.household_id, o.lane, o.at, (SELECT CASE WHEN min(r.class) = 1 THEN 1 \
        ELSE max(r.class) END FROM receipt r WHERE r.batch_id = o.batch_id \
        AND r.address_id = o.address_id) AS receipt FROM standing s JOIN outcome o \
        ON o.alert_id = s.alert_id AND o.grid_id = s.grid_id AND o.seq = s.seq \
        AND o.kind IN (1, 5) WHERE s.alert_id = $1 AND s.household_id {in $2} \
        ORDER BY s.household_id, o.at, o.address_id";
    NUMBERS = "SELECT household_id, lane, relative, sealed, hash FROM address \
        WHERE household_id {in $1} AND state = 0 AND lane IN (1, 2) ORDER BY household_id, \
        CASE WHEN relative IS NULL THEN 0 ELSE 1 END, lane, ord, id";
    HANDS = concat!(mine!(), "SELECT k.id, ", full_name!("q", "p"), " AS place, ",
        "h.name AS human, k.answered_at, k.acted_at, CAST((SELECT COALESCE(sum(t.pursued - ",
        "t.closed), 0) FROM place_above pg JOIN tally t ON t.alert_id = k.alert_id ",
        "AND t.grid_id = pg.above_id AND (t.grid_id = k.place_id ",
        "OR t.building_id = k.place_id) WHERE pg.place_id = k.place_id) AS bigint) AS doors ",
        "FROM list k JOIN human h ON h.id = k.human_id JOIN place p ON p.id = k.place_id ",
        "LEFT JOIN place q ON q.id = p.parent_id WHERE k.alert_id = $1 AND k.human_id <> $2 ",
        "AND k.state IN (2, 4) AND k.rung < 7 AND EXISTS (SELECT 1 FROM mine m ",
        "WHERE m.building_id = k.place_id OR m.grid_id = k.place_id OR (m.building_id = 0 ",
        "AND EXISTS (SELECT 1 FROM place_above pa WHERE pa.place_id = k.place_id ",
        "AND pa.above_id = m.grid_id))) ORDER BY p.ord, k.id LIMIT $3");
    PLACES_OF = "SELECT DISTINCT place_id FROM list WHERE alert_id = $1 AND human_id = $2 \
        ORDER BY place_id";
    HUMAN = "SELECT h.name, CAST(CASE WHEN EXISTS (SELECT 1 FROM summons s \
        WHERE s.alert_id = $1 AND s.human_id = h.id AND s.woken_at IS NULL) THEN 1 ELSE 0 END \
        AS bigint) FROM human h WHERE h.id = $2";
    DOOR_OF = "SELECT s.household_id, s.building_id, s.version, s.demand, s.persons, \
        l.id AS list_id, l.state, l.rung FROM household h JOIN standing s ON s.alert_id = $1 \
        AND s.household_id = h.id JOIN list l ON l.alert_id = s.alert_id AND l.human_id = $2 \
        AND (l.place_id = s.grid_id OR l.place_id = s.building_id OR l.rung = 7) \
        WHERE h.code = $3 ORDER BY l.id";
    LOCK_LISTS = "SELECT k.id FROM list k WHERE k.alert_id = $1 AND EXISTS (SELECT 1 FROM list l \
        WHERE l.alert_id = $1 AND l.human_id = $2 AND l.place_id = k.place_id) \
        ORDER BY k.id {lock}";
    FREE_LISTS = concat!("SELECT l.id, l.uid, l.alert_id, l.place_id, l.human_id, l.rung, ",
        "l.state, l.told_at, ", full_name!("q", "p"), " AS place FROM list l ",
        "JOIN place p ON p.id = l.place_id ",
        "LEFT JOIN place q ON q.id = p.parent_id WHERE l.alert_id = $1 AND l.human_id = $2 ",
        "AND (l.state IN (1, 2, 4) OR (l.state = 3 AND NOT EXISTS (SELECT 1 FROM list k ",
        "WHERE k.alert_id = l.alert_id AND k.place_id = l.place_id ",
        "AND k.human_id <> l.human_id AND k.state IN (2, 4)))) ORDER BY l.id");
    OWN_STATEMENT = "SELECT claim, household_id FROM statement WHERE source_key = $1 \
        AND alert_id = $2 AND giver = 60 AND giver_id = $3";
    END_HELP_TASKS = "UPDATE task SET state = 2, result = $3, closed_at = $4 \
        WHERE alert_id = $1 AND household_id = $2 AND kind = 1 AND state < 2";
}

/// A door of a round. It never says why somebody is fragile: `needs` is for what to bring.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DoorRow {
    pub grid_id: i64,
    pub seq: i64,
    pub household_id: i64,
    pub band: i64,
    pub ring: i64,
    pub demand: i64,
    pub pursued: i64,
    pub persons: i64,
    pub vulnerable: i64,
    pub heard_at: Option<i64>,
    pub whereabouts: i64,
    pub refused: i64,
    pub helps: i64,
    pub verify: i64,
    pub closed_at: Option<i64>,
    /// As of [`super::view::DoorView`].
    pub reach: i64,
    pub code: String,
    pub name: String,
    pub floor: i64,
    pub door: String,
    pub needs: i64,
    pub grid: String,
    pub ord: i64,
    pub building: String,
    pub stairwell: Option<String>,
}

/// Which lists a round is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// Those of the ladder.
    Lists,
    /// The search list after the end.
    Search,
}

/// The open doors, those with an open help first, then the fragile, at most `limit`.
pub async fn doors(
    store: &Store,
    walk: Walk,
    alert: i64,
    human: i64,
    limit: i64,
) -> Result<Vec<DoorRow>, StoreFault> {
    let stmt = match walk {
        Walk::Lists => &DOORS,
        Walk::Search => &SEARCH_DOORS,
    };
    store.rows(stmt, args![alert, human, limit]).await
}

/// The doors that were told and asked nothing, and are silent.
pub async fn told(
    store: &Store,
    alert: i64,
    human: i64,
    limit: i64,
) -> Result<Vec<DoorRow>, StoreFault> {
    store.rows(&TOLD, args![alert, human, limit]).await
}

/// The doors that were closed after somebody stood there, the latest first.
pub async fn done(
    store: &Store,
    walk: Walk,
    alert: i64,
    human: i64,
    limit: i64,
) -> Result<Vec<DoorRow>, StoreFault> {
    let stmt = match walk {
        Walk::Lists => &DONE,
        Walk::Search => &SEARCH_DONE,
    };
    store.rows(stmt, args![alert, human, limit]).await
}

/// The open doors of a round in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Sums {
    pub doors: i64,
    pub fragile: i64,
    pub helps: i64,
    pub silent: i64,
    pub unsent: i64,
    pub no_phone: i64,
}

/// Counts the open doors.
pub async fn sums(store: &Store, walk: Walk, alert: i64, human: i64) -> Result<Sums, StoreFault> {
    let found = match walk {
        Walk::Lists => store.first(&SUMS, args![alert, human]).await?,
        Walk::Search => store.first(&SEARCH_SUMS, args![alert]).await?,
    };
    Ok(found.unwrap_or_default())
}

/// Silent doors that were told only, and pursued doors that are closed.
pub async fn told_and_closed(
    store: &Store,
    alert: i64,
    human: i64,
) -> Result<(i64, i64), StoreFault> {
    Ok(store.first(&TOLD_AND_CLOSED, args![alert, human]).await?.unwrap_or_default())
}

/// What somebody standing at a door said.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SeenRow {
    pub household_id: i64,
    pub source_key: String,
    pub claim: i64,
    pub detail: Option<String>,
    pub closes: Option<String>,
    pub persons: Option<i64>,
    pub observed_at: i64,
    pub giver_id: Option<i64>,
    pub who: String,
}

/// Everything said at these doors, by door and time.
pub async fn seen(
    store: &Store,
    alert: i64,
    households: &[i64],
) -> Result<Vec<SeenRow>, StoreFault> {
    store.rows(&AT_THE_DOOR, args![alert, ids(households)]).await
}

/// A message that a household was sent.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TriedRow {
    pub household_id: i64,
    pub lane: i64,
    pub at: i64,
    /// Code of the receipt's class.
    pub receipt: Option<i64>,
}

/// What was sent to these households, by household and time.
pub async fn tried(
    store: &Store,
    alert: i64,
    households: &[i64],
) -> Result<Vec<TriedRow>, StoreFault> {
    store.rows(&TRIED, args![alert, ids(households)]).await
}

/// A good number of a household, sealed; its own before those of relatives.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct NumberRow {
    pub household_id: i64,
    pub lane: i64,
    pub relative: Option<String>,
    pub sealed: Vec<u8>,
    pub hash: Vec<u8>,
}

/// The good numbers of these households.
pub async fn numbers(store: &Store, households: &[i64]) -> Result<Vec<NumberRow>, StoreFault> {
    store.rows(&NUMBERS, args![ids(households)]).await
}

/// Somebody else who has a part of the round in hand, or the whole of which it is a part.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HandRow {
    pub id: i64,
    pub place: String,
    pub human: String,
    pub answered_at: Option<i64>,
    pub acted_at: Option<i64>,
    pub doors: i64,
}

/// Who else walks here.
pub async fn hands(
    store: &Store,
    alert: i64,
    human: i64,
    limit: i64,
) -> Result<Vec<HandRow>, StoreFault> {
    store.rows(&HANDS, args![alert, human, limit]).await
}

/// The places of all lists that a human was ever offered under an alert.
pub async fn places(store: &Store, alert: i64, human: i64) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64,)> = store.rows(&PLACES_OF, args![alert, human]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// A human's name, and whether a call of this alert has not woken him yet.
pub async fn human(
    store: &Store,
    alert: i64,
    human: i64,
) -> Result<Option<(String, bool)>, StoreFault> {
    let row: Option<(String, i64)> = store.first(&HUMAN, args![alert, human]).await?;
    Ok(row.map(|(name, asleep)| (name, asleep == 1)))
}

/// A door with one of the lists of a human on which it stands, or stood.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DoorOf {
    pub household_id: i64,
    pub building_id: i64,
    pub version: i64,
    pub demand: i64,
    pub persons: i64,
    pub list_id: i64,
    pub state: i64,
    pub rung: i64,
}

/// A door by its household's code, a row for each of the human's lists that it belongs to.
pub async fn door(
    tx: &mut Tx,
    alert: i64,
    human: i64,
    code: &str,
) -> Result<Vec<DoorOf>, StoreFault> {
    tx.rows(&DOOR_OF, args![alert, human, code]).await
}

/// Locks every list at the places of a human's lists, so that of two who take one is first.
pub async fn lock_lists(tx: &mut Tx, alert: i64, human: i64) -> Result<(), StoreFault> {
    let _: Vec<(i64,)> = tx.rows(&LOCK_LISTS, args![alert, human]).await?;
    Ok(())
}

/// A human's lists that are offered to him or his, and those he declined and nobody has taken.
pub async fn free_lists(
    tx: &mut Tx,
    alert: i64,
    human: i64,
) -> Result<Vec<super::list::HumanList>, StoreFault> {
    tx.rows(&FREE_LISTS, args![alert, human]).await
}

/// Claim and household of what a human said at a door.
pub async fn own_statement(
    tx: &mut Tx,
    alert: i64,
    human: i64,
    key: &str,
) -> Result<Option<(i64, i64)>, StoreFault> {
    tx.first(&OWN_STATEMENT, args![key, alert, human]).await
}

/// Closes the open help tasks of a household whose help was given at the door.
pub async fn end_help_tasks(
    tx: &mut Tx,
    alert: i64,
    household: i64,
    result: &str,
    now: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&END_HELP_TASKS, args![alert, household, result, now]).await
}
