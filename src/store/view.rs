//! What persons are shown: lists with their holders and doors, the un-woken; and the few look-ups
//! by code that acts at the desk need. Also the store's own clock. Changes nothing but leases of
//! work that broke off in this process.

use super::climb::{reach, reach_sums};
use super::db::ids;
use super::places::full_name;
use super::{Store, StoreFault, Tx};
use crate::args;
use crate::base::limits::PAGE_ROWS;

macro_rules! list_columns {
    () => {
        concat!(
            "SELECT l.id, l.uid, l.alert_id, l.place_id, p.code AS place_code, ",
            full_name!("q", "p"),
            " AS place, l.human_id, h.code AS human_code, h.name AS human, l.rung, l.state, \
         l.offered_at, l.answered_at, l.acted_at, CASE WHEN l.rung = 7 THEN (SELECT \
         CAST(COALESCE(sum(t.pursued - t.closed + t.told_open), 0) AS bigint) FROM tally t \
         WHERE t.alert_id = l.alert_id) ELSE (SELECT \
         CAST(COALESCE(sum(t.pursued - t.closed), 0) AS bigint) FROM place_above pg JOIN tally t \
         ON t.alert_id = l.alert_id AND t.grid_id = pg.above_id AND (t.grid_id = l.place_id \
         OR t.building_id = l.place_id) WHERE pg.place_id = l.place_id AND NOT EXISTS \
         (SELECT 1 FROM list k WHERE k.alert_id = l.alert_id AND k.place_id = t.building_id \
         AND k.place_id <> l.place_id AND k.human_id <> l.human_id AND k.state IN (2, 4))) END \
         AS doors FROM list l JOIN place p ON p.id = l.place_id \
         LEFT JOIN place q ON q.id = p.parent_id JOIN human h ON h.id = l.human_id "
        )
    };
}

/// The open doors of a list `$2`, without those in a lower hand; of the search list, everybody.
macro_rules! of_list {
    () => {
        " FROM list l JOIN standing s ON s.alert_id = l.alert_id JOIN place_above pa \
         ON pa.place_id = s.building_id AND pa.above_id = l.place_id \
         JOIN household hh ON hh.id = s.household_id JOIN place b ON b.id = s.building_id \
         WHERE l.alert_id = $1 AND l.id = $2 AND ((s.pursued = 1 AND s.closed_at IS NULL) \
         OR (l.rung = 7 AND s.helps > 0)) AND (l.rung = 7 OR NOT EXISTS (SELECT 1 FROM list k \
         WHERE k.alert_id = l.alert_id AND k.place_id = s.building_id \
         AND k.place_id <> l.place_id AND k.human_id <> l.human_id AND k.state IN (2, 4))) "
    };
}

crate::statements! {
    STORE_NOW = "SELECT {now_ms}";
    LIST_BY_UID = concat!(list_columns!(), "WHERE l.uid = $1");
    LIST_OF = concat!(list_columns!(),
        "WHERE l.alert_id = $1 AND l.place_id = $2 AND l.human_id = $3");
    LISTS_OF_ALERT = concat!(list_columns!(),
        "WHERE l.alert_id = $1 AND l.id > $2 ORDER BY l.id LIMIT $3");
    LISTS_OF_HUMAN = concat!(list_columns!(),
        "WHERE l.alert_id = $1 AND l.human_id = $2 ORDER BY p.ord, l.id LIMIT $3");
    DOORS_OF_LIST = concat!("SELECT s.household_id, hh.code, hh.name, b.name AS building, ",
        "hh.floor, hh.door, s.persons, s.vulnerable, s.heard_at, s.helps, s.refused, s.eased, ",
        reach!(),
        " AS reach", of_list!(), "ORDER BY s.grid_id, s.band + s.eased, s.seq LIMIT $3");
    REACH_OF_LIST = concat!("SELECT count(*) AS doors, ", reach_sums!(), " FROM (SELECT ",
        reach!(), " AS reach", of_list!(), ") q");
    REACH_OF_ALERT = concat!("SELECT count(*) AS doors, ", reach_sums!(), " FROM (SELECT ",
        reach!(), " AS reach FROM standing s WHERE s.alert_id = $1 AND ((s.pursued = 1 ",
        "AND s.closed_at IS NULL) OR s.helps > 0)) q");
    HOUSEHOLD_BY_CODE = "SELECT id, building_id FROM household WHERE code = $1 \
        AND retired_at IS NULL";
    BUILDING_OF = "SELECT id, building_id FROM household WHERE id = $1";
    HUMAN_BY_CODE = "SELECT id, name FROM human WHERE code = $1 AND retired_at IS NULL";
    PLACE_WORDS = "SELECT code, name FROM place WHERE id = $1";
    ROOT_PLACE = "SELECT id FROM place WHERE parent_id IS NULL ORDER BY id LIMIT 1";
    STANDING_OF = "SELECT version, persons FROM standing WHERE alert_id = $1 \
        AND household_id = $2";
    LET_GO = "UPDATE batch SET lease_until = NULL, hinted_at = NULL, \
        lost = CASE WHEN lease_until IS NULL THEN lost ELSE 1 END \
        WHERE id {in $1} AND lease_owner = $2 AND state = 0";
    UNHINT_EXPANSIONS = "UPDATE expansion SET hinted_at = NULL WHERE id {in $1} AND state = 0";
}

