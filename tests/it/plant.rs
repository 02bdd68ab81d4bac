//! A small town planted straight into the registry: a county, a street, a community, grids with
//! buildings and homes, and the people who answer for them. All numbers are practice numbers.

use serde_json::{Value, json};
use tongluo::base::phone::Phone;
use tongluo::base::seal::Sealer;
use tongluo::store::{Dialect, Stmt, Store};

static PLACES: Stmt = Stmt::new(
    "PLANT_PLACES",
    "INSERT INTO place (id, code, name, kind, parent_id, depth, ord) SELECT r.id, r.code, r.name, \
     r.kind, r.parent, r.depth, r.id FROM {rows $1: id bigint, code text, name text, kind text, \
     parent bigint, depth bigint} WHERE true",
);
static ABOVE: Stmt = Stmt::new(
    "PLANT_ABOVE",
    "INSERT INTO place_above (place_id, above_id, distance) SELECT r.place, r.above, r.distance \
     FROM {rows $1: place bigint, above bigint, distance bigint} WHERE true",
);
/// PostgreSQL gives out numbers from 1, whatever was planted by number: an import would meet them.
static NUMBER_ON: Stmt = Stmt::new(
    "PLANT_NUMBER_ON",
    "SELECT setval(pg_get_serial_sequence(r.name, 'id'), 90000000) \
     FROM (VALUES ('place'), ('human'), ('household')) AS r (name)",
);
static HUMANS: Stmt = Stmt::new(
    "PLANT_HUMANS",
    "INSERT INTO human (id, code, name) SELECT r.id, r.code, r.name FROM \
     {rows $1: id bigint, code text, name text} WHERE true",
);
static DUTIES: Stmt = Stmt::new(
    "PLANT_DUTIES",
    "INSERT INTO duty (place_id, human_id, role, ord) SELECT r.place, r.human, r.role, 1 FROM \
     {rows $1: place bigint, human bigint, role bigint} WHERE true",
);
static HOMES: Stmt = Stmt::new(
    "PLANT_HOMES",
    "INSERT INTO household (id, code, kind, name, grid_id, building_id, place_id, floor, door, \
     persons, needs, categories, ord) SELECT r.id, r.code, 1, r.name, r.grid, r.building, \
     r.building, 1, r.door, r.persons, r.needs, r.categories, r.id FROM {rows $1: id bigint, \
     code text, name text, grid bigint, building bigint, door text, persons bigint, \
     needs bigint, categories bigint} WHERE true",
);
static ADDRESSES: Stmt = Stmt::new(
    "PLANT_ADDRESSES",
    "INSERT INTO address (household_id, human_id, lane, realm, sealed, hash, last4, ord, relative) \
     SELECT r.household, r.human, 1, 2, substr({bytes $2}, CAST(r.at + 1 AS int), CAST(r.len AS \
        int)), \
     substr({bytes $3}, CAST(r.n * 16 + 1 AS int), 16), '0000', r.ord, r.relative FROM {rows \
        $1: n bigint, \
     at bigint, len bigint, household bigint, human bigint, ord bigint, relative text} WHERE true",
);
/// The first home of the first building is a unit, the second building is a danger zone.
static HEADS: [Stmt; 3] = [
    Stmt::new(
        "PLANT_UNIT",
        "UPDATE household SET kind = 2, name = '崇文工地宿舍', categories = 1, persons = 40 \
         WHERE id = 1000001",
    ),
    Stmt::new(
        "PLANT_ZONE",
        "INSERT INTO zone (id, code, name, hazard, minutes_to_water, route, shelter, head_id) \
         VALUES (1, 'Z1', '姚江沿岸', 'flood', 180, '往高处走', '四明小学', 8)",
    ),
    Stmt::new(
        "PLANT_ZONE_HOMES",
        "INSERT INTO zone_household (zone_id, household_id, direct) SELECT 1, h.id, 1 \
         FROM household h WHERE h.building_id = 10001",
    ),
];
/// A daughter's number, who lives elsewhere, at the home given.
static RELATIVE: Stmt = Stmt::new(
    "PLANT_RELATIVE",
    "INSERT INTO address (household_id, lane, realm, sealed, hash, last4, ord, relative) \
     VALUES ($1, 1, 2, $2, $3, '0000', $4, $5)",
);
static NUMBER: Stmt = Stmt::new(
    "PLANT_NUMBER",
    "INSERT INTO address (human_id, lane, realm, sealed, hash, last4, ord) \
     VALUES ($1, 1, 2, $2, $3, '0000', $4)",
);
static ACCOUNTS: Stmt = Stmt::new(
    "PLANT_ACCOUNTS",
    "INSERT INTO account (id, name, created_at) VALUES (1, '陈制作', 0), (2, '李签发', 0)",
);

