//! How pressing a cry for help is. Which words mean which class is the reply reader's business,
//! not this file's.

use serde::{Deserialize, Serialize};

/// The class of a help, given at intake; `A < B < C`, so the smallest is the most pressing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Triage {
    /// Life: water inside and rising, trapped, injured, oxygen, dialysis, labour, current, gas.
    A,
    /// Must be carried before the deadline.
    B,
    /// Water, food, medicine, information.
    C,
}

impl Triage {
    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Triage::A => 1,
            Triage::B => 2,
            Triage::C => 3,
        }
    }

    /// The inverse of [`Triage::code`].
    pub fn from_code(code: i64) -> Option<Triage> {
        match code {
            1 => Some(Triage::A),
            2 => Some(Triage::B),
            3 => Some(Triage::C),
            _ => None,
        }
    }

    /// The letter on the desk's board.
    pub fn letter(self) -> &'static str {
        match self {
            Triage::A => "A",
            Triage::B => "B",
            Triage::C => "C",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back_and_a_is_the_most_pressing() {
        for class in [Triage::A, Triage::B, Triage::C] {
            assert_eq!(Triage::from_code(class.code()), Some(class));
        }
        assert_eq!(Triage::from_code(0), None);
        assert_eq!([Triage::C, Triage::A, Triage::B].into_iter().min(), Some(Triage::A));
    }
}
