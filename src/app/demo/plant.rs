//! The demo's town: the practice roster's rows put straight into a new embedded store, a table at
//! a time. It checks nothing, for the rows are made, not given; `roster import` is for real ones.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::args;
use crate::base::phone::Phone;
use crate::base::seal::Sealer;
use crate::domain::duty::Role as Duty;
use crate::domain::lane::{Lane, Realm};
use crate::domain::roster::{HouseholdRow, HumanRow, PlaceKind, PlaceRow, Row, ZoneMember};
use crate::practice::roster;
use crate::store::{Stmt, Store, Tx};

/// Rows of one statement.
const ROWS: usize = 5_000;
/// Grid leaders and deputies of the first grids who sleep through the night, whatever comes.
const GRIDS_ASLEEP: usize = 2;

static PLACES: Stmt = Stmt::new(
    "DEMO_PLACES",
    "INSERT INTO place (id, code, name, kind, parent_id, depth, ord) SELECT r.id, r.code, r.name, \
     r.kind, r.parent, r.depth, r.id FROM {rows $1: id bigint, code text, name text, kind text, \
     parent bigint, depth bigint} WHERE true",
);
static ABOVE: Stmt = Stmt::new(
    "DEMO_ABOVE",
    "INSERT INTO place_above (place_id, above_id, distance) SELECT r.place, r.above, r.distance \
     FROM {rows $1: place bigint, above bigint, distance bigint} WHERE true",
);
static HUMANS: Stmt = Stmt::new(
    "DEMO_HUMANS",
    "INSERT INTO human (id, code, name) SELECT r.id, r.code, r.name FROM \
     {rows $1: id bigint, code text, name text} WHERE true",
);
static DUTIES: Stmt = Stmt::new(
    "DEMO_DUTIES",
    "INSERT INTO duty (place_id, human_id, role, ord) SELECT r.place, r.human, r.role, r.ord FROM \
     {rows $1: place bigint, human bigint, role bigint, ord bigint} WHERE true",
);
static ABSENCES: Stmt = Stmt::new(
    "DEMO_ABSENCES",
    "INSERT INTO absence (human_id, from_at, until_at) SELECT r.human, r.from_at, r.until_at FROM \
     {rows $1: human bigint, from_at bigint, until_at bigint} WHERE true",
);
static HOMES: Stmt = Stmt::new(
    "DEMO_HOMES",
    "INSERT INTO household (id, code, kind, name, grid_id, building_id, place_id, floor, door, \
     persons, needs, categories, helper_id, ord) SELECT r.id, r.code, r.kind, r.name, r.grid, \
     r.building, r.place, r.floor, r.door, r.persons, r.needs, r.categories, r.helper, r.id FROM \
     {rows $1: id bigint, code text, kind bigint, name text, grid bigint, building bigint, \
     place bigint, floor bigint, door text, persons bigint, needs bigint, categories bigint, \
     helper bigint} WHERE true",
);
static ADDRESSES: Stmt = Stmt::new(
    "DEMO_ADDRESSES",
    "INSERT INTO address (household_id, human_id, lane, realm, sealed, hash, last4, ord, \
     relative) SELECT r.household, r.human, r.lane, r.realm, \
     substr({bytes $2}, CAST(r.at + 1 AS int), CAST(r.len AS int)), \
     substr({bytes $3}, CAST(r.n * 16 + 1 AS int), 16), r.last4, r.ord, r.relative FROM \
     {rows $1: n bigint, at bigint, len bigint, household bigint, human bigint, lane bigint, \
     realm bigint, last4 text, ord bigint, relative text} WHERE true ON CONFLICT DO NOTHING",
);
static SHARES: Stmt = Stmt::new(
    "DEMO_SHARES",
    "UPDATE address SET shares = n.shares, speaks_for = n.speaks FROM (SELECT a.id, \
     count(*) OVER (PARTITION BY a.lane, a.hash) AS shares, CASE WHEN row_number() OVER \
     (PARTITION BY a.lane, a.hash ORDER BY CASE WHEN a.relative IS NULL THEN 0 ELSE 1 END, a.id) \
     = 1 THEN 1 ELSE 0 END AS speaks FROM address a WHERE a.household_id IS NOT NULL) n \
     WHERE address.id = n.id AND (address.shares <> n.shares OR address.speaks_for <> n.speaks)",
);
static ZONES: Stmt = Stmt::new(
    "DEMO_ZONES",
    "INSERT INTO zone (id, code, name, hazard, minutes_to_water, route, shelter, head_id) \
     SELECT r.id, r.code, r.name, r.hazard, r.minutes, r.route, r.shelter, r.head FROM \
     {rows $1: id bigint, code text, name text, hazard text, minutes bigint, route text, \
     shelter text, head bigint} WHERE true",
);
static ZONE_PLACES: Stmt = Stmt::new(
    "DEMO_ZONE_PLACES",
    "INSERT INTO zone_place (zone_id, place_id) SELECT r.zone, r.place FROM \
     {rows $1: zone bigint, place bigint} WHERE true ON CONFLICT DO NOTHING",
);
static ZONE_HOMES: Stmt = Stmt::new(
    "DEMO_ZONE_HOMES",
    "INSERT INTO zone_household (zone_id, household_id) SELECT r.zone, r.household FROM \
     {rows $1: zone bigint, household bigint} WHERE true ON CONFLICT DO NOTHING",
);
static ZONE_DERIVED: Stmt = Stmt::new(
    "DEMO_ZONE_DERIVED",
    "INSERT INTO zone_household (zone_id, household_id) SELECT DISTINCT zp.zone_id, h.id FROM \
     zone_place zp JOIN place_above pa ON pa.above_id = zp.place_id JOIN household h \
     ON h.place_id = pa.place_id WHERE true ON CONFLICT DO NOTHING",
);

