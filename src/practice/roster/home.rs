//! One home: the row of the household, its persons, and the numbers under which they are reached,
//! with all that makes real lists hard: none, dead ones, a child's, a landline, the office's.

use std::io;

use super::Maker;
use super::chance::Chance;
use super::family::{Family, Member, family};
use super::grid::{Building, Grid};
use super::names::{self, Sex};
use super::outline::{Build, Ground};
use crate::base::phone::Phone;
use crate::domain::lane::Lane;
use crate::domain::need::{Category, Need, RING2_NEEDS};
use crate::domain::roster::{AddressRow, HouseholdKind, HouseholdRow, PersonRow, Row, ZoneMember};

/// Numbers of one household at most, relatives apart.
const NUMBERS_MAX: usize = 3;

/// Where a home is.
pub(super) struct Door<'a> {
    pub place: &'a str,
    pub floor: i64,
    pub door: String,
}

/// A number and whose it is.
struct Line {
    number: Phone,
    /// Position among the members.
    member: Option<usize>,
    relative: Option<String>,
}

impl Line {
    fn of(number: Phone, member: usize) -> Line {
        Line { number, member: Some(member), relative: None }
    }

    fn shared(number: Phone) -> Line {
        Line { number, member: None, relative: None }
    }
}

impl Maker<'_> {
    pub(super) fn home(
        &mut self,
        grid: &mut Grid<'_>,
        building: &mut Building,
        door: Door<'_>,
    ) -> io::Result<()> {
        grid.left -= 1;
        building.homes += 1;
        let code = format!("{}H{:03}", building.code, building.homes);
        let family = family(&mut grid.chance, grid.build);
        let lines = self.lines(&mut grid.chance, building, &family);
        let mut needs = family.needs();
        let mobile = |line: &&Line| line.relative.is_none() && line.number.takes_sms();
        if !lines.is_empty() && !lines.iter().any(|line| mobile(&line)) {
            needs |= Need::LandlineOnly.bit();
        }
        let helper = self.helper_of(&mut grid.chance, building, needs);
        let categories = categories(grid, building, door.floor);
        let alone = grid.ground != Ground::Plain && !building.low && grid.chance.in_1000(10);
        if alone {
            self.endanger(grid.town, grid.ground, ZoneMember::Household(code.clone()))?;
        }
        (self.out)(&Row::Household(HouseholdRow {
            code: code.clone(),
            kind: HouseholdKind::Home,
            name: family.members[0].name.clone(),
            place: door.place.into(),
            floor: door.floor,
            door: door.door,
            persons: i64::try_from(family.members.len()).unwrap_or(1),
            needs,
            categories,
            helper,
        }))?;
        for (at, member) in family.members.iter().enumerate() {
            (self.out)(&Row::Person(PersonRow {
                code: format!("{code}P{}", at + 1),
                household: code.clone(),
                name: member.name.clone(),
                birth_year: Some(member.birth_year()),
                needs: member.needs,
            }))?;
        }
        remember(building, &family, &lines);
        self.addresses(&code, &lines)
    }

    /// A mobile in use, or (4 in 100) one that is not any more.
    fn mobile(&mut self, chance: &mut Chance) -> Phone {
        if chance.in_1000(40) { self.numbers.dead() } else { self.numbers.live() }
    }

    /// Under which numbers the home is reached, best first.
    fn lines(&mut self, chance: &mut Chance, building: &Building, family: &Family) -> Vec<Line> {
        let old = family.is_old();
        // 6 in 100 of all homes: old people more often than others.
        if chance.in_1000(if old { 85 } else { 50 }) {
            return Vec::new();
        }
        let mut lines = Vec::new();
        for (at, member) in family.members.iter().enumerate() {
            if lines.len() < NUMBERS_MAX && carries_phone(chance, member) {
                lines.push(Line::of(self.mobile(chance), at));
            }
        }
        if old && lines.is_empty() && chance.in_1000(300) {
            let child = building.child.clone().or_else(|| self.village_number.clone());
            lines.extend(child.map(Line::shared));
        }
        if lines.is_empty() || chance.in_1000(if old { 300 } else { 60 }) {
            lines.push(Line::shared(self.numbers.wired()));
        }
        if old && chance.in_1000(450) {
            let number = self.mobile(chance);
            let relative = Some(relative(chance, &family.members[0]));
            lines.push(Line { number, member: None, relative });
        }
        lines
    }

    fn helper_of(
        &mut self,
        chance: &mut Chance,
        building: &mut Building,
        needs: i64,
    ) -> Option<String> {
        if needs & RING2_NEEDS == 0 || chance.in_1000(80) {
            return None;
        }
        if chance.in_1000(500) {
            return Some(building.leader());
        }
        building.neighbour = true;
        Some(building.neighbour_code())
    }

    fn addresses(&mut self, code: &str, lines: &[Line]) -> io::Result<()> {
        for (ord, line) in (1..).zip(lines) {
            let lane = if line.number.takes_sms() { Lane::Sms } else { Lane::Voice };
            (self.out)(&Row::Address(AddressRow {
                household: code.into(),
                lane,
                number: line.number.clone(),
                ord,
                relative: line.relative.clone(),
                person: line.member.map(|at| format!("{code}P{}", at + 1)),
            }))?;
        }
        Ok(())
    }
}

