//! Orders as rows: drafts, versions, approval, update, withdrawal and end; who stands where on a
//! version. Which change is allowed when is decided by `domain::alert`.

use super::db::{ids, rows_json};
use super::{Store, StoreFault, Tx};
use crate::args;
use crate::base::limits::TIMERS_STEP;

/// The columns of an [`AlertRow`].
macro_rules! alerts {
    () => {
        "SELECT id, uid, origin, kind, hazard, title, issuer, number, colour, issued_at, state, \
         version, author_id, created_at, live_at, ended_at, extended_to FROM alert "
    };
}

crate::statements! {
    INSERT_ALERT = "INSERT INTO alert (uid, origin, kind, hazard, title, issuer, number, colour, \
        issued_at, state, version, author_id, created_at, corrects_id) VALUES \
        ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13) RETURNING id";
    INSERT_VERSION = "INSERT INTO alert_version (alert_id, version, state, urgency, template, \
        vars, act_by, expires_at, plan, categories, needs, reach, author_id, created_at) VALUES \
        ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $10, $11, $12, $13)";
    INSERT_RINGS = "INSERT INTO alert_ring (alert_id, version, ring, demand, pursued) \
        SELECT $1, $2, r.ring, r.demand, r.pursued \
        FROM {rows $3: ring bigint, demand bigint, pursued bigint} WHERE true";
    INSERT_AREAS = "INSERT INTO alert_area (alert_id, version, place_id, excluded) \
        SELECT $1, $2, p.id, r.excluded FROM {rows $3: code text, excluded bigint} \
        JOIN place p ON p.code = r.code AND p.retired_at IS NULL WHERE true";
    INSERT_ZONES = "INSERT INTO alert_zone (alert_id, version, zone_id) \
        SELECT $1, $2, z.id FROM zone z WHERE z.code IN (SELECT r.code FROM \
        {rows $3: code text}) OR ($4 = 1 AND z.hazard = $5)";
    COPY_AREAS = "INSERT INTO alert_area (alert_id, version, place_id, excluded) SELECT alert_id, \
        $3, place_id, excluded FROM alert_area WHERE alert_id = $1 AND version = $2";
    COPY_ZONES = "INSERT INTO alert_zone (alert_id, version, zone_id) SELECT alert_id, $3, \
        zone_id FROM alert_zone WHERE alert_id = $1 AND version = $2";
    KNOWN_CODES = "SELECT p.code, p.id FROM place p WHERE p.retired_at IS NULL AND p.code IN \
        (SELECT r.code FROM {rows $1: code text}) UNION ALL SELECT z.code, 0 FROM zone z \
        WHERE z.code IN (SELECT r.code FROM {rows $1: code text})";
    READ_ALERT = concat!(alerts!(), "WHERE uid = $1");
    READ_ALERT_BY_ID = concat!(alerts!(), "WHERE id = $1");
    LIST_ALERTS = concat!(alerts!(), "WHERE id < $1 ORDER BY id DESC LIMIT $2");
    LOCK_ALERT = "SELECT id, state, version, author_id FROM alert WHERE id = $1 {lock}";
    KINDS = "SELECT id, kind FROM alert WHERE id {in $1}";
    SHARE_ALERTS = "SELECT id, state, version FROM alert WHERE id {in $1} ORDER BY id {share}";
    SHARE_EXPANDED = "SELECT id, state, version FROM alert WHERE id IN (SELECT e.alert_id \
        FROM expansion e WHERE e.id {in $1}) ORDER BY id {share}";
    SHARE_DUE = "SELECT id, state, version FROM alert WHERE id IN (SELECT t.alert_id FROM timer t \
        WHERE t.due_at <= $1 ORDER BY t.due_at, t.id LIMIT $2) ORDER BY id {share_skip}";
    READ_VERSION = "SELECT alert_id, version, state, urgency, template, vars, act_by, expires_at, \
        plan, categories, needs, reach, author_id, approver_id, bypass, countersign_due, \
        countersigner_id, countersigned_at, reason, created_at, live_at \
        FROM alert_version WHERE alert_id = $1 AND version = $2";
    LATEST_VERSION = "SELECT COALESCE(max(version), 0) FROM alert_version WHERE alert_id = $1";
    READ_RINGS = "SELECT ring, demand, pursued FROM alert_ring WHERE alert_id = $1 \
        AND version = $2 ORDER BY ring";
    READ_AREAS = "SELECT place_id, excluded FROM alert_area WHERE alert_id = $1 AND version = $2";
    SET_VERSION_STATE = "UPDATE alert_version SET state = $3, submitted_at = \
        COALESCE(submitted_at, $4), reason = COALESCE($5, reason) \
        WHERE alert_id = $1 AND version = $2";
    SET_ALERT_STATE = "UPDATE alert SET state = $2, ended_at = $3 WHERE id = $1";
    SUPERSEDE = "UPDATE alert_version SET state = $3 WHERE alert_id = $1 AND state = $2";
    GO_LIVE_VERSION = "UPDATE alert_version SET state = $3, approver_id = $4, bypass = $5, \
        live_at = $6, plan = $7 WHERE alert_id = $1 AND version = $2";
    GO_LIVE_ALERT = "UPDATE alert SET state = $2, version = $3, extended_to = NULL, \
        live_at = COALESCE(live_at, $4) WHERE id = $1";
    PLAN_CORRECTION = "INSERT INTO expansion (alert_id, version, grid_id, ord, households, \
        pursued, state) SELECT e.alert_id, $2, e.grid_id, min(e.ord), 0, 0, 0 FROM expansion e \
        WHERE e.alert_id = $1 AND e.version < $2 AND e.state = 1 GROUP BY e.alert_id, e.grid_id \
        ON CONFLICT DO NOTHING";
    COUNTERSIGN_DUE = "UPDATE alert_version SET countersign_due = $3 WHERE alert_id = $1 \
        AND version = $2";
    COUNTERSIGN = "UPDATE alert_version SET countersigner_id = $3, countersigned_at = $4 \
        WHERE alert_id = $1 AND version = $2 AND countersigned_at IS NULL";
    EXTEND = "UPDATE alert SET extended_to = {greatest}(COALESCE(extended_to, $2), $2) + $3 \
        WHERE id = $1";
    LIVE_ALERTS = "SELECT id, uid, kind, version, live_at FROM alert WHERE state = $1 ORDER BY id";
    HAS_DUTY_ROOM = "SELECT count(*) FROM duty d JOIN place p ON p.id = d.place_id \
        JOIN address a ON a.human_id = d.human_id AND a.state = 0 AND a.lane = 1 \
        WHERE p.parent_id IS NULL AND d.role = $1 AND NOT EXISTS (SELECT 1 FROM absence x \
        WHERE x.human_id = d.human_id AND x.from_at <= $2 AND x.until_at > $2)";
    ROLL = "SELECT hash FROM alert_roll WHERE alert_id = $1 AND confirmed_by IS NOT NULL";
}

