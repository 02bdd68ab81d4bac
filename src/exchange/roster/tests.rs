//! The CSV formats: what is written is read again, and each thing wrong is named.

mod wrong;

use proptest::prelude::*;

use super::*;
use crate::base::phone::Phone;
use crate::domain::duty::Role;
use crate::domain::lane::Lane;
use crate::domain::roster::*;

fn read(file: RosterFile, bytes: &[u8]) -> Chunk {
    let mut reader = Reader::new(file, bytes);
    let mut all = Chunk::default();
    while let Some(mut chunk) = reader.next_chunk().unwrap() {
        assert!(chunk.rows.len() <= CHUNK_ROWS_MAX);
        all.rows.append(&mut chunk.rows);
        all.faults.append(&mut chunk.faults);
    }
    all
}

fn with_header(file: RosterFile, lines: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write_header(&mut out, file);
    out.extend_from_slice(lines.as_bytes());
    out
}

#[test]
fn every_wrong_cell_is_named_by_line_column_value_and_remedy() {
    for (file, row, column, value, reason) in wrong::CELLS.iter().copied() {
        let chunk = read(file, &with_header(file, &format!("\n{row}\n")));
        assert_eq!(chunk.rows, [], "{row}");
        let fault = &chunk.faults[0];
        assert_eq!(chunk.faults.len(), 1, "{row}: {:?}", chunk.faults);
        assert_eq!((fault.file.as_str(), fault.line), (file.name(), 3), "{row}");
        assert_eq!((fault.column.as_str(), fault.value.as_str()), (column, value), "{row}");
        assert!(fault.reason.contains(reason), "{row}: {}", fault.reason);
    }
}

#[test]
fn one_look_at_a_row_finds_all_its_faults_and_keeps_the_good_rows() {
    let lines = "B1,一号楼,大楼,,x\nG1,第一网格,grid,V1,2\n";
    let chunk = read(RosterFile::Places, &with_header(RosterFile::Places, lines));
    let columns: Vec<&str> = chunk.faults.iter().map(|fault| fault.column.as_str()).collect();
    assert_eq!(columns, ["kind", "ord"]);
    assert_eq!(chunk.rows.len(), 1);
    assert_eq!(chunk.rows[0].0, 3);
}

#[test]
fn broken_lines_are_named() {
    for (line, reason) in [
        ("H1,\"王建国,", "not closed"),
        ("H1,\"王\"建国,", "behind a closing quote"),
        ("H1,王\"建国,", "inside an unquoted cell"),
        ("H1,王建国,13800001234,多", "4 cells where the header has 3"),
        ("H1,王建国", "2 cells where the header has 3"),
    ] {
        let lines = format!("{line}\nH2,李芳,\n");
        let chunk = read(RosterFile::Humans, &with_header(RosterFile::Humans, &lines));
        assert_eq!(chunk.faults.len(), 1);
        assert_eq!((chunk.faults[0].line, chunk.rows.len()), (2, 1), "{line}");
        let said = chunk.faults[0].reason.to_lowercase();
        assert!(said.contains(reason), "{line}: {said}");
    }
}

#[test]
fn a_wrong_header_stops_the_file_and_names_each_column() {
    let chunk = read(RosterFile::Humans, "编号,name,name\nH1,王,\n".as_bytes());
    assert_eq!(chunk.rows, []);
    let named: Vec<(&str, &str)> = chunk
        .faults
        .iter()
        .map(|fault| (fault.column.as_str(), fault.reason.split([';', ':']).next().unwrap()))
        .collect();
    let missing = "missing column";
    let wanted = [
        ("编号", "unknown column"),
        ("name", "column named twice"),
        ("code", missing),
        ("phones", missing),
    ];
    assert_eq!(named, wanted);
    let empty = read(RosterFile::Humans, b"");
    assert!(empty.faults[0].reason.contains("empty file"));
}

#[test]
fn columns_may_stand_in_any_order_and_a_bom_is_passed_over() {
    let text = "\u{feff}phones,code,name\r\n１３８００００１２３４;13800001234,H1,王建国\r\n";
    let chunk = read(RosterFile::Humans, text.as_bytes());
    assert_eq!(chunk.faults, []);
    let phones = vec![Phone::parse("13800001234").unwrap()];
    let human = HumanRow { code: "H1".into(), name: "王建国".into(), phones };
    assert_eq!(chunk.rows, [(2, Row::Human(human))]);
}

