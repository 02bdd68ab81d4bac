//! Rows into the stage: each with its own key, the codes it refers to, and the rest as JSON.
//!
//! Numbers are sealed and hashed on the way. Nothing is checked here.

use serde::Serialize;
use serde_json::{Value, json};

use crate::args;
use crate::base::phone::Phone;
use crate::base::seal::Sealer;
use crate::domain::lane::{Lane, Realm};
use crate::domain::roster::{Row, ZoneMember};
use crate::store::db::rows_json;
use crate::store::{Store, StoreFault};

/// The stage's names for what is staged; two files are staged as two kinds of rows each.
pub const NAMES: &[&str] = &[
    "places",
    "humans",
    "phones",
    "duties",
    "absences",
    "households",
    "persons",
    "addresses",
    "zones",
    "zone_places",
    "zone_homes",
];
/// A human's line has room for so many phones.
pub const PHONES_LINE: i64 = 16;
/// Bytes of a hash in the blob of hashes.
const HASH_BYTES: usize = 16;

crate::statements! {
    FILL_STAGE = "INSERT INTO stage (import_id, file, line, code, refers, refers2, data, sealed, \
        hash) SELECT $1, r.file, r.line, r.code, r.refers, r.refers2, r.data, \
        CASE WHEN r.len > 0 THEN \
        substr({bytes $3}, CAST(r.at + 1 AS int), CAST(r.len AS int)) END, \
        CASE WHEN r.len > 0 THEN substr({bytes $4}, CAST(r.n * 16 + 1 AS int), 16) END \
        FROM {rows $2: file text, line bigint, code text, refers text, refers2 text, data text, \
        at bigint, len bigint, n bigint} WHERE true";
}

#[derive(Serialize)]
struct StageRow {
    file: &'static str,
    line: i64,
    code: String,
    refers: String,
    refers2: String,
    data: String,
    /// Where in the blob the sealed number stands; `len` 0: there is none.
    at: usize,
    len: usize,
    n: usize,
}

impl StageRow {
    fn new(file: &'static str, code: String, refers: &str, refers2: &str, data: Value) -> StageRow {
        StageRow {
            file,
            line: 0,
            code,
            refers: refers.into(),
            refers2: refers2.into(),
            data: data.to_string(),
            at: 0,
            len: 0,
            n: 0,
        }
    }
}

struct Blobs<'a> {
    sealer: &'a Sealer,
    sealed: Vec<u8>,
    hashes: Vec<u8>,
}

impl Blobs<'_> {
    /// Seals a number into the row; its key gets the hash, so that the same number twice is seen.
    fn put(&mut self, row: &mut StageRow, lane: Lane, number: &Phone) {
        let sealed = self.sealer.seal(number.e164());
        let hash = self.sealer.hash(number.e164());
        row.at = self.sealed.len();
        row.len = sealed.len();
        row.n = self.hashes.len() / HASH_BYTES;
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        row.code = format!("{}|{}|{hex}", row.refers, lane.code());
        self.sealed.extend_from_slice(&sealed);
        self.hashes.extend_from_slice(&hash);
    }
}

pub(super) async fn stage(
    store: &Store,
    sealer: &Sealer,
    import: i64,
    rows: &[(u64, Row)],
) -> Result<(), StoreFault> {
    let mut blobs = Blobs { sealer, sealed: Vec::new(), hashes: Vec::new() };
    let mut staged = Vec::with_capacity(rows.len());
    for (line, row) in rows {
        let line = i64::try_from(*line).unwrap_or(i64::MAX / PHONES_LINE);
        let before = staged.len();
        push(&mut staged, &mut blobs, row, line);
        for row in staged[before..].iter_mut().filter(|row| row.line == 0) {
            row.line = line;
        }
    }
    let json = rows_json(&staged)?;
    store.exec(&FILL_STAGE, args![import, json, blobs.sealed, blobs.hashes]).await?;
    Ok(())
}

fn number_json(lane: Lane, number: &Phone, ord: i64) -> Value {
    let realm = if number.is_practice() { Realm::Practice } else { Realm::Live };
    json!({"lane": lane.code(), "realm": realm.code(), "last4": number.last4(), "ord": ord})
}

fn lane_of(number: &Phone) -> Lane {
    if number.takes_sms() { Lane::Sms } else { Lane::Voice }
}

fn push(out: &mut Vec<StageRow>, blobs: &mut Blobs<'_>, row: &Row, line: i64) {
    let new = StageRow::new;
    match row {
        Row::Place(r) => {
            let data = json!({"name": r.name, "kind": r.kind.word(), "ord": r.ord});
            let parent = r.parent.as_deref().unwrap_or_default();
            out.push(new("places", r.code.clone(), parent, "", data));
        }
        Row::Human(r) => {
            out.push(new("humans", r.code.clone(), "", "", json!({"name": r.name})));
            for (ord, number) in (1..PHONES_LINE).zip(&r.phones) {
                let lane = lane_of(number);
                let data = number_json(lane, number, ord);
                let mut row = new("phones", String::new(), &r.code, "", data);
                row.line = line * PHONES_LINE + ord;
                blobs.put(&mut row, lane, number);
                out.push(row);
            }
        }
        Row::Duty(r) => {
            let code = format!("{}|{}|{}", r.place, r.role.code(), r.human);
            let data = json!({"role": r.role.code(), "ord": r.ord});
            out.push(new("duties", code, &r.place, &r.human, data));
        }
        Row::Absence(r) => {
            let code = format!("{}|{}", r.human, r.from_at);
            let data = json!({"from": r.from_at, "until": r.until_at});
            out.push(new("absences", code, &r.human, "", data));
        }
        Row::Household(r) => {
            let data = json!({"kind": r.kind.code(), "name": r.name, "floor": r.floor,
                "door": r.door, "persons": r.persons, "needs": r.needs,
                "categories": r.categories});
            let helper = r.helper.as_deref().unwrap_or_default();
            out.push(new("households", r.code.clone(), &r.place, helper, data));
        }
        Row::Person(r) => {
            let data = json!({"name": r.name, "born": r.birth_year, "needs": r.needs});
            out.push(new("persons", r.code.clone(), &r.household, "", data));
        }
        Row::Address(r) => {
            let mut data = number_json(r.lane, &r.number, r.ord);
            data["relative"] = json!(r.relative);
            let person = r.person.as_deref().unwrap_or_default();
            let mut row = new("addresses", String::new(), &r.household, person, data);
            blobs.put(&mut row, r.lane, &r.number);
            out.push(row);
        }
        Row::Zone(r) => {
            let data = json!({"name": r.name, "hazard": r.hazard, "minutes": r.minutes_to_water,
                "route": r.route, "shelter": r.shelter});
            let head = r.head.as_deref().unwrap_or_default();
            out.push(new("zones", r.code.clone(), "", head, data));
        }
        Row::ZoneMember(r) => {
            let (name, member) = match &r.member {
                ZoneMember::Place(code) => ("zone_places", code),
                ZoneMember::Household(code) => ("zone_homes", code),
            };
            out.push(new(name, format!("{}|{member}", r.zone), &r.zone, member, json!({})));
        }
    }
}
