//! Cells to rows: every cell is checked by itself, so that one look at a row finds all its faults.
//!
//! Whether a code exists elsewhere is not asked here; the store knows that.

use crate::base::phone::Phone;
use crate::domain::duty::Role;
use crate::domain::lane::Lane;
use crate::domain::need::{categories_of_words, needs_of_words};
use crate::domain::roster::{
    AbsenceRow, AddressRow, DutyRow, Fault, HouseholdKind, HouseholdRow, HumanRow, PersonRow,
    PlaceKind, PlaceRow, RosterFile, Row, ZoneMember, ZoneMemberRow, ZoneRow,
};
use crate::domain::wording::{DOOR_UNITS, NAME_UNITS, broken_rule};

const CODE_CHARS_MAX: usize = 64;
const TEXT_CHARS_MAX: usize = 200;
const PHONES_MAX: usize = 8;
const ORD_MAX: i64 = 1_000_000_000;

/// The cells of one line, read by column.
pub struct Cells<'a> {
    pub file: RosterFile,
    pub line: u64,
    /// Position in the line of each column of the file.
    pub at: &'a [usize],
    pub cells: &'a [String],
    pub faults: &'a mut Vec<Fault>,
}

impl Cells<'_> {
    fn cell(&self, column: usize) -> &str {
        let cell = self.at.get(column).and_then(|at| self.cells.get(*at));
        cell.map(|cell| cell.trim()).unwrap_or_default()
    }

    fn fault(&mut self, column: usize, reason: impl Into<String>) {
        let fault = Fault {
            file: self.file.name().into(),
            line: self.line,
            column: self.file.columns().get(column).copied().unwrap_or_default().into(),
            value: self.cell(column).chars().take(TEXT_CHARS_MAX).collect(),
            reason: reason.into(),
        };
        self.faults.push(fault);
    }

    fn text(&mut self, column: usize, chars_max: usize) -> String {
        let text = self.cell(column).to_owned();
        if text.chars().any(char::is_control) {
            self.fault(column, "a control character (such as U+0000 or a tab): delete it");
        } else if text.chars().count() > chars_max {
            self.fault(column, format!("too long: at most {chars_max} characters"));
        }
        text
    }

    fn name(&mut self, column: usize) -> String {
        let text = self.text(column, TEXT_CHARS_MAX);
        if text.is_empty() {
            self.fault(column, "empty: write a name");
        }
        text
    }

    /// A name that messages say: what may not stand in one is refused here, at the desk and by
    /// day, not in the night in which it is to be said.
    fn spoken(&mut self, column: usize, units_max: usize) -> String {
        let text = self.cell(column).to_owned();
        let rule = (!text.is_empty()).then(|| broken_rule(&text, units_max)).flatten();
        if let Some(rule) = rule {
            self.fault(column, format!("{rule}: messages say it, so write it otherwise"));
        }
        text
    }

    fn spoken_name(&mut self, column: usize) -> String {
        let name = self.spoken(column, NAME_UNITS);
        if name.is_empty() {
            self.fault(column, "empty: write a name");
        }
        name
    }

    fn optional_code(&mut self, column: usize) -> Option<String> {
        let code = self.cell(column).to_owned();
        if code.is_empty() {
            return None;
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if code.len() > CODE_CHARS_MAX || !code.chars().all(plain) {
            let reason = "not a code: letters, digits, - _ . only, at most 64 characters";
            self.fault(column, reason);
        }
        Some(code)
    }

    fn code(&mut self, column: usize) -> String {
        self.optional_code(column).unwrap_or_else(|| {
            self.fault(column, "empty: write a code");
            String::new()
        })
    }

    fn number(&mut self, column: usize, range: std::ops::RangeInclusive<i64>) -> i64 {
        match self.cell(column).parse::<i64>() {
            Ok(number) if range.contains(&number) => number,
            Ok(_) => {
                let reason = format!("out of range: {} to {}", range.start(), range.end());
                self.fault(column, reason);
                *range.start()
            }
            Err(_) => {
                self.fault(column, "not a whole number: write digits only");
                *range.start()
            }
        }
    }

    fn word<T>(&mut self, column: usize, find: fn(&str) -> Option<T>, known: &str) -> Option<T> {
        let found = find(self.cell(column));
        if found.is_none() {
            self.fault(column, format!("unknown word: one of {known}"));
        }
        found
    }

    fn bits(&mut self, column: usize, read: fn(&str) -> Result<i64, &str>) -> i64 {
        let words = self.cell(column).to_owned();
        read(&words).unwrap_or_else(|word| {
            self.fault(column, format!("unknown word \"{word}\": see the list of needs"));
            0
        })
    }

    fn phone(&mut self, column: usize, text: &str) -> Option<Phone> {
        Phone::parse(text).map_err(|fault| self.fault(column, fault.to_string())).ok()
    }

    fn instant(&mut self, column: usize) -> i64 {
        match self.cell(column).parse::<jiff::Timestamp>() {
            Ok(at) => at.as_millisecond(),
            Err(_) => {
                self.fault(column, "not an instant: write it as 2026-07-01T08:00:00+08:00");
                0
            }
        }
    }

    /// The row, where nothing of it is wrong.
    pub fn row(mut self) -> Option<Row> {
        let before = self.faults.len();
        let row = match self.file {
            RosterFile::Places => self.place(),
            RosterFile::Humans => self.human(),
            RosterFile::Duties => self.duty(),
            RosterFile::Absences => self.absence(),
            RosterFile::Households => self.household(),
            RosterFile::Persons => self.person(),
            RosterFile::Addresses => self.address(),
            RosterFile::Zones => self.zone(),
            RosterFile::ZoneMembers => self.zone_member(),
        };
        row.filter(|_| self.faults.len() == before)
    }

    fn place(&mut self) -> Option<Row> {
        let known = "county, town, village, grid, building, stairwell";
        let (code, name) = (self.code(0), self.spoken_name(1));
        let kind = self.word(2, PlaceKind::from_word, known);
        let parent = self.optional_code(3);
        let ord = self.number(4, 0..=ORD_MAX);
        let kind = kind?;
        if kind == PlaceKind::County && parent.is_some() {
            self.fault(3, "the county is the root: leave its parent empty");
        }
        if kind != PlaceKind::County && parent.is_none() {
            self.fault(3, "empty: only the county has no parent");
        }
        Some(Row::Place(PlaceRow { code, name, kind, parent, ord }))
    }

    fn human(&mut self) -> Option<Row> {
        let (code, name) = (self.code(0), self.spoken_name(1));
        let listed = self.cell(2).to_owned();
        let mut phones: Vec<Phone> = Vec::new();
        for text in listed.split(';').filter(|text| !text.trim().is_empty()) {
            if let Some(phone) = self.phone(2, text)
                && !phones.contains(&phone)
            {
                phones.push(phone);
            }
        }
        if phones.len() > PHONES_MAX {
            self.fault(2, format!("too many numbers: at most {PHONES_MAX}"));
        }
        Some(Row::Human(HumanRow { code, name, phones }))
    }

    fn duty(&mut self) -> Option<Row> {
        let known = "building_leader, grid_leader, grid_deputy, community_head, street_duty, \
                     duty_room, volunteer, unit_head, shelter_manager";
        let (place, human) = (self.code(0), self.code(1));
        let role = self.word(2, Role::from_word, known);
        let ord = self.number(3, 0..=ORD_MAX);
        Some(Row::Duty(DutyRow { place, human, role: role?, ord }))
    }

    fn absence(&mut self) -> Option<Row> {
        let human = self.code(0);
        let (from_at, until_at) = (self.instant(1), self.instant(2));
        if until_at <= from_at {
            self.fault(2, "the absence ends before it begins");
        }
        Some(Row::Absence(AbsenceRow { human, from_at, until_at }))
    }

    fn household(&mut self) -> Option<Row> {
        let code = self.code(0);
        let kind = self.word(1, HouseholdKind::from_word, "home, unit");
        let row = HouseholdRow {
            code,
            name: self.spoken_name(2),
            place: self.code(3),
            floor: self.number(4, -9..=200),
            door: self.spoken(5, DOOR_UNITS),
            persons: self.number(6, 0..=20_000),
            needs: self.bits(7, needs_of_words),
            categories: self.bits(8, categories_of_words),
            helper: self.optional_code(9),
            kind: kind?,
        };
        Some(Row::Household(row))
    }

    fn person(&mut self) -> Option<Row> {
        let (code, household, name) = (self.code(0), self.code(1), self.name(2));
        let birth_year = (!self.cell(3).is_empty()).then(|| self.number(3, 1900..=2100));
        let needs = self.bits(4, needs_of_words);
        Some(Row::Person(PersonRow { code, household, name, birth_year, needs }))
    }

    fn address(&mut self) -> Option<Row> {
        let household = self.code(0);
        let lane = self.word(1, lane_of_number, "sms, voice");
        let text = self.cell(2).to_owned();
        let number = self.phone(2, &text);
        let ord = self.number(3, 0..=ORD_MAX);
        let relative = Some(self.text(4, TEXT_CHARS_MAX)).filter(|text| !text.is_empty());
        let person = self.optional_code(5);
        let (lane, number) = (lane?, number?);
        if lane == Lane::Sms && !number.takes_sms() {
            self.fault(1, "a landline takes no SMS: write voice");
        }
        Some(Row::Address(AddressRow { household, lane, number, ord, relative, person }))
    }

    fn zone(&mut self) -> Option<Row> {
        let (code, name, hazard) = (self.code(0), self.name(1), self.name(2));
        let minutes_to_water = self.number(3, 0..=100_000);
        let (route, shelter) = (self.text(4, TEXT_CHARS_MAX), self.text(5, TEXT_CHARS_MAX));
        let head = self.optional_code(6);
        let row = ZoneRow { code, name, hazard, minutes_to_water, route, shelter, head };
        Some(Row::Zone(row))
    }

    fn zone_member(&mut self) -> Option<Row> {
        let zone = self.code(0);
        let member = match (self.optional_code(1), self.optional_code(2)) {
            (Some(place), None) => ZoneMember::Place(place),
            (None, Some(household)) => ZoneMember::Household(household),
            (Some(_), Some(_)) | (None, None) => {
                self.fault(1, "write either a place or a household");
                return None;
            }
        };
        Some(Row::ZoneMember(ZoneMemberRow { zone, member }))
    }
}

fn lane_of_number(word: &str) -> Option<Lane> {
    [Lane::Sms, Lane::Voice].into_iter().find(|lane| lane.word() == word)
}