/// A new alert's row.
#[derive(Debug, Clone)]
pub struct NewAlert {
    pub uid: String,
    pub origin: i64,
    pub kind: i64,
    pub hazard: String,
    pub title: String,
    pub issuer: String,
    pub number: Option<String>,
    pub colour: Option<String>,
    pub issued_at: i64,
    pub state: i64,
    pub author_id: i64,
    pub created_at: i64,
}

/// A new version's row with its rings and areas.
#[derive(Debug, Clone)]
pub struct NewVersion {
    pub version: i64,
    pub state: i64,
    pub urgency: i64,
    pub template: String,
    /// JSON object of the template's variables.
    pub vars: String,
    pub act_by: Option<i64>,
    pub expires_at: i64,
    pub categories: i64,
    pub needs: i64,
    pub reach: i64,
    pub author_id: i64,
    pub created_at: i64,
}

/// A ring as chosen for a version.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, sqlx::FromRow,
)]
pub struct RingRow {
    pub ring: i64,
    pub demand: i64,
    pub pursued: i64,
}

/// A place by its code, in or out.
#[derive(Debug, Clone, serde::Serialize)]
pub struct AreaRow {
    pub code: String,
    pub excluded: i64,
}

/// An alert as stored.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct AlertRow {
    pub id: i64,
    pub uid: String,
    pub origin: i64,
    pub kind: i64,
    pub hazard: String,
    pub title: String,
    pub issuer: String,
    pub number: Option<String>,
    pub colour: Option<String>,
    pub issued_at: i64,
    pub state: i64,
    pub version: i64,
    pub author_id: i64,
    pub created_at: i64,
    pub live_at: Option<i64>,
    pub ended_at: Option<i64>,
    /// Until when it was extended, beyond its version's own expiry.
    pub extended_to: Option<i64>,
}

/// A version as stored.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct VersionRow {
    pub alert_id: i64,
    pub version: i64,
    pub state: i64,
    pub urgency: i64,
    pub template: String,
    pub vars: String,
    pub act_by: Option<i64>,
    pub expires_at: i64,
    pub plan: String,
    pub categories: i64,
    pub needs: i64,
    pub reach: i64,
    pub author_id: i64,
    pub approver_id: Option<i64>,
    pub bypass: i64,
    pub countersign_due: Option<i64>,
    pub countersigner_id: Option<i64>,
    pub countersigned_at: Option<i64>,
    /// Why it was given back, the last time.
    pub reason: Option<String>,
    pub created_at: i64,
    pub live_at: Option<i64>,
}

