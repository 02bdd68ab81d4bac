//! What a household hears besides the order at hand: its other open orders, and how much it was
//! sent in the last day. Reads only; what follows from it is the engine's.

use serde_json::json;

use super::db::ids;
use super::places::full_name;
use super::{Store, StoreFault};
use crate::args;

crate::statements! {
    OTHER_ALERTS = "SELECT count(*) FROM alert WHERE state = $1 AND kind = $2 AND id <> $3";
    OTHERS_OPEN = "SELECT s.household_id, s.alert_id, al.version, s.demand FROM alert al \
        JOIN standing s ON s.alert_id = al.id AND s.household_id {in $4} WHERE al.state = $1 \
        AND al.kind = $2 AND al.id <> $3 AND s.version = al.version AND s.dropped = 0 \
        AND s.pursued = 1 AND s.closed_at IS NULL \
        ORDER BY s.household_id, s.demand DESC, s.alert_id";
    HEARD_ENOUGH = "SELECT r.household FROM {rows $1: household bigint} WHERE (SELECT count(*) \
        FROM alert al JOIN standing s ON s.alert_id = al.id AND s.household_id = r.household \
        JOIN outcome o ON o.alert_id = s.alert_id AND o.grid_id = s.grid_id AND o.seq = s.seq \
        AND o.kind IN (1, 5) AND o.at > $2 WHERE al.kind = $3 \
        AND (al.ended_at IS NULL OR al.ended_at > $2)) >= $4";
    WAITING = "SELECT b.ring, count(*), min(b.not_before) FROM standing s JOIN batch b \
        ON b.alert_id = s.alert_id AND b.grid_id = s.grid_id AND b.version = s.version \
        AND b.ring = s.ring AND s.seq BETWEEN b.seq_from AND b.seq_to AND b.kind = 1 \
        AND b.state = 0 AND b.wave = 1 AND b.attempt = 1 AND b.not_before > $2 \
        WHERE s.alert_id = $1 AND s.told = s.version GROUP BY b.ring ORDER BY b.ring";
    DROPPED = "SELECT count(*), CAST(COALESCE(sum(CASE WHEN EXISTS (SELECT 1 FROM notice n \
        WHERE n.alert_id = s.alert_id AND n.household_id = s.household_id \
        AND n.purpose {in $2} AND n.n = s.dropped) THEN 1 ELSE 0 END), 0) AS bigint) \
        FROM standing s WHERE s.alert_id = $1 AND s.dropped > 0 AND EXISTS (SELECT 1 \
        FROM outcome o WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id \
        AND o.seq = s.seq AND o.kind IN (1, 5))";
    DROPPED_BY_GRID = concat!("SELECT g.code, ", full_name!("u", "g"), " AS name, \
        q.households, q.corrected, q.sent_home FROM (SELECT s.grid_id, count(*) AS households, \
        CAST(sum(CASE WHEN EXISTS (SELECT 1 FROM notice n WHERE n.alert_id = s.alert_id \
        AND n.household_id = s.household_id AND n.purpose = $2 AND n.n = s.dropped) \
        THEN 1 ELSE 0 END) AS bigint) AS corrected, \
        CAST(sum(CASE WHEN EXISTS (SELECT 1 FROM notice n WHERE n.alert_id = s.alert_id \
        AND n.household_id = s.household_id AND n.purpose = $3 AND n.n = s.dropped) \
        THEN 1 ELSE 0 END) AS bigint) AS sent_home \
        FROM standing s WHERE s.alert_id = $1 AND s.dropped > 0 AND EXISTS (SELECT 1 \
        FROM outcome o WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id \
        AND o.seq = s.seq AND o.kind IN (1, 5)) GROUP BY s.grid_id) q \
        JOIN place g ON g.id = q.grid_id LEFT JOIN place u ON u.id = g.parent_id \
        ORDER BY g.ord LIMIT $4");
    WITHHELD = "SELECT count(*) FROM outcome WHERE alert_id = $1 AND kind = 7";
}

/// Whether another alert of this kind is in force.
pub async fn has_others(
    store: &Store,
    state: i64,
    kind: i64,
    alert: i64,
) -> Result<bool, StoreFault> {
    let row: Option<(i64,)> = store.first(&OTHER_ALERTS, args![state, kind, alert]).await?;
    Ok(row.is_some_and(|r| r.0 > 0))
}

/// Another order that pursues a household, and what it asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::FromRow)]
pub struct AlsoOpen {
    pub household_id: i64,
    pub alert_id: i64,
    pub version: i64,
    pub demand: i64,
}

/// The other open orders of these households, the strongest demand first.
pub async fn others_open(
    store: &Store,
    state: i64,
    kind: i64,
    alert: i64,
    households: &[i64],
) -> Result<Vec<AlsoOpen>, StoreFault> {
    store.rows(&OTHERS_OPEN, args![state, kind, alert, ids(households)]).await
}

/// Those of these households that were sent at least `limit` messages of this kind since then.
pub async fn heard_enough(
    store: &Store,
    households: &[i64],
    since: i64,
    kind: i64,
    limit: i64,
) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<_> = households.iter().map(|h| json!({"household": h})).collect();
    let values = args![super::db::rows_json(&rows)?, since, kind, limit];
    let rows: Vec<(i64,)> = store.rows(&HEARD_ENOUGH, values).await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}

/// Households whose first message has not gone out and is due after an instant, by ring, and the
/// first such moment.
pub async fn waiting(
    store: &Store,
    alert: i64,
    after: i64,
) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    store.rows(&WAITING, args![alert, after]).await
}

/// Households that had an older text and no longer belong: all, and those who were told so.
/// `purposes`: the notices that tell it.
pub async fn dropped(
    store: &Store,
    alert: i64,
    purposes: &[i64],
) -> Result<(i64, i64), StoreFault> {
    Ok(store.first(&DROPPED, args![alert, ids(purposes)]).await?.unwrap_or((0, 0)))
}

/// Households of one grid that had an older text and no longer belong.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DroppedGrid {
    pub code: String,
    /// With the place above it.
    pub name: String,
    pub households: i64,
    /// Of them, those who were told that it does not concern them,
    pub corrected: i64,
    /// and those who were told to go home.
    pub sent_home: i64,
}

/// The same grid by grid; `purposes`: of the correction, of the return notice.
pub async fn dropped_by_grid(
    store: &Store,
    alert: i64,
    purposes: [i64; 2],
    limit: i64,
) -> Result<Vec<DroppedGrid>, StoreFault> {
    let [correction, homeward] = purposes;
    store.rows(&DROPPED_BY_GRID, args![alert, correction, homeward, limit]).await
}

/// Messages that were not sent because the household had had enough of them that day.
pub async fn withheld(store: &Store, alert: i64) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&WITHHELD, args![alert]).await?;
    Ok(row.map_or(0, |r| r.0))
}
