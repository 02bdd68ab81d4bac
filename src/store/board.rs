//! What a live board stands on: the sums of an order by building from its tallies, with the hands
//! in which they are; the slower look at standings (curve, evidence, pace); lists, un-woken persons
//! and helps. Whole orders, never cut to a place: who may see what is the engine's. It changes
//! nothing.

use super::climb::calls;
use super::custody::hands;
use super::{Store, StoreFault};
use crate::args;
use crate::domain::link::Kind;

crate::statements! {
    // Everything by which a board may change, from aggregates alone.
    FINGERPRINT = "SELECT a.state * 100000 + a.version + COALESCE(a.extended_to, 0), \
        COALESCE((SELECT CAST(sum(t.closed) AS bigint) FROM tally t WHERE t.alert_id = a.id), 0), \
        COALESCE((SELECT CAST(sum(t.audience * 7 + t.pursued + t.heard * 3 + t.told_open * 5 \
        + t.help * 11 + t.refused * 13) AS bigint) FROM tally t WHERE t.alert_id = a.id), 0), \
        COALESCE((SELECT CAST(sum(k.state * 3 + k.class * 7 + COALESCE(k.taken_at, 0) \
        + COALESCE(k.closed_at, 0) + 1) AS bigint) FROM task k WHERE k.alert_id = a.id), 0), \
        COALESCE((SELECT CAST(sum(l.state * 3 + l.id * 5 + COALESCE(l.acted_at, 0) \
        + l.offered_at) AS bigint) FROM list l WHERE l.alert_id = a.id), 0), \
        COALESCE((SELECT CAST(sum(s.n * 3 + COALESCE(s.woken_at, 0) + 1) AS bigint) \
        FROM summons s WHERE s.alert_id = a.id), 0), \
        COALESCE((SELECT CAST(sum(e.state * 3 + COALESCE(e.handed_at, 0)) AS bigint) \
        FROM expansion e WHERE e.alert_id = a.id), 0) FROM alert a WHERE a.id = $1";
    // By building, from tallies and the few rows that say in whose hand it is: the same order as
    // `hands!`. Only a grid of which nothing says that its clock runs is looked at door by door.
    // One statement, so that one snapshot. Building 0: a grid that is not expanded yet.
    CELLS = concat!("WITH t AS (SELECT grid_id, building_id, sum(audience) AS audience, ",
        "sum(pursued) AS pursued, sum(closed) AS closed, sum(told_open) AS told_open, ",
        "sum(heard) AS heard, sum(help) AS help, sum(refused) AS refused, ",
        "sum(CASE WHEN ring = 1 THEN pursued ELSE 0 END) AS must, ",
        "sum(CASE WHEN ring = 1 THEN pursued - closed ELSE 0 END) AS must_open ",
        "FROM tally WHERE alert_id = $1 GROUP BY grid_id, building_id), ",
        "clocks AS (SELECT m.place_id AS grid_id FROM timer m WHERE m.alert_id = $1 ",
        "AND m.kind IN (1, 2, 3, 16) UNION SELECT t.grid_id FROM t WHERE EXISTS (SELECT 1 ",
        "FROM timer m WHERE m.alert_id = $1 AND m.kind = 9)), ",
        "held AS (SELECT DISTINCT pa.place_id FROM list l JOIN place_above pa ",
        "ON pa.above_id = l.place_id WHERE l.alert_id = $1 AND (l.state = 2 OR (l.state = 4 ",
        "AND l.answered_at IS NOT NULL))), ",
        "sheets AS (SELECT DISTINCT pa.place_id FROM sheet h JOIN place_above pa ",
        "ON pa.above_id = h.place_id WHERE h.alert_id = $1 AND h.returned_at IS NULL ",
        "AND h.return_at > $2), ",
        "homes AS (SELECT s.building_id, s.household_id, s.pursued, max(CASE WHEN k.state = 1 ",
        "AND k.deadline_at > $2 THEN 1 ELSE 0 END) AS desk, max(CASE WHEN EXISTS (SELECT 1 ",
        "FROM timer m WHERE m.kind = 7 AND m.alert_id = $1 AND m.place_id = 0 ",
        "AND m.subject_id = k.id) ",
        "THEN 1 ELSE 0 END) AS timed ",
        "FROM task k JOIN standing s ON s.alert_id = k.alert_id ",
        "AND s.household_id = k.household_id WHERE k.alert_id = $1 AND k.state < 2 ",
        "AND (s.helps > 0 OR (s.pursued = 1 AND s.closed_at IS NULL)) ",
        "GROUP BY s.building_id, s.household_id, s.pursued), ",
        "tasks AS (SELECT building_id, sum(desk) AS desk, sum(CASE WHEN pursued = 0 AND desk = 1 ",
        "THEN 1 ELSE 0 END) AS told_desk, sum(CASE WHEN pursued = 0 AND desk = 0 AND timed = 1 ",
        "THEN 1 ELSE 0 END) AS told_timed FROM homes GROUP BY building_id), ",
        "doors AS (SELECT q.building_id, sum(CASE WHEN q.hand = 4 THEN 1 ELSE 0 END) ",
        "AS run, sum(CASE WHEN q.hand = 5 THEN 1 ELSE 0 END) AS orphan ",
        "FROM (SELECT s.building_id, ", hands!(), " AS hand FROM standing s ",
        "WHERE s.alert_id = $1 AND s.grid_id IN (SELECT t.grid_id FROM t WHERE t.grid_id ",
        "NOT IN (SELECT grid_id FROM clocks) GROUP BY t.grid_id ",
        "HAVING sum(t.pursued - t.closed + t.told_open) > 0) AND (s.helps > 0 ",
        "OR (s.pursued = 1 AND s.closed_at IS NULL))) q GROUP BY q.building_id), ",
        "b AS (SELECT t.*, COALESCE(k.desk, 0) AS desk, COALESCE(k.told_timed, 0) AS told_timed, ",
        "t.pursued - t.closed + t.told_open - COALESCE(k.desk, 0) AS rest, ",
        "t.told_open - COALESCE(k.told_desk, 0) AS told_rest, COALESCE(d.run, 0) AS run, ",
        "COALESCE(d.orphan, 0) AS orphan, ",
        "CASE WHEN t.building_id IN (SELECT place_id FROM held) THEN 2 ",
        "WHEN t.building_id IN (SELECT place_id FROM sheets) THEN 3 ",
        "WHEN t.grid_id IN (SELECT grid_id FROM clocks) THEN 4 ELSE 5 END ",
        "AS hand FROM t LEFT JOIN tasks k ON k.building_id = t.building_id ",
        "LEFT JOIN doors d ON d.building_id = t.building_id) ",
        "SELECT b.grid_id, b.building_id, CAST(b.audience AS bigint) AS audience, ",
        "CAST(b.pursued + b.told_open AS bigint) AS pursued, ",
        "CAST(b.closed AS bigint) AS closed, CAST(b.heard AS bigint) AS heard, ",
        "CAST(b.help AS bigint) AS help, CAST(b.refused AS bigint) AS refused, ",
        "CAST(b.must AS bigint) AS must, CAST(b.must_open AS bigint) AS must_open, ",
        "CAST(b.desk AS bigint) AS desk, ",
        "CAST(CASE WHEN b.hand = 2 THEN b.rest ELSE 0 END AS bigint) AS list, ",
        "CAST(CASE WHEN b.hand = 3 THEN b.rest ELSE 0 END AS bigint) AS sheet, ",
        "CAST(CASE WHEN b.hand = 4 THEN b.rest - b.told_rest + b.told_timed ",
        "WHEN b.hand = 5 THEN b.run ELSE 0 END AS bigint) AS run, ",
        "CAST(CASE WHEN b.hand = 4 THEN b.told_rest - b.told_timed ",
        "WHEN b.hand = 5 THEN b.orphan ELSE 0 END AS bigint) AS orphan FROM b ",
        "UNION ALL SELECT e.grid_id, CAST(0 AS bigint), CAST(e.households AS bigint), ",
        "CAST(e.pursued AS bigint), ",
        "CAST(0 AS bigint), CAST(0 AS bigint), CAST(0 AS bigint), CAST(0 AS bigint), ",
        "CAST(0 AS bigint), CAST(0 AS bigint), CAST(0 AS bigint), CAST(0 AS bigint), ",
        "CAST(0 AS bigint), CAST(e.pursued AS bigint), CAST(0 AS bigint) FROM expansion e ",
        "WHERE e.alert_id = $1 AND e.state = 0 AND NOT EXISTS (SELECT 1 FROM tally y ",
        "WHERE y.alert_id = $1 AND y.grid_id = e.grid_id)");
    BOARD_PLACES = "SELECT p.id, p.code, p.name, p.kind, COALESCE(p.parent_id, 0) AS parent_id, \
        p.ord FROM place p WHERE p.id IN (SELECT pa.above_id FROM place_above pa \
        WHERE pa.place_id IN (SELECT y.building_id FROM tally y WHERE y.alert_id = $1 UNION \
        SELECT e.grid_id FROM expansion e WHERE e.alert_id = $1)) ORDER BY p.depth, p.ord, p.id";
    // The slow looks read standings, each once.
    CURVE = "SELECT s.grid_id, (s.closed_at - $2) / $3 AS slot, count(*) AS homes \
        FROM standing s WHERE s.alert_id = $1 AND s.pursued = 1 AND s.closed_at IS NOT NULL \
        AND s.helps = 0 GROUP BY s.grid_id, (s.closed_at - $2) / $3";
    // `domain::standing::grade`; below it what gateways say: 3 the handset has it, 2 the carrier,
    // 1 handed over, 0 nothing yet.
    EVIDENCE = "SELECT q.grid_id, q.grade, count(*) AS homes FROM (SELECT s.grid_id, \
        CASE WHEN s.grade >= 5 THEN s.grade ELSE COALESCE((SELECT max(CASE \
        WHEN EXISTS (SELECT 1 FROM receipt r WHERE r.batch_id = o.batch_id \
        AND r.address_id = o.address_id AND r.class = 1) THEN CAST(3 AS bigint) \
        WHEN EXISTS (SELECT 1 FROM receipt r WHERE r.batch_id = o.batch_id \
        AND r.address_id = o.address_id AND r.class = 2) THEN CAST(2 AS bigint) \
        ELSE CAST(1 AS bigint) END) \
        FROM outcome o WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id \
        AND o.seq = s.seq AND o.kind = 1), CAST(0 AS bigint)) END AS grade FROM standing s \
        WHERE s.alert_id = $1 AND s.pursued = 1) q GROUP BY q.grid_id, q.grade";
    PACE = "SELECT l.id, CAST(sum(CASE WHEN s.closed_at IS NULL THEN 1 ELSE 0 END) AS bigint) \
        AS open, CAST(sum(CASE WHEN s.closed_at >= l.answered_at THEN 1 ELSE 0 END) AS bigint) \
        AS done FROM list l CROSS JOIN place_above pg CROSS JOIN place g CROSS JOIN standing s \
        WHERE pg.place_id = l.place_id AND g.id = pg.above_id AND g.kind = 'grid' \
        AND s.alert_id = l.alert_id AND s.grid_id = g.id \
        AND (s.building_id = l.place_id OR s.grid_id = l.place_id) AND l.alert_id = $1 \
        AND l.state = 2 AND l.rung < 7 AND s.pursued = 1 \
        AND NOT EXISTS (SELECT 1 FROM list k WHERE k.alert_id = l.alert_id \
        AND k.place_id = s.building_id AND k.place_id <> l.place_id \
        AND k.human_id <> l.human_id AND k.state IN (2, 4)) GROUP BY l.id";
    HANDED = "SELECT grid_id, max(handed_at) FROM expansion WHERE alert_id = $1 \
        GROUP BY grid_id";
    BOARD_LISTS = "SELECT l.id, l.uid, l.place_id, h.name AS human, l.rung, l.state, \
        l.offered_at, l.answered_at, l.acted_at, (SELECT k.shown_at FROM link k \
        WHERE k.alert_id = l.alert_id AND k.kind = $3 AND k.subject_id = l.human_id) AS shown_at \
        FROM list l JOIN human h ON h.id = l.human_id \
        WHERE l.alert_id = $1 AND l.state IN (1, 2, 3, 4) ORDER BY l.offered_at, l.id LIMIT $2";
    PROVIDERS = "SELECT provider, count(*), CAST(sum(CASE WHEN kind = 1 THEN 1 ELSE 0 END) \
        AS bigint) FROM outcome WHERE alert_id = $1 AND at > $2 AND provider <> '' \
        AND kind <> 6 GROUP BY provider ORDER BY provider";
    BOARD_SUMMONSES = concat!("SELECT s.place_id, h.name AS human, COALESCE(c.n, 0) AS n, ",
        "COALESCE(c.at, s.called_at) AS called_at, s.woken_at, s.reported_at FROM summons s ",
        "JOIN human h ON h.id = s.human_id LEFT JOIN ", calls!("= $1"), " c ON ",
        "c.alert_id = s.alert_id AND c.human_id = s.human_id WHERE s.alert_id = $1 ",
        "ORDER BY s.called_at, h.id LIMIT $2");
    // Helpers' promises apart: nobody waits there while they are in time.
    BOARD_HELPS = "SELECT k.uid, COALESCE(k.incident_id, k.id) AS card, k.kind, k.class, k.state, \
        k.owner, k.opened_at, k.deadline_at, COALESCE(k.building_id, h.building_id, 0) \
        AS building_id, CAST(CASE WHEN k.kind = 5 THEN 1 ELSE 0 \
        END AS bigint) AS promise FROM task k LEFT JOIN \
        household h ON h.id = k.household_id WHERE k.alert_id = $1 AND k.state < 2 \
        ORDER BY CASE WHEN k.kind = 5 AND k.state = 1 THEN 1 \
        ELSE 0 END, k.class, k.state, k.opened_at, k.id LIMIT $2";
}

