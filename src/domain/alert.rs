//! What an alert is: origin, colour, urgency, and the one table of its life.
//!
//! Whom it reaches is `audience`'s business, what its texts say `render`'s. A lifted warning is
//! not a lifted order: nothing here ends an order because a forwarded warning ended.

mod check;
mod deadline;
mod said;

use serde::{Deserialize, Serialize};

use super::lane::Class;

pub use check::{Defect, RingAsked, Roll, Submission, Told, check};
pub use deadline::ClockSaid;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Asia/Shanghai, which has kept no summer time since 1991.
const ZONE_OFFSET_MS: i64 = 8 * HOUR_MS;
/// A deadline nearer than this makes an order to move 特急.
pub const NEAR_DEADLINE_MS: i64 = 6 * HOUR_MS;
/// People should be out this long before the water comes.
pub const LEAD_BEFORE_WATER_MS: i64 = 3 * HOUR_MS;

/// Where an alert comes from; never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A warning of the office that alone may issue it; copied word for word, colour included.
    Forwarded,
    /// An order or notice of the flood-control headquarters; has no colour.
    Own,
}

impl Origin {
    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Origin::Forwarded => 1,
            Origin::Own => 2,
        }
    }

    /// The inverse of [`Origin::code`].
    pub fn from_code(code: i64) -> Option<Origin> {
        match code {
            1 => Some(Origin::Forwarded),
            2 => Some(Origin::Own),
            _ => None,
        }
    }
}

/// The colour of a forwarded warning, `Blue < Yellow < Orange < Red`.
///
/// It is never read from a number: some feeds count 1 for red, others 01 for blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    Blue,
    Yellow,
    Orange,
    Red,
}

impl Colour {
    /// Every colour, the mildest first.
    pub const ALL: [Colour; 4] = [Colour::Blue, Colour::Yellow, Colour::Orange, Colour::Red];

    /// The word used in settings, files and logs.
    pub fn word(self) -> &'static str {
        match self {
            Colour::Blue => "blue",
            Colour::Yellow => "yellow",
            Colour::Orange => "orange",
            Colour::Red => "red",
        }
    }

    /// The word in the texts.
    pub fn chinese(self) -> &'static str {
        match self {
            Colour::Blue => "蓝色",
            Colour::Yellow => "黄色",
            Colour::Orange => "橙色",
            Colour::Red => "红色",
        }
    }

    /// Reads `红`, `红色`, `red` or `RED`.
    pub fn parse(text: &str) -> Option<Colour> {
        let text = text.trim();
        let bare = text.strip_suffix('色').unwrap_or(text);
        Colour::ALL.into_iter().find(|colour| {
            colour.word().eq_ignore_ascii_case(text)
                || colour.chinese().strip_suffix('色') == Some(bare)
        })
    }
}

/// What is asked of a household, `Inform < … < Evacuation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// Nothing but to know.
    Inform,
    /// Say that you heard.
    Receipt,
    /// Say that all of you are safe, after an event.
    Safety,
    /// Go up: 就高避险.
    Upstairs,
    /// Leave.
    Evacuation,
}

impl Demand {
    /// Every demand, the mildest first.
    pub const ALL: [Demand; 5] =
        [Demand::Inform, Demand::Receipt, Demand::Safety, Demand::Upstairs, Demand::Evacuation];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Demand::Inform => 0,
            Demand::Receipt => 1,
            Demand::Safety => 2,
            Demand::Upstairs => 3,
            Demand::Evacuation => 4,
        }
    }

    /// The inverse of [`Demand::code`].
    pub fn from_code(code: i64) -> Option<Demand> {
        Demand::ALL.into_iter().find(|demand| demand.code() == code)
    }

    /// Somebody has to leave his rooms.
    pub fn must_move(self) -> bool {
        self >= Demand::Upstairs
    }
}

