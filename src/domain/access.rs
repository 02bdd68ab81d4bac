//! Who may do what where: roles given at places, and the one table of what each role may do.
//!
//! A right at a place covers everything below it. Leaders and residents act through their own
//! links and numbers, not through accounts, and are not judged here.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What an account may be at a place. One account may hold several, at several places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// 制作: writes alerts and hands them in.
    Author,
    /// 签发: returns or approves what another wrote.
    Approver,
    /// 紧急签发: sends without a second person; countersigned by the end of the shift.
    Emergency,
    /// 受理: the duty room: helps, unclear replies, lists and sheets on behalf of others.
    Desk,
    /// 查看: sees numbers, never names or phones.
    Viewer,
    /// 管理: accounts, roster and settings; no alerts.
    Admin,
}

impl Role {
    /// Every role, in the order of its code.
    pub const ALL: [Role; 6] =
        [Role::Author, Role::Approver, Role::Emergency, Role::Desk, Role::Viewer, Role::Admin];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Role::Author => 1,
            Role::Approver => 2,
            Role::Emergency => 3,
            Role::Desk => 4,
            Role::Viewer => 5,
            Role::Admin => 6,
        }
    }

    /// The inverse of [`Role::code`].
    pub fn from_code(code: i64) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.code() == code)
    }

    /// The word used on the command line, in files and logs.
    pub fn word(self) -> &'static str {
        match self {
            Role::Author => "author",
            Role::Approver => "approver",
            Role::Emergency => "emergency",
            Role::Desk => "desk",
            Role::Viewer => "viewer",
            Role::Admin => "admin",
        }
    }

    /// The word the officials use.
    pub fn chinese(self) -> &'static str {
        match self {
            Role::Author => "制作",
            Role::Approver => "签发",
            Role::Emergency => "紧急签发",
            Role::Desk => "受理",
            Role::Viewer => "查看",
            Role::Admin => "管理",
        }
    }

    /// Reads either word.
    pub fn parse(text: &str) -> Option<Role> {
        let text = text.trim();
        let found = |role: &Role| role.word() == text || role.chinese() == text;
        Role::ALL.into_iter().find(found)
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident $word:literal by $($role:ident)|+;)+) => {
        /// Every command that changes something, and the looks that are journaled.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $name),+ }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Action] = &[$(Action::$name),+];

            /// The word under which it stands in the journal and in refusals.
            pub fn word(self) -> &'static str {
                match self { $(Action::$name => $word),+ }
            }

            /// The roles of which one is enough.
            pub fn roles(self) -> &'static [Role] {
                match self { $(Action::$name => &[$(Role::$role),+]),+ }
            }
        }
    };
}

actions! {
    /// A new alert, or the draft of its next version.
    DraftAlert "alert.draft" by Author | Emergency;
    SubmitAlert "alert.submit" by Author | Emergency;
    ReturnAlert "alert.return" by Approver;
    ApproveAlert "alert.approve" by Approver;
    /// Live without a second person.
    BypassAlert "alert.bypass" by Emergency;
    /// The second signature under a bypass, afterwards.
    CountersignAlert "alert.countersign" by Approver;
    /// Whoever sees that a text is wrong stops it: withdrawing waits for nobody.
    WithdrawAlert "alert.withdraw" by Author | Approver | Emergency;
    /// A paper that never went out is thrown away.
    DiscardAlert "alert.discard" by Author | Approver | Emergency;
    EndAlert "alert.end" by Approver | Emergency;
    /// A later expiry; the duty room is the one that is called about it.
    ExtendAlert "alert.extend" by Approver | Emergency | Desk;
    /// The second person who confirms the numbers an exercise may reach.
    ConfirmRoll "roll.confirm" by Approver;
    CallUp "callout.start" by Approver | Emergency;
    TakeTask "task.take" by Desk | Emergency;
    CloseTask "task.close" by Desk | Emergency;
    /// What was said on the phone or at the door, written down for another.
    RecordStatement "statement.record" by Desk | Emergency;
    TakeList "list.take" by Desk | Emergency;
    TickList "list.tick" by Desk | Emergency;
    GiveList "list.give" by Desk | Emergency;
    HandSheet "sheet.hand" by Desk | Emergency;
    ReturnSheet "sheet.return" by Desk | Emergency;
    /// Names, doors and phone numbers; each look is journaled.
    LookAtPeople "people.look" by Desk | Emergency;
    LookAtBoard "board.look" by Author | Approver | Emergency | Desk | Viewer | Admin;
    ImportRoster "roster.import" by Admin;
    ExportRoster "roster.export" by Admin;
    ManageAccounts "account.change" by Admin;
    ChangeSettings "setting.change" by Admin;
    VerifyJournal "journal.verify" by Author | Approver | Emergency | Desk | Viewer | Admin;
    ExportJournal "journal.export" by Approver | Admin;
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A refusal that says what would help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} is not allowed at {}: {remedy}", self.at())]
pub struct Denied {
    pub action: Action,
    /// The place asked for; 0 where none was named.
    pub place: i64,
    /// The place as people know it, where whoever refuses has looked it up.
    pub place_name: Option<String>,
    pub remedy: String,
}

impl Denied {
    fn at(&self) -> String {
        self.place_name.clone().unwrap_or_else(|| format!("place {}", self.place))
    }

    /// The refusal for a page, with what would help.
    pub fn chinese(&self) -> String {
        let words: Vec<&str> = self.action.roles().iter().map(|role| role.chinese()).collect();
        let words = words.join("、");
        if self.place == 0 {
            return format!("这项操作要指明地点，并在该地或其上级担任：{words}。");
        }
        format!("这项操作要在该地或其上级担任：{words}。请找有此职责的人，或请管理员授权。")
    }
}