/// How big the town is and what is special about it.
#[derive(Debug, Clone)]
pub struct Layout {
    pub grids: i64,
    pub buildings: i64,
    /// Homes in a building.
    pub homes: i64,
    /// Every n-th home is of a transfer category: ring 1.
    pub must_move_every: i64,
    /// Every n-th home is fragile: ring 2, band 0.
    pub fragile_every: i64,
    /// Every n-th home has no phone.
    pub no_phone_every: i64,
    /// Every n-th home has a second phone.
    pub second_phone_every: i64,
    pub duty_room: bool,
    /// The leader of the first grid leads the others as well; deputies stay their own.
    pub one_leader: bool,
    /// Every building has a leader of its own, see [`building_leader`].
    pub building_leaders: bool,
    /// A unit, a danger zone and a shelter with their heads.
    pub heads: bool,
}

impl Default for Layout {
    fn default() -> Layout {
        Layout {
            grids: 1,
            buildings: 2,
            homes: 5,
            must_move_every: 2,
            fragile_every: 5,
            no_phone_every: 0,
            second_phone_every: 0,
            duty_room: true,
            one_leader: false,
            building_leaders: false,
            heads: false,
        }
    }
}

pub const GRID: i64 = 100;
pub const HOME: i64 = 1_000_000;

/// A home's first number.
pub fn home_number(home: i64) -> String {
    Phone::practice_mobile(u32::try_from(home - HOME).unwrap()).e164().to_owned()
}

/// A home's second number.
pub fn second_number(home: i64) -> String {
    Phone::practice_mobile(u32::try_from(50_000_000 + home - HOME).unwrap()).e164().to_owned()
}

/// A human's number.
pub fn human_number(human: i64) -> String {
    Phone::practice_mobile(u32::try_from(90_000_000 + human).unwrap()).e164().to_owned()
}

/// A time of day as an author writes it: 3点, 15点20分.
pub fn by_words(at: i64) -> String {
    let minutes = (at + 8 * 3_600_000).rem_euclid(86_400_000) / 60_000;
    match minutes % 60 {
        0 => format!("{}点", minutes / 60),
        minute => format!("{}点{minute}分", minutes / 60),
    }
}

/// The grid leader's human id of the n-th grid (from 0); the deputy's is one more.
pub fn leader(grid: i64) -> i64 {
    10 + grid * 2
}

/// The human id of the leader of a grid's n-th building (both from 0).
pub fn building_leader(grid: i64, building: i64) -> i64 {
    1_000 + grid * 100 + building
}

pub const UNIT_HEAD: i64 = 6;
pub const SHELTER_HEAD: i64 = 7;
pub const ZONE_HEAD: i64 = 8;
pub const STREET_DUTY: i64 = 2;
pub const COMMUNITY_HEAD: i64 = 3;
pub const DUTY_ROOM: i64 = 1;

#[derive(Default)]
struct Rows {
    places: Vec<Value>,
    above: Vec<Value>,
    humans: Vec<Value>,
    duties: Vec<Value>,
    homes: Vec<Value>,
    addresses: Vec<Value>,
    sealed: Vec<u8>,
    hashes: Vec<u8>,
}

impl Rows {
    fn place(&mut self, id: i64, name: &str, kind: &str, parents: &[i64]) {
        let code = format!("p{id}");
        let depth = parents.len();
        self.places.push(json!({"id": id, "code": code, "name": name, "kind": kind,
            "parent": parents.last(), "depth": depth}));
        self.above.push(json!({"place": id, "above": id, "distance": 0}));
        for (n, above) in parents.iter().rev().enumerate() {
            self.above.push(json!({"place": id, "above": above, "distance": n + 1}));
        }
    }

    fn human(&mut self, id: i64, name: &str, sealer: &Sealer, duties: &[(i64, i64)]) {
        self.humans.push(json!({"id": id, "code": format!("h{id}"), "name": name}));
        for (place, role) in duties {
            self.duties.push(json!({"place": place, "human": id, "role": role}));
        }
        self.address(sealer, &human_number(id), None, Some(id), 1);
    }

    fn address(
        &mut self,
        sealer: &Sealer,
        number: &str,
        home: Option<i64>,
        human: Option<i64>,
        ord: i64,
    ) {
        let sealed = sealer.seal(number);
        let n = self.addresses.len();
        self.addresses.push(json!({"n": n, "at": self.sealed.len(), "len": sealed.len(),
            "household": home, "human": human, "ord": ord, "relative": Value::Null}));
        self.sealed.extend(sealed);
        self.hashes.extend(sealer.hash(number));
    }
}