/// What was planted.
#[derive(Debug, Default)]
pub struct Planted {
    pub root_id: i64,
    pub root_code: String,
    pub towns: usize,
    pub villages: usize,
    pub grids: usize,
    pub buildings: usize,
    pub homes: usize,
    /// Homes without any mobile number.
    pub no_phone: usize,
    /// Mobile numbers out of service.
    pub dead_numbers: usize,
    /// Who answers for a place.
    pub responsible: usize,
    /// Numbers (E.164) that never answer tonight.
    pub asleep: HashSet<String>,
}

struct Number {
    phone: Phone,
    lane: Lane,
    household: Option<i64>,
    human: Option<i64>,
    ord: i64,
    relative: Option<String>,
}

#[derive(Default)]
struct Rows {
    ids: HashMap<String, i64>,
    /// Ids of the places above each place, the root first, itself last.
    paths: HashMap<i64, Vec<i64>>,
    kinds: HashMap<i64, PlaceKind>,
    places: Vec<Value>,
    above: Vec<Value>,
    humans: Vec<Value>,
    duties: Vec<Value>,
    absences: Vec<Value>,
    homes: Vec<Value>,
    zones: Vec<Value>,
    zone_places: Vec<Value>,
    zone_homes: Vec<Value>,
    numbers: Vec<Number>,
    with_mobile: HashSet<i64>,
    mobiles: HashMap<i64, Vec<String>>,
    planted: Planted,
}

impl Rows {
    fn new_id(&mut self, code: &str) -> i64 {
        let id = i64::try_from(self.ids.len()).unwrap_or(i64::MAX) + 1;
        self.ids.insert(code.to_owned(), id);
        id
    }

    fn id(&self, code: &str) -> Option<i64> {
        self.ids.get(code).copied()
    }