/// Whether these roles allow the action at a place.
///
/// `place_ancestors`: the place itself first, then every place above it up to the root. No place
/// at all is refused: every right is a right somewhere.
pub fn allows(
    roles: &[(Role, i64)],
    action: Action,
    place_ancestors: &[i64],
) -> Result<(), Denied> {
    let enough =
        |(role, at): &(Role, i64)| action.roles().contains(role) && place_ancestors.contains(at);
    if roles.iter().any(enough) {
        return Ok(());
    }
    Err(Denied {
        action,
        place: place_ancestors.first().copied().unwrap_or(0),
        place_name: None,
        remedy: remedy(roles, action, place_ancestors),
    })
}

/// The same for several places (the areas of an alert): all of them must be covered.
pub fn allows_everywhere(
    roles: &[(Role, i64)],
    action: Action,
    places_ancestors: &[Vec<i64>],
) -> Result<(), Denied> {
    if places_ancestors.is_empty() {
        return allows(roles, action, &[]);
    }
    places_ancestors.iter().try_for_each(|ancestors| allows(roles, action, ancestors))
}

fn remedy(roles: &[(Role, i64)], action: Action, place_ancestors: &[i64]) -> String {
    let words: Vec<String> =
        action.roles().iter().map(|role| format!("{} {}", role.word(), role.chinese())).collect();
    let words = words.join(", ");
    if place_ancestors.is_empty() {
        return format!("name a place; one of these roles is needed there: {words}");
    }
    if roles.iter().any(|(role, _)| action.roles().contains(role)) {
        return "the role is held, but at another place; \
                ask somebody of this place or of one above it"
            .into();
    }
    format!("one of these roles is needed there or above: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CITY: i64 = 1;
    const FENGSHAN: i64 = 10;
    const LIANGHUI: i64 = 20;
    const GRID: i64 = 101;
    const GRID_PATH: [i64; 3] = [GRID, FENGSHAN, CITY];

    #[test]
    fn a_right_covers_everything_below_and_nothing_above_or_beside() {
        let street = [(Role::Author, FENGSHAN)];
        assert_eq!(allows(&street, Action::DraftAlert, &GRID_PATH), Ok(()));
        assert_eq!(allows(&street, Action::DraftAlert, &[FENGSHAN, CITY]), Ok(()));
        let above = allows(&street, Action::DraftAlert, &[CITY]).unwrap_err();
        assert_eq!(above.place, CITY);
        assert!(above.remedy.contains("another place"), "{above}");
        assert!(allows(&street, Action::DraftAlert, &[LIANGHUI, CITY]).is_err());
    }

    #[test]
    fn the_refusal_names_the_roles_that_would_do() {
        let denied = allows(&[(Role::Author, CITY)], Action::ApproveAlert, &GRID_PATH).unwrap_err();
        assert_eq!(denied.action, Action::ApproveAlert);
        assert_eq!(
            denied.to_string(),
            "alert.approve is not allowed at place 101: \
             one of these roles is needed there or above: approver 签发"
        );
        assert!(denied.chinese().contains("担任：签发。"), "{}", denied.chinese());
    }

    #[test]
    fn no_role_and_no_place_allow_nothing() {
        for &action in Action::ALL {
            assert!(allows(&[], action, &GRID_PATH).is_err(), "{action}");
            let every: Vec<_> = Role::ALL.into_iter().map(|role| (role, CITY)).collect();
            assert!(allows(&every, action, &[]).is_err(), "{action}");
            assert!(allows(&every, action, &GRID_PATH).is_ok(), "{action}");
        }
    }

    #[test]
    fn an_order_over_two_streets_needs_a_right_in_both() {
        let areas = [vec![FENGSHAN, CITY], vec![LIANGHUI, CITY]];
        let one = [(Role::Approver, FENGSHAN)];
        let denied = allows_everywhere(&one, Action::ApproveAlert, &areas).unwrap_err();
        assert_eq!(denied.place, LIANGHUI);
        let both = [(Role::Approver, FENGSHAN), (Role::Approver, LIANGHUI)];
        assert_eq!(allows_everywhere(&both, Action::ApproveAlert, &areas), Ok(()));
        assert!(allows_everywhere(&both, Action::ApproveAlert, &[]).is_err());
    }

    #[test]
    fn authors_do_not_sign_admins_do_not_alert_viewers_only_look() {
        let may = |role, action: Action| action.roles().contains(&role);
        assert!(!may(Role::Author, Action::ApproveAlert));
        assert!(!may(Role::Approver, Action::BypassAlert));
        assert!(may(Role::Author, Action::WithdrawAlert));
        for &action in Action::ALL {
            let word = action.word();
            if word.starts_with("alert.") {
                assert!(!may(Role::Admin, action), "{word}");
            }
            let looks = matches!(action, Action::LookAtBoard | Action::VerifyJournal);
            assert_eq!(may(Role::Viewer, action), looks, "{word}");
        }
    }

    #[test]
    fn codes_and_words_come_back_and_are_unique() {
        for role in Role::ALL {
            assert_eq!(Role::from_code(role.code()), Some(role));
            assert_eq!(Role::parse(role.word()), Some(role));
            assert_eq!(Role::parse(role.chinese()), Some(role));
        }
        assert_eq!(Role::from_code(7), None);
        assert_eq!(Role::parse("root"), None);
        let words: std::collections::BTreeSet<_> = Action::ALL.iter().map(|a| a.word()).collect();
        assert_eq!(words.len(), Action::ALL.len());
    }
}
