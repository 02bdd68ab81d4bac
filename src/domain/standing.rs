//! What all statements about a household amount to: a pure fold, the same for any order of arrival
//! and any number of repetitions. It decides what closes a door (rules §3); it does not decide what
//! is sent, who goes there, or how a text was understood.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::statement::{Claim, Statement};
use super::triage::Triage;

mod walk;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod laws;

use walk::{Walk, Weight};

/// A second "3" sooner than this is the first one repeated by a phone or a thumb: nobody can have
/// been asked back, have read it and have answered.
pub const ASK_BACK_MIN_MS: i64 = 15_000;

/// Grades of evidence that a household was reached; only `ANSWERED` and above can close.
pub mod grade {
    pub const NONE: i64 = 0;
    pub const HANDED_OVER: i64 = 1;
    pub const CARRIER_RECEIPT: i64 = 2;
    pub const HANDSET_RECEIPT: i64 = 3;
    pub const PLAYED: i64 = 4;
    pub const ANSWERED: i64 = 5;
    pub const SEEN: i64 = 6;
    pub const SIGNED_IN: i64 = 7;
}

/// What is known of a household before anybody says a word, and what is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Home {
    /// 0 inform, 1 receipt, 2 safety, 3 upstairs, 4 evacuation; anything else counts as 4.
    pub demand: i64,
    /// The version in which this demand was first made: a 1 or 4 to an older one doesn't meet it.
    pub since_version: i64,
    pub pursued: bool,
    /// Registered persons; less than one counts as one.
    pub persons: i64,
    /// Somebody there can't hear, understand or move alone.
    pub vulnerable: bool,
    pub lives_alone: bool,
}

/// Where the household is, as far as anybody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whereabouts {
    Unknown,
    Home,
    Upstairs,
    /// Reported gone (a "3"; the first one too, see [`Standing::ask_back`]).
    Left,
    /// Was not there anyway.
    Away,
    /// Knocked, nobody opened.
    NobodyHome,
    /// Some are gone or away, not all.
    Partly,
    /// Seen going.
    Evacuated,
    SignedIn,
    Missing,
}

impl Whereabouts {
    pub const ALL: [Whereabouts; 10] = [
        Whereabouts::Unknown,
        Whereabouts::Home,
        Whereabouts::Upstairs,
        Whereabouts::Left,
        Whereabouts::Away,
        Whereabouts::NobodyHome,
        Whereabouts::Partly,
        Whereabouts::Evacuated,
        Whereabouts::SignedIn,
        Whereabouts::Missing,
    ];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Whereabouts::Unknown => 0,
            Whereabouts::Home => 1,
            Whereabouts::Upstairs => 2,
            Whereabouts::Left => 3,
            Whereabouts::Away => 4,
            Whereabouts::NobodyHome => 5,
            Whereabouts::Partly => 6,
            Whereabouts::Evacuated => 7,
            Whereabouts::SignedIn => 8,
            Whereabouts::Missing => 9,
        }
    }

    /// The inverse of [`Whereabouts::code`].
    pub fn from_code(code: i64) -> Option<Whereabouts> {
        Whereabouts::ALL.into_iter().find(|place| place.code() == code)
    }
}

/// The cache of the fold. Instants are milliseconds UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// When somebody of the household, or somebody who spoke to them, first said anything.
    pub heard_at: Option<i64>,
    pub whereabouts: Whereabouts,
    pub refused: bool,
    /// How many helps are open.
    pub helps: i64,
    /// Their source keys, sorted.
    pub help_keys: Vec<String>,
    /// The most pressing of them.
    pub help_class: Option<Triage>,
    /// Reported gone or safe by a word that isn't enough: somebody has to look.
    pub verify: bool,
    /// Since when it has been closed without a break; none: open.
    pub closed_at: Option<i64>,
    /// Of the statements alone, see [`grade`]; the store keeps the greater of this and receipts.
    pub grade: i64,
    /// A 3 from one who lives there, more live there, and no second 3 yet.
    pub ask_back: bool,
    /// An absent relative has it in hand: a step less urgent, still open.
    pub eased: bool,
}

impl Standing {
    /// Closed, in the sense of custody: answered to the point and no help open.
    pub fn closed(&self) -> bool {
        self.closed_at.is_some()
    }
}

/// Folds everything that was said about one household under one alert.
pub fn fold(home: &Home, facts: &[Statement]) -> Standing {
    let mut walk = Walk::new(home);
    for fact in in_order(facts) {
        walk.take(fact);
        walk.settle(fact.observed_at);
    }
    walk.standing()
}

/// By time, then rank, then help first, then key (the rest only makes the order total); each key
/// once, and what was taken back not at all. A help can't be taken back, only closed.
fn in_order(facts: &[Statement]) -> Vec<&Statement> {
    let mut order: Vec<&Statement> = facts.iter().collect();
    order.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    let mut keys = HashSet::new();
    order.retain(|fact| keys.insert(fact.source_key.as_str()));
    let retracted: HashSet<&str> = order
        .iter()
        .filter(|fact| fact.claim == Claim::Retracted && Weight::of(fact.giver) == Weight::Firm)
        .flat_map(|fact| fact.closes.iter().map(String::as_str))
        .collect();
    order.retain(|fact| fact.claim.is_help() || !retracted.contains(fact.source_key.as_str()));
    order
}

type SortKey<'a> = (i64, i64, bool, &'a str, i64, Option<i64>, &'a [String], i64);

fn sort_key(fact: &Statement) -> SortKey<'_> {
    (
        fact.observed_at,
        fact.giver.rank(),
        !fact.claim.is_help(),
        &fact.source_key,
        fact.claim.code(),
        fact.persons,
        &fact.closes,
        fact.version,
    )
}
