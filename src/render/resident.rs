//! What a resident text is made of. Who gets it, and when, was decided before.

use std::collections::BTreeMap;

use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;

/// Who reads the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// A home with one person, or with nobody knows how many.
    Household,
    /// A relative who is not there; `name` is how the home is called to him: 您母亲王阿婆.
    AbsentRelative { name: &'a str },
    /// A home with more than one registered person: the 3 names their number.
    Several(u32),
}

impl Audience<'_> {
    /// The digits printed in the text. A relative is never offered 3 or 4: he is not there.
    pub fn printed_menu(self, demand: Demand) -> &'static str {
        match (self, demand) {
            (_, Demand::Inform) => "2",
            (Audience::AbsentRelative { .. }, _) => "12",
            (Audience::Household | Audience::Several(_), _) => demand.menu(),
        }
    }
}

/// A further open alert of the same home, told in the same text.
#[derive(Debug, Clone, Copy)]
pub struct MergedPart<'a> {
    pub template: &'a str,
    pub vars: &'a BTreeMap<String, String>,
    /// What this alert asks of the home: each part tells its own thing to do.
    pub demand: Demand,
}

/// One text for one home.
#[derive(Debug, Clone, Copy)]
pub struct ResidentText<'a> {
    /// The office's short name without brackets: 余姚市防指.
    pub signature: &'a str,
    pub template: &'a str,
    pub vars: &'a BTreeMap<String, String>,
    /// What this alert asks; the menu follows the highest of all merged parts.
    pub demand: Demand,
    pub audience: Audience<'a>,
    /// An exercise and a rehearsal say so in every text.
    pub kind: AlertKind,
    /// From 1; a later version names its time.
    pub version: u32,
    /// When this version was issued, ms UTC.
    pub issued_at_ms: i64,
    /// Usually empty; at most two.
    pub merged: &'a [MergedPart<'a>],
}
