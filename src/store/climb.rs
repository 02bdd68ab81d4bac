//! What the tracks need to see of a grid or a person when their timers are due: doors, ladders,
//! persons to be woken. Reads and a few set-based writes; the decisions are `domain::climb`'s.

use super::db::ids;
use super::places::full_name;
use super::{StoreFault, Tx};
use crate::args;

macro_rules! human_facts {
    () => {
        "CAST(CASE WHEN EXISTS (SELECT 1 FROM address a WHERE a.human_id = d.human_id AND \
        a.state = 0 \
         AND a.lane = 1) THEN 1 ELSE 0 END AS bigint) AS reachable, \
         CAST(CASE WHEN EXISTS (SELECT 1 FROM absence x WHERE x.human_id = d.human_id \
         AND x.from_at <= $2 AND x.until_at > $2) THEN 1 ELSE 0 END AS bigint) AS absent "
    };
}

/// How often people were called, and when last: what a gateway took, or may have taken.
macro_rules! calls {
    ($alerts:literal) => {
        concat!(
            "(SELECT c.alert_id, c.human_id, count(DISTINCT c.n) AS n, max(c.at) AS at \
             FROM notice c WHERE c.alert_id ",
            $alerts,
            " AND c.purpose = 1 AND c.kind IN (1, 5) GROUP BY c.alert_id, c.human_id)"
        )
    };
}
pub(super) use calls;

/// How far an open household `s` was reached: 3 it answered, 2 无电话, 1 未发出 (or only at
/// numbers of which receipts say that nobody is reached there), 0 silent.
macro_rules! reach {
    () => {
        "CAST(CASE WHEN s.heard_at IS NOT NULL THEN 3 WHEN NOT EXISTS (SELECT 1 FROM address a \
         WHERE a.household_id = s.household_id AND a.lane = 1 AND a.state = 0) THEN 2 \
         WHEN NOT EXISTS (SELECT 1 FROM outcome o WHERE o.alert_id = s.alert_id \
         AND o.grid_id = s.grid_id AND o.seq = s.seq AND o.kind IN (1, 5, 6) AND (NOT EXISTS \
         (SELECT 1 FROM outcome u JOIN receipt c ON c.batch_id = u.batch_id \
         AND c.address_id = u.address_id AND c.class BETWEEN 6 AND 9 \
         WHERE u.alert_id = o.alert_id AND u.grid_id = o.grid_id AND u.seq = o.seq \
         AND u.address_id = o.address_id) OR EXISTS (SELECT 1 FROM receipt d \
         WHERE d.batch_id = o.batch_id AND d.address_id = o.address_id AND d.class = 1))) \
         THEN 1 ELSE 0 END AS bigint)"
    };
}
/// Their numbers over `q.reach`.
macro_rules! reach_sums {
    () => {
        "CAST(COALESCE(sum(CASE WHEN q.reach = 0 THEN 1 ELSE 0 END), 0) AS bigint) AS silent, \
         CAST(COALESCE(sum(CASE WHEN q.reach = 1 THEN 1 ELSE 0 END), 0) AS bigint) AS unsent, \
         CAST(COALESCE(sum(CASE WHEN q.reach = 2 THEN 1 ELSE 0 END), 0) AS bigint) AS no_phone"
    };
}
pub(super) use {reach, reach_sums};

/// Whether a grid's persons are called: where somebody is pursued, and everywhere under a version
/// that pursues nobody, as a forwarded warning of which all are only told.
macro_rules! wakes {
    () => {
        "(e.pursued > 0 OR NOT EXISTS (SELECT 1 FROM alert_ring w WHERE w.alert_id = e.alert_id \
         AND w.version = e.version AND w.pursued = 1))"
    };
}

