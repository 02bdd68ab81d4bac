//! Lists of open doors: offered, taken, declined, passed on, withdrawn; whose doors are counted
//! where, from the tallies. Set-based; who is asked next is `domain::climb`'s, when a holder is too
//! slow `domain::pace`'s.

use super::answer::Speaking;
use super::db::{ids, rows_json};
use super::places::full_name;
use super::{StoreFault, Tx};
use crate::args;

// CROSS JOIN keeps SQLite to the written order: from a list by its places to the few rows below
// them, never by way of all rows of an alert.

/// The tallies of a list's doors: of its grid or building, without buildings in a lower hand.
macro_rules! own_tally {
    () => {
        "CROSS JOIN place_above pg CROSS JOIN tally t WHERE pg.place_id = l.place_id \
         AND t.alert_id = l.alert_id \
         AND t.grid_id = pg.above_id AND (t.grid_id = l.place_id OR t.building_id = l.place_id) \
         AND NOT EXISTS (SELECT 1 FROM list k WHERE k.alert_id = l.alert_id \
         AND k.place_id = t.building_id AND k.place_id <> l.place_id \
         AND k.human_id <> l.human_id AND k.state IN (2, 4)) "
    };
}

macro_rules! list_with_place {
    () => {
        concat!(
            "SELECT l.id, l.uid, l.alert_id, l.place_id, l.human_id, l.rung, l.state, l.told_at, ",
            full_name!("q", "p"),
            " AS place FROM list l JOIN place p ON p.id = l.place_id \
             LEFT JOIN place q ON q.id = p.parent_id "
        )
    };
}