fn carries_phone(chance: &mut Chance, member: &Member) -> bool {
    chance.in_1000(match member.age {
        ..16 => 0,
        16..66 => 960,
        66..75 => 720,
        75..83 => 480,
        _ => 250,
    })
}

/// Who the relative is, as a text to him begins: 女儿 王丽.
fn relative(chance: &mut Chance, parent: &Member) -> String {
    let (sex, word) = match Sex::any(chance) {
        Sex::Woman => (Sex::Woman, "女儿"),
        Sex::Man => (Sex::Man, "儿子"),
    };
    let surname: String = parent.name.chars().take(1).collect();
    format!("{word} {surname}{}", names::given(chance, sex, 45))
}

/// Why the home belongs to the transfer plan.
fn categories(grid: &mut Grid<'_>, building: &Building, floor: i64) -> i64 {
    let mut bits = 0;
    if building.low && floor == 1 {
        bits |= match (grid.ground, grid.build) {
            (Ground::Plain, _) => 0,
            (Ground::River, Build::Village) => Category::FloodPlain.bit(),
            (Ground::River, Build::Blocks | Build::OldQuarter) => Category::LowGroundFloor.bit(),
            (Ground::BelowDam(_), _) => Category::BelowDam.bit(),
            (Ground::Slope, _) => Category::Slope.bit(),
            (Ground::SeaWall, _) => Category::FloodPlain.bit(),
        };
    }
    let (unsafe_house, shed) = match grid.build {
        Build::Blocks => (1, 0),
        Build::OldQuarter => (25, 4),
        Build::Village => (12, 6),
    };
    if grid.chance.in_1000(unsafe_house) {
        bits |= Category::UnsafeHouse.bit();
    }
    if floor == 1 && grid.chance.in_1000(shed) {
        bits |= Category::Shed.bit();
    }
    bits
}

/// Who of this home could lead the building, and whose number old neighbours may give.
fn remember(building: &mut Building, family: &Family, lines: &[Line]) {
    let fit = family.needs() & RING2_NEEDS == 0;
    let found = lines.iter().find_map(|line| {
        let member = family.members.get(line.member?)?;
        let able = (25..72).contains(&member.age) && line.number.takes_sms();
        (able && !super::is_dead(&line.number)).then(|| (member.name.clone(), line.number.clone()))
    });
    if let Some((name, phone)) = found.filter(|_| fit) {
        if !family.is_old() {
            building.child = Some(phone.clone());
        }
        if building.able.len() < 2 {
            building.able.push((name, phone));
        }
    }
}
