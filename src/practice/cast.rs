//! The few of a practice town who play a part in a story: an old woman with nothing but a
//! landline, whose helper is away and whose leaders sleep; a home that the water enters. It
//! changes their rows before they are imported and writes their lines; all others are `residents`.

use std::collections::{HashMap, HashSet};

use super::residents::{Heard, Residents, Town};
use super::roster::{is_dead, year_born};
use crate::base::phone::Phone;
use crate::domain::duty::Role;
use crate::domain::lane::Lane;
use crate::domain::need::{Category, Need};
use crate::domain::roster::{AddressRow, HouseholdKind, HouseholdRow, PlaceKind, Row};

pub const WANG: &str = "王阿婆";
pub const WANG_AGE: i64 = 78;
/// A landline that the generator gives to nobody in a town that fits a demo.
const WANG_LINE: u32 = 9_418_078;
/// What the home writes when the water comes in.
pub const WATER: &str = "水进屋了";
const WATER_AFTER_MS: i64 = 170_000;
const HELPER_AFTER_MS: i64 = 55_000;
const DEPUTY_AFTER_MS: i64 = 40_000;

/// Who plays, by code of the roster and number (E.164).
#[derive(Debug, Clone, Default)]
pub struct Cast {
    /// Her household.
    pub wang: String,
    pub deputy_number: String,
    pub helper_number: String,
    /// Leaders who hear nothing tonight.
    pub asleep: HashSet<String>,
    /// The household that writes [`WATER`], and its number.
    pub wet: String,
    pub wet_number: String,
}

/// What is needed of a town's rows to give the parts away.
struct Parts<'a> {
    parents: HashMap<&'a str, (&'a str, PlaceKind)>,
    duties: HashMap<(&'a str, i64), &'a str>,
    mobiles: HashMap<&'a str, Vec<&'a Phone>>,
    absent: HashSet<&'a str>,
    helped: HashSet<&'a str>,
}

