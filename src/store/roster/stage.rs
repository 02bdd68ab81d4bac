//! Rows into the stage: each with its own key, the codes it refers to, and its fields in columns
//! whose meaning depends on the file. Numbers are sealed and hashed on the way.
//!
//! Nothing is checked here. PostgreSQL copies, SQLite takes JSON: rows in bulk are its measure.

use serde::Serialize;

use crate::args;
use crate::base::phone::Phone;
use crate::base::seal::Sealer;
use crate::domain::lane::{Lane, Realm};
use crate::domain::roster::{HouseholdRow, Row, ZoneMember};
use crate::store::db::rows_json;
use crate::store::{Dialect, Store, StoreFault};

/// A human's line has room for so many phones.
pub const PHONES_LINE: i64 = 16;
/// Rows of one statement where they come as JSON.
const JSON_ROWS: usize = 2_000;

// What the columns mean (`file_no!` has the files' numbers):
//   t1 name, last four · t2 kind of a place, door, relative, hazard · t3 route · t4 shelter
//   n1 lane, kind of a home, role, from, born, minutes · n2 realm, floor, until
//   n3 order, persons · n4 needs · n5 categories · differs 0: the store has it so
crate::statements! {
    LAY_STAGE = "CREATE TEMP TABLE IF NOT EXISTS stage (file bigint NOT NULL, \
        line bigint NOT NULL, code text NOT NULL, refers text NOT NULL, refers2 text NOT NULL, \
        t1 text, t2 text, t3 text, t4 text, n1 bigint, n2 bigint, n3 bigint, n4 bigint, \
        n5 bigint, sealed {blob}, hash {blob}, differs bigint NOT NULL DEFAULT 1)";
    LAY_GONE = "CREATE TEMP TABLE IF NOT EXISTS gone (file bigint NOT NULL, id bigint NOT NULL, \
        id2 bigint NOT NULL, id3 bigint NOT NULL)";
    LAY_SHARED = "CREATE TEMP TABLE IF NOT EXISTS shared (hash {blob} NOT NULL)";
    FILL_STAGE = "INSERT INTO stage (file, line, code, refers, refers2, t1, t2, t3, t4, n1, n2, \
        n3, n4, n5, sealed, hash) SELECT r.file, r.line, r.code, r.refers, r.refers2, r.t1, r.t2, \
        r.t3, r.t4, r.n1, r.n2, r.n3, r.n4, r.n5, {unhex r.sealed}, {unhex r.hash} \
        FROM {rows $1: file bigint, line bigint, code text, refers text, refers2 text, t1 text, \
        t2 text, t3 text, t4 text, n1 bigint, n2 bigint, n3 bigint, n4 bigint, n5 bigint, \
        sealed text, hash text} WHERE true";
    INDEX_CODE = "CREATE INDEX IF NOT EXISTS stage_code ON stage (file, code, line)";
    INDEX_REFERS = "CREATE INDEX IF NOT EXISTS stage_refers ON stage (file, refers)";
    ANALYZE_STAGE = "ANALYZE stage";
}

const COPY: &str = "COPY stage (file, line, code, refers, refers2, t1, t2, t3, t4, n1, n2, n3, n4, \
                    n5, sealed, hash) FROM STDIN";

/// The empty stage, and beside it the keys of what is to be retired and the hashes of numbers whose
/// sharing must be counted again.
pub(super) async fn lay(store: &Store) -> Result<(), StoreFault> {
    for stmt in [&LAY_STAGE, &LAY_GONE, &LAY_SHARED] {
        store.exec(stmt, args![]).await?;
    }
    Ok(())
}

/// Once it is full: an index built at once is cheaper than one that grows.
pub(super) async fn index(store: &Store) -> Result<(), StoreFault> {
    for stmt in [&INDEX_CODE, &INDEX_REFERS, &ANALYZE_STAGE] {
        store.exec(stmt, args![]).await?;
    }
    Ok(())
}

#[derive(Serialize, Default)]
struct StageRow<'a> {
    file: i64,
    line: i64,
    code: String,
    refers: &'a str,
    refers2: &'a str,
    t1: Option<&'a str>,
    t2: Option<&'a str>,
    t3: Option<&'a str>,
    t4: Option<&'a str>,
    n1: Option<i64>,
    n2: Option<i64>,
    n3: Option<i64>,
    n4: Option<i64>,
    n5: Option<i64>,
    sealed: Option<String>,
    hash: Option<String>,
}

impl<'a> StageRow<'a> {
    /// Seals a number into the row; its key gets the hash, so that the same number twice is seen.
    fn put(&mut self, sealer: &Sealer, lane: Lane, number: &'a Phone, ord: i64) {
        let realm = if number.is_practice() { Realm::Practice } else { Realm::Live };
        let hash = hex(&sealer.hash(number.e164()));
        self.code = format!("{}|{}|{hash}", self.refers, lane.code());
        self.t1 = Some(number.last4());
        self.n1 = Some(lane.code());
        self.n2 = Some(realm.code());
        self.n3 = Some(ord);
        self.sealed = Some(hex(&sealer.seal(number.e164())));
        self.hash = Some(hash);
    }