/// A list as shown. Instants ms UTC.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ListView {
    pub id: i64,
    pub uid: String,
    pub alert_id: i64,
    pub place_id: i64,
    pub place_code: String,
    pub place: String,
    pub human_id: i64,
    pub human_code: String,
    pub human: String,
    pub rung: i64,
    pub state: i64,
    pub offered_at: i64,
    pub answered_at: Option<i64>,
    pub acted_at: Option<i64>,
    /// Doors below its place that are pursued and open.
    pub doors: i64,
}

/// An open door of a list: where to knock, never why it is fragile.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct DoorView {
    pub household_id: i64,
    pub code: String,
    pub name: String,
    pub building: String,
    pub floor: i64,
    pub door: String,
    pub persons: i64,
    pub vulnerable: i64,
    pub heard_at: Option<i64>,
    pub helps: i64,
    pub refused: i64,
    /// An absent relative has said that he sees to it: a step less urgent.
    pub eased: i64,
    /// 3 it answered, 2 无电话, 1 未发出, 0 silent.
    pub reach: i64,
}

/// Open doors by how far they were reached: whoever answered is only in the sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Reach {
    pub doors: i64,
    /// 未应答
    pub silent: i64,
    /// 未发出
    pub unsent: i64,
    /// 无电话
    pub no_phone: i64,
}

/// The store's own clock, ms UTC.
pub async fn now_ms(store: &Store) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&STORE_NOW, args![]).await?;
    Ok(row.map_or(0, |r| r.0))
}

/// A list by its outside id.
pub async fn list(store: &Store, uid: &str) -> Result<Option<ListView>, StoreFault> {
    store.first(&LIST_BY_UID, args![uid]).await
}

/// The list of one human for one place.
pub async fn list_of(
    tx: &mut Tx,
    alert: i64,
    place: i64,
    human: i64,
) -> Result<Option<ListView>, StoreFault> {
    tx.first(&LIST_OF, args![alert, place, human]).await
}

/// Lists of an alert after an id, at most [`PAGE_ROWS`].
pub async fn lists(store: &Store, alert: i64, after: i64) -> Result<Vec<ListView>, StoreFault> {
    store.rows(&LISTS_OF_ALERT, args![alert, after, PAGE_ROWS]).await
}

/// All lists that a human was ever offered under an alert, in walking order.
pub async fn lists_of(store: &Store, alert: i64, human: i64) -> Result<Vec<ListView>, StoreFault> {
    store.rows(&LISTS_OF_HUMAN, args![alert, human, PAGE_ROWS]).await
}

/// The open doors of a list, the fragile first and in walking order, at most [`PAGE_ROWS`].
pub async fn doors(store: &Store, alert: i64, list: i64) -> Result<Vec<DoorView>, StoreFault> {
    store.rows(&DOORS_OF_LIST, args![alert, list, PAGE_ROWS]).await
}

/// How far the open doors of a list were reached.
pub async fn reach_of_list(store: &Store, alert: i64, list: i64) -> Result<Reach, StoreFault> {
    Ok(store.first(&REACH_OF_LIST, args![alert, list]).await?.unwrap_or_default())
}

/// How far all open households of an alert were reached.
pub async fn reach_of_alert(store: &Store, alert: i64) -> Result<Reach, StoreFault> {
    Ok(store.first(&REACH_OF_ALERT, args![alert]).await?.unwrap_or_default())
}

/// Id and building of a household by its code.
pub async fn household(store: &Store, code: &str) -> Result<Option<(i64, i64)>, StoreFault> {
    store.first(&HOUSEHOLD_BY_CODE, args![code]).await
}

/// The building of a household.
pub async fn building_of(store: &Store, household: i64) -> Result<Option<i64>, StoreFault> {
    let row: Option<(i64, i64)> = store.first(&BUILDING_OF, args![household]).await?;
    Ok(row.map(|r| r.1))
}

/// Id and name of a human by his code.
pub async fn human(store: &Store, code: &str) -> Result<Option<(i64, String)>, StoreFault> {
    store.first(&HUMAN_BY_CODE, args![code]).await
}

/// Code and name of a place.
pub async fn place(store: &Store, id: i64) -> Result<Option<(String, String)>, StoreFault> {
    store.first(&PLACE_WORDS, args![id]).await
}

/// The tree's root.
pub async fn root(store: &Store) -> Result<Option<i64>, StoreFault> {
    let row: Option<(i64,)> = store.first(&ROOT_PLACE, args![]).await?;
    Ok(row.map(|r| r.0))
}

/// The version under which a household stands in an alert, and the persons registered there.
/// None: it is not of its audience.
pub async fn standing_of(
    store: &Store,
    alert: i64,
    household: i64,
) -> Result<Option<(i64, i64)>, StoreFault> {
    store.first(&STANDING_OF, args![alert, household]).await
}

/// Lets go of batches whose work broke off in this process: renewing by owner would hold them for
/// as long as the process lives.
pub async fn let_go(store: &Store, batches: &[i64], owner: &str) -> Result<u64, StoreFault> {
    store.exec(&LET_GO, args![ids(batches), owner]).await
}

/// Makes pending expansions be hinted again at once.
pub async fn unhint_expansions(store: &Store, expansions: &[i64]) -> Result<u64, StoreFault> {
    store.exec(&UNHINT_EXPANSIONS, args![ids(expansions)]).await
}