impl<'a> Parts<'a> {
    fn read(rows: &'a [(u64, Row)]) -> Parts<'a> {
        let mut town = Parts {
            parents: HashMap::new(),
            duties: HashMap::new(),
            mobiles: HashMap::new(),
            absent: HashSet::new(),
            helped: HashSet::new(),
        };
        for (_, row) in rows {
            match row {
                Row::Place(row) => {
                    let parent = row.parent.as_deref().unwrap_or_default();
                    town.parents.insert(&row.code, (parent, row.kind));
                }
                Row::Human(row) => {
                    let mobiles = row.phones.iter().filter(|phone| phone.takes_sms()).collect();
                    town.mobiles.insert(&row.code, mobiles);
                }
                Row::Duty(row) if row.ord == 1 => {
                    town.duties.insert((&row.place, row.role.code()), &row.human);
                }
                Row::Absence(row) => {
                    town.absent.insert(&row.human);
                }
                Row::Household(row) => {
                    town.helped.extend(row.helper.as_deref());
                }
                Row::Duty(_)
                | Row::Address(_)
                | Row::Person(_)
                | Row::Zone(_)
                | Row::ZoneMember(_) => {}
            }
        }
        town
    }

    /// The place of this kind at or above another.
    fn above(&self, place: &'a str, kind: PlaceKind) -> Option<&'a str> {
        let mut at = place;
        for _ in 0..8 {
            let (parent, is) = self.parents.get(at)?;
            if *is == kind {
                return Some(at);
            }
            at = parent;
        }
        None
    }

    fn numbers(&self, human: &str) -> Vec<String> {
        let mobiles = self.mobiles.get(human).into_iter().flatten();
        mobiles.map(|phone| phone.e164().to_owned()).collect()
    }

    fn duty(&self, place: &'a str, role: Role) -> Option<&'a str> {
        self.duties.get(&(place, role.code())).copied().filter(|human| !self.absent.contains(human))
    }

    /// Everybody of her part, where a home is in such a place.
    fn part(&self, home: &'a HouseholdRow) -> Option<(Cast, String)> {
        let building = self.above(&home.place, PlaceKind::Building)?;
        let grid = self.above(building, PlaceKind::Grid)?;
        let leader = self.duty(grid, Role::GridLeader)?;
        let deputy = self.duty(grid, Role::GridDeputy)?;
        let stairs = self.duty(building, Role::BuildingLeader)?;
        let helper = self.duty(grid, Role::Volunteer).filter(|h| !self.helped.contains(h))?;
        let asleep = [leader, stairs].iter().flat_map(|human| self.numbers(human)).collect();
        let cast = Cast {
            wang: home.code.clone(),
            deputy_number: self.numbers(deputy).into_iter().next()?,
            helper_number: self.numbers(helper).into_iter().next()?,
            asleep,
            ..Cast::default()
        };
        Some((cast, helper.to_owned()))
    }
}

/// Gives the parts of a story away and changes the rows of those who play. None: the town has
/// nobody for a part (it is too small).
pub fn assign(rows: &mut Vec<(u64, Row)>) -> Option<Cast> {
    let town = Parts::read(rows);
    let homes = || {
        rows.iter().filter_map(|(_, row)| match row {
            Row::Household(home) if home.kind == HouseholdKind::Home => Some(home),
            _ => None,
        })
    };
    let ground = |home: &&HouseholdRow| home.floor == 1 && home.persons == 1;
    let found = homes().filter(ground).find_map(|home| town.part(home));
    let (mut cast, helper) = found.or_else(|| homes().find_map(|home| town.part(home)))?;
    let own: HashMap<&str, &Phone> = rows.iter().filter_map(|(_, row)| first_number(row)).collect();
    let wet = homes().find(|home| {
        let live = own.get(home.code.as_str()).is_some_and(|number| !is_dead(number));
        live && home.floor == 1 && home.persons > 1 && home.code != cast.wang
    })?;
    cast.wet = wet.code.clone();
    cast.wet_number = own.get(wet.code.as_str())?.e164().to_owned();
    dress(rows, &cast.wang, helper);
    Some(cast)
}

/// A home's own first mobile.
fn first_number(row: &Row) -> Option<(&str, &Phone)> {
    match row {
        Row::Address(a) if a.ord == 1 && a.lane == Lane::Sms && a.relative.is_none() => {
            Some((a.household.as_str(), &a.number))
        }
        _ => None,
    }
}

/// Her rows: one old woman on a ground floor that floods, a landline, a helper.
fn dress(rows: &mut Vec<(u64, Row)>, wang: &str, helper: String) {
    let mut helper = Some(helper);
    let mut line = 0;
    rows.retain_mut(|(at, row)| match row {
        Row::Household(home) if home.code == wang => {
            home.name = WANG.into();
            home.persons = 1;
            home.floor = 1;
            home.needs = Need::Over70.bit()
                | Need::Over70Alone.bit()
                | Need::Over75Alone.bit()
                | Need::LandlineOnly.bit();
            home.categories |= Category::LowGroundFloor.bit();
            home.helper = helper.take();
            true
        }
        Row::Person(person) if person.household == wang => {
            person.name = WANG.into();
            person.birth_year = Some(year_born(WANG_AGE));
            person.needs = Need::Over70.bit();
            person.code.ends_with("P1")
        }
        Row::Address(address) if address.household == wang => {
            line = line.max(*at);
            false
        }
        _ => true,
    });
    let landline = AddressRow {
        household: wang.into(),
        lane: Lane::Voice,
        number: Phone::practice_landline(WANG_LINE),
        ord: 1,
        relative: None,
        person: None,
    };
    rows.push((line, Row::Address(landline)));
}

impl Cast {
    /// A town in which these play.
    pub fn play(&self, mut town: Town) -> Played {
        town.rely_on(&self.deputy_number, DEPUTY_AFTER_MS);
        Played { town, cast: self.clone(), wet: false }
    }
}

/// A town with its cast: who has a line says it, everybody else behaves as ever.
pub struct Played {
    town: Town,
    cast: Cast,
    /// Whether the water was reported.
    wet: bool,
}

impl Residents for Played {
    fn hear(&mut self, now_ms: i64, to: &str, text: &str) -> Vec<Heard> {
        let says = |after_ms: i64, words: &str| {
            vec![Heard { after_ms, from: to.to_owned(), text: words.to_owned() }]
        };
        if to == self.cast.wet_number && !self.wet && text.contains("转移指令") {
            self.wet = true;
            return says(WATER_AFTER_MS, &format!("{WATER}，老人走不动"));
        }
        // He is out of town, and says so.
        if to == self.cast.helper_number && text.contains(WANG) {
            return says(HELPER_AFTER_MS, "0");
        }
        self.town.hear(now_ms, to, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::residents::Shares;
    use crate::practice::roster;

    fn town() -> Vec<(u64, Row)> {
        let mut rows = Vec::new();
        roster::generate(2_000, 1, &mut |row| {
            rows.push((rows.len() as u64, row.clone()));
            Ok(())
        })
        .unwrap();
        rows
    }

    #[test]
    fn the_parts_are_given_and_only_their_rows_change() {
        let (before, mut rows) = (town(), town());
        let cast = assign(&mut rows).unwrap();
        let her = rows.iter().filter_map(|(_, row)| match row {
            Row::Address(a) if a.household == cast.wang => Some(a),
            _ => None,
        });
        let her: Vec<_> = her.collect();
        assert_eq!(her.len(), 1);
        assert!(!her[0].number.takes_sms());
        let homes = |rows: &[(u64, Row)]| {
            rows.iter().filter(|(_, row)| matches!(row, Row::Household(_))).count()
        };
        assert_eq!(homes(&before), homes(&rows));
        let known: HashSet<String> = before.iter().map(|(_, row)| format!("{row:?}")).collect();
        let changed = rows.iter().filter(|(_, row)| !known.contains(&format!("{row:?}")));
        assert_eq!(changed.count(), 3, "her household, herself and her line");
    }

    #[test]
    fn everybody_says_his_line() {
        let mut rows = town();
        let cast = assign(&mut rows).unwrap();
        let asleep = cast.asleep.clone();
        let mut town = cast.play(Town::new(1, Shares::default(), asleep.clone()));
        let order = "【余姚市防指】转移指令：2点半前请离家到东风小学。收到回1，要人帮回2";
        let said = town.hear(0, &cast.wet_number, order);
        assert!(said[0].text.starts_with(WATER));
        assert!(town.hear(0, &cast.wet_number, order).iter().all(|h| h.text != said[0].text));
        let call = "【余姚市防指】转移指令：您结对的王阿婆（1幢101）要人帮。能去回1，去不了回0";
        assert_eq!(town.hear(0, &cast.helper_number, call)[0].text, "0");
        let list = "【余姚市防指】第1网格：9户未应答。接手回1，去不了回0。名单 x";
        assert_eq!(town.hear(0, &cast.deputy_number, list)[0].text, "1");
        assert!(!asleep.is_empty());
        assert!(asleep.iter().all(|number| town.hear(0, number, list).is_empty()));
    }
}
