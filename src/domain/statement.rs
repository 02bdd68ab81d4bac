//! What somebody said about a household: who, what, when. Statements are only ever appended; what
//! they amount to together is folded in `standing`. Nothing here looks at texts or numbers.

use serde::{Deserialize, Serialize};

use super::triage::Triage;

/// In what capacity the statement was made. The code is the rank: the greater outranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Giver {
    /// The program itself (an import, a merge). Closes nothing.
    System,
    /// A number shared by more than three households. Says nothing about any one of them.
    SharedNumber,
    /// A relative who is not there.
    Relative,
    /// The named helper of a person who cannot manage alone.
    Helper,
    /// Somebody who lives there, from his own phone.
    Lives,
    /// The official at the desk, who called back or looked into a list.
    Desk,
    /// A leader or responder standing at the door (or at the shelter's entrance).
    AtTheDoor,
}

impl Giver {
    pub const ALL: [Giver; 7] = [
        Giver::System,
        Giver::SharedNumber,
        Giver::Relative,
        Giver::Helper,
        Giver::Lives,
        Giver::Desk,
        Giver::AtTheDoor,
    ];

    /// The stable number under which the store keeps it; it is the rank as well.
    pub fn code(self) -> i64 {
        match self {
            Giver::System => 0,
            Giver::SharedNumber => 10,
            Giver::Relative => 20,
            Giver::Helper => 30,
            Giver::Lives => 40,
            Giver::Desk => 50,
            Giver::AtTheDoor => 60,
        }
    }

    /// The inverse of [`Giver::code`].
    pub fn from_code(code: i64) -> Option<Giver> {
        Giver::ALL.into_iter().find(|giver| giver.code() == code)
    }

    /// Among statements of the same moment the greater rank has the last word.
    pub fn rank(self) -> i64 {
        self.code()
    }
}

/// What is claimed. Digits of the menu become these at intake: 1 `Heard`, 2 `Help`, 3 `LeftAll`
/// (`Upstairs` where only going up was asked, since there 3 means "up or gone"), 4 `SafeHome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Claim {
    /// 知道了; by a leader or helper: "I told them".
    Heard,
    /// A cry for help.
    Help(Triage),
    /// 全家都离开了.
    LeftAll,
    /// 在家平安.
    SafeHome,
    /// Gone up, inside the house.
    Upstairs,
    /// Was not there anyway, since before the order.
    Away,
    /// The helps named in `closes` are dealt with.
    HelpClosed,
    /// 拒绝转移.
    Refused,
    /// 家中无人: knocked, nobody opened.
    NobodyHome,
    /// Met face to face, at home.
    Seen,
    /// The giver saw them go.
    Evacuated,
    /// On the list of a shelter.
    SignedIn,
    /// Went back home after leaving.
    Returned,
    /// Somebody of the household cannot be found.
    Missing,
    /// The statements named in `closes` were a mistake (a tick at the wrong door). Never a help.
    Retracted,
    /// After the end, off the search list: met, and well.
    Found,
    /// After the end: safe somewhere else, by somebody's firm word.
    SafeElsewhere,
    /// After the end: handed on to the police as missing.
    ReportedMissing,
}

impl Claim {
    pub const ALL: [Claim; 20] = [
        Claim::Heard,
        Claim::Help(Triage::A),
        Claim::Help(Triage::B),
        Claim::Help(Triage::C),
        Claim::LeftAll,
        Claim::SafeHome,
        Claim::Upstairs,
        Claim::Away,
        Claim::HelpClosed,
        Claim::Refused,
        Claim::NobodyHome,
        Claim::Seen,
        Claim::Evacuated,
        Claim::SignedIn,
        Claim::Returned,
        Claim::Missing,
        Claim::Retracted,
        Claim::Found,
        Claim::SafeElsewhere,
        Claim::ReportedMissing,
    ];

    /// The stable number under which the store keeps it; helps are 20 + their class.
    pub fn code(self) -> i64 {
        match self {
            Claim::Heard => 1,
            Claim::Help(class) => 20 + class.code(),
            Claim::LeftAll => 3,
            Claim::SafeHome => 4,
            Claim::Upstairs => 5,
            Claim::Away => 6,
            Claim::HelpClosed => 7,
            Claim::Refused => 8,
            Claim::NobodyHome => 9,
            Claim::Seen => 10,
            Claim::Evacuated => 11,
            Claim::SignedIn => 12,
            Claim::Returned => 13,
            Claim::Missing => 14,
            Claim::Retracted => 15,
            Claim::Found => 16,
            Claim::SafeElsewhere => 17,
            Claim::ReportedMissing => 18,
        }
    }

    /// The inverse of [`Claim::code`].
    pub fn from_code(code: i64) -> Option<Claim> {
        Claim::ALL.into_iter().find(|claim| claim.code() == code)
    }

    /// True for a cry for help.
    pub fn is_help(self) -> bool {
        matches!(self, Claim::Help(_))
    }
}

/// One thing somebody said about one household. Instants are milliseconds UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Unique over all statements: the same fact stored twice has the same key.
    pub source_key: String,
    pub giver: Giver,
    pub claim: Claim,
    /// How many persons it speaks of, all told; none: a bare digit or tick, see `standing`.
    pub persons: Option<i64>,
    /// Source keys of the helps it closes (of the statements it takes back, for `Retracted`).
    pub closes: Vec<String>,
    pub observed_at: i64,
    /// The version of the alert that it answers.
    pub version: i64,
}

/// The most keys that one statement may name.
pub const CLOSES_MAX: usize = 64;

/// The store's form of [`Statement::closes`]: none when it names nothing.
pub fn join_closes(closes: &[String]) -> Option<String> {
    (!closes.is_empty()).then(|| closes.join(","))
}

/// The inverse of [`join_closes`]; at most [`CLOSES_MAX`] keys.
pub fn split_closes(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .take(CLOSES_MAX)
        .map(String::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_comes_back_and_none_is_used_twice() {
        let mut seen = HashSet::new();
        for claim in Claim::ALL {
            assert_eq!(Claim::from_code(claim.code()), Some(claim));
            assert!(seen.insert(claim.code()), "{claim:?}");
        }
        for giver in Giver::ALL {
            assert_eq!(Giver::from_code(giver.code()), Some(giver));
        }
        assert_eq!(Claim::from_code(20), None);
        assert_eq!(Giver::from_code(41), None);
    }

    #[test]
    fn the_door_outranks_who_lives_there_the_helper_and_the_relative() {
        let order = [Giver::Relative, Giver::Helper, Giver::Lives, Giver::AtTheDoor];
        assert!(order.windows(2).all(|pair| pair[0].rank() < pair[1].rank()));
    }

    #[test]
    fn closed_keys_survive_the_store() {
        let keys = vec!["sms:1".to_string(), "tick:2".to_string()];
        assert_eq!(split_closes(join_closes(&keys).as_deref()), keys);
        assert_eq!(join_closes(&[]), None);
        assert!(split_closes(None).is_empty());
        assert_eq!(split_closes(Some(" a ,,b")), ["a", "b"]);
    }
}
