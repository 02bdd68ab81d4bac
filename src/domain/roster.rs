//! The roster as rows: what a file of places, people, homes and numbers says, and what is wrong
//! with a row of it.
//!
//! No file format and no store: `exchange` reads and writes these rows, `store` keeps them.

use crate::base::phone::Phone;
use crate::domain::duty::Role;
use crate::domain::lane::Lane;

/// Bytes of one file; a larger one is refused by its size before it is read.
pub const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Rows of one file.
pub const FILE_ROWS_MAX: u64 = 5_000_000;
/// Rows handed on, staged or read back at once.
pub const CHUNK_ROWS_MAX: usize = 10_000;
/// Faults kept of one import; the rest is only counted.
pub const FAULTS_MAX: usize = 1_000;

/// The files of a roster, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RosterFile {
    Places,
    Humans,
    Duties,
    Absences,
    Households,
    Persons,
    Addresses,
    Zones,
    ZoneMembers,
}

impl RosterFile {
    pub const ALL: [RosterFile; 9] = [
        RosterFile::Places,
        RosterFile::Humans,
        RosterFile::Duties,
        RosterFile::Absences,
        RosterFile::Households,
        RosterFile::Persons,
        RosterFile::Addresses,
        RosterFile::Zones,
        RosterFile::ZoneMembers,
    ];

    /// The file's name in a roster's directory.
    pub const fn name(self) -> &'static str {
        match self {
            RosterFile::Places => "places.csv",
            RosterFile::Humans => "humans.csv",
            RosterFile::Duties => "duties.csv",
            RosterFile::Absences => "absences.csv",
            RosterFile::Households => "households.csv",
            RosterFile::Persons => "persons.csv",
            RosterFile::Addresses => "addresses.csv",
            RosterFile::Zones => "zones.csv",
            RosterFile::ZoneMembers => "zone_members.csv",
        }
    }

    /// The inverse of [`RosterFile::name`].
    pub fn from_name(name: &str) -> Option<RosterFile> {
        RosterFile::ALL.into_iter().find(|file| file.name() == name)
    }

    /// The columns, in the order in which they are written.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            RosterFile::Places => &["code", "name", "kind", "parent_code", "ord"],
            RosterFile::Humans => &["code", "name", "phones"],
            RosterFile::Duties => &["place_code", "human_code", "role", "ord"],
            RosterFile::Absences => &["human_code", "from", "until"],
            RosterFile::Households => &[
                "code",
                "kind",
                "name",
                "place_code",
                "floor",
                "door",
                "persons",
                "needs",
                "categories",
                "helper_code",
            ],
            RosterFile::Persons => &["code", "household_code", "name", "birth_year", "needs"],
            RosterFile::Addresses => {
                &["household_code", "lane", "number", "ord", "relative", "person_code"]
            }
            RosterFile::Zones => {
                &["code", "name", "hazard", "minutes_to_water", "route", "shelter", "head_code"]
            }
            RosterFile::ZoneMembers => &["zone_code", "place_code", "household_code"],
        }
    }
}

/// The kinds of places, from the root down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlaceKind {
    County,
    Town,
    Village,
    Grid,
    Building,
    Stairwell,
}

impl PlaceKind {
    pub const ALL: [PlaceKind; 6] = [
        PlaceKind::County,
        PlaceKind::Town,
        PlaceKind::Village,
        PlaceKind::Grid,
        PlaceKind::Building,
        PlaceKind::Stairwell,
    ];

    /// The word used in files and in the store.
    pub const fn word(self) -> &'static str {
        match self {
            PlaceKind::County => "county",
            PlaceKind::Town => "town",
            PlaceKind::Village => "village",
            PlaceKind::Grid => "grid",
            PlaceKind::Building => "building",
            PlaceKind::Stairwell => "stairwell",
        }
    }

    /// The inverse of [`PlaceKind::word`].
    pub fn from_word(word: &str) -> Option<PlaceKind> {
        PlaceKind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl PlaceKind {
    /// Whether a place of this kind can lie right under one of kind `parent`. The kinds fall
    /// strictly, so a tree of them has no cycle; a home's building always lies in a grid.
    pub const fn fits_under(self, parent: PlaceKind) -> bool {
        match self {
            PlaceKind::County => false,
            PlaceKind::Town => matches!(parent, PlaceKind::County),
            PlaceKind::Village => matches!(parent, PlaceKind::County | PlaceKind::Town),
            PlaceKind::Grid => {
                matches!(parent, PlaceKind::County | PlaceKind::Town | PlaceKind::Village)
            }
            PlaceKind::Building => matches!(parent, PlaceKind::Grid),
            PlaceKind::Stairwell => matches!(parent, PlaceKind::Building),
        }
    }
}

/// What only offices write at the end of a place's name: 渚北村委会 is 渚北 in those of its grids.
const OFFICES: [&str; 4] = ["村民委员会", "居民委员会", "村委会", "居委会"];

/// A place as people call it: with the one above, unless its own name begins with that, or with
/// the same four characters: 崇文社区工地宿舍 in 崇文社区第1网格 says where it is.
pub fn full_name(above: &str, name: &str) -> String {
    let stem = OFFICES.iter().fold(above.to_owned(), |stem, office| stem.replace(office, ""));
    let alike = above.chars().zip(name.chars()).take_while(|(a, b)| a == b).count() >= 4;
    if alike || name.starts_with(&stem) { name.to_owned() } else { format!("{above}{name}") }
}

/// Home or unit (care home, school, building site …).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HouseholdKind {
    Home,
    Unit,
}