/// Writes a new alert; gives its id.
pub async fn insert_alert(tx: &mut Tx, a: &NewAlert) -> Result<i64, StoreFault> {
    let values = args![
        &a.uid,
        a.origin,
        a.kind,
        &a.hazard,
        &a.title,
        &a.issuer,
        a.number.clone(),
        a.colour.clone(),
        a.issued_at,
        a.state,
        a.author_id,
        a.created_at,
        None::<i64>
    ];
    let row: Option<(i64,)> = tx.first(&INSERT_ALERT, values).await?;
    Ok(row.map_or(0, |r| r.0))
}

/// Writes a version with its rings.
pub async fn insert_version(
    tx: &mut Tx,
    alert: i64,
    v: &NewVersion,
    rings: &[RingRow],
) -> Result<(), StoreFault> {
    let values = args![
        alert,
        v.version,
        v.state,
        v.urgency,
        &v.template,
        &v.vars,
        v.act_by,
        v.expires_at,
        v.categories,
        v.needs,
        v.reach,
        v.author_id,
        v.created_at
    ];
    tx.exec(&INSERT_VERSION, values).await?;
    tx.exec(&INSERT_RINGS, args![alert, v.version, rows_json(rings)?]).await?;
    Ok(())
}

/// Writes whom a version is for: places in and out, zones by code, or all zones of the hazard.
pub async fn insert_areas(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    areas: &[AreaRow],
    zones: &[AreaRow],
    hazard: &str,
) -> Result<(), StoreFault> {
    tx.exec(&INSERT_AREAS, args![alert, version, rows_json(areas)?]).await?;
    let by_hazard = zones.is_empty();
    let values = args![alert, version, rows_json(zones)?, by_hazard, hazard];
    tx.exec(&INSERT_ZONES, values).await?;
    Ok(())
}

/// A new version for the same places as an old one.
pub async fn copy_areas(tx: &mut Tx, alert: i64, from: i64, to: i64) -> Result<u64, StoreFault> {
    tx.exec(&COPY_AREAS, args![alert, from, to]).await
}

/// A new version for the same danger zones as an old one.
pub async fn copy_zones(tx: &mut Tx, alert: i64, from: i64, to: i64) -> Result<u64, StoreFault> {
    tx.exec(&COPY_ZONES, args![alert, from, to]).await
}

/// Which of these place and zone codes exist: code, place id (0 for zones).
pub async fn known_codes(
    store: &Store,
    codes: &[AreaRow],
) -> Result<Vec<(String, i64)>, StoreFault> {
    store.rows(&KNOWN_CODES, args![rows_json(codes)?]).await
}

/// An alert by its outside id.
pub async fn by_uid(store: &Store, uid: &str) -> Result<Option<AlertRow>, StoreFault> {
    store.first(&READ_ALERT, args![uid]).await
}

/// An alert by its inside id.
pub async fn by_id(store: &Store, id: i64) -> Result<Option<AlertRow>, StoreFault> {
    store.first(&READ_ALERT_BY_ID, args![id]).await
}

/// Alerts, newest first, below `before`.
pub async fn list(store: &Store, before: i64, limit: i64) -> Result<Vec<AlertRow>, StoreFault> {
    store.rows(&LIST_ALERTS, args![before, limit]).await
}

/// Locks an alert for a change of state: id, state, version, author.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Option<(i64, i64, i64, i64)>, StoreFault> {
    tx.first(&LOCK_ALERT, args![id]).await
}

/// The kinds of these alerts, which never change.
pub async fn kinds(tx: &mut Tx, alerts: &[i64]) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.rows(&KINDS, args![ids(alerts)]).await
}

/// How an alert stands, with its row held so that it stands so until the transaction has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Head {
    pub id: i64,
    pub state: i64,
    /// The version in force, or the last one that was.
    pub version: i64,
}

/// Holds these alerts as they are: who ends one waits, who works under one does not.
pub async fn share(tx: &mut Tx, alerts: &[i64]) -> Result<Vec<Head>, StoreFault> {
    tx.rows(&SHARE_ALERTS, args![ids(alerts)]).await
}

/// Holds the alerts of these expansions.
pub async fn share_expanded(tx: &mut Tx, expansions: &[i64]) -> Result<Vec<Head>, StoreFault> {
    tx.rows(&SHARE_EXPANDED, args![ids(expansions)]).await
}