/// What tells whether a board has changed: equal, it has not. None: there is no such alert.
pub type Fingerprint = (i64, i64, i64, i64, i64, i64, i64);

/// The fingerprint of an alert, from aggregates.
pub async fn fingerprint(store: &Store, alert: i64) -> Result<Option<Fingerprint>, StoreFault> {
    store.first(&FINGERPRINT, args![alert]).await
}

/// One building's households of an order and the hands they are in; building 0 stands for a grid
/// that is not expanded yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct CellRow {
    pub grid_id: i64,
    pub building_id: i64,
    pub audience: i64,
    /// Pursued, or told with an open help.
    pub pursued: i64,
    pub closed: i64,
    pub heard: i64,
    pub help: i64,
    pub refused: i64,
    /// Of ring 1: all, and those that are open.
    pub must: i64,
    pub must_open: i64,
    /// Open ones by hand: at the desk, on a list, on a sheet, the program's, nobody's.
    pub desk: i64,
    pub list: i64,
    pub sheet: i64,
    pub run: i64,
    pub orphan: i64,
}

/// The cells of an alert at `now` (story time), from one snapshot.
pub async fn cells(store: &Store, alert: i64, now: i64) -> Result<Vec<CellRow>, StoreFault> {
    store.rows(&CELLS, args![alert, now]).await
}