crate::statements! {
    DOORS = concat!("SELECT q.grid_id, q.building_id, count(*) AS open, ",
        "CAST(sum(q.vulnerable) AS bigint) AS fragile, ",
        "CAST(sum(CASE WHEN q.ring = 1 THEN 1 ELSE 0 END) AS bigint) AS ring1, ", reach_sums!(),
        ", CAST(max(q.held) AS bigint) AS held FROM (SELECT s.grid_id, s.building_id, ",
        "s.vulnerable, s.ring, CAST(CASE WHEN EXISTS (SELECT 1 FROM list k WHERE ",
        "k.alert_id = s.alert_id AND k.place_id = s.building_id AND k.state IN (2, 4)) ",
        "THEN 1 ELSE 0 END AS bigint) AS held, ", reach!(), " AS reach FROM standing s ",
        "WHERE s.alert_id = $1 AND s.grid_id {in $2} AND s.pursued = 1 AND s.closed_at IS NULL ",
        "AND NOT EXISTS (SELECT 1 FROM task t WHERE t.alert_id = s.alert_id ",
        "AND t.household_id = s.household_id AND t.state = 1) ",
        "AND NOT EXISTS (SELECT 1 FROM sheet h JOIN place_above pa ON pa.above_id = h.place_id ",
        "AND pa.place_id = s.building_id WHERE h.alert_id = s.alert_id AND h.returned_at IS NULL)",
        ") q GROUP BY q.grid_id, q.building_id");
    LADDER = concat!("SELECT pa.place_id AS grid_id, d.place_id, d.human_id, d.role, d.ord, ",
        human_facts!(), "FROM place_above pa JOIN duty d ON d.place_id = pa.above_id ",
        "WHERE pa.place_id {in $1} AND d.role BETWEEN 2 AND 6 UNION ALL ",
        "SELECT pb.above_id AS grid_id, d.place_id, d.human_id, d.role, d.ord, ",
        human_facts!(), "FROM place_above pb JOIN duty d ON d.place_id = pb.place_id ",
        "AND d.role = 1 WHERE pb.above_id {in $1} ORDER BY 1, 4, 5, 3");
    STARTED = "SELECT grid_id, min(started_at) FROM expansion WHERE alert_id = $1 \
        AND grid_id {in $2} AND started_at IS NOT NULL GROUP BY grid_id";
    SUMMONED_PLACES = concat!("SELECT q.human_id, p.id AS place_id, p.name AS place, q.grid_id, ",
        "q.pursued FROM (SELECT s.human_id, d.place_id, e.grid_id, e.pursued, d.role ",
        "FROM summons s JOIN duty d ",
        "ON d.human_id = s.human_id AND d.role BETWEEN 2 AND 5 JOIN place_above pa ",
        "ON pa.above_id = d.place_id JOIN expansion e ON e.alert_id = s.alert_id ",
        "AND e.version = $2 AND e.grid_id = pa.place_id AND ", wakes!(),
        " WHERE s.alert_id = $1 AND s.woken_at IS NULL UNION ",
        "SELECT s.human_id, d.place_id, e.grid_id, 0, d.role FROM summons s JOIN duty d ",
        "ON d.human_id = s.human_id AND d.role = 1 JOIN place_above pb ",
        "ON pb.place_id = d.place_id ",
        "JOIN expansion e ON e.alert_id = s.alert_id AND e.version = $2 ",
        "AND e.grid_id = pb.above_id AND ", wakes!(),
        " WHERE s.alert_id = $1 AND s.woken_at IS NULL) q JOIN place p ON p.id = q.place_id ",
        "ORDER BY q.human_id, q.role DESC, p.ord, p.id, q.grid_id");
    OPEN_SUMMONSES = concat!("INSERT INTO summons (alert_id, human_id, place_id, role, n, ",
        "called_at) SELECT $1, d.human_id, min(d.place_id), max(d.role), 0, $3 FROM duty d ",
        "WHERE d.role BETWEEN 2 AND 5 AND d.place_id IN (SELECT pa.above_id FROM expansion e ",
        "JOIN place_above pa ON pa.place_id = e.grid_id WHERE e.alert_id = $1 ",
        "AND e.version = $2 AND ", wakes!(), ") AND NOT EXISTS (SELECT 1 FROM absence x WHERE ",
        "x.human_id = d.human_id AND x.from_at <= $3 AND x.until_at > $3) GROUP BY d.human_id ",
        "ON CONFLICT DO NOTHING");
    UNWOKEN = "SELECT s.human_id, s.place_id, s.role, h.name AS human, p.name AS place, \
        COALESCE((SELECT a.id FROM address a WHERE a.human_id = s.human_id AND a.state = 0 \
        AND a.lane = 1 ORDER BY (SELECT count(*) FROM notice c WHERE c.alert_id = $1 \
        AND c.address_id = a.id AND c.purpose = 1), a.ord, a.id LIMIT 1), 0) AS address_id, \
        COALESCE((SELECT CAST(sum(e.pursued) AS bigint) FROM expansion e JOIN place_above pa \
        ON pa.place_id = e.grid_id AND pa.above_id = s.place_id WHERE e.alert_id = s.alert_id \
        AND e.version = $2), 0) AS doors FROM summons s JOIN human h ON h.id = s.human_id \
        JOIN place p ON p.id = s.place_id WHERE s.alert_id = $1 AND s.woken_at IS NULL \
        ORDER BY s.human_id";
    CALLED = "UPDATE summons SET n = $2, called_at = $3 WHERE alert_id = $1 AND woken_at IS NULL";
    REPORTED = "UPDATE summons SET reported_at = $2 WHERE alert_id = $1 AND human_id {in $3} \
        AND woken_at IS NULL AND reported_at IS NULL";
    SUPERIORS = "SELECT pa.place_id, pa.distance, d.human_id, d.role FROM place_above pa \
        JOIN duty d ON d.place_id = pa.above_id AND d.role BETWEEN 4 AND 6 \
        WHERE pa.place_id {in $1} ORDER BY pa.place_id, d.role, pa.distance, d.ord";
    PLACE_NAMES = concat!("SELECT p.id, ", full_name!("q", "p"), " FROM place p ",
        "LEFT JOIN place q ON q.id = p.parent_id WHERE p.id {in $1}");
    PERSONS = "SELECT count(*), count(woken_at), CAST(COALESCE(sum(CASE WHEN reported_at IS NOT \
        NULL THEN 1 ELSE 0 END), 0) AS bigint) FROM summons WHERE alert_id = $1";
}

