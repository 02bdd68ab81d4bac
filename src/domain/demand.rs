//! What a version asks of a ring: from "know it" to "be gone", in rising strength. What closes a
//! demand is the fold's business, and how it is said is `render`'s.

use serde::{Deserialize, Serialize};

/// What is asked of a household; later variants are stronger, and merged alerts take the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// Told, nothing asked; help is handled all the same.
    Inform,
    /// 确认知晓: somebody says that it was heard.
    Receipt,
    /// 报平安: everyone who lives there is accounted for.
    Safety,
    /// 就高避险: everyone upstairs or gone.
    Upstairs,
    /// 转移到位: everyone gone.
    Evacuation,
}

impl Demand {
    /// All demands, weakest first.
    pub const ALL: [Demand; 5] =
        [Demand::Inform, Demand::Receipt, Demand::Safety, Demand::Upstairs, Demand::Evacuation];

    /// The stable number under which the store keeps it; grows with the strength.
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

    /// The word used in settings, files and logs.
    pub fn word(self) -> &'static str {
        match self {
            Demand::Inform => "inform",
            Demand::Receipt => "receipt",
            Demand::Safety => "safety",
            Demand::Upstairs => "upstairs",
            Demand::Evacuation => "evacuation",
        }
    }

    /// The inverse of [`Demand::word`].
    pub fn from_word(word: &str) -> Option<Demand> {
        Demand::ALL.into_iter().find(|demand| demand.word() == word)
    }

    /// The word the duty room uses.
    pub fn title_zh(self) -> &'static str {
        match self {
            Demand::Inform => "周知",
            Demand::Receipt => "确认知晓",
            Demand::Safety => "报平安",
            Demand::Upstairs => "就高避险",
            Demand::Evacuation => "转移到位",
        }
    }

    /// The digits a bare answer to this demand is understood by. (`Inform` prints only the 2, but
    /// people answer 1 out of habit, and it means what it always means.)
    pub fn menu(self) -> &'static str {
        match self {
            Demand::Inform | Demand::Receipt => "12",
            Demand::Safety => "124",
            Demand::Upstairs | Demand::Evacuation => "123",
        }
    }

    /// Whether somebody must leave his rooms: only then is 3 offered, and 119 always named.
    pub fn must_move(self) -> bool {
        self >= Demand::Upstairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_grows_with_strength_and_reads_back() {
        for (code, demand) in Demand::ALL.into_iter().enumerate() {
            assert_eq!(demand.code(), code as i64);
            assert_eq!(Demand::from_code(demand.code()), Some(demand));
            assert_eq!(Demand::from_word(demand.word()), Some(demand));
        }
        assert!(Demand::ALL.is_sorted());
        assert_eq!(Demand::from_code(5), None);
        assert_eq!(Demand::from_code(-1), None);
        assert_eq!(Demand::from_word("转移"), None);
    }

    #[test]
    fn three_is_offered_only_where_somebody_must_leave_and_four_only_for_safety() {
        for demand in Demand::ALL {
            assert!(demand.menu().contains('2'), "help is always offered");
            assert_eq!(demand.menu().contains('3'), demand.must_move());
            assert_eq!(demand.menu().contains('4'), demand == Demand::Safety);
        }
    }
}