impl HouseholdKind {
    /// The stable number under which the store keeps it.
    pub const fn code(self) -> i64 {
        match self {
            HouseholdKind::Home => 1,
            HouseholdKind::Unit => 2,
        }
    }

    /// The inverse of [`HouseholdKind::code`].
    pub fn from_code(code: i64) -> Option<HouseholdKind> {
        match code {
            1 => Some(HouseholdKind::Home),
            2 => Some(HouseholdKind::Unit),
            _ => None,
        }
    }

    /// The word used in files.
    pub const fn word(self) -> &'static str {
        match self {
            HouseholdKind::Home => "home",
            HouseholdKind::Unit => "unit",
        }
    }

    /// The inverse of [`HouseholdKind::word`].
    pub fn from_word(word: &str) -> Option<HouseholdKind> {
        [HouseholdKind::Home, HouseholdKind::Unit].into_iter().find(|kind| kind.word() == word)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRow {
    pub code: String,
    pub name: String,
    pub kind: PlaceKind,
    /// `None` for the root only.
    pub parent: Option<String>,
    /// Order among the children of one parent; only the relative order counts.
    pub ord: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HumanRow {
    pub code: String,
    pub name: String,
    pub phones: Vec<Phone>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyRow {
    pub place: String,
    pub human: String,
    pub role: Role,
    pub ord: i64,
}

/// Instants in ms UTC, `until_at` exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsenceRow {
    pub human: String,
    pub from_at: i64,
    pub until_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseholdRow {
    pub code: String,
    pub kind: HouseholdKind,
    pub name: String,
    /// A stairwell, or a building without stairwells.
    pub place: String,
    pub floor: i64,
    pub door: String,
    pub persons: i64,
    /// Bits of [`crate::domain::need::Need`].
    pub needs: i64,
    /// Bits of [`crate::domain::need::Category`].
    pub categories: i64,
    pub helper: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    pub code: String,
    pub household: String,
    pub name: String,
    pub birth_year: Option<i64>,
    pub needs: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRow {
    pub household: String,
    /// Sms or voice; a number is no WeChat contact.
    pub lane: Lane,
    pub number: Phone,
    pub ord: i64,
    /// Set: the number of a relative who does not live there, and who that is.
    pub relative: Option<String>,
    pub person: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneRow {
    pub code: String,
    pub name: String,
    /// `flood`, `typhoon` …
    pub hazard: String,
    pub minutes_to_water: i64,
    pub route: String,
    pub shelter: String,
    pub head: Option<String>,
}

/// A place with everything in it, or a single household.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZoneMember {
    Place(String),
    Household(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneMemberRow {
    pub zone: String,
    pub member: ZoneMember,
}

/// A row of any file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    Place(PlaceRow),
    Human(HumanRow),
    Duty(DutyRow),
    Absence(AbsenceRow),
    Household(HouseholdRow),
    Person(PersonRow),
    Address(AddressRow),
    Zone(ZoneRow),
    ZoneMember(ZoneMemberRow),
}

impl Row {
    /// The file a row of this shape stands in.
    pub const fn file(&self) -> RosterFile {
        match self {
            Row::Place(_) => RosterFile::Places,
            Row::Human(_) => RosterFile::Humans,
            Row::Duty(_) => RosterFile::Duties,
            Row::Absence(_) => RosterFile::Absences,
            Row::Household(_) => RosterFile::Households,
            Row::Person(_) => RosterFile::Persons,
            Row::Address(_) => RosterFile::Addresses,
            Row::Zone(_) => RosterFile::Zones,
            Row::ZoneMember(_) => RosterFile::ZoneMembers,
        }
    }
}

/// One thing wrong with a file: where, what stands there, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub file: String,
    /// Line in the file, 1 = the header; 0: the file as a whole.
    pub line: u64,
    /// Empty: the whole row.
    pub column: String,
    pub value: String,
    pub reason: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}", self.file, self.line)?;
        if !self.column.is_empty() {
            write!(out, " {}", self.column)?;
        }
        if !self.value.is_empty() {
            write!(out, " \"{}\"", self.value)?;
        }
        write!(out, ": {}", self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_with_the_one_above_once() {
        for (above, name, said) in [
            ("崇文社区", "崇文社区第1网格", "崇文社区第1网格"),
            ("崇文社区", "第1网格", "崇文社区第1网格"),
            ("渚北村委会", "渚北第2网格", "渚北第2网格"),
            ("渚北村委会", "第2网格", "渚北村委会第2网格"),
            ("第1网格", "第1幢", "第1网格第1幢"),
            ("崇文社区第1网格", "3幢", "崇文社区第1网格3幢"),
            ("崇文社区第1网格", "崇文社区工地宿舍", "崇文社区工地宿舍"),
            ("崇文一村", "崇文二村网格", "崇文一村崇文二村网格"),
            ("", "余姚市", "余姚市"),
        ] {
            assert_eq!(full_name(above, name), said);
        }
    }
}