crate::statements! {
    LISTS_OF_GRIDS = "SELECT l.id, l.alert_id, l.place_id, l.human_id, l.rung, l.state, \
        l.offered_at, l.answered_at, l.acted_at, pa.above_id AS grid_id FROM list l \
        JOIN place_above pa ON pa.place_id = l.place_id AND pa.above_id {in $2} \
        WHERE l.alert_id = $1 AND l.state NOT IN (6, 7) AND l.rung < 7 ORDER BY l.id";
    LISTS_OF_HUMAN = concat!(list_with_place!(), "WHERE l.human_id = $1 AND l.state {in $2} ",
        "AND EXISTS (SELECT 1 FROM alert al WHERE al.id = l.alert_id AND al.kind = $3) ",
        "ORDER BY l.id");
    LISTS_BY_ID = concat!(list_with_place!(), "WHERE l.id {in $1} ORDER BY l.id");
    OFFER = "INSERT INTO list (uid, alert_id, place_id, human_id, rung, state, offered_at) \
        SELECT r.uid, $2, r.place, r.human, r.rung, 1, $3 FROM {rows $1: uid text, \
        place bigint, human bigint, rung bigint} WHERE true \
        ON CONFLICT (alert_id, place_id, human_id) DO UPDATE SET state = CASE WHEN \
        list.state = 2 THEN 2 ELSE 1 END, offered_at = excluded.offered_at, \
        answered_at = CASE WHEN list.state = 7 THEN NULL ELSE list.answered_at END, \
        acted_at = CASE WHEN list.state = 7 THEN NULL ELSE list.acted_at END, \
        told_at = CASE WHEN list.state = 2 THEN list.told_at END, \
        reminded = list.reminded + 1";
    SET_LISTS = "UPDATE list SET state = CAST($2 AS bigint), answered_at = CASE WHEN \
        CAST($2 AS bigint) IN (2, 3) THEN $3 ELSE \
        answered_at END, acted_at = CASE WHEN CAST($2 AS bigint) = 2 THEN $3 ELSE acted_at END, \
        told_at = CASE WHEN CAST($2 AS bigint) = 2 THEN COALESCE(told_at, $3) ELSE told_at END \
        WHERE id {in $1}";
    REMIND_LISTS = "UPDATE list SET reminded = reminded + 1, offered_at = $2, \
        state = CASE WHEN state = 3 THEN 1 ELSE state END WHERE id {in $1}";
    YIELD_LISTS = "UPDATE list SET state = 5 WHERE state IN (1, 2, 4) AND EXISTS (SELECT 1 FROM \
        list k WHERE k.id {in $1} AND k.alert_id = list.alert_id AND k.place_id = list.place_id \
        AND k.human_id <> list.human_id) RETURNING id";
    ACT_LISTS = "UPDATE list SET acted_at = $2, state = CASE WHEN state = 4 THEN 2 ELSE state \
        END WHERE human_id {in $1} AND state IN (2, 4)";
    GRIDS_OF_LISTS = "SELECT DISTINCT l.alert_id, pa.above_id FROM list l CROSS JOIN \
        place_above pa CROSS JOIN place p WHERE pa.place_id = l.place_id \
        AND p.id = pa.above_id AND p.kind = 'grid' AND l.id {in $1} AND l.rung < 7";
    OPEN_OF_LISTS = concat!("SELECT l.id, CAST(sum(t.pursued - t.closed) AS bigint) FROM list l ",
        own_tally!(), "AND l.id {in $1} GROUP BY l.id");
    LOADS = concat!("SELECT l.human_id, CAST(sum(t.pursued - t.closed) AS bigint) FROM list l ",
        own_tally!(), "AND l.human_id {in $1} AND l.state IN (1, 2, 4) AND l.rung < 7 ",
        "AND t.ring = 1 GROUP BY l.human_id");
    HOLDERS_ABOVE = "SELECT l.id, k.human_id FROM list l JOIN place_above pa \
        ON pa.place_id = l.place_id AND pa.distance > 0 JOIN list k ON k.alert_id = l.alert_id \
        AND k.place_id = pa.above_id AND k.human_id <> l.human_id AND k.state = 2 AND k.rung < 7 \
        WHERE l.id {in $1} ORDER BY l.id";
    HUMAN_NAMES = "SELECT id, name FROM human WHERE id {in $1}";
    PACES = "SELECT l.id, l.human_id, h.name AS human, l.rung, l.place_id, l.answered_at, \
        s.grid_id, s.building_id, \
        CAST(sum(CASE WHEN s.closed_at IS NULL THEN 1 ELSE 0 END) AS bigint) AS open, \
        CAST(sum(CASE WHEN s.closed_at >= l.answered_at THEN 1 ELSE 0 END) AS bigint) AS done \
        FROM list l CROSS JOIN human h CROSS JOIN place_above pg CROSS JOIN standing s \
        WHERE h.id = l.human_id AND pg.place_id = l.place_id AND pg.above_id {in $2} \
        AND s.alert_id = l.alert_id AND s.grid_id = pg.above_id \
        AND (s.building_id = l.place_id OR s.grid_id = l.place_id) AND l.alert_id = $1 \
        AND l.place_id IN (SELECT pa.place_id FROM place_above pa WHERE pa.above_id {in $2}) \
        AND l.state = 2 AND s.pursued = 1 AND NOT EXISTS (SELECT 1 FROM list k \
        WHERE k.alert_id = l.alert_id AND k.place_id = s.building_id \
        AND k.place_id <> l.place_id AND k.human_id <> l.human_id AND k.state IN (2, 4)) \
        GROUP BY l.id, l.human_id, h.name, l.rung, l.place_id, l.answered_at, s.grid_id, \
        s.building_id ORDER BY l.id, min(s.seq)";
    IN_HANDS = concat!(list_with_place!(), "WHERE l.alert_id = $1 AND l.state IN (1, 2, 4) ",
        "AND l.rung < 7 AND ($2 = 1 OR l.place_id IN (SELECT pa.place_id FROM place_above pa ",
        "WHERE pa.above_id {in $3})) ORDER BY l.id");
    FINISHED = concat!(list_with_place!(), "WHERE l.alert_id = $1 AND l.state IN (1, 2, 4) ",
        "AND l.rung < 7 AND l.place_id IN (SELECT pa.place_id FROM place_above pa ",
        "WHERE pa.above_id {in $2}) AND NOT EXISTS (SELECT 1 FROM place_above pg CROSS JOIN ",
        "tally t WHERE t.alert_id = l.alert_id AND t.grid_id = pg.above_id ",
        "AND (t.grid_id = l.place_id OR t.building_id = l.place_id) ",
        "AND pg.place_id = l.place_id AND t.pursued > t.closed) ORDER BY l.id");
    CLOSED_GRIDS = "SELECT p.id, CAST(0 AS bigint) FROM place p WHERE p.id {in $2} \
        AND NOT EXISTS (SELECT 1 FROM tally t WHERE t.alert_id = $1 AND t.grid_id = p.id \
        AND t.pursued > t.closed)";
    OFFERED_TO = "SELECT l.id, l.place_id, l.human_id, l.rung, l.state, l.told_at, \
        p.id AS grid_id FROM list l CROSS JOIN place_above pa CROSS JOIN place p WHERE \
        pa.place_id = l.place_id AND p.id = pa.above_id AND p.kind = 'grid' AND l.alert_id = $1 \
        AND l.human_id {in $2} \
        AND l.state IN (1, 2, 4) AND l.rung < 7 ORDER BY l.human_id, l.id";
    TELL_LISTS = "UPDATE list SET told_at = $2 WHERE id {in $1}";
    TELL_AT_PLACES = "UPDATE list SET told_at = $2 WHERE alert_id = $1 AND state = 1 \
        AND EXISTS (SELECT 1 FROM {rows $3: place bigint, human bigint} \
        WHERE r.place = list.place_id AND r.human = list.human_id)";
    CALLED = "SELECT human_id, min(offered_at) FROM list WHERE alert_id = $1 \
        AND human_id {in $2} AND state = 1 AND rung < 7 GROUP BY human_id";
    WITHDRAW = "UPDATE list SET state = 6 WHERE alert_id = $1 AND rung < 7 AND ($2 = 1 OR EXISTS \
        (SELECT 1 FROM place_above pa WHERE pa.place_id = list.place_id \
        AND pa.above_id {in $3}))";
}