    /// A line of PostgreSQL's `COPY`.
    fn copy(&self, out: &mut String) {
        use std::fmt::Write;
        let _ = write!(out, "{}\t{}", self.file, self.line);
        let texts = [Some(self.code.as_str()), Some(self.refers), Some(self.refers2)];
        for text in texts.into_iter().chain([self.t1, self.t2, self.t3, self.t4]) {
            out.push('\t');
            match text {
                Some(text) => escape(out, text),
                None => out.push_str("\\N"),
            }
        }
        for number in [self.n1, self.n2, self.n3, self.n4, self.n5] {
            let _ = match number {
                Some(number) => write!(out, "\t{number}"),
                None => write!(out, "\t\\N"),
            };
        }
        for bytes in [&self.sealed, &self.hash] {
            let _ = match bytes {
                Some(hex) => write!(out, "\t\\\\x{hex}"),
                None => write!(out, "\t\\N"),
            };
        }
        out.push('\n');
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

pub(super) async fn stage(
    store: &Store,
    sealer: &Sealer,
    rows: &[(u64, Row)],
) -> Result<(), StoreFault> {
    let mut staged = Vec::with_capacity(rows.len());
    for (line, row) in rows {
        let line = i64::try_from(*line).unwrap_or(i64::MAX / PHONES_LINE);
        push(&mut staged, sealer, row, line);
    }
    match store.dialect() {
        Dialect::Postgres => {
            let mut text = String::with_capacity(staged.len() * 128);
            staged.iter().for_each(|row| row.copy(&mut text));
            store.copy_in(COPY, text.into_bytes()).await
        }
        Dialect::Sqlite => {
            for part in staged.chunks(JSON_ROWS) {
                store.exec(&FILL_STAGE, args![rows_json(part)?]).await?;
            }
            Ok(())
        }
    }
}

fn lane_of(number: &Phone) -> Lane {
    if number.takes_sms() { Lane::Sms } else { Lane::Voice }
}

fn home(r: &HouseholdRow) -> StageRow<'_> {
    StageRow {
        file: 6,
        code: r.code.clone(),
        refers: &r.place,
        refers2: r.helper.as_deref().unwrap_or_default(),
        t1: Some(&r.name),
        t2: Some(&r.door),
        n1: Some(r.kind.code()),
        n2: Some(r.floor),
        n3: Some(r.persons),
        n4: Some(r.needs),
        n5: Some(r.categories),
        ..StageRow::default()
    }
}

fn push<'a>(out: &mut Vec<StageRow<'a>>, sealer: &Sealer, row: &'a Row, line: i64) {
    let of =
        |file: i64, code: &str| StageRow { file, line, code: code.into(), ..StageRow::default() };
    let some = |text: &'a String| Some(text.as_str());
    let mut new = match row {
        Row::Place(r) => {
            let refers = r.parent.as_deref().unwrap_or_default();
            let (t1, t2) = (some(&r.name), Some(r.kind.word()));
            StageRow { refers, t1, t2, n3: Some(r.ord), ..of(1, &r.code) }
        }
        Row::Human(r) => {
            for (ord, number) in (1..PHONES_LINE).zip(&r.phones) {
                let line = line * PHONES_LINE + ord;
                let mut row = StageRow { refers: &r.code, line, ..of(3, "") };
                row.put(sealer, lane_of(number), number, ord);
                out.push(row);
            }
            StageRow { t1: some(&r.name), ..of(2, &r.code) }
        }
        Row::Duty(r) => {
            let code = format!("{}|{}|{}", r.place, r.role.code(), r.human);
            let (n1, n3) = (Some(r.role.code()), Some(r.ord));
            StageRow { refers: &r.place, refers2: &r.human, n1, n3, ..of(4, &code) }
        }
        Row::Absence(r) => {
            let code = format!("{}|{}", r.human, r.from_at);
            let (n1, n2) = (Some(r.from_at), Some(r.until_at));
            StageRow { refers: &r.human, n1, n2, ..of(5, &code) }
        }
        Row::Household(r) => StageRow { line, ..home(r) },
        Row::Person(r) => {
            let (t1, n4) = (some(&r.name), Some(r.needs));
            StageRow { refers: &r.household, t1, n1: r.birth_year, n4, ..of(7, &r.code) }
        }
        Row::Address(r) => {
            let refers2 = r.person.as_deref().unwrap_or_default();
            StageRow { refers: &r.household, refers2, t2: r.relative.as_deref(), ..of(8, "") }
        }
        Row::Zone(r) => StageRow {
            refers2: r.head.as_deref().unwrap_or_default(),
            t1: some(&r.name),
            t2: some(&r.hazard),
            t3: some(&r.route),
            t4: some(&r.shelter),
            n1: Some(r.minutes_to_water),
            ..of(9, &r.code)
        },
        Row::ZoneMember(r) => {
            let (file, member) = match &r.member {
                ZoneMember::Place(code) => (10, code),
                ZoneMember::Household(code) => (11, code),
            };
            let code = format!("{}|{member}", r.zone);
            StageRow { refers: &r.zone, refers2: member, ..of(file, &code) }
        }
    };
    if let Row::Address(r) = row {
        new.put(sealer, r.lane, &r.number, r.ord);
    }
    out.push(new);
}
