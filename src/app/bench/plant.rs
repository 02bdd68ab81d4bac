//! A town to be measured: grids of some 280 households in ten buildings, every household with one
//! practice number, a leader for every grid, a duty room. Written in sets and never timed. It is
//! not a believable town: `roster generate` makes those.

use anyhow::Context;
use serde_json::{Value, json};

use crate::args;
use crate::base::phone::Phone;
use crate::base::seal::Sealer;
use crate::domain::duty::Role;
use crate::store::{Dialect, Stmt, Store};

/// Households in a building and buildings in a grid.
const HOMES: i64 = 28;
const BUILDINGS: i64 = 10;
const GRIDS_VILLAGE: i64 = 12;
const VILLAGES_TOWN: i64 = 12;
/// Where the ids of each kind begin.
const TOWN: i64 = 10;
const VILLAGE: i64 = 1_000;
const GRID: i64 = 100_000;
const BUILDING: i64 = 1_000_000;
const DUTY_ROOM: i64 = 1;
/// The people's practice numbers begin at 0, their leaders' here.
const LEADER_NUMBERS: i64 = 90_000_000;
/// Most rows of one statement.
const CHUNK: usize = 5_000;
/// SQLite copies a bound blob for every row that takes a piece of it.
const CHUNK_SQLITE: usize = 500;

static PLACES: Stmt = Stmt::new(
    "BENCH_PLACES",
    "INSERT INTO place (id, code, name, kind, parent_id, depth, ord) SELECT r.id, r.code, r.name, \
     r.kind, r.parent, r.depth, r.id FROM {rows $1: id bigint, code text, name text, kind text, \
     parent bigint, depth bigint} WHERE true",
);
/// One level of the closure from the level above it.
static ABOVE: Stmt = Stmt::new(
    "BENCH_ABOVE",
    "INSERT INTO place_above (place_id, above_id, distance) SELECT p.id, p.id, 0 FROM place p \
     WHERE p.depth = $1 UNION ALL SELECT p.id, a.above_id, a.distance + 1 FROM place p \
     JOIN place_above a ON a.place_id = p.parent_id WHERE p.depth = $1",
);
static HUMANS: Stmt = Stmt::new(
    "BENCH_HUMANS",
    "INSERT INTO human (id, code, name) SELECT r.id, r.code, r.name FROM \
     {rows $1: id bigint, code text, name text} WHERE true",
);
static DUTIES: Stmt = Stmt::new(
    "BENCH_DUTIES",
    "INSERT INTO duty (place_id, human_id, role, ord) SELECT r.place, r.human, r.role, 1 FROM \
     {rows $1: place bigint, human bigint, role bigint} WHERE true",
);
static HOMES_ALL: Stmt = Stmt::new(
    "BENCH_HOMES",
    "INSERT INTO household (id, code, kind, name, grid_id, building_id, place_id, floor, door, \
     persons, needs, categories, ord) SELECT q.id, 'c' || q.id, 1, '王家' || q.id, q.grid, \
     q.building, q.building, q.n / 4 + 1, CAST(q.n AS text), 1 + q.id % 3, \
     CASE WHEN q.id % 10 = 0 THEN CAST($3 AS bigint) ELSE 0 END, \
     CASE WHEN q.id % 20 = 7 THEN 1 ELSE 0 END, q.id \
     FROM (SELECT (b.id - $4) * $5 + r.n AS id, b.parent_id AS grid, b.id AS building, r.n AS n \
     FROM place b CROSS JOIN {rows $1: n bigint} WHERE b.kind = 'building') q WHERE q.id <= $2",
);
static ADDRESSES: Stmt = Stmt::new(
    "BENCH_ADDRESSES",
    "INSERT INTO address (household_id, human_id, lane, realm, sealed, hash, last4, ord) \
     SELECT r.household, r.human, 1, 2, \
     substr({bytes $2}, CAST(r.at + 1 AS int), CAST(r.len AS int)), \
     substr({bytes $3}, CAST(r.n * 16 + 1 AS int), 16), '0000', 1 FROM {rows $1: n bigint, \
     at bigint, len bigint, household bigint, human bigint} WHERE true",
);
static ACCOUNTS: Stmt = Stmt::new(
    "BENCH_ACCOUNTS",
    "INSERT INTO account (id, name, created_at) VALUES (1, '陈制作', 0), (2, '李签发', 0)",
);
static ANALYZE: Stmt =
    Stmt::new("BENCH_ANALYZE", "ANALYZE place, place_above, household, address, human, duty");

