//! A town to be measured: grids of some 280 households in ten buildings, every household with one
//! practice number, a leader for every grid, a duty room. Written in sets and never timed. It is
//! not a believable town: `roster generate` makes those.

use serde_json::{Value, json};

use crate::base::phone::Phone;
use crate::base::seal::Sealer;
use crate::domain::duty::Role;
use crate::store::{Dialect, Store, bench, upkeep};

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
    for chunk in places.chunks(CHUNK) {
        bench::put_places(store, chunk).await?;
    }
    for depth in 0..5_i64 {
        bench::close_level(store, depth).await?;
    }
    let leaders = || (0..grids).map(|n| (GRID + n, GRID + n, Role::GridLeader));
    let people = || leaders().chain([(1, DUTY_ROOM, Role::DutyRoom)]);
    let (humans, duties): (Vec<Value>, Vec<Value>) =
        people().map(|who| (human_row(who), duty_row(who))).unzip();
    for (humans, duties) in humans.chunks(CHUNK).zip(duties.chunks(CHUNK)) {
        bench::put_humans(store, humans).await?;
        bench::put_duties(store, duties).await?;
    }
    let doors: Vec<Value> = (1..=HOMES).map(|n| json!({ "n": n })).collect();
    let needs = crate::domain::need::needs_of_words("wheelchair").unwrap_or(1);
    bench::put_homes(store, &doors, households, needs, BUILDING).await?;
    let ids: Vec<i64> = people().map(|(_, id, _)| id).collect();
    addresses(store, sealer, "human", LEADER_NUMBERS, &ids).await?;
    let ids: Vec<i64> = (1..=households).collect();
    addresses(store, sealer, "household", 0, &ids).await?;
    bench::put_accounts(store).await?;
    upkeep::analyze_roster(store).await?;
    Ok(())
}

fn place(id: i64, kind: &str, parent: Option<i64>, depth: i64) -> Value {
    json!({"id": id, "code": format!("p{id}"), "name": format!("{kind} {id}"), "kind": kind,
        "parent": parent, "depth": depth})
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
        bench::put_addresses(store, &rows, sealed, hashes).await?;
    }
    Ok(())
}

fn human_row((_, id, _): (i64, i64, Role)) -> Value {
    json!({"id": id, "code": format!("h{id}"), "name": "张网格"})
}

fn duty_row((place, human, role): (i64, i64, Role)) -> Value {
    json!({"place": place, "human": human, "role": role.code()})
}