#[test]
fn another_encoding_is_named_with_its_byte() {
    let mut bytes = with_header(RosterFile::Humans, "H1,王建国,\nH2,");
    let position = bytes.len();
    bytes.extend_from_slice(b"\xc0\xee\xb7\xbc,\n"); // 李芳 in GB18030
    let chunk = read(RosterFile::Humans, &bytes);
    assert_eq!((chunk.rows.len(), chunk.faults[0].line), (1, 3));
    let reason = &chunk.faults[0].reason;
    assert!(reason.contains("GB18030") && reason.contains("0xc0"), "{reason}");
    assert!(reason.contains(&format!("position {position} ")), "{reason}");
    let utf16: Vec<u8> = "\u{feff}code".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(read(RosterFile::Humans, &utf16).faults[0].reason.contains("UTF-16"));
}

#[test]
fn sizes_have_limits() {
    let fault = check_size(RosterFile::Persons, 1 << 30).unwrap_err();
    assert_eq!(fault.file, "persons.csv");
    assert!(fault.reason.contains("1073741824 bytes"), "{}", fault.reason);
    assert_eq!(check_size(RosterFile::Persons, FILE_BYTES_MAX), Ok(()));
    let long = with_header(RosterFile::Humans, &"王".repeat(100_000));
    assert!(read(RosterFile::Humans, &long).faults[0].reason.contains("line too long"));
    let bad = with_header(RosterFile::Humans, &"H1\n".repeat(3 * FAULTS_MAX));
    assert_eq!(read(RosterFile::Humans, &bad).faults.len(), FAULTS_MAX);
    let many = with_header(RosterFile::Humans, &"H1,王,\n".repeat(CHUNK_ROWS_MAX + 1));
    assert_eq!(read(RosterFile::Humans, &many).rows.len(), CHUNK_ROWS_MAX + 1);
}

/// A file that is never on a disk: a header, then blank lines without end, counted.
struct Endless {
    header: Vec<u8>,
    line: Vec<u8>,
    at: usize,
    given: u64,
}

impl std::io::Read for Endless {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        unreachable!("the reader takes what is buffered")
    }
}

impl std::io::BufRead for Endless {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let first = self.given < self.header.len() as u64;
        Ok(if first { &self.header[self.at..] } else { &self.line[self.at..] })
    }

    fn consume(&mut self, bytes: usize) {
        let whole = if self.given < self.header.len() as u64 { &self.header } else { &self.line };
        self.at = (self.at + bytes) % whole.len();
        self.given += bytes as u64;
    }
}

#[test]
fn a_gigabyte_is_streamed_and_refused_at_the_limit() {
    let mut line = vec![b' '; 16_000];
    line.push(b'\n');
    let mut endless =
        Endless { header: with_header(RosterFile::Humans, ""), line, at: 0, given: 0 };
    let mut reader = Reader::new(RosterFile::Humans, &mut endless);
    let chunk = reader.next_chunk().unwrap().unwrap();
    assert_eq!((chunk.rows.len(), chunk.faults.len()), (0, 1));
    assert_eq!(chunk.faults[0].file, "humans.csv");
    assert!(chunk.faults[0].reason.contains("too large: split it by streets"));
    assert_eq!(reader.next_chunk().unwrap().map(|chunk| chunk.faults), None);
    assert!(endless.given <= FILE_BYTES_MAX + 16_001, "read on after the limit");
}

fn code() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_.-]{1,20}"
}

/// Text as a cell holds it: no blanks at its ends, no control characters.
fn text() -> impl Strategy<Value = String> {
    "[王阿婆建国,\"; a-z0-9＃🚣]{0,12}".prop_map(|text| text.trim().to_owned())
}

fn name() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("余{text}"))
}

/// A name that messages say.
fn spoken() -> impl Strategy<Value = String> {
    "余[王阿婆建国\"a-z0-9＃·]{0,12}"
}

fn door() -> impl Strategy<Value = String> {
    "[a-z0-9＃\"-]{0,12}"
}