/// A place of the tree in which an order stands.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PlaceRow {
    pub id: i64,
    pub code: String,
    pub name: String,
    pub kind: String,
    /// 0 at the root.
    pub parent_id: i64,
    pub ord: i64,
}

/// The buildings and grids of an order with all places above them, parents first.
pub async fn places(store: &Store, alert: i64) -> Result<Vec<PlaceRow>, StoreFault> {
    store.rows(&BOARD_PLACES, args![alert]).await
}

/// Closed households by grid and slot of `slot_ms` since `since`.
pub async fn curve(
    store: &Store,
    alert: i64,
    since: i64,
    slot_ms: i64,
) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    store.rows(&CURVE, args![alert, since, slot_ms]).await
}

/// Pursued households by grid and best evidence.
pub async fn evidence(store: &Store, alert: i64) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    store.rows(&EVIDENCE, args![alert]).await
}

/// Of taken lists: id, open doors, doors closed since it was taken.
pub async fn pace(store: &Store, alert: i64) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    store.rows(&PACE, args![alert]).await
}

/// When the first wave of each grid was handed over.
pub async fn handed(store: &Store, alert: i64) -> Result<Vec<(i64, Option<i64>)>, StoreFault> {
    store.rows(&HANDED, args![alert]).await
}

/// A list that somebody has, was offered or turned down.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ListRow {
    pub id: i64,
    pub uid: String,
    pub place_id: i64,
    pub human: String,
    pub rung: i64,
    pub state: i64,
    pub offered_at: i64,
    pub answered_at: Option<i64>,
    pub acted_at: Option<i64>,
    /// When its page was last looked at.
    pub shown_at: Option<i64>,
}

