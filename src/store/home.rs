//! What one household is asked under its open orders, and what it said itself: for its own page.
//! Reads only.

use super::{Store, StoreFault, Tx};
use crate::args;
use crate::domain::alert::State;

macro_rules! asked {
    () => {
        "SELECT s.alert_id, al.version AS in_force, al.state, s.household_id, s.building_id, \
         s.version, s.demand, s.pursued, s.persons, s.vulnerable, s.dropped, s.heard_at, \
         s.whereabouts, s.helps, s.verify, s.closed_at FROM alert mine JOIN alert al \
         ON al.id = mine.id OR (al.state = $3 AND al.kind = mine.kind) \
         JOIN standing s ON s.alert_id = al.id AND s.household_id = $2 \
         WHERE mine.id = $1 AND (al.id = $1 OR s.dropped = 0) \
         ORDER BY CASE WHEN al.id = $1 THEN 0 ELSE 1 END, s.demand DESC, al.id LIMIT $4"
    };
}

crate::statements! {
    ASKED = asked!();
    HOME = "SELECT h.name, b.name AS building, h.door FROM household h \
        JOIN place b ON b.id = h.building_id WHERE h.id = $1";
    OWN_WORDS = "SELECT claim, persons, observed_at FROM statement WHERE alert_id = $1 \
        AND household_id = $2 AND giver = 40 ORDER BY observed_at DESC, id DESC LIMIT $3";
    TAKEN_AT = "SELECT max(taken_at) FROM task WHERE alert_id = $1 AND household_id = $2 \
        AND kind = 1 AND state = 1";
    KNOWN_KEY = "SELECT household_id FROM statement WHERE source_key = $1";
}

/// A household's standing under one order.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AskedRow {
    pub alert_id: i64,
    /// The version in force.
    pub in_force: i64,
    /// Of the alert.
    pub state: i64,
    pub household_id: i64,
    pub building_id: i64,
    pub version: i64,
    pub demand: i64,
    pub pursued: i64,
    pub persons: i64,
    pub vulnerable: i64,
    pub dropped: i64,
    pub heard_at: Option<i64>,
    pub whereabouts: i64,
    pub helps: i64,
    pub verify: i64,
    pub closed_at: Option<i64>,
}

/// What the household is asked under this alert and the others in force, this one first.
pub async fn asked(
    store: &Store,
    alert: i64,
    household: i64,
    limit: i64,
) -> Result<Vec<AskedRow>, StoreFault> {
    store.rows(&ASKED, args![alert, household, State::Live.code(), limit]).await
}

/// The same inside a transaction.
pub async fn asked_now(
    tx: &mut Tx,
    alert: i64,
    household: i64,
    limit: i64,
) -> Result<Vec<AskedRow>, StoreFault> {
    tx.rows(&ASKED, args![alert, household, State::Live.code(), limit]).await
}

/// Name, building and door.
pub async fn home(
    store: &Store,
    household: i64,
) -> Result<Option<(String, String, String)>, StoreFault> {
    store.first(&HOME, args![household]).await
}

/// What the household said itself under an alert, the latest first: claim, persons, time.
pub async fn own_words(
    store: &Store,
    alert: i64,
    household: i64,
    limit: i64,
) -> Result<Vec<(i64, Option<i64>, i64)>, StoreFault> {
    store.rows(&OWN_WORDS, args![alert, household, limit]).await
}

/// Since when somebody at the desk has its cry for help in hand.
pub async fn help_taken_at(
    store: &Store,
    alert: i64,
    household: i64,
) -> Result<Option<i64>, StoreFault> {
    let row: Option<(Option<i64>,)> = store.first(&TAKEN_AT, args![alert, household]).await?;
    Ok(row.and_then(|r| r.0))
}

/// Whether a statement of this key is there already.
pub async fn is_known(tx: &mut Tx, key: &str) -> Result<bool, StoreFault> {
    let row: Option<(i64,)> = tx.first(&KNOWN_KEY, args![key]).await?;
    Ok(row.is_some())
}