/// Plants `households` of them.
pub(super) async fn plant(store: &Store, sealer: &Sealer, households: i64) -> anyhow::Result<()> {
    let buildings = (households + HOMES - 1) / HOMES;
    let grids = (buildings + BUILDINGS - 1) / BUILDINGS;
    let villages = (grids + GRIDS_VILLAGE - 1) / GRIDS_VILLAGE;
    let towns = (villages + VILLAGES_TOWN - 1) / VILLAGES_TOWN;
    let mut places = vec![place(1, "county", None, 0)];
    places.extend((0..towns).map(|n| place(TOWN + n, "town", Some(1), 1)));
    let parent = |n: i64, each: i64, base: i64| Some(base + n / each);
    places.extend((0..villages).map(|n| {
        let town = parent(n, VILLAGES_TOWN, TOWN);
        place(VILLAGE + n, "village", town, 2)
    }));
    places.extend((0..grids).map(|n| {
        let village = parent(n, GRIDS_VILLAGE, VILLAGE);
        place(GRID + n, "grid", village, 3)
    }));
    places.extend((0..buildings).map(|n| {
        let grid = parent(n, BUILDINGS, GRID);
        place(BUILDING + n, "building", grid, 4)
    }));
    write(store, &PLACES, places).await?;
    for depth in 0..5_i64 {
        store.exec(&ABOVE, args![depth]).await.context("closure")?;
    }
    let leaders = || (0..grids).map(|n| (GRID + n, GRID + n, Role::GridLeader));
    let people = || leaders().chain([(1, DUTY_ROOM, Role::DutyRoom)]);
    write(store, &HUMANS, people().map(human_row).collect()).await?;
    write(store, &DUTIES, people().map(duty_row).collect()).await?;
    let doors: Vec<Value> = (1..=HOMES).map(|n| json!({ "n": n })).collect();
    let doors = serde_json::to_string(&doors)?;
    let needs = crate::domain::need::needs_of_words("wheelchair").unwrap_or(1);
    let values = args![doors, households, needs, BUILDING, HOMES];
    store.exec(&HOMES_ALL, values).await.context("households")?;
    let ids: Vec<i64> = people().map(|(_, id, _)| id).collect();
    addresses(store, sealer, "human", LEADER_NUMBERS, &ids).await?;
    let ids: Vec<i64> = (1..=households).collect();
    addresses(store, sealer, "household", 0, &ids).await?;
    store.exec(&ACCOUNTS, args![]).await?;
    if store.dialect() == Dialect::Postgres {
        store.exec(&ANALYZE, args![]).await?;
    }
    Ok(())
}

fn place(id: i64, kind: &str, parent: Option<i64>, depth: i64) -> Value {
    json!({"id": id, "code": format!("p{id}"), "name": format!("{kind} {id}"), "kind": kind,
        "parent": parent, "depth": depth})
}

async fn write(store: &Store, stmt: &Stmt, rows: Vec<Value>) -> anyhow::Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let text = serde_json::to_string(chunk)?;
        store.exec(stmt, args![text]).await.context(stmt.name)?;
    }
    Ok(())
}

async fn addresses(
    store: &Store,
    sealer: &Sealer,
    owner: &str,
    first: i64,
    ids: &[i64],
) -> anyhow::Result<()> {
    let size = match store.dialect() {
        Dialect::Postgres => CHUNK,
        Dialect::Sqlite => CHUNK_SQLITE,
    };
    for chunk in ids.chunks(size) {
        let (mut rows, mut sealed, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
        for (n, id) in chunk.iter().enumerate() {
            let number = Phone::practice_mobile(u32::try_from(first + id)?);
            let bytes = sealer.seal(number.e164());
            rows.push(json!({"n": n, "at": sealed.len(), "len": bytes.len(), owner: id}));
            sealed.extend(bytes);
            hashes.extend(sealer.hash(number.e164()));
        }
        let text = serde_json::to_string(&rows)?;
        let values = args![text, sealed, hashes];
        store.exec(&ADDRESSES, values).await.context("BENCH_ADDRESSES")?;
    }
    Ok(())
}

fn human_row((_, id, _): (i64, i64, Role)) -> Value {
    json!({"id": id, "code": format!("h{id}"), "name": "张网格"})
}

fn duty_row((place, human, role): (i64, i64, Role)) -> Value {
    json!({"place": place, "human": human, "role": role.code()})
}