/// Lists offered, taken, declined or passed on, the oldest first.
pub async fn lists(store: &Store, alert: i64, limit: i64) -> Result<Vec<ListRow>, StoreFault> {
    store.rows(&BOARD_LISTS, args![alert, limit, Kind::Leader.code()]).await
}

/// Attempts since an instant by provider: all, and those it accepted.
pub async fn providers(
    store: &Store,
    alert: i64,
    since: i64,
) -> Result<Vec<(String, i64, i64)>, StoreFault> {
    store.rows(&PROVIDERS, args![alert, since]).await
}

/// A responsible person who was called.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SummonsRow {
    pub place_id: i64,
    pub human: String,
    /// Calls so far.
    pub n: i64,
    pub called_at: i64,
    pub woken_at: Option<i64>,
    pub reported_at: Option<i64>,
}

/// Everybody called.
pub async fn summonses(
    store: &Store,
    alert: i64,
    limit: i64,
) -> Result<Vec<SummonsRow>, StoreFault> {
    store.rows(&BOARD_SUMMONSES, args![alert, limit]).await
}

/// An open or taken task, without what was written. Building 0: of no household.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct HelpRow {
    pub uid: String,
    /// Tasks of one incident are one card.
    pub card: i64,
    pub kind: i64,
    pub class: i64,
    pub state: i64,
    pub owner: Option<String>,
    pub opened_at: i64,
    pub deadline_at: Option<i64>,
    pub building_id: i64,
    /// 1: a helper's word that he goes.
    pub promise: i64,
}

/// What stands at the desk: the most urgent first, of these what nobody has; promises last.
pub async fn helps(store: &Store, alert: i64, limit: i64) -> Result<Vec<HelpRow>, StoreFault> {
    store.rows(&BOARD_HELPS, args![alert, limit]).await
}
