//! The roster out of the store, in the rows that import takes: page by page, by key. What is
//! retired or gone is left out, so that an import of the export makes no difference.
//!
//! Opens the sealed numbers; who may ask for that is the caller's to decide and to journal.

use sqlx::FromRow;

use crate::args;
use crate::base::phone::Phone;
use crate::base::seal::Sealer;
use crate::domain::duty::Role;
use crate::domain::lane::Lane;
use crate::domain::roster::{
    AbsenceRow, AddressRow, CHUNK_ROWS_MAX, DutyRow, HouseholdKind, HouseholdRow, HumanRow,
    PersonRow, PlaceKind, PlaceRow, RosterFile, Row, ZoneMember, ZoneMemberRow, ZoneRow,
};
use crate::store::{Store, StoreFault};

crate::statements! {
    PLACE_PAGE = "SELECT p.ord AS at, p.code, p.name, p.kind, q.code AS parent, p.ord FROM place p \
        LEFT JOIN place q ON q.id = p.parent_id WHERE p.retired_at IS NULL AND p.ord > $1 \
        ORDER BY p.ord LIMIT $2";
    HUMAN_PAGE = "SELECT h.id AS at, h.code, h.name FROM human h WHERE h.retired_at IS NULL \
        AND h.id > $1 ORDER BY h.id LIMIT $2";
    PHONES_PAGE = "SELECT a.human_id, a.sealed FROM address a WHERE a.human_id > $1 \
        AND a.human_id <= $2 AND a.state <> 4 ORDER BY a.human_id, a.ord, a.id";
    DUTY_PAGE = "SELECT d.place_id, d.role, d.human_id, p.code AS place, h.code AS human, d.ord \
        FROM duty d JOIN place p ON p.id = d.place_id JOIN human h ON h.id = d.human_id \
        WHERE (d.place_id, d.role, d.human_id) > ($1, $2, $3) AND p.retired_at IS NULL \
        AND h.retired_at IS NULL ORDER BY d.place_id, d.role, d.human_id LIMIT $4";
    ABSENCE_PAGE = "SELECT x.human_id, x.from_at, x.until_at, h.code AS human FROM absence x \
        JOIN human h ON h.id = x.human_id WHERE (x.human_id, x.from_at) > ($1, $2) \
        AND h.retired_at IS NULL ORDER BY x.human_id, x.from_at LIMIT $3";
    HOME_PAGE = "SELECT h.id AS at, h.code, h.kind, h.name, p.code AS place, h.floor, h.door, \
        h.persons, h.needs, h.categories, m.code AS helper FROM household h \
        JOIN place p ON p.id = h.place_id LEFT JOIN human m ON m.id = h.helper_id \
        AND m.retired_at IS NULL WHERE h.retired_at IS NULL AND h.id > $1 ORDER BY h.id LIMIT $2";
    PERSON_PAGE = "SELECT q.id AS at, q.code, h.code AS household, q.name, q.birth_year, q.needs \
        FROM person q JOIN household h ON h.id = q.household_id WHERE h.retired_at IS NULL \
        AND q.id > $1 ORDER BY q.id LIMIT $2";
    ADDRESS_PAGE = "SELECT a.id AS at, h.code AS household, a.lane, a.sealed, a.ord, a.relative, \
        q.code AS person FROM address a JOIN household h ON h.id = a.household_id \
        LEFT JOIN person q ON q.id = a.person_id WHERE h.retired_at IS NULL AND a.state <> 4 \
        AND a.lane <> 3 AND a.id > $1 ORDER BY a.id LIMIT $2";
    ZONE_PAGE = "SELECT z.id AS at, z.code, z.name, z.hazard, z.minutes_to_water, z.route, \
        z.shelter, m.code AS head FROM zone z LEFT JOIN human m ON m.id = z.head_id \
        AND m.retired_at IS NULL WHERE z.id > $1 ORDER BY z.id LIMIT $2";
    ZONE_PLACE_PAGE = "SELECT x.zone_id, x.place_id AS member_id, z.code AS zone, p.code AS member \
        FROM zone_place x JOIN zone z ON z.id = x.zone_id JOIN place p ON p.id = x.place_id \
        WHERE (x.zone_id, x.place_id) > ($1, $2) AND p.retired_at IS NULL \
        ORDER BY x.zone_id, x.place_id LIMIT $3";
    ZONE_HOME_PAGE = "SELECT x.zone_id, x.household_id AS member_id, z.code AS zone, \
        h.code AS member FROM zone_household x JOIN zone z ON z.id = x.zone_id \
        JOIN household h ON h.id = x.household_id WHERE x.direct = 1 \
        AND (x.zone_id, x.household_id) > ($1, $2) AND h.retired_at IS NULL \
        ORDER BY x.zone_id, x.household_id LIMIT $3";
}

