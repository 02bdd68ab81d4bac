//! The search list after the end: its rows, who may own it. The doors on it are the alert's open
//! households; who owns it next is decided in the engine.

use super::{StoreFault, Tx};
use crate::args;

crate::statements! {
    SEARCH_LISTS = "SELECT id, uid, human_id, state, offered_at, answered_at, acted_at FROM list \
        WHERE alert_id = $1 AND rung = 7 ORDER BY id";
    OWNERS = "SELECT q.human_id FROM (SELECT d.human_id, max(d.role) AS role, min(d.ord) AS ord \
        FROM duty d WHERE d.role IN (4, 5, 6) AND d.place_id IN (SELECT pa.above_id \
        FROM expansion e JOIN place_above pa ON pa.place_id = e.grid_id WHERE e.alert_id = $1) \
        AND EXISTS (SELECT 1 FROM address a WHERE a.human_id = d.human_id AND a.state = 0 \
        AND a.lane = 1) AND NOT EXISTS (SELECT 1 FROM absence x WHERE x.human_id = d.human_id \
        AND x.from_at <= $2 AND x.until_at > $2) GROUP BY d.human_id) q \
        ORDER BY q.role DESC, q.ord, q.human_id";
    ACCOUNT_HUMAN = "SELECT c.human_id FROM account c JOIN address a ON a.human_id = c.human_id \
        AND a.state = 0 AND a.lane = 1 WHERE c.id = $1 LIMIT 1";
    TELL_SEARCH = "UPDATE list SET told_at = $3 WHERE alert_id = $1 AND human_id = $2 \
        AND rung = 7";
    ROOT = "SELECT id FROM place WHERE parent_id IS NULL ORDER BY id LIMIT 1";
}

/// A search list as its timer sees it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SearchRow {
    pub id: i64,
    pub uid: String,
    pub human_id: i64,
    pub state: i64,
    pub offered_at: i64,
    pub answered_at: Option<i64>,
    pub acted_at: Option<i64>,
}

impl SearchRow {
    /// The last sign of life of its holder.
    pub fn last_act_at(&self) -> i64 {
        self.offered_at.max(self.answered_at.unwrap_or(0)).max(self.acted_at.unwrap_or(0))
    }
}

/// The search list of an alert, a row for each human who was asked.
pub async fn lists(tx: &mut Tx, alert: i64) -> Result<Vec<SearchRow>, StoreFault> {
    tx.rows(&SEARCH_LISTS, args![alert]).await
}

/// Who may own it, the duty room first, then street and community.
pub async fn owners(tx: &mut Tx, alert: i64, now: i64) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64,)> = tx.rows(&OWNERS, args![alert, now]).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The human behind an account, if he can be reached by SMS.
pub async fn human_of_account(tx: &mut Tx, account: i64) -> Result<Option<i64>, StoreFault> {
    let row: Option<(i64,)> = tx.first(&ACCOUNT_HUMAN, args![account]).await?;
    Ok(row.map(|r| r.0))
}

/// Notes that a text to its owner named the search list.
pub async fn tell(tx: &mut Tx, alert: i64, human: i64, now: i64) -> Result<u64, StoreFault> {
    tx.exec(&TELL_SEARCH, args![alert, human, now]).await
}

/// The tree's root, where the search list stands.
pub async fn root(tx: &mut Tx) -> Result<Option<i64>, StoreFault> {
    let row: Option<(i64,)> = tx.first(&ROOT, args![]).await?;
    Ok(row.map(|r| r.0))
}
