//! A town made up on Yuyao's real streets and communities, row by row: the same seed, the same
//! bytes. Grids, homes, people and numbers are inventions; nobody can own such a number.
//!
//! Writes no file and knows no store: the rows go where the caller sends them.

mod chance;
mod family;
mod grid;
mod home;
mod names;
mod numbers;
mod outline;

use std::collections::BTreeSet;
use std::io;

use chance::Chance;
use numbers::Numbers;
use outline::{Ground, Town, Village};

use crate::base::phone::Phone;
use crate::domain::duty::Role;
use crate::domain::roster::{
    DutyRow, HumanRow, PlaceKind, PlaceRow, Row, ZoneMember, ZoneMemberRow, ZoneRow,
};

pub use family::year_born;
pub use numbers::{DEAD_ENDING, is_dead};

/// Households of a generated town at most.
pub const HOUSEHOLDS_MAX: u64 = 1_500_000;

const COUNTY: &str = "330281000000";

/// Where the rows go. The order is the tree's; rows of several files come mixed.
pub type Sink<'a> = &'a mut dyn FnMut(&Row) -> io::Result<()>;

/// Makes a town of exactly so many households (homes and units together, at most
/// [`HOUSEHOLDS_MAX`], at least 1) and gives every row to `out`.
///
/// # Errors
/// Only those of `out`.
pub fn generate(households: u64, seed: u64, out: Sink<'_>) -> io::Result<()> {
    let households = households.clamp(1, HOUSEHOLDS_MAX);
    let mut maker = Maker {
        out,
        seed,
        numbers: Numbers::new(seed),
        ord: 0,
        zones: BTreeSet::new(),
        village_number: None,
    };
    maker.county(&outline::outline(households, seed))
}

/// What is kept while the rows go by.
struct Maker<'a> {
    out: Sink<'a>,
    seed: u64,
    numbers: Numbers,
    /// Walking order of the places.
    ord: i64,
    /// Zones that have been written.
    zones: BTreeSet<String>,
    /// The number of a village's office, given by several households that have none.
    village_number: Option<Phone>,
}

impl Maker<'_> {
    fn county(&mut self, towns: &[Town]) -> io::Result<()> {
        let mut chance = Chance::new(self.seed, u64::MAX - 1);
        self.place(COUNTY, "余姚市", PlaceKind::County, None)?;
        let room = format!("{COUNTY}-DR");
        let phones = vec![self.numbers.live(), self.numbers.wired()];
        self.human(&room, "市防指值班室", phones)?;
        self.duty(COUNTY, &room, Role::DutyRoom, 1)?;
        for town in towns {
            self.place(town.code, town.name, PlaceKind::Town, Some(COUNTY))?;
            for ord in 1..=2 {
                let code = format!("{}-S{ord}", town.code);
                self.leader(&mut chance, &code, town.code, Role::StreetDuty, ord)?;
            }
            for village in &town.villages {
                self.village(&mut chance, town, village)?;
            }
        }
        Ok(())
    }

    fn village(&mut self, chance: &mut Chance, town: &Town, village: &Village) -> io::Result<()> {
        self.place(village.code, village.name, PlaceKind::Village, Some(town.code))?;
        for ord in 1..=2 {
            let code = format!("{}-H{ord}", village.code);
            self.leader(chance, &code, village.code, Role::CommunityHead, ord)?;
        }
        let code = format!("{}-R", village.code);
        self.leader(chance, &code, village.code, Role::ShelterManager, 1)?;
        self.village_number = chance.in_1000(400).then(|| self.numbers.live());
        let mut shared_leader = None;
        for (at, outline) in village.grids.iter().enumerate() {
            self.grid(town, village, at, outline, &mut shared_leader)?;
        }
        Ok(())
    }

    fn place(
        &mut self,
        code: &str,
        name: &str,
        kind: PlaceKind,
        parent: Option<&str>,
    ) -> io::Result<()> {
        let ord = self.ord;
        self.ord += 1;
        let (code, name, parent) = (code.into(), name.into(), parent.map(str::to_owned));
        (self.out)(&Row::Place(PlaceRow { code, name, kind, parent, ord }))
    }

    fn human(&mut self, code: &str, name: &str, phones: Vec<Phone>) -> io::Result<()> {
        (self.out)(&Row::Human(HumanRow { code: code.into(), name: name.into(), phones }))
    }

    fn duty(&mut self, place: &str, human: &str, role: Role, ord: i64) -> io::Result<()> {
        let (place, human) = (place.into(), human.into());
        (self.out)(&Row::Duty(DutyRow { place, human, role, ord }))
    }

    /// Somebody with a number of his own, and his duty.
    fn leader(
        &mut self,
        chance: &mut Chance,
        code: &str,
        place: &str,
        role: Role,
        ord: i64,
    ) -> io::Result<()> {
        let age = chance.between(28, 64);
        let name = names::full(chance, age);
        let mut phones = vec![self.numbers.live()];
        if chance.in_1000(150) {
            phones.push(self.numbers.live());
        }
        self.human(code, &name, phones)?;
        self.duty(place, code, role, ord)
    }

    /// Puts a place or household into the danger zone of its ground, writing the zone when it is
    /// met first.
    fn endanger(&mut self, town: &Town, ground: Ground, member: ZoneMember) -> io::Result<()> {
        let (mark, name, hazard, minutes_to_water, route) = match ground {
            Ground::Plain => return Ok(()),
            Ground::River => ("RIVER", "姚江沿岸低洼区".into(), "flood", 180, "往远离姚江的高处走"),
            Ground::BelowDam(dam) => {
                let name = format!("{dam}下游淹没区");
                ("DAM", name, "flood", 60, "沿村道上两侧山坡，不过桥")
            }
            Ground::Slope => ("SLOPE", "地质灾害点下方".into(), "typhoon", 30, "横着离开山沟"),
            Ground::SeaWall => ("SEA", "海塘外及塘内一线".into(), "typhoon", 120, "往塘内公路走"),
        };
        let zone = format!("Z-{mark}-{}", town.code);
        if self.zones.insert(zone.clone()) {
            (self.out)(&Row::Zone(ZoneRow {
                code: zone.clone(),
                name: format!("{}{name}", town.name),
                hazard: hazard.into(),
                minutes_to_water,
                route: route.into(),
                shelter: format!("{}中心小学", town.name),
                head: Some(format!("{}-S1", town.code)),
            }))?;
        }
        (self.out)(&Row::ZoneMember(ZoneMemberRow { zone, member }))
    }
}

#[cfg(test)]
mod tests;
