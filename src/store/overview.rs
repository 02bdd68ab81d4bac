//! What stands on the first page: alerts with their numbers, what waits for somebody, and the few
//! counts that tell whether an installation is ready. Every look is cut to the places of whoever
//! looks (`$1`); what a role may see beyond numbers is not decided here.

use super::climb::calls;
use super::db::ids;
use super::{Store, StoreFault};
use crate::args;

/// Rows of each look at most.
const ROWS: i64 = 50;

/// Whether a place stands at or below one of `$1`.
macro_rules! below {
    ($place:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM place_above pa WHERE pa.place_id = ",
            $place,
            " AND pa.above_id {in $1})"
        )
    };
}

/// Whether the areas of a version and the places `$1` have anything in common.
macro_rules! touches {
    () => {
        "(EXISTS (SELECT 1 FROM alert_area x JOIN place_above pa ON pa.place_id = x.place_id \
         WHERE x.alert_id = v.alert_id AND x.version = v.version AND x.excluded = 0 \
         AND pa.above_id {in $1}) OR EXISTS (SELECT 1 FROM alert_area x JOIN place_above pa \
         ON pa.above_id = x.place_id WHERE x.alert_id = v.alert_id AND x.version = v.version \
         AND x.excluded = 0 AND pa.place_id {in $1}))"
    };
}