/// A list with the grid it belongs to.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GridList {
    pub id: i64,
    pub alert_id: i64,
    pub place_id: i64,
    pub human_id: i64,
    pub rung: i64,
    pub state: i64,
    pub offered_at: i64,
    pub answered_at: Option<i64>,
    pub acted_at: Option<i64>,
    pub grid_id: i64,
}

/// The lists of these grids and their buildings.
pub async fn of_grids(tx: &mut Tx, alert: i64, grids: &[i64]) -> Result<Vec<GridList>, StoreFault> {
    tx.rows(&LISTS_OF_GRIDS, args![alert, ids(grids)]).await
}

/// A list with the name of its place.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HumanList {
    pub id: i64,
    pub uid: String,
    pub alert_id: i64,
    pub place_id: i64,
    pub human_id: i64,
    pub rung: i64,
    pub state: i64,
    /// When a text to him named it.
    pub told_at: Option<i64>,
    pub place: String,
}

/// A human's lists in these states, under orders of the kind that he speaks of.
pub async fn of_human(
    tx: &mut Tx,
    speaking: Speaking,
    states: &[i64],
) -> Result<Vec<HumanList>, StoreFault> {
    tx.rows(&LISTS_OF_HUMAN, args![speaking.human, ids(states), speaking.kind]).await
}

/// These lists.
pub async fn by_id(tx: &mut Tx, lists: &[i64]) -> Result<Vec<HumanList>, StoreFault> {
    tx.rows(&LISTS_BY_ID, args![ids(lists)]).await
}

/// Lists in somebody's hands or offered at these grids and their buildings, of whose doors none is
/// open any more.
pub async fn finished(
    tx: &mut Tx,
    alert: i64,
    grids: &[i64],
) -> Result<Vec<HumanList>, StoreFault> {
    tx.rows(&FINISHED, args![alert, ids(grids)]).await
}

/// Those of these grids in which no pursued household is open.
pub async fn closed_grids(tx: &mut Tx, alert: i64, grids: &[i64]) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64, i64)> = tx.rows(&CLOSED_GRIDS, args![alert, ids(grids)]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// A list that is offered to, or held by, somebody, with its grid.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OfferedTo {
    pub id: i64,
    pub place_id: i64,
    pub human_id: i64,
    pub rung: i64,
    pub state: i64,
    pub told_at: Option<i64>,
    pub grid_id: i64,
}

/// Everything of an alert that these humans are offered or hold.
pub async fn offered_to(
    tx: &mut Tx,
    alert: i64,
    humans: &[i64],
) -> Result<Vec<OfferedTo>, StoreFault> {
    tx.rows(&OFFERED_TO, args![alert, ids(humans)]).await
}

