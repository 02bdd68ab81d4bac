//! The outline of a town: how many grids, in which of Yuyao's real communities, of which size.
//!
//! Everything below a grid is made by `grid`; of the whole town only this outline is kept.

use super::chance::Chance;

const PLACES: &str = include_str!("../../../templates/places/places.csv");

/// Grids and households of the whole town; others are made in proportion.
const FULL_HOUSEHOLDS: u64 = 300_000;
const FULL_URBAN_GRIDS: u64 = 275;
const FULL_RURAL_GRIDS: u64 = 870;
const FULL_URBAN_HOUSEHOLDS: u64 = 82_500;

/// A street or town.
#[derive(Debug)]
pub struct Town {
    pub code: &'static str,
    pub name: &'static str,
    pub villages: Vec<Village>,
}

/// A community or village with its grids.
#[derive(Debug)]
pub struct Village {
    pub code: &'static str,
    pub name: &'static str,
    pub grids: Vec<GridOutline>,
}

/// A grid before its homes are made.
#[derive(Debug)]
pub struct GridOutline {
    /// Counts through the town; its own stream of chance.
    pub number: u64,
    pub build: Build,
    pub ground: Ground,
    pub households: u64,
}

/// How people live there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// Blocks with stairwells.
    Blocks,
    /// Blocks with stairwells, low and old, full of old people.
    OldQuarter,
    /// Houses in groups of neighbours.
    Village,
}

/// What water and wind can do there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Plain,
    /// Low-lying along the Yao River.
    River,
    /// Below the dam of the reservoir of that name.
    BelowDam(&'static str),
    Slope,
    /// Outside or right behind the sea wall.
    SeaWall,
}

const RIVER_TOWNS: &[&str] =
    &["梨洲街道", "凤山街道", "兰江街道", "阳明街道", "马渚镇", "丈亭镇", "三七市镇", "河姆渡镇"];
const DAMS: &[(&str, &str)] = &[
    ("梁弄镇", "四明湖水库"),
    ("陆埠镇", "陆埠水库"),
    ("梨洲街道", "梁辉水库"),
    ("鹿亭乡", "双溪口水库"),
];
const SLOPE_TOWNS: &[&str] = &["四明山镇", "大岚镇", "鹿亭乡", "梁弄镇"];
const SEA_TOWNS: &[&str] = &["临山镇", "黄家埠镇", "小曹娥镇", "泗门镇"];

impl Ground {
    fn of(town: &str, number: u64, chance: &mut Chance) -> Ground {
        let dam = DAMS.iter().find(|(at, _)| *at == town).map(|(_, dam)| *dam);
        if number == 0 {
            return Ground::River;
        }
        match (dam, chance.between(0, 999)) {
            (Some(dam), 0..200) => Ground::BelowDam(dam),
            (_, 200..450) if RIVER_TOWNS.contains(&town) => Ground::River,
            (_, 450..800) if SLOPE_TOWNS.contains(&town) => Ground::Slope,
            (_, 800..900) if SEA_TOWNS.contains(&town) => Ground::SeaWall,
            _ => Ground::Plain,
        }
    }
}

struct Listed {
    code: &'static str,
    name: &'static str,
    parent: &'static str,
    urban: bool,
}

/// Real rows of one level: `town` or `village`.
fn listed(level: &'static str) -> impl Iterator<Item = Listed> {
    PLACES.lines().skip(1).filter_map(move |line| {
        let mut cells = line.split(',');
        let (code, name) = (cells.next()?, cells.next()?);
        let (at, parent, kind) = (cells.next()?, cells.next()?, cells.next()?);
        // The six streets have town codes below 330281100000; their communities are the town.
        let urban = kind == "居委会" && parent < "330281100000";
        (at == level).then_some(Listed { code, name, parent, urban })
    })
}

/// `count` things over `slots`, even; what falls to slot `at`.
fn share(count: u64, slots: u64, at: u64) -> u64 {
    (at + 1) * count / slots - at * count / slots
}

/// A class of grids (urban or rural) spread over its communities.
struct Spread {
    villages: u64,
    used: u64,
    grids: u64,
    households: u64,
    village: u64,
    slot: u64,
    grid: u64,
    owed: i64,
}

impl Spread {
    fn new(villages: u64, full_grids: u64, grids: u64, households: u64) -> Spread {
        let used = (villages * grids).div_ceil(full_grids).min(villages).min(grids);
        Spread { villages, used, grids, households, village: 0, slot: 0, grid: 0, owed: 0 }
    }

    /// Grids of the next village of this class: 0 where the village is not used.
    fn next_village(&mut self) -> u64 {
        let used = share(self.used, self.villages, self.village) > 0;
        self.village += 1;
        if !used {
            return 0;
        }
        self.slot += 1;
        share(self.grids, self.used, self.slot - 1)
    }

    /// Households of the next grid: even, a little more here and less in the next.
    fn next_size(&mut self, chance: &mut Chance) -> u64 {
        let even = share(self.households, self.grids, self.grid);
        self.grid += 1;
        let wobble = match self.owed {
            0 if self.grid < self.grids => chance.between(0, i64::try_from(even / 5).unwrap_or(0)),
            owed => -owed,
        };
        self.owed = if self.owed == 0 { wobble } else { 0 };
        even.saturating_add_signed(wobble)
    }
}

/// The towns that are needed for so many households, with their villages and grids.
pub fn outline(households: u64, seed: u64) -> Vec<Town> {
    let part = |full: u64| (households * full + FULL_HOUSEHOLDS / 2) / FULL_HOUSEHOLDS;
    let (urban, rural) = (part(FULL_URBAN_GRIDS).max(1), part(FULL_RURAL_GRIDS));
    let in_blocks =
        if rural == 0 { households } else { households * FULL_URBAN_HOUSEHOLDS / FULL_HOUSEHOLDS };
    let cities = listed("village").filter(|village| village.urban).count() as u64;
    let others = listed("village").count() as u64 - cities;
    let mut blocks = Spread::new(cities, FULL_URBAN_GRIDS, urban, in_blocks);
    let mut houses = Spread::new(others, FULL_RURAL_GRIDS, rural, households - in_blocks);
    let mut chance = Chance::new(seed, u64::MAX);
    let mut number = 0;
    let mut towns = Vec::new();
    for town in listed("town") {
        let mut villages = Vec::new();
        for village in listed("village").filter(|village| village.parent == town.code) {
            let class = if village.urban { &mut blocks } else { &mut houses };
            let mut grids = Vec::new();
            for _ in 0..class.next_village() {
                let build = match (village.urban, chance.in_1000(150)) {
                    (true, true) => Build::OldQuarter,
                    (true, false) => Build::Blocks,
                    (false, _) => Build::Village,
                };
                let ground = Ground::of(town.name, number, &mut chance);
                let households = class.next_size(&mut chance);
                grids.push(GridOutline { number, build, ground, households });
                number += 1;
            }
            if !grids.is_empty() {
                villages.push(Village { code: village.code, name: village.name, grids });
            }
        }
        if !villages.is_empty() {
            towns.push(Town { code: town.code, name: town.name, villages });
        }
    }
    towns
}