crate::statements! {
    // 4 live, 5 ended: `domain::alert::State`. A grid that is not expanded yet counts by its
    // expansion's head-counts.
    LIVE_NOW = concat!("WITH mine AS (SELECT t.alert_id, t.pursued + t.told_open AS pursued, ",
        "t.closed, t.help FROM tally t JOIN alert a ON a.id = t.alert_id AND a.state IN (4, 5) ",
        "WHERE ", below!("t.grid_id"), " UNION ALL SELECT e.alert_id, e.pursued, 0, 0 ",
        "FROM expansion e JOIN alert a ON a.id = e.alert_id AND a.state = 4 WHERE e.state = 0 ",
        "AND NOT EXISTS (SELECT 1 FROM tally t WHERE t.alert_id = e.alert_id ",
        "AND t.grid_id = e.grid_id) AND ", below!("e.grid_id"), "), sums AS (SELECT alert_id, ",
        "CAST(sum(pursued) AS bigint) AS pursued, CAST(sum(closed) AS bigint) AS closed, ",
        "CAST(sum(help) AS bigint) AS help FROM mine GROUP BY alert_id) ",
        "SELECT a.uid, a.origin, a.kind, a.title, a.issuer, a.colour, a.state, a.version, ",
        "COALESCE(a.ended_at, v.live_at, a.created_at) AS changed_at, v.urgency, v.act_by, ",
        "COALESCE(a.extended_to, v.expires_at) AS expires_at, COALESCE(s.pursued, 0) AS pursued, ",
        "COALESCE(s.closed, 0) AS closed, COALESCE(s.help, 0) AS help FROM alert a ",
        "JOIN alert_version v ON v.alert_id = a.id AND v.version = a.version ",
        "LEFT JOIN sums s ON s.alert_id = a.id WHERE (a.state = 4 OR (a.state = 5 ",
        "AND s.pursued > s.closed)) AND ", touches!(),
        " ORDER BY a.state, v.urgency DESC, a.id DESC LIMIT $2");
    // 1 draft, 2 submitted, 3 returned, and bypasses that nobody countersigned.
    UNSIGNED = concat!("SELECT a.id, a.uid, a.kind, a.title, v.version, v.state, v.urgency, ",
        "v.author_id, c.name AS author, v.approver_id, COALESCE(v.submitted_at, v.created_at) ",
        "AS since, v.act_by, v.reason, CASE WHEN v.live_at IS NULL THEN NULL ELSE ",
        "v.countersign_due END AS countersign_due FROM alert_version v JOIN alert a ",
        "ON a.id = v.alert_id JOIN account c ON c.id = v.author_id WHERE (v.state IN (1, 2, 3) ",
        "OR (v.bypass = 1 AND v.live_at IS NOT NULL AND v.countersigned_at IS NULL)) AND ",
        touches!(), " ORDER BY v.urgency DESC, since LIMIT $2");
    // By card, as at the desk; a helper's promise is none while it is in time.
    DESK_WAITS = concat!("WITH cards AS (SELECT min(t.kind) AS kind, min(t.class) AS class, ",
        "min(t.state) AS state, min(t.opened_at) AS opened_at, max(CASE WHEN t.state = 1 ",
        "AND t.deadline_at < $2 THEN 1 ELSE 0 END) AS late ",
        "FROM task t WHERE t.state < 2 AND NOT (t.kind = 5 AND t.state = 1 ",
        "AND t.deadline_at > $2) AND (",
        below!("t.building_id"), " OR (t.building_id ",
        "IS NULL AND EXISTS (SELECT 1 FROM place p WHERE p.parent_id IS NULL AND p.id {in $1}))) ",
        "GROUP BY COALESCE(t.incident_id, t.id)) ",
        "SELECT c.kind, c.class, c.state, count(*) AS tasks, min(c.opened_at) AS since, ",
        "CAST(sum(c.late) AS bigint) AS late FROM cards c ",
        "GROUP BY c.kind, c.class, c.state ORDER BY c.class, c.kind, c.state");
    UNTAKEN = concat!("SELECT count(*) AS lists, min(q.since) AS since FROM (SELECT l.alert_id, ",
        "l.place_id, min(l.offered_at) AS since FROM list l JOIN alert a ON a.id = l.alert_id ",
        "AND a.state IN (4, 5) WHERE l.state = 1 AND ", below!("l.place_id"), " AND NOT EXISTS ",
        "(SELECT 1 FROM list k WHERE k.alert_id = l.alert_id AND k.place_id = l.place_id ",
        "AND k.state = 2) GROUP BY l.alert_id, l.place_id) q");
    UNWOKEN_NOW = concat!("SELECT h.name AS person, p.name AS place, a.title, ",
        "COALESCE(c.at, s.called_at) AS called_at, COALESCE(c.n, 0) AS n, ",
        "COUNT(*) OVER () AS all_of_them FROM summons s JOIN alert a ON a.id = s.alert_id ",
        "AND a.state = 4 JOIN human h ON h.id = s.human_id JOIN place p ON p.id = s.place_id ",
        "LEFT JOIN ", calls!("IN (SELECT l.id FROM alert l WHERE l.state = 4)"),
        " c ON c.alert_id = s.alert_id AND c.human_id = s.human_id WHERE s.woken_at IS NULL AND ",
        below!("s.place_id"), " ORDER BY p.depth, p.ord, h.name LIMIT $2");
    // Retired households and people are gone; numbers count while they are good.
    ROSTER_COUNTS = "SELECT (SELECT count(*) FROM place WHERE kind = 'grid' \
        AND retired_at IS NULL) AS grids, (SELECT count(*) FROM household WHERE retired_at IS \
        NULL) AS households, (SELECT count(*) FROM household h WHERE h.retired_at IS NULL \
        AND NOT EXISTS (SELECT 1 FROM address a WHERE a.household_id = h.id AND a.state = 0 \
        AND a.lane = 1)) AS no_phone, (SELECT count(*) FROM place g WHERE g.kind = 'grid' \
        AND g.retired_at IS NULL AND NOT EXISTS (SELECT 1 FROM duty d JOIN address a \
        ON a.human_id = d.human_id AND a.state = 0 AND a.lane = 1 WHERE d.place_id = g.id \
        AND d.role IN (2, 3))) AS no_leader";
    SIGNERS = "SELECT DISTINCT r.account_id, r.role FROM account_role r JOIN account a \
        ON a.id = r.account_id WHERE a.disabled_at IS NULL AND r.role IN (1, 2, 3) \
        AND (a.password_hash IS NOT NULL OR EXISTS (SELECT 1 FROM token t \
        WHERE t.account_id = a.id)) LIMIT 1000";
    LEASE_UNTIL = "SELECT until_at FROM lease WHERE name = $1";
    LAST_SLOT = "SELECT max(done_at) FROM job_slot WHERE job = $1";
    FAILED_CHECKS = "SELECT count(*) FROM task WHERE kind = 4 AND state < 2 \
        AND source_key LIKE 'check:%'";
}

