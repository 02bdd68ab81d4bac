//! Lanes, realms and classes: the words that say by which way, in which world and how urgently
//! something travels. No rates, no providers.

use serde::{Deserialize, Serialize};

/// The way a message takes to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    Sms,
    Voice,
    Wechat,
}

impl Lane {
    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Lane::Sms => 1,
            Lane::Voice => 2,
            Lane::Wechat => 3,
        }
    }

    /// The inverse of [`Lane::code`].
    pub fn from_code(code: i64) -> Option<Lane> {
        match code {
            1 => Some(Lane::Sms),
            2 => Some(Lane::Voice),
            3 => Some(Lane::Wechat),
            _ => None,
        }
    }

    /// The word used in settings, files and logs.
    pub fn word(self) -> &'static str {
        match self {
            Lane::Sms => "sms",
            Lane::Voice => "voice",
            Lane::Wechat => "wechat",
        }
    }
}

/// The world an address or a gateway belongs to: a practice message never leaves the practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Realm {
    Live,
    Practice,
}

impl Realm {
    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Realm::Live => 1,
            Realm::Practice => 2,
        }
    }

    /// The inverse of [`Realm::code`].
    pub fn from_code(code: i64) -> Option<Realm> {
        match code {
            1 => Some(Realm::Live),
            2 => Some(Realm::Practice),
            _ => None,
        }
    }
}

/// Which of the two queues of a lane a hint travels on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Flash,
    Routine,
}
