//! Rows as lines of CSV, exactly as [`super::Reader`] takes them: the same row, the same bytes.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::line::push_cell;
use crate::domain::need::{words_of_categories, words_of_needs};
use crate::domain::roster::{HouseholdRow, RosterFile, Row, ZoneMember};

/// Appends the header line of a file.
pub fn write_header(out: &mut Vec<u8>, file: RosterFile) {
    out.extend_from_slice(file.columns().join(",").as_bytes());
    out.push(b'\n');
}

/// Appends a row as one line, in the columns of its file.
pub fn write_row(out: &mut Vec<u8>, row: &Row) {
    for (at, cell) in cells(row).iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_cell(out, cell);
    }
    out.push(b'\n');
}

fn optional(code: &Option<String>) -> Cow<'_, str> {
    Cow::Borrowed(code.as_deref().unwrap_or_default())
}

fn cells(row: &Row) -> Vec<Cow<'_, str>> {
    let number = |n: i64| Cow::Owned(n.to_string());
    let text = |t| Cow::Borrowed(t);
    match row {
        Row::Place(r) => vec![
            text(r.code.as_str()),
            text(&r.name),
            text(r.kind.word()),
            optional(&r.parent),
            number(r.ord),
        ],
        Row::Human(r) => {
            let phones: Vec<String> = r.phones.iter().map(|phone| phone.bare()).collect();
            vec![text(r.code.as_str()), text(&r.name), phones.join(";").into()]
        }
        Row::Duty(r) => {
            vec![text(r.place.as_str()), text(&r.human), text(r.role.word()), number(r.ord)]
        }
        Row::Absence(r) => {
            vec![text(r.human.as_str()), local(r.from_at).into(), local(r.until_at).into()]
        }
        Row::Household(r) => household(r),
        Row::Person(r) => vec![
            text(r.code.as_str()),
            text(&r.household),
            text(&r.name),
            r.birth_year.map(number).unwrap_or_default(),
            words_of_needs(r.needs).into(),
        ],
        Row::Address(r) => vec![
            text(r.household.as_str()),
            text(r.lane.word()),
            r.number.bare().into(),
            number(r.ord),
            optional(&r.relative),
            optional(&r.person),
        ],
        Row::Zone(r) => vec![
            text(r.code.as_str()),
            text(&r.name),
            text(&r.hazard),
            number(r.minutes_to_water),
            text(&r.route),
            text(&r.shelter),
            optional(&r.head),
        ],
        Row::ZoneMember(r) => match &r.member {
            ZoneMember::Place(place) => vec![text(r.zone.as_str()), text(place), text("")],
            ZoneMember::Household(home) => vec![text(r.zone.as_str()), text(""), text(home)],
        },
    }
}

fn household(r: &HouseholdRow) -> Vec<Cow<'_, str>> {
    let number = |n: i64| Cow::Owned(n.to_string());
    let text = |t| Cow::Borrowed(t);
    vec![
        text(r.code.as_str()),
        text(r.kind.word()),
        text(&r.name),
        text(&r.place),
        number(r.floor),
        text(&r.door),
        number(r.persons),
        words_of_needs(r.needs).into(),
        words_of_categories(r.categories).into(),
        optional(&r.helper),
    ]
}

/// ISO 8601 with +08:00; the empty text for an instant out of range.
fn local(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms)
        .map(|at| {
            let zone = TimeZone::fixed(Offset::constant(8));
            at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        })
        .unwrap_or_default()
}
