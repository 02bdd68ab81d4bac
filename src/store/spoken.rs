//! Homes in their helper's hand, of which he can say that he spoke to them. That he took them is
//! `expand::paired`'s, what his word amounts to the fold's.

use super::answer::Speaking;
use super::{StoreFault, Tx};
use crate::args;

crate::statements! {
    // Taken before $4: the digit that takes them must not be the one that says so.
    HOMES_IN_HAND = "SELECT t.id, t.source_key, s.alert_id, s.household_id, s.version FROM task t \
        JOIN alert al ON al.id = t.alert_id AND al.state = $2 AND al.kind = $3 \
        JOIN standing s ON s.alert_id = t.alert_id AND s.household_id = t.household_id \
        WHERE t.owner_human = $1 AND t.kind = 5 AND t.state = 1 AND t.taken_at <= $4 \
        AND s.pursued = 1 AND s.closed_at IS NULL ORDER BY s.alert_id, s.household_id";
}

/// An open home that a helper has in hand, and the task by which he has it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HomeInHand {
    pub id: i64,
    pub source_key: String,
    pub alert_id: i64,
    pub household_id: i64,
    /// The version that he has gone there for.
    pub version: i64,
}

/// The open homes that a helper took up to `until`, under orders in this state and of the kind he
/// speaks of.
pub async fn homes_in_hand(
    tx: &mut Tx,
    speaking: Speaking,
    state: i64,
    until: i64,
) -> Result<Vec<HomeInHand>, StoreFault> {
    tx.rows(&HOMES_IN_HAND, args![speaking.human, state, speaking.kind, until]).await
}