/// How far an export has come in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    key: [i64; 3],
    /// The places of the zones have been given; now their single homes.
    homes: bool,
}

impl Cursor {
    /// Before the first row.
    pub const START: Cursor = Cursor { key: [-1; 3], homes: false };
}

#[derive(FromRow)]
struct PlaceLine {
    at: i64,
    code: String,
    name: String,
    kind: String,
    parent: Option<String>,
    ord: i64,
}

#[derive(FromRow)]
struct HomeLine {
    at: i64,
    code: String,
    kind: i64,
    name: String,
    place: String,
    floor: i64,
    door: String,
    persons: i64,
    needs: i64,
    categories: i64,
    helper: Option<String>,
}

#[derive(FromRow)]
struct AddressLine {
    at: i64,
    household: String,
    lane: i64,
    sealed: Vec<u8>,
    ord: i64,
    relative: Option<String>,
    person: Option<String>,
}

#[derive(FromRow)]
struct ZoneLine {
    at: i64,
    code: String,
    name: String,
    hazard: String,
    minutes_to_water: i64,
    route: String,
    shelter: String,
    head: Option<String>,
}

type DutyLine = (i64, i64, i64, String, String, i64);
type PersonLine = (i64, String, String, String, Option<i64>, i64);

/// The next rows of a file after the cursor, which moves on; none: the end.
///
/// # Errors
/// Also where a stored word or number is not one of ours (another key, a damaged row).
pub async fn export(
    store: &Store,
    sealer: &Sealer,
    file: RosterFile,
    cursor: &mut Cursor,
) -> Result<Vec<Row>, StoreFault> {
    match file {
        RosterFile::Places => places(store, cursor).await,
        RosterFile::Humans => humans(store, sealer, cursor).await,
        RosterFile::Duties => duties(store, cursor).await,
        RosterFile::Absences => absences(store, cursor).await,
        RosterFile::Households => households(store, cursor).await,
        RosterFile::Persons => persons(store, cursor).await,
        RosterFile::Addresses => addresses(store, sealer, cursor).await,
        RosterFile::Zones => zones(store, cursor).await,
        RosterFile::ZoneMembers => zone_members(store, cursor).await,
    }
}

fn damaged(what: &str) -> StoreFault {
    StoreFault::Broken(sqlx::Error::Decode(format!("roster: {what}").into()))
}

fn open(sealer: &Sealer, sealed: &[u8]) -> Result<Phone, StoreFault> {
    let text = sealer.open(sealed).map_err(|fault| damaged(&fault.to_string()))?;
    Phone::parse(&text).map_err(|fault| damaged(&fault.to_string()))
}

async fn places(store: &Store, cursor: &mut Cursor) -> Result<Vec<Row>, StoreFault> {
    let page: Vec<PlaceLine> =
        store.rows(&PLACE_PAGE, args![cursor.key[0], CHUNK_ROWS_MAX]).await?;
    let row = |line: PlaceLine| {
        cursor.key[0] = line.at;
        let PlaceLine { code, name, parent, ord, .. } = line;
        let kind = PlaceKind::from_word(&line.kind).ok_or_else(|| damaged("kind of place"))?;
        Ok(Row::Place(PlaceRow { code, name, kind, parent, ord }))
    };
    page.into_iter().map(row).collect()
}

async fn humans(
    store: &Store,
    sealer: &Sealer,
    cursor: &mut Cursor,
) -> Result<Vec<Row>, StoreFault> {
    let from = cursor.key[0];
    let page: Vec<(i64, String, String)> =
        store.rows(&HUMAN_PAGE, args![from, CHUNK_ROWS_MAX]).await?;
    let Some((last, _, _)) = page.last() else {
        return Ok(Vec::new());
    };
    cursor.key[0] = *last;
    let numbers: Vec<(i64, Vec<u8>)> = store.rows(&PHONES_PAGE, args![from, *last]).await?;
    let mut numbers = numbers.into_iter().peekable();
    let mut rows = Vec::with_capacity(page.len());
    for (id, code, name) in page {
        let mut phones = Vec::new();
        while let Some((_, sealed)) = numbers.next_if(|(human, _)| *human <= id) {
            phones.push(open(sealer, &sealed)?);
        }
        rows.push(Row::Human(HumanRow { code, name, phones }));
    }
    Ok(rows)
}

