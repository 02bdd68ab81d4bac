//! One grid: its leaders and volunteers, its units, its buildings and stairwells. Of a building
//! only who may lead it is kept.

use std::io;

use super::Maker;
use super::chance::Chance;
use super::home::Door;
use super::names;
use super::outline::{Build, GridOutline, Ground, Town, Village};
use crate::base::phone::Phone;
use crate::domain::duty::Role;
use crate::domain::lane::Lane;
use crate::domain::need::{Category, Need};
use crate::domain::roster::{
    AbsenceRow, AddressRow, HouseholdKind, HouseholdRow, PlaceKind, Row, ZoneMember,
};

/// 2026-07-01T00:00:00+08:00, when the season of typhoons begins.
const SEASON_AT: i64 = 1_782_835_200_000;
const DAY_MS: i64 = 86_400_000;
const VOLUNTEERS: i64 = 8;
/// One leader in so many answers for the next two grids of his village as well.
const SHARED_LEADER: u64 = 40;

/// What it is, persons, needs, transfer categories.
type UnitKind = (&'static str, i64, i64, i64);

/// A grid while it is being made.
pub(super) struct Grid<'a> {
    pub town: &'a Town,
    pub code: String,
    pub build: Build,
    pub ground: Ground,
    pub chance: Chance,
    pub left: u64,
    buildings: u64,
}

/// A building while it is being made.
pub(super) struct Building {
    pub code: String,
    pub low: bool,
    /// Households so far.
    pub homes: u64,
    /// Who has a phone and could look after the others: the leader, then the neighbour.
    pub able: Vec<(String, Phone)>,
    /// Whether somebody needs the neighbour.
    pub neighbour: bool,
    /// A number that old people nearby give as theirs: mostly their child's.
    pub child: Option<Phone>,
}

impl Building {
    pub fn leader(&self) -> String {
        format!("{}-L", self.code)
    }

    pub fn neighbour_code(&self) -> String {
        format!("{}-N", self.code)
    }
}