/// Plants the town; gives the number of homes.
pub async fn plant(store: &Store, sealer: &Sealer, layout: &Layout) -> i64 {
    let mut rows = Rows::default();
    rows.place(1, "余姚市", "county", &[]);
    rows.place(2, "凤山街道", "town", &[1]);
    rows.place(3, "南雷社区", "village", &[1, 2]);
    if layout.duty_room {
        rows.human(DUTY_ROOM, "市值班室", sealer, &[(1, 6)]);
    }
    rows.human(STREET_DUTY, "街道值班", sealer, &[(2, 5)]);
    rows.human(COMMUNITY_HEAD, "王书记", sealer, &[(3, 4)]);
    if layout.heads {
        rows.human(UNIT_HEAD, "工地负责人", sealer, &[(10_000, 8)]);
        rows.human(SHELTER_HEAD, "避灾点管理员", sealer, &[(3, 9)]);
        rows.human(ZONE_HEAD, "片区责任人", sealer, &[]);
    }
    let mut home = HOME;
    for grid in 0..layout.grids {
        let id = GRID + grid;
        rows.place(id, &format!("第{}网格", grid + 1), "grid", &[1, 2, 3]);
        if !layout.one_leader {
            let name = format!("网格长{}", grid + 1);
            rows.human(leader(grid), &name, sealer, &[(id, 2)]);
        }
        rows.human(leader(grid) + 1, &format!("副网格长{}", grid + 1), sealer, &[(id, 3)]);
        for building in 0..layout.buildings {
            let building_id = 10_000 + grid * 100 + building;
            let name = format!("{}幢", building + 1);
            rows.place(building_id, &name, "building", &[1, 2, 3, id]);
            if layout.building_leaders {
                let human = building_leader(grid, building);
                let name = format!("楼长{}-{}", grid + 1, building + 1);
                rows.human(human, &name, sealer, &[(building_id, 1)]);
            }
            for door in 0..layout.homes {
                home += 1;
                let nth = home - HOME;
                let every = |n: i64| n > 0 && nth % n == 0;
                rows.homes.push(json!({"id": home, "code": format!("c{home}"),
                    "name": format!("王家{nth}"), "grid": id, "building": building_id,
                    "door": format!("{}01", door + 1), "persons": 1 + nth % 3,
                    "needs": if every(layout.fragile_every) { needs() } else { 0 },
                    "categories": i64::from(every(layout.must_move_every))}));
                if !every(layout.no_phone_every) {
                    rows.address(sealer, &home_number(home), Some(home), None, 1);
                }
                if every(layout.second_phone_every) {
                    rows.address(sealer, &second_number(home), Some(home), None, 2);
                }
            }
        }
    }
    if layout.one_leader {
        let all: Vec<(i64, i64)> = (0..layout.grids).map(|g| (GRID + g, 2)).collect();
        rows.human(leader(0), "网格长", sealer, &all);
    }
    write(store, rows).await;
    for stmt in HEADS.iter().filter(|_| layout.heads) {
        store.exec(stmt, vec![]).await.unwrap();
    }
    home - HOME
}

/// Gives a home the number of a relative who does not live there.
pub async fn plant_relative(store: &Store, sealer: &Sealer, home: i64, name: &str, number: &str) {
    let ord = 9_i64;
    let args = tongluo::args![home, sealer.seal(number), sealer.hash(number).to_vec(), ord, name];
    store.exec(&RELATIVE, args).await.unwrap();
}

/// Gives a responsible person one more number.
pub async fn plant_number(store: &Store, sealer: &Sealer, human: i64, ord: i64, number: &str) {
    let args = tongluo::args![human, sealer.seal(number), sealer.hash(number).to_vec(), ord];
    store.exec(&NUMBER, args).await.unwrap();
}

fn needs() -> i64 {
    tongluo::domain::need::needs_of_words("wheelchair").unwrap()
}

async fn write(store: &Store, rows: Rows) {
    let mut tx = store.begin().await.unwrap();
    for (stmt, values) in [
        (&PLACES, &rows.places),
        (&ABOVE, &rows.above),
        (&HUMANS, &rows.humans),
        (&DUTIES, &rows.duties),
        (&HOMES, &rows.homes),
    ] {
        let text = serde_json::to_string(values).unwrap();
        tx.exec(stmt, tongluo::args![text]).await.unwrap();
    }
    let text = serde_json::to_string(&rows.addresses).unwrap();
    tx.exec(&ADDRESSES, tongluo::args![text, rows.sealed, rows.hashes]).await.unwrap();
    tx.exec(&ACCOUNTS, vec![]).await.unwrap();
    if store.dialect() == Dialect::Postgres {
        let _: Vec<(i64,)> = tx.rows(&NUMBER_ON, vec![]).await.unwrap();
    }
    tx.commit().await.unwrap();
}