    fn take(&mut self, row: &Row) {
        match row {
            Row::Place(row) => self.place(row),
            Row::Human(row) => self.human(row),
            Row::Duty(row) => self.duty(&row.place, &row.human, row.role, row.ord),
            Row::Absence(row) => {
                let human = self.id(&row.human);
                self.absences.push(
                    json!({"human": human, "from_at": row.from_at, "until_at": row.until_at}),
                );
            }
            Row::Household(row) => self.home(row),
            // Names and ages of persons are for lists on paper, which the demo has none of.
            Row::Person(_) => {}
            Row::Address(row) => {
                let household = self.id(&row.household);
                if row.lane == Lane::Sms
                    && let Some(id) = household
                {
                    self.with_mobile.insert(id);
                    self.planted.dead_numbers += usize::from(roster::is_dead(&row.number));
                }
                self.numbers.push(Number {
                    phone: row.number.clone(),
                    lane: row.lane,
                    household,
                    human: None,
                    ord: row.ord,
                    relative: row.relative.clone(),
                });
            }
            Row::Zone(row) => {
                let id = self.new_id(&row.code);
                let head = row.head.as_deref().and_then(|code| self.id(code));
                self.zones
                    .push(json!({"id": id, "code": row.code, "name": row.name,
                    "hazard": row.hazard, "minutes": row.minutes_to_water, "route": row.route,
                    "shelter": row.shelter, "head": head}));
            }
            Row::ZoneMember(row) => self.zone_member(&row.zone, &row.member),
        }
    }

    fn place(&mut self, row: &PlaceRow) {
        let id = self.new_id(&row.code);
        let parent = row.parent.as_deref().and_then(|code| self.id(code));
        let mut path = parent
            .and_then(|parent| self.paths.get(&parent).cloned())
            .unwrap_or_default();
        let depth = path.len();
        path.push(id);
        for (distance, above) in path.iter().rev().enumerate() {
            self.above
                .push(json!({"place": id, "above": above, "distance": distance}));
        }
        self.places
            .push(json!({"id": id, "code": row.code, "name": row.name,
            "kind": row.kind.word(), "parent": parent, "depth": depth}));
        let planted = &mut self.planted;
        match row.kind {
            PlaceKind::County => (planted.root_id, planted.root_code) = (id, row.code.clone()),
            PlaceKind::Town => planted.towns += 1,
            PlaceKind::Village => planted.villages += 1,
            PlaceKind::Grid => planted.grids += 1,
            PlaceKind::Building => planted.buildings += 1,
            PlaceKind::Stairwell => {}
        }
        self.kinds.insert(id, row.kind);
        self.paths.insert(id, path);
    }

    fn human(&mut self, row: &HumanRow) {
        let id = self.new_id(&row.code);
        self.humans
            .push(json!({"id": id, "code": row.code, "name": row.name}));
        for (ord, phone) in (1..).zip(&row.phones) {
            let mut lanes = vec![Lane::Voice];
            if phone.takes_sms() {
                lanes.insert(0, Lane::Sms);
                let mobiles = self.mobiles.entry(id).or_default();
                mobiles.push(phone.e164().to_owned());
            }
            self.numbers.extend(lanes.into_iter().map(|lane| Number {
                phone: phone.clone(),
                lane,
                household: None,
                human: Some(id),
                ord,
                relative: None,
            }));
        }
    }

    fn duty(&mut self, place: &str, human: &str, role: Duty, ord: i64) {
        let (Some(place), Some(human)) = (self.id(place), self.id(human)) else {
            return;
        };
        self.planted.responsible += usize::from(role.code() <= Duty::DutyRoom.code());
        let sleeps = matches!(role, Duty::GridLeader | Duty::GridDeputy);
        if sleeps && self.planted.grids <= GRIDS_ASLEEP {
            let mobiles = self.mobiles.get(&human).into_iter().flatten().cloned();
            self.planted.asleep.extend(mobiles);
        }
        let role = role.code();
        self.duties
            .push(json!({"place": place, "human": human, "role": role, "ord": ord}));
    }