/// How pressing our part is, `Notice < Urgent < Flash`; decides lane class, quiet hours and plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// 提示
    Notice,
    /// 紧急
    Urgent,
    /// 特急
    Flash,
}

impl Urgency {
    /// Every urgency, the mildest first.
    pub const ALL: [Urgency; 3] = [Urgency::Notice, Urgency::Urgent, Urgency::Flash];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Urgency::Notice => 1,
            Urgency::Urgent => 2,
            Urgency::Flash => 3,
        }
    }

    /// The inverse of [`Urgency::code`].
    pub fn from_code(code: i64) -> Option<Urgency> {
        Urgency::ALL.into_iter().find(|u| u.code() == code)
    }

    /// The word used in settings, files and logs.
    pub fn word(self) -> &'static str {
        match self {
            Urgency::Notice => "notice",
            Urgency::Urgent => "urgent",
            Urgency::Flash => "flash",
        }
    }

    /// The word the officials use.
    pub fn chinese(self) -> &'static str {
        match self {
            Urgency::Notice => "提示",
            Urgency::Urgent => "紧急",
            Urgency::Flash => "特急",
        }
    }

    /// Reads either word.
    pub fn parse(text: &str) -> Option<Urgency> {
        let text = text.trim();
        let found = |u: &Urgency| u.word() == text || u.chinese() == text;
        Urgency::ALL.into_iter().find(found)
    }

    /// Which of a lane's two queues its messages travel on.
    pub fn class(self) -> Class {
        match self {
            Urgency::Flash => Class::Flash,
            Urgency::Urgent | Urgency::Notice => Class::Routine,
        }
    }
}

/// The urgency the form proposes; the official decides.
///
/// `left_ms`: from now to `act_by`. An order to move without a deadline means at once.
pub fn suggest_urgency(demand: Demand, left_ms: Option<i64>, colour: Option<Colour>) -> Urgency {
    let red = colour == Some(Colour::Red);
    let near = left_ms.is_some_and(|left| left <= NEAR_DEADLINE_MS);
    match demand {
        Demand::Upstairs | Demand::Evacuation if near || left_ms.is_none() || red => Urgency::Flash,
        Demand::Receipt | Demand::Safety if near && red => Urgency::Flash,
        Demand::Receipt | Demand::Safety | Demand::Upstairs | Demand::Evacuation => Urgency::Urgent,
        Demand::Inform if colour >= Some(Colour::Orange) => Urgency::Urgent,
        Demand::Inform => Urgency::Notice,
    }
}

/// The `act_by` the form proposes: three hours before the water, or 18:00 before the night in
/// which that falls (22:00 to 06:00), if that is still to come.
///
/// `None`: less than three hours are left; people must leave at once.
pub fn suggest_act_by(water_at: i64, now: i64) -> Option<i64> {
    let lead = water_at.saturating_sub(LEAD_BEFORE_WATER_MS);
    let clock = lead.saturating_add(ZONE_OFFSET_MS).rem_euclid(DAY_MS);
    let since_18 = (clock - 18 * HOUR_MS).rem_euclid(DAY_MS);
    let at_night = !(6 * HOUR_MS..22 * HOUR_MS).contains(&clock);
    let evening = lead.saturating_sub(since_18);
    if at_night && evening > now {
        return Some(evening);
    }
    (lead > now).then_some(lead)
}

/// Where an alert, or a version of it, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// 制作
    Draft,
    /// 审核
    Submitted,
    /// 退回
    Returned,
    /// 签发发布
    Live,
    /// 解除
    Ended,
    /// 撤销: it was wrong.
    Withdrawn,
    /// 作废: thrown away before it ever went out.
    Discarded,
}

/// What is done to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    Edit,
    Submit,
    Return,
    Approve,
    /// Live by one named role, to be countersigned.
    Bypass,
    /// A new version went live; it had its own way from draft to approval.
    Update,
    End,
    Withdraw,
    /// Throw a paper away that never went out.
    Discard,
}

