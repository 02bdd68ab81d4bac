//! What notices are filled with: places, persons, homes, counts.

use serde::Serialize;

/// A place and how many doors of it are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PlaceDoors<'a> {
    pub place: &'a str,
    pub doors: u32,
}

/// The open doors of a list: not answered, not handed to a gateway yet, without any good number.
/// Whoever answered and is still open is only in the sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OpenDoors {
    pub doors: u32,
    pub fragile: u32,
    pub silent: u32,
    pub unsent: u32,
    pub no_phone: u32,
}

/// Why a list is taken out of somebody's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WhyWithdrawn {
    /// The order ended.
    Ended,
    /// The order was wrong.
    Wrong,
    /// The place is no longer in it.
    Left,
}

/// A person and the place he answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PersonAt<'a> {
    pub name: &'a str,
    pub place: &'a str,
}

/// A home and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HomeAt<'a> {
    pub name: &'a str,
    pub place: &'a str,
}

/// The classes A, B, C of a help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HelpClass {
    /// A: life.
    Life,
    /// B: must be carried before the deadline.
    Carry,
    /// C: water, food, medicine, information.
    Supply,
}