    fn home(&mut self, row: &HouseholdRow) {
        let id = self.new_id(&row.code);
        let place = self.id(&row.place);
        let above = place.and_then(|place| self.paths.get(&place));
        let of_kind = |kind: PlaceKind| {
            let mut ids = above.into_iter().flatten();
            ids.find(|id| self.kinds.get(id) == Some(&kind)).copied()
        };
        let (grid, building) = (of_kind(PlaceKind::Grid), of_kind(PlaceKind::Building));
        // A helper may be written after the home: those are left out.
        let helper = row.helper.as_deref().and_then(|code| self.id(code));
        self.homes.push(json!({"id": id, "code": row.code,
            "kind": row.kind.code(), "name": row.name, "grid": grid, "building": building,
            "place": place, "floor": row.floor, "door": row.door, "persons": row.persons,
            "needs": row.needs, "categories": row.categories, "helper": helper}));
    }

    fn zone_member(&mut self, zone: &str, member: &ZoneMember) {
        let zone = self.id(zone);
        match member {
            ZoneMember::Place(code) => {
                let place = self.id(code);
                self.zone_places.push(json!({"zone": zone, "place": place}));
            }
            // Written before its home: the id it will have is not known yet.
            ZoneMember::Household(code) => {
                self.zone_homes.push(json!({"zone": zone, "code": code}));
            }
        }
    }

    fn finish(&mut self) {
        self.planted.homes = self.homes.len();
        self.planted.no_phone = self.homes.len() - self.with_mobile.len();
        let ids = &self.ids;
        for row in &mut self.zone_homes {
            let home = row["code"].as_str().and_then(|code| ids.get(code));
            row["household"] = json!(home);
        }
        self.zone_homes.retain(|row| !row["household"].is_null());
    }
}

/// Makes a town of so many households and writes it, in one transaction.
pub async fn plant(
    store: &Store,
    sealer: &Sealer,
    households: u64,
    seed: u64,
) -> anyhow::Result<Planted> {
    let mut rows = Rows::default();
    roster::generate(households, seed, &mut |row| {
        rows.take(row);
        Ok(())
    })?;
    rows.finish();
    let mut tx = store.begin().await?;
    for (stmt, values) in [
        (&PLACES, &rows.places),
        (&ABOVE, &rows.above),
        (&HUMANS, &rows.humans),
        (&DUTIES, &rows.duties),
        (&ABSENCES, &rows.absences),
        (&HOMES, &rows.homes),
        (&ZONES, &rows.zones),
        (&ZONE_PLACES, &rows.zone_places),
        (&ZONE_HOMES, &rows.zone_homes),
    ] {
        for part in values.chunks(ROWS) {
            tx.exec(stmt, args![serde_json::to_string(part)?]).await?;
        }
    }
    for part in rows.numbers.chunks(ROWS) {
        write_numbers(&mut tx, sealer, part).await?;
    }
    tx.exec(&SHARES, args![]).await?;
    tx.exec(&ZONE_DERIVED, args![]).await?;
    tx.commit().await?;
    Ok(rows.planted)
}

async fn write_numbers(tx: &mut Tx, sealer: &Sealer, part: &[Number]) -> anyhow::Result<()> {
    let (mut sealed, mut hashes, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (n, number) in part.iter().enumerate() {
        let one = sealer.seal(number.phone.e164());
        values.push(json!({"n": n, "at": sealed.len(), "len": one.len(),
            "household": number.household, "human": number.human, "lane": number.lane.code(),
            "realm": Realm::Practice.code(), "last4": number.phone.last4(), "ord": number.ord,
            "relative": number.relative}));
        sealed.extend(one);
        hashes.extend(sealer.hash(number.phone.e164()));
    }
    let text = serde_json::to_string(&values)?;
    tx.exec(&ADDRESSES, args![text, sealed, hashes]).await?;
    Ok(())
}