async fn duties(store: &Store, cursor: &mut Cursor) -> Result<Vec<Row>, StoreFault> {
    let [place, role, human] = cursor.key;
    let args = args![place, role, human, CHUNK_ROWS_MAX];
    let page: Vec<DutyLine> = store.rows(&DUTY_PAGE, args).await?;
    let row = |(place_id, role, human_id, place, human, ord): DutyLine| {
        cursor.key = [place_id, role, human_id];
        let role = Role::from_code(role).ok_or_else(|| damaged("role"))?;
        Ok(Row::Duty(DutyRow { place, human, role, ord }))
    };
    page.into_iter().map(row).collect()
}

async fn absences(store: &Store, cursor: &mut Cursor) -> Result<Vec<Row>, StoreFault> {
    let args = args![cursor.key[0], cursor.key[1], CHUNK_ROWS_MAX];
    let page: Vec<(i64, i64, i64, String)> = store.rows(&ABSENCE_PAGE, args).await?;
    let row = |(human_id, from_at, until_at, human)| {
        cursor.key = [human_id, from_at, 0];
        Row::Absence(AbsenceRow { human, from_at, until_at })
    };
    Ok(page.into_iter().map(row).collect())
}

async fn households(store: &Store, cursor: &mut Cursor) -> Result<Vec<Row>, StoreFault> {
    let page: Vec<HomeLine> = store.rows(&HOME_PAGE, args![cursor.key[0], CHUNK_ROWS_MAX]).await?;
    let row = |line: HomeLine| {
        cursor.key[0] = line.at;
        let kind = HouseholdKind::from_code(line.kind).ok_or_else(|| damaged("kind of home"))?;
        Ok(Row::Household(HouseholdRow {
            code: line.code,
            kind,
            name: line.name,
            place: line.place,
            floor: line.floor,
            door: line.door,
            persons: line.persons,
            needs: line.needs,
            categories: line.categories,
            helper: line.helper,
        }))
    };
    page.into_iter().map(row).collect()
}

async fn persons(store: &Store, cursor: &mut Cursor) -> Result<Vec<Row>, StoreFault> {
    let args = args![cursor.key[0], CHUNK_ROWS_MAX];
    let page: Vec<PersonLine> = store.rows(&PERSON_PAGE, args).await?;
    let row = |(at, code, household, name, birth_year, needs): PersonLine| {
        cursor.key[0] = at;
        Row::Person(PersonRow { code, household, name, birth_year, needs })
    };
    Ok(page.into_iter().map(row).collect())
}

async fn addresses(
    store: &Store,
    sealer: &Sealer,
    cursor: &mut Cursor,
) -> Result<Vec<Row>, StoreFault> {
    let args = args![cursor.key[0], CHUNK_ROWS_MAX];
    let page: Vec<AddressLine> = store.rows(&ADDRESS_PAGE, args).await?;
    let row = |line: AddressLine| {
        cursor.key[0] = line.at;
        Ok(Row::Address(AddressRow {
            number: open(sealer, &line.sealed)?,
            household: line.household,
            lane: Lane::from_code(line.lane).ok_or_else(|| damaged("lane"))?,
            ord: line.ord,
            relative: line.relative,
            person: line.person,
        }))
    };
    page.into_iter().map(row).collect()
}

async fn zones(store: &Store, cursor: &mut Cursor) -> Result<Vec<Row>, StoreFault> {
    let page: Vec<ZoneLine> = store.rows(&ZONE_PAGE, args![cursor.key[0], CHUNK_ROWS_MAX]).await?;
    let row = |line: ZoneLine| {
        cursor.key[0] = line.at;
        let ZoneLine { code, name, hazard, minutes_to_water, route, shelter, head, .. } = line;
        Row::Zone(ZoneRow { code, name, hazard, minutes_to_water, route, shelter, head })
    };
    Ok(page.into_iter().map(row).collect())
}

async fn zone_members(store: &Store, cursor: &mut Cursor) -> Result<Vec<Row>, StoreFault> {
    loop {
        let stmt = if cursor.homes { &ZONE_HOME_PAGE } else { &ZONE_PLACE_PAGE };
        let args = args![cursor.key[0], cursor.key[1], CHUNK_ROWS_MAX];
        let page: Vec<(i64, i64, String, String)> = store.rows(stmt, args).await?;
        if page.is_empty() && !cursor.homes {
            *cursor = Cursor { homes: true, ..Cursor::START };
            continue;
        }
        let homes = cursor.homes;
        let row = |(zone_id, member_id, zone, code)| {
            cursor.key = [zone_id, member_id, 0];
            let member = if homes { ZoneMember::Household(code) } else { ZoneMember::Place(code) };
            Row::ZoneMember(ZoneMemberRow { zone, member })
        };
        return Ok(page.into_iter().map(row).collect());
    }
}