/// Holds the alerts of which a timer is due; one that is being changed right now is left out.
pub async fn share_due(tx: &mut Tx, now: i64) -> Result<Vec<Head>, StoreFault> {
    tx.rows(&SHARE_DUE, args![now, TIMERS_STEP]).await
}

/// A version.
pub async fn version(
    store: &Store,
    alert: i64,
    version: i64,
) -> Result<Option<VersionRow>, StoreFault> {
    store.first(&READ_VERSION, args![alert, version]).await
}

/// The number of the newest version, live or not.
pub async fn latest_version(store: &Store, alert: i64) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&LATEST_VERSION, args![alert]).await?;
    Ok(row.map_or(0, |r| r.0))
}

/// The rings of a version.
pub async fn rings(store: &Store, alert: i64, version: i64) -> Result<Vec<RingRow>, StoreFault> {
    store.rows(&READ_RINGS, args![alert, version]).await
}

/// The places of a version: id, excluded.
pub async fn areas(store: &Store, alert: i64, version: i64) -> Result<Vec<(i64, i64)>, StoreFault> {
    store.rows(&READ_AREAS, args![alert, version]).await
}

/// Moves a version that is not live yet.
pub async fn set_version_state(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    state: i64,
    submitted_at: Option<i64>,
    reason: Option<String>,
) -> Result<(), StoreFault> {
    let values = args![alert, version, state, submitted_at, reason];
    tx.exec(&SET_VERSION_STATE, values).await?;
    Ok(())
}

/// Moves the alert itself.
pub async fn set_alert_state(
    tx: &mut Tx,
    alert: i64,
    state: i64,
    ended_at: Option<i64>,
) -> Result<(), StoreFault> {
    tx.exec(&SET_ALERT_STATE, args![alert, state, ended_at]).await?;
    Ok(())
}

/// Ends every version in state `live`, so that its batches end at their next look.
pub async fn supersede(tx: &mut Tx, alert: i64, live: i64, ended: i64) -> Result<u64, StoreFault> {
    tx.exec(&SUPERSEDE, args![alert, live, ended]).await
}

/// Who released a version, and with which plan.
pub struct Release<'a> {
    pub approver_id: i64,
    pub bypass: bool,
    pub plan: &'a str,
    pub alert_state: i64,
    pub live_state: i64,
    pub at: i64,
}

/// Puts a version in force.
pub async fn release(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    r: &Release<'_>,
) -> Result<(), StoreFault> {
    let values = args![alert, version, r.live_state, r.approver_id, r.bypass, r.at, r.plan];
    tx.exec(&GO_LIVE_VERSION, values).await?;
    tx.exec(&GO_LIVE_ALERT, args![alert, r.alert_state, version, r.at]).await?;
    Ok(())
}

/// One row per grid whose households may have had an older text.
pub async fn plan_correction(tx: &mut Tx, alert: i64, version: i64) -> Result<u64, StoreFault> {
    tx.exec(&PLAN_CORRECTION, args![alert, version]).await
}

/// Notes by when a bypass must be countersigned.
pub async fn set_countersign_due(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    due: i64,
) -> Result<(), StoreFault> {
    tx.exec(&COUNTERSIGN_DUE, args![alert, version, due]).await?;
    Ok(())
}

/// Countersigns a version, once.
pub async fn countersign(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    by: i64,
    now: i64,
) -> Result<u64, StoreFault> {
    tx.exec(&COUNTERSIGN, args![alert, version, by, now]).await
}

/// Lets an alert go on for longer than it was to, or than it was extended already.
pub async fn extend(
    tx: &mut Tx,
    alert: i64,
    expires_at: i64,
    by_ms: i64,
) -> Result<(), StoreFault> {
    tx.exec(&EXTEND, args![alert, expires_at, by_ms]).await?;
    Ok(())
}

/// Live alerts: id, uid, kind, version, live since.
pub async fn live(
    store: &Store,
    state: i64,
) -> Result<Vec<(i64, String, i64, i64, Option<i64>)>, StoreFault> {
    store.rows(&LIVE_ALERTS, args![state]).await
}

/// Whether the root has a duty room with a number that can be reached now.
pub async fn has_duty_room(store: &Store, role: i64, now: i64) -> Result<bool, StoreFault> {
    let row: Option<(i64,)> = store.first(&HAS_DUTY_ROOM, args![role, now]).await?;
    Ok(row.is_some_and(|r| r.0 > 0))
}

/// Hashes of the numbers an exercise may reach.
pub async fn roll(store: &Store, alert: i64) -> Result<Vec<Vec<u8>>, StoreFault> {
    let rows: Vec<(Vec<u8>,)> = store.rows(&ROLL, args![alert]).await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}
