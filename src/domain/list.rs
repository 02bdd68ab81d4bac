//! A list of open doors that is offered to a leader, and its life; the search list after the end
//! is one of them. Who is offered it next is decided in `climb`; which doors stand on it is the
//! store's answer.

use super::plan::Rung;

/// In the place of a rung's code: the search list (清点名单), which climbs no ladder.
pub const SEARCH: i64 = 7;
/// So many ring-1 doors one person can answer for.
pub const LADEN_DOORS: i64 = 40;

/// A list's life. Passed on: its holder fell silent; it is offered onwards, but his until another
/// takes it. Done: another took it. Withdrawn: its place left the order, or the order ended.
/// Finished: all its doors are closed; where one opens again the ladder begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListState {
    Offered,
    Taken,
    Declined,
    PassedOn,
    Done,
    Withdrawn,
    Finished,
}

impl ListState {
    pub const ALL: [ListState; 7] = [
        ListState::Offered,
        ListState::Taken,
        ListState::Declined,
        ListState::PassedOn,
        ListState::Done,
        ListState::Withdrawn,
        ListState::Finished,
    ];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            ListState::Offered => 1,
            ListState::Taken => 2,
            ListState::Declined => 3,
            ListState::PassedOn => 4,
            ListState::Done => 5,
            ListState::Withdrawn => 6,
            ListState::Finished => 7,
        }
    }

    /// The inverse of [`ListState::code`].
    pub fn from_code(code: i64) -> Option<ListState> {
        ListState::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// A list row of this grid or of one of its buildings. Instants are milliseconds UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListRow {
    pub list_id: i64,
    /// The building on rung `Building`, else the grid.
    pub place_id: i64,
    pub human_id: i64,
    pub rung: Rung,
    pub state: ListState,
    pub offered_at: i64,
    /// When he took or declined it.
    pub answered_at: Option<i64>,
    /// His last act on it: a tick, a call, a word.
    pub acted_at: Option<i64>,
}

impl ListRow {
    /// The last sign of life of its holder.
    pub fn last_act_at(&self) -> i64 {
        self.offered_at.max(self.answered_at.unwrap_or(0)).max(self.acted_at.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back() {
        for state in ListState::ALL {
            assert_eq!(ListState::from_code(state.code()), Some(state));
        }
        assert_eq!(ListState::from_code(0), None);
    }

    #[test]
    fn the_last_act_is_the_latest_of_all() {
        let offered = ListRow {
            list_id: 1,
            place_id: 1,
            human_id: 1,
            rung: Rung::Grid,
            state: ListState::Taken,
            offered_at: 10,
            answered_at: None,
            acted_at: None,
        };
        assert_eq!(offered.last_act_at(), 10);
        assert_eq!(ListRow { answered_at: Some(20), ..offered }.last_act_at(), 20);
        let acted = ListRow { answered_at: Some(20), acted_at: Some(30), ..offered };
        assert_eq!(acted.last_act_at(), 30);
    }
}