fn phone() -> impl Strategy<Value = Phone> {
    (any::<u32>(), any::<bool>()).prop_map(|(n, mobile)| {
        if mobile { Phone::practice_mobile(n) } else { Phone::practice_landline(n) }
    })
}

fn household() -> impl Strategy<Value = Row> {
    let rest = (code(), spoken(), code(), -9..=200_i64, door(), 0..=20_000_i64);
    (rest, 0..1_i64 << 16, 0..1_i64 << 9, prop::option::of(code()), any::<bool>()).prop_map(
        |((code, name, place, floor, door, persons), needs, categories, helper, home)| {
            let kind = if home { HouseholdKind::Home } else { HouseholdKind::Unit };
            Row::Household(HouseholdRow {
                code,
                kind,
                name,
                place,
                floor,
                door,
                persons,
                needs,
                categories,
                helper,
            })
        },
    )
}

fn address() -> impl Strategy<Value = Row> {
    let relative = prop::option::of(name());
    (code(), phone(), 0..99_i64, relative, prop::option::of(code())).prop_map(
        |(household, number, ord, relative, person)| {
            let lane = if number.takes_sms() { Lane::Sms } else { Lane::Voice };
            Row::Address(AddressRow { household, lane, number, ord, relative, person })
        },
    )
}

fn other() -> impl Strategy<Value = Row> {
    let phones = prop::collection::hash_set(phone(), 0..4);
    prop_oneof![
        (code(), spoken(), code(), 0..9_i64).prop_map(|(code, name, parent, ord)| {
            let (kind, parent) = (PlaceKind::Grid, Some(parent));
            Row::Place(PlaceRow { code, name, kind, parent, ord })
        }),
        (code(), spoken(), phones).prop_map(|(code, name, phones)| {
            Row::Human(HumanRow { code, name, phones: phones.into_iter().collect() })
        }),
        (code(), code(), 1..=9_i64, 0..9_i64).prop_map(|(place, human, role, ord)| {
            let role = Role::from_code(role).unwrap();
            Row::Duty(DutyRow { place, human, role, ord })
        }),
        (code(), 0..4_000_000_000_i64, 1..1_000_000_i64).prop_map(|(human, from, long)| {
            let (from_at, until_at) = (from * 1000, (from + long) * 1000);
            Row::Absence(AbsenceRow { human, from_at, until_at })
        }),
    ]
}

fn rest() -> impl Strategy<Value = Row> {
    prop_oneof![
        (code(), code(), name(), prop::option::of(1900..=2100_i64), 0..1_i64 << 16).prop_map(
            |(code, household, name, birth_year, needs)| {
                Row::Person(PersonRow { code, household, name, birth_year, needs })
            }
        ),
        (code(), name(), text(), 0..999_i64, text(), prop::option::of(code())).prop_map(
            |(code, name, route, minutes_to_water, shelter, head)| {
                let hazard = "flood".into();
                let row = ZoneRow { code, name, hazard, minutes_to_water, route, shelter, head };
                Row::Zone(row)
            }
        ),
        (code(), code(), any::<bool>()).prop_map(|(zone, member, place)| {
            let member =
                if place { ZoneMember::Place(member) } else { ZoneMember::Household(member) };
            Row::ZoneMember(ZoneMemberRow { zone, member })
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(row in prop_oneof![household(), address(), other(), rest()]) {
        let file = row.file();
        let mut bytes = with_header(file, "");
        write_row(&mut bytes, &row);
        let chunk = read(file, &bytes);
        prop_assert_eq!(&chunk.faults, &[]);
        prop_assert_eq!(&chunk.rows, &[(2, row)]);
        // The same bytes through another reader of CSV give the same number of cells.
        let mut oracle = csv::Reader::from_reader(&bytes[..]);
        prop_assert_eq!(oracle.records().next().unwrap().unwrap().len(), file.columns().len());
    }

    #[test]
    fn cells_are_cut_as_others_cut_them(cells in prop::collection::vec(text(), 1..6)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&cells).unwrap();
        let bytes = writer.into_inner().unwrap();
        let line = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(super::line::split(line.trim_end_matches('\n')), Ok(cells));
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for file in RosterFile::ALL {
            let _ = read(file, &[&with_header(file, "")[..], &bytes].concat());
        }
    }
}