impl Maker<'_> {
    pub(super) fn grid(
        &mut self,
        town: &Town,
        village: &Village,
        at: usize,
        outline: &GridOutline,
        shared_leader: &mut Option<(String, u8)>,
    ) -> io::Result<()> {
        let mut grid = Grid {
            town,
            code: format!("{}G{:02}", village.code, at + 1),
            build: outline.build,
            ground: outline.ground,
            chance: Chance::new(self.seed, outline.number),
            left: outline.households,
            buildings: 0,
        };
        let short = village.name.trim_end_matches("村委会").trim_end_matches("居委会");
        let name = format!("{short}第{}网格", at + 1);
        self.place(&grid.code, &name, PlaceKind::Grid, Some(village.code))?;
        self.grid_leaders(&mut grid, outline.number, shared_leader)?;
        if grid.left >= 50 && grid.chance.in_1000(700) {
            self.unit(&mut grid, short)?;
        }
        while grid.left > 0 {
            match grid.build {
                Build::Blocks | Build::OldQuarter => self.block(&mut grid)?,
                Build::Village => self.group(&mut grid)?,
            }
        }
        Ok(())
    }

    fn grid_leaders(
        &mut self,
        grid: &mut Grid<'_>,
        number: u64,
        shared_leader: &mut Option<(String, u8)>,
    ) -> io::Result<()> {
        let code = grid.code.clone();
        match shared_leader.take() {
            Some((human, more)) => {
                self.duty(&code, &human, Role::GridLeader, 1)?;
                *shared_leader = (more > 1).then(|| (human, more - 1));
            }
            None => {
                let human = format!("{code}-L");
                self.leader(&mut grid.chance, &human, &code, Role::GridLeader, 1)?;
                if grid.chance.in_1000(30) {
                    let from_at = SEASON_AT + grid.chance.between(0, 100) * DAY_MS;
                    let until_at = from_at + grid.chance.between(3, 14) * DAY_MS;
                    let human = human.clone();
                    (self.out)(&Row::Absence(AbsenceRow { human, from_at, until_at }))?;
                }
                if number % SHARED_LEADER == 7 {
                    *shared_leader = Some((human, 2));
                }
            }
        }
        if !grid.chance.in_1000(20) {
            let human = format!("{code}-D");
            self.leader(&mut grid.chance, &human, &code, Role::GridDeputy, 1)?;
        }
        for ord in 1..=VOLUNTEERS {
            let human = format!("{code}-V{ord}");
            self.leader(&mut grid.chance, &human, &code, Role::Volunteer, ord)?;
        }
        Ok(())
    }

    /// A building's place; low ones stand in the danger zone of their ground.
    fn building(&mut self, grid: &mut Grid<'_>, name: &str) -> io::Result<Building> {
        grid.buildings += 1;
        let code = format!("{}B{:02}", grid.code, grid.buildings);
        self.place(&code, name, PlaceKind::Building, Some(&grid.code))?;
        let low = grid.ground != Ground::Plain && (grid.buildings == 1 || grid.chance.in_1000(350));
        if low {
            self.endanger(grid.town, grid.ground, ZoneMember::Place(code.clone()))?;
        }
        let (homes, able, neighbour, child) = (0, Vec::new(), false, None);
        Ok(Building { code, low, homes, able, neighbour, child })
    }

    /// A block of flats: stairwells, two doors on each floor.
    fn block(&mut self, grid: &mut Grid<'_>) -> io::Result<()> {
        let name = format!("{}幢", grid.buildings + 1);
        let mut building = self.building(grid, &name)?;
        let floors = match grid.build {
            Build::OldQuarter => grid.chance.weigh(&[(30, 3), (40, 4), (30, 5)]),
            Build::Blocks | Build::Village => {
                grid.chance.weigh(&[(8, 4), (34, 5), (52, 6), (4, 7), (2, 11)])
            }
        };
        for stairwell in 1..=grid.chance.between(2, 4) {
            if grid.left == 0 {
                break;
            }
            let place = format!("{}S{stairwell}", building.code);
            let name = format!("{stairwell}单元");
            self.place(&place, &name, PlaceKind::Stairwell, Some(&building.code))?;
            for floor in 1..=floors {
                for flat in 1..=2 {
                    if grid.left > 0 {
                        let door = format!("{floor}0{flat}");
                        self.home(grid, &mut building, Door { place: &place, floor, door })?;
                    }
                }
            }
        }
        self.building_leaders(grid, &building)
    }

    /// A group of neighbours in a village: houses with numbers, no stairwells.
    fn group(&mut self, grid: &mut Grid<'_>) -> io::Result<()> {
        let name = format!("第{}邻里小组", grid.buildings + 1);
        let mut building = self.building(grid, &name)?;
        let place = building.code.clone();
        for house in 1..=grid.chance.between(8, 16) {
            if grid.left > 0 {
                let door = format!("{house}号");
                self.home(grid, &mut building, Door { place: &place, floor: 1, door })?;
            }
        }
        self.building_leaders(grid, &building)
    }

    fn building_leaders(&mut self, grid: &mut Grid<'_>, building: &Building) -> io::Result<()> {
        let mut able = building.able.iter().cloned();
        let mut next = |maker: &mut Maker<'_>, chance: &mut Chance| {
            able.next().unwrap_or_else(|| (names::full(chance, 55), maker.numbers.live()))
        };
        let (name, phone) = next(self, &mut grid.chance);
        self.human(&building.leader(), &name, vec![phone])?;
        self.duty(&building.code, &building.leader(), Role::BuildingLeader, 1)?;
        if building.neighbour {
            let (name, phone) = next(self, &mut grid.chance);
            self.human(&building.neighbour_code(), &name, vec![phone])?;
        }
        Ok(())
    }

    /// Care home, school, building site …: a household with a head, in a building of its own.
    fn unit(&mut self, grid: &mut Grid<'_>, village: &str) -> io::Result<()> {
        let frail = Need::Bedridden.bit() | Need::Wheelchair.bit() | Need::Over70.bit();
        let kinds: &[(i64, UnitKind)] = match grid.build {
            Build::Blocks | Build::OldQuarter => &[
                (2, ("颐养院", 120, frail, 0)),
                (4, ("小学", 600, 0, 0)),
                (4, ("幼儿园", 180, 0, 0)),
                (5, ("工地宿舍", 150, 0, Category::BuildingSite.bit())),
                (4, ("菜场", 60, 0, 0)),
            ],
            Build::Village => &[
                (2, ("敬老院", 60, frail, 0)),
                (5, ("厂宿舍", 90, 0, 0)),
                (5, ("农家乐", 30, 0, Category::FarmInn.bit())),
                (5, ("养殖棚", 8, 0, Category::Shed.bit())),
                (3, ("工地宿舍", 70, 0, Category::BuildingSite.bit())),
            ],
        };
        let (kind, size, needs, categories) = grid.chance.weigh(kinds);
        let name = format!("{village}{kind}");
        let building = self.building(grid, &name)?;
        let head = format!("{}-U", building.code);
        let phone = self.numbers.live();
        let code = format!("{}H001", building.code);
        grid.left -= 1;
        (self.out)(&Row::Household(HouseholdRow {
            code: code.clone(),
            kind: HouseholdKind::Unit,
            name,
            place: building.code.clone(),
            floor: 1,
            door: "门卫".into(),
            persons: size - grid.chance.between(0, size / 2),
            needs,
            categories,
            helper: Some(head.clone()),
        }))?;
        let wired = self.numbers.wired();
        for (lane, number) in [(Lane::Sms, phone.clone()), (Lane::Voice, wired)] {
            let (household, ord) = (code.clone(), 1 + i64::from(!number.takes_sms()));
            let (relative, person) = (None, None);
            let row = AddressRow { household, lane, number, ord, relative, person };
            (self.out)(&Row::Address(row))?;
        }
        let name = names::full(&mut grid.chance, 48);
        self.human(&head, &name, vec![phone])?;
        self.duty(&building.code, &head, Role::UnitHead, 1)
    }
}