/// Notes that a text named these lists.
pub async fn tell(tx: &mut Tx, lists: &[i64], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&TELL_LISTS, args![ids(lists), now]).await
}

/// The same of offers just written.
pub async fn tell_new(
    tx: &mut Tx,
    alert: i64,
    offers: &[NewOffer],
    now: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&TELL_AT_PLACES, args![alert, now, rows_json(offers)?]).await
}

/// Since when humans have been asked to take some list of an alert without a word.
pub async fn called(
    tx: &mut Tx,
    alert: i64,
    humans: &[i64],
) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.rows(&CALLED, args![alert, ids(humans)]).await
}

/// A list to be offered.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NewOffer {
    pub uid: String,
    pub place: i64,
    pub human: i64,
    pub rung: i64,
}

/// Offers lists.
pub async fn offer(
    tx: &mut Tx,
    alert: i64,
    rows: &[NewOffer],
    now: i64,
) -> Result<u64, StoreFault> {
    if rows.is_empty() {
        return Ok(0);
    }
    tx.exec(&OFFER, args![rows_json(rows)?, alert, now]).await
}

/// Moves lists to a state of `domain::list`.
pub async fn set(tx: &mut Tx, lists: &[i64], state: i64, now: i64) -> Result<u64, StoreFault> {
    tx.exec(&SET_LISTS, args![ids(lists), state, now]).await
}

/// Counts a reminder on lists; who had said no is asked again.
pub async fn remind(tx: &mut Tx, lists: &[i64], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&REMIND_LISTS, args![ids(lists), now]).await
}

/// Lets go of what others held or were offered at the places of lists just taken; gives theirs.
pub async fn yield_to(tx: &mut Tx, taken: &[i64]) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64,)> = tx.rows(&YIELD_LISTS, args![ids(taken)]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Notes a word or an act of humans on what they hold; a list passed on is theirs again.
pub async fn act(tx: &mut Tx, humans: &[i64], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&ACT_LISTS, args![ids(humans), now]).await
}

/// Alert and grid of lists.
pub async fn grids_of(tx: &mut Tx, lists: &[i64]) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.rows(&GRIDS_OF_LISTS, args![ids(lists)]).await
}

/// Open doors of lists: list, doors that are in no lower hand.
pub async fn open_doors(tx: &mut Tx, lists: &[i64]) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.rows(&OPEN_OF_LISTS, args![ids(lists)]).await
}

/// Open ring-1 doors that humans hold or are offered, under all alerts.
pub async fn loads(tx: &mut Tx, humans: &[i64]) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.rows(&LOADS, args![ids(humans)]).await
}

/// Who holds the whole of which these lists are parts: list, human.
pub async fn holders_above(tx: &mut Tx, lists: &[i64]) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.rows(&HOLDERS_ABOVE, args![ids(lists)]).await
}

/// Names of humans.
pub async fn human_names(tx: &mut Tx, humans: &[i64]) -> Result<Vec<(i64, String)>, StoreFault> {
    tx.rows(&HUMAN_NAMES, args![ids(humans)]).await
}

/// A building of a taken list: doors done since it was taken, and open ones.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PaceRow {
    pub id: i64,
    pub human_id: i64,
    pub human: String,
    pub rung: i64,
    pub place_id: i64,
    pub answered_at: Option<i64>,
    pub grid_id: i64,
    pub building_id: i64,
    pub open: i64,
    pub done: i64,
}

/// The taken lists of these grids, building by building in walking order, without those in a
/// lower hand.
pub async fn paces(tx: &mut Tx, alert: i64, grids: &[i64]) -> Result<Vec<PaceRow>, StoreFault> {
    tx.rows(&PACES, args![alert, ids(grids)]).await
}

/// Takes lists out of everybody's hands; gives those that were offered or held. `grids` none: all
/// of the alert.
pub async fn withdraw(
    tx: &mut Tx,
    alert: i64,
    grids: Option<&[i64]>,
) -> Result<Vec<HumanList>, StoreFault> {
    let all = i64::from(grids.is_none());
    let grids = ids(grids.unwrap_or_default());
    let held = tx.rows(&IN_HANDS, args![alert, all, &grids]).await?;
    tx.exec(&WITHDRAW, args![alert, all, grids]).await?;
    Ok(held)
}