/// Open doors of one building. `held` 1: somebody took the list of just this building.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DoorsRow {
    pub grid_id: i64,
    pub building_id: i64,
    pub open: i64,
    pub fragile: i64,
    pub ring1: i64,
    pub silent: i64,
    pub unsent: i64,
    pub no_phone: i64,
    pub held: i64,
}

/// Open doors by building, without those at the desk or on a sheet.
pub async fn doors(tx: &mut Tx, alert: i64, grids: &[i64]) -> Result<Vec<DoorsRow>, StoreFault> {
    tx.rows(&DOORS, args![alert, ids(grids)]).await
}

/// Somebody who answers for a grid, one of its buildings, or a place above it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LadderRow {
    pub grid_id: i64,
    pub place_id: i64,
    pub human_id: i64,
    pub role: i64,
    pub ord: i64,
    pub reachable: i64,
    pub absent: i64,
}

/// The ladders of these grids at `now`.
pub async fn ladder(tx: &mut Tx, grids: &[i64], now: i64) -> Result<Vec<LadderRow>, StoreFault> {
    tx.rows(&LADDER, args![ids(grids), now]).await
}

/// When the clocks of these grids started.
pub async fn started(
    tx: &mut Tx,
    alert: i64,
    grids: &[i64],
) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.rows(&STARTED, args![alert, ids(grids)]).await
}

/// A grid below a place that somebody un-woken answers for, with its pursued households.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SummonedPlace {
    pub human_id: i64,
    pub place_id: i64,
    pub place: String,
    pub grid_id: i64,
    pub pursued: i64,
}

/// All places of everybody un-woken, the widest first; a row for each grid below.
pub async fn summoned_places(
    tx: &mut Tx,
    alert: i64,
    version: i64,
) -> Result<Vec<SummonedPlace>, StoreFault> {
    tx.rows(&SUMMONED_PLACES, args![alert, version]).await
}

/// Writes a summons for everybody responsible for the audience's places. Gives their number.
pub async fn open_summonses(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    now: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&OPEN_SUMMONSES, args![alert, version, now]).await
}

/// A responsible person who has not answered. `address_id` is the number that was called least: the
/// second call goes to the second number. 0: cannot be reached at all.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UnwokenRow {
    pub human_id: i64,
    pub place_id: i64,
    pub role: i64,
    pub human: String,
    pub place: String,
    pub address_id: i64,
    pub doors: i64,
}

/// Who has not woken, with the doors he answers for.
pub async fn unwoken(tx: &mut Tx, alert: i64, version: i64) -> Result<Vec<UnwokenRow>, StoreFault> {
    tx.rows(&UNWOKEN, args![alert, version]).await
}

/// Counts call `n` of everybody who has not woken.
pub async fn called(tx: &mut Tx, alert: i64, n: i64, now: i64) -> Result<u64, StoreFault> {
    tx.exec(&CALLED, args![alert, n, now]).await
}

/// Notes that these un-woken stand on a list now that somebody is told.
pub async fn reported(
    tx: &mut Tx,
    alert: i64,
    humans: &[i64],
    now: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&REPORTED, args![alert, now, ids(humans)]).await
}

/// Who stands above these places: place, distance, human, role; the lowest role first.
pub async fn superiors(
    tx: &mut Tx,
    places: &[i64],
) -> Result<Vec<(i64, i64, i64, i64)>, StoreFault> {
    tx.rows(&SUPERIORS, args![ids(places)]).await
}

/// Id and full name of places.
pub async fn place_names(tx: &mut Tx, places: &[i64]) -> Result<Vec<(i64, String)>, StoreFault> {
    tx.rows(&PLACE_NAMES, args![ids(places)]).await
}

/// Responsible persons of an alert: all, woken, reported as un-woken.
pub async fn persons(store: &super::Store, alert: i64) -> Result<(i64, i64, i64), StoreFault> {
    Ok(store.first(&PERSONS, args![alert]).await?.unwrap_or((0, 0, 0)))
}