/// Every permitted step of an alert's life. There is no other.
pub const LIFE: &[(State, Act, State)] = &[
    (State::Draft, Act::Edit, State::Draft),
    (State::Draft, Act::Submit, State::Submitted),
    (State::Draft, Act::Bypass, State::Live),
    (State::Draft, Act::Discard, State::Discarded),
    (State::Submitted, Act::Return, State::Returned),
    (State::Submitted, Act::Approve, State::Live),
    (State::Submitted, Act::Bypass, State::Live),
    (State::Submitted, Act::Discard, State::Discarded),
    (State::Returned, Act::Edit, State::Draft),
    (State::Returned, Act::Submit, State::Submitted),
    (State::Returned, Act::Bypass, State::Live),
    (State::Returned, Act::Discard, State::Discarded),
    (State::Live, Act::Update, State::Live),
    (State::Live, Act::End, State::Ended),
    (State::Live, Act::Withdraw, State::Withdrawn),
];

/// The act has no place in this state; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{act:?} is not possible on a {} alert: {remedy}", state.word())]
pub struct NotNow {
    pub state: State,
    pub act: Act,
    pub remedy: &'static str,
}

impl State {
    /// Every state.
    pub const ALL: [State; 7] = [
        State::Draft,
        State::Submitted,
        State::Returned,
        State::Live,
        State::Ended,
        State::Withdrawn,
        State::Discarded,
    ];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            State::Draft => 1,
            State::Submitted => 2,
            State::Returned => 3,
            State::Live => 4,
            State::Ended => 5,
            State::Withdrawn => 6,
            State::Discarded => 7,
        }
    }

    /// The inverse of [`State::code`].
    pub fn from_code(code: i64) -> Option<State> {
        State::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The word used in output and logs.
    pub fn word(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Submitted => "submitted",
            State::Returned => "returned",
            State::Live => "live",
            State::Ended => "ended",
            State::Withdrawn => "withdrawn",
            State::Discarded => "discarded",
        }
    }

    /// The word the officials use.
    pub fn chinese(self) -> &'static str {
        match self {
            State::Draft => "制作",
            State::Submitted => "审核",
            State::Returned => "退回",
            State::Live => "发布",
            State::Ended => "解除",
            State::Withdrawn => "撤销",
            State::Discarded => "作废",
        }
    }

    /// The state after the act, by [`LIFE`].
    pub fn next(self, act: Act) -> Result<State, NotNow> {
        LIFE.iter()
            .find(|(from, by, _)| *from == self && *by == act)
            .map(|(_, _, to)| *to)
            .ok_or(NotNow { state: self, act, remedy: self.remedy(act) })
    }

    fn remedy(self, act: Act) -> &'static str {
        match self {
            State::Draft | State::Returned => match act {
                Act::End | Act::Withdraw => "it never went out; discard it",
                Act::Edit
                | Act::Submit
                | Act::Return
                | Act::Approve
                | Act::Bypass
                | Act::Update
                | Act::Discard => "submit it first",
            },
            State::Submitted => "approve, return or discard it first",
            State::Live => match act {
                Act::Approve | Act::Bypass => "it is live already; nothing was sent twice",
                Act::Discard => "it went out; withdraw it if it was wrong, or end it",
                Act::Edit | Act::Submit | Act::Return | Act::Update | Act::End | Act::Withdraw => {
                    "a live version never changes; draft an update"
                }
            },
            State::Ended | State::Withdrawn => "it is over; draft a correction that names it",
            State::Discarded => "it was thrown away; draft anew",
        }
    }
}

/// The two-person rule: who wrote a version doesn't approve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("who wrote a version, or sent it alone, can't sign it: another person must")]
pub struct OwnApproval {
    pub account: i64,
}

/// Checks the two-person rule; ids are accounts.
pub fn second_person(author_id: i64, approver_id: i64) -> Result<(), OwnApproval> {
    if author_id == approver_id {
        return Err(OwnApproval { account: approver_id });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