/// An alert that is live, or ended with people open.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LiveNow {
    pub uid: String,
    pub origin: i64,
    pub kind: i64,
    pub title: String,
    pub issuer: String,
    pub colour: Option<String>,
    pub state: i64,
    pub version: i64,
    pub changed_at: i64,
    pub urgency: i64,
    pub act_by: Option<i64>,
    pub expires_at: i64,
    /// Households pursued at the places asked for, and those of them that are closed.
    pub pursued: i64,
    pub closed: i64,
    pub help: i64,
}

/// A version that waits for its author or a signature.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Unsigned {
    pub id: i64,
    pub uid: String,
    pub kind: i64,
    pub title: String,
    pub version: i64,
    pub state: i64,
    pub urgency: i64,
    pub author_id: i64,
    pub author: String,
    pub approver_id: Option<i64>,
    pub since: i64,
    pub act_by: Option<i64>,
    pub reason: Option<String>,
    /// Of a bypass: by when it is to be countersigned.
    pub countersign_due: Option<i64>,
}

/// Cards at the desk of one kind, class and state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct DeskWaits {
    pub kind: i64,
    pub class: i64,
    pub state: i64,
    pub tasks: i64,
    /// When the oldest was opened.
    pub since: i64,
    /// Taken, and past their deadline.
    pub late: i64,
}

/// Somebody called who has not answered.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct UnwokenNow {
    pub person: String,
    pub place: String,
    pub title: String,
    pub called_at: i64,
    /// Calls that a gateway took.
    pub n: i64,
    /// How many there are, whatever the page shows.
    pub all_of_them: i64,
}

/// What a roster holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct RosterCounts {
    pub grids: i64,
    pub households: i64,
    pub no_phone: i64,
    /// Grids whose leader and deputy have no good number.
    pub no_leader: i64,
}

/// Alerts live now, and ended ones with people open, the most urgent first.
pub async fn live_now(store: &Store, places: &[i64]) -> Result<Vec<LiveNow>, StoreFault> {
    store.rows(&LIVE_NOW, args![ids(places), ROWS]).await
}

/// Drafts, submitted and returned versions, and bypasses without a second signature.
pub async fn unsigned(store: &Store, places: &[i64]) -> Result<Vec<Unsigned>, StoreFault> {
    store.rows(&UNSIGNED, args![ids(places), ROWS]).await
}

/// What stands at the desk.
pub async fn desk_waits(
    store: &Store,
    places: &[i64],
    now: i64,
) -> Result<Vec<DeskWaits>, StoreFault> {
    store.rows(&DESK_WAITS, args![ids(places), now]).await
}

/// Places whose list was offered and taken by nobody, and since when.
pub async fn untaken(store: &Store, places: &[i64]) -> Result<(i64, Option<i64>), StoreFault> {
    Ok(store.first(&UNTAKEN, args![ids(places)]).await?.unwrap_or_default())
}

/// Persons called and not woken, the highest places first.
pub async fn unwoken(store: &Store, places: &[i64]) -> Result<Vec<UnwokenNow>, StoreFault> {
    store.rows(&UNWOKEN_NOW, args![ids(places), ROWS]).await
}

/// Counts over the whole roster.
pub async fn roster(store: &Store) -> Result<RosterCounts, StoreFault> {
    Ok(store.first(&ROSTER_COUNTS, args![]).await?.unwrap_or_default())
}

/// Accounts that can act, by id and role: who writes and who signs.
pub async fn signers(store: &Store) -> Result<Vec<(i64, i64)>, StoreFault> {
    store.rows(&SIGNERS, args![]).await
}

/// Until when a named lease is held, machine time.
pub async fn lease_until(store: &Store, name: &str) -> Result<Option<i64>, StoreFault> {
    let row: Option<(i64,)> = store.first(&LEASE_UNTIL, args![name]).await?;
    Ok(row.map(|row| row.0))
}

/// When a calendar job was last done.
pub async fn last_slot(store: &Store, job: &str) -> Result<Option<i64>, StoreFault> {
    let row: Option<(Option<i64>,)> = store.first(&LAST_SLOT, args![job]).await?;
    Ok(row.and_then(|row| row.0))
}

/// Open tasks that a nightly check left.
pub async fn failed_checks(store: &Store) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&FAILED_CHECKS, args![]).await?;
    Ok(row.map_or(0, |row| row.0))
}
