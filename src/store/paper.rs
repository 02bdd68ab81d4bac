//! Orders as papers on a desk: the codes behind a version, a draft written anew, a page of papers
//! with their places. Which change is allowed when is `domain::alert`'s.

use super::db::ids;
use super::{Store, StoreFault, Tx};
use crate::args;

crate::statements! {
    AREA_CODES = "SELECT p.id, p.code, p.name, a.excluded FROM alert_area a \
        JOIN place p ON p.id = a.place_id WHERE a.alert_id = $1 AND a.version = $2 ORDER BY p.ord";
    ZONE_CODES = "SELECT z.code, z.name FROM alert_zone a JOIN zone z ON z.id = a.zone_id \
        WHERE a.alert_id = $1 AND a.version = $2 ORDER BY z.code";
    DROP_RINGS = "DELETE FROM alert_ring WHERE alert_id = $1 AND version = $2";
    DROP_AREAS = "DELETE FROM alert_area WHERE alert_id = $1 AND version = $2";
    DROP_ZONES = "DELETE FROM alert_zone WHERE alert_id = $1 AND version = $2";
    // A version that was ever in force is never touched.
    DROP_DRAFT = "DELETE FROM alert_version WHERE alert_id = $1 AND version = $2 \
        AND state = $3 AND live_at IS NULL";
    REWRITE_ALERT = "UPDATE alert SET origin = $2, kind = $3, hazard = $4, title = $5, \
        issuer = $6, number = $7, colour = $8, issued_at = $9, state = $10 WHERE id = $1 \
        AND version = 0";
    ACCOUNT_NAMES = "SELECT id, name FROM account WHERE id {in $1}";
    PAPERS = "SELECT a.id, a.uid, a.origin, a.kind, a.hazard, a.title, a.issuer, a.number, \
        a.colour, a.state, a.version, v.version AS newest, v.state AS newest_state, \
        v.urgency, v.act_by, a.created_at, a.live_at, a.ended_at FROM alert a JOIN alert_version v \
        ON v.alert_id = a.id AND v.version = (SELECT max(w.version) FROM alert_version w \
        WHERE w.alert_id = a.id) WHERE a.id < $1 ORDER BY a.id DESC LIMIT $2";
    // Where a right to look is judged: the version in force, or the draft that is to be the first.
    PAPER_PLACES = "SELECT a.id, x.place_id FROM alert a JOIN alert_area x ON x.alert_id = a.id \
        AND x.excluded = 0 AND x.version = CASE WHEN a.version = 0 THEN 1 ELSE a.version END \
        WHERE a.id {in $1} ORDER BY a.id, x.place_id";
}

/// A place of a version.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AreaNamed {
    pub id: i64,
    pub code: String,
    pub name: String,
    pub excluded: i64,
}

/// An alert with its newest version, as a list shows it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct PaperRow {
    #[serde(skip)]
    pub id: i64,
    pub uid: String,
    pub origin: i64,
    pub kind: i64,
    pub hazard: String,
    pub title: String,
    pub issuer: String,
    pub number: Option<String>,
    pub colour: Option<String>,
    pub state: i64,
    /// In force, 0 before the first.
    pub version: i64,
    pub newest: i64,
    pub newest_state: i64,
    pub urgency: i64,
    pub act_by: Option<i64>,
    pub created_at: i64,
    pub live_at: Option<i64>,
    pub ended_at: Option<i64>,
}

/// The head of an alert as its author writes it anew.
pub struct Head<'a> {
    pub origin: i64,
    pub kind: i64,
    pub hazard: &'a str,
    pub title: &'a str,
    pub issuer: &'a str,
    pub number: Option<String>,
    pub colour: Option<String>,
    pub issued_at: i64,
    pub state: i64,
}

/// The places of a version, in walking order.
pub async fn areas(store: &Store, alert: i64, version: i64) -> Result<Vec<AreaNamed>, StoreFault> {
    store.rows(&AREA_CODES, args![alert, version]).await
}

/// The danger zones of a version: code, name.
pub async fn zones(
    store: &Store,
    alert: i64,
    version: i64,
) -> Result<Vec<(String, String)>, StoreFault> {
    store.rows(&ZONE_CODES, args![alert, version]).await
}

/// Takes a version away that never was in force. False: it is not in this state any more.
pub async fn drop_draft(
    tx: &mut Tx,
    alert: i64,
    version: i64,
    state: i64,
) -> Result<bool, StoreFault> {
    if tx.exec(&DROP_DRAFT, args![alert, version, state]).await? == 0 {
        return Ok(false);
    }
    for stmt in [&DROP_RINGS, &DROP_AREAS, &DROP_ZONES] {
        tx.exec(stmt, args![alert, version]).await?;
    }
    Ok(true)
}

/// Writes the head of an alert anew that never was in force.
pub async fn rewrite(tx: &mut Tx, alert: i64, head: &Head<'_>) -> Result<(), StoreFault> {
    let values = args![
        alert,
        head.origin,
        head.kind,
        head.hazard,
        head.title,
        head.issuer,
        head.number.clone(),
        head.colour.clone(),
        head.issued_at,
        head.state
    ];
    tx.exec(&REWRITE_ALERT, values).await?;
    Ok(())
}

/// The names of accounts.
pub async fn names(store: &Store, accounts: &[i64]) -> Result<Vec<(i64, String)>, StoreFault> {
    store.rows(&ACCOUNT_NAMES, args![ids(accounts)]).await
}

/// Alerts below an id, newest first.
pub async fn page(store: &Store, before: i64, limit: i64) -> Result<Vec<PaperRow>, StoreFault> {
    store.rows(&PAPERS, args![before, limit]).await
}

/// The places of these alerts: alert, place.
pub async fn places(store: &Store, alerts: &[i64]) -> Result<Vec<(i64, i64)>, StoreFault> {
    store.rows(&PAPER_PLACES, args![ids(alerts)]).await
}
