//! The demo's town: the practice roster's rows, with the story's cast dressed, through the same
//! import that takes a real roster, counted on the way. It picks who sleeps tonight and which part
//! of the town gets its order later.

use std::collections::{HashMap, HashSet};

use anyhow::{anyhow, bail};

use crate::base::seal::Sealer;
use crate::domain::duty::Role as Duty;
use crate::domain::lane::Lane;
use crate::domain::roster::{CHUNK_ROWS_MAX, DutyRow, PlaceKind, RosterFile, Row};
use crate::practice::cast::{self, Cast};
use crate::practice::roster as practice;
use crate::store::roster::{self, Finish, Missing};
use crate::store::{Store, view};

/// Grid leaders and deputies of the first grids sleep through the night, whatever comes; but the
/// deputy with a part in the story.
const GRIDS_ASLEEP: usize = 2;
/// The part of the town that is ordered later has at least so many of a hundred homes.
const LATE_SHARE: usize = 15;
const LATE_MOST: usize = 80;

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
    pub cast: Cast,
    /// The first mobile of each household, by code.
    pub first_mobiles: HashMap<String, String>,
    /// Mobiles of those with a duty, by code.
    pub mobiles: HashMap<String, Vec<String>>,
    /// The places (by code, with their names) that are ordered later; empty in a tiny town.
    pub late: Vec<(String, String)>,
}

#[derive(Default)]
struct Counted {
    planted: Planted,
    places: Vec<Spot>,
    at: HashMap<String, usize>,
}

/// A place, and the homes in and below it.
struct Spot {
    code: String,
    name: String,
    kind: PlaceKind,
    parent: Option<usize>,
    homes: usize,
}

impl Counted {
    fn count(&mut self, row: &Row) {
        let planted = &mut self.planted;
        match row {
            Row::Place(row) => {
                match row.kind {
                    PlaceKind::County => planted.root_code.clone_from(&row.code),
                    PlaceKind::Town => planted.towns += 1,
                    PlaceKind::Village => planted.villages += 1,
                    PlaceKind::Grid => planted.grids += 1,
                    PlaceKind::Building => planted.buildings += 1,
                    PlaceKind::Stairwell => {}
                }
                let parent = row.parent.as_ref().and_then(|code| self.at.get(code)).copied();
                self.at.insert(row.code.clone(), self.places.len());
                let (code, name) = (row.code.clone(), row.name.clone());
                self.places.push(Spot { code, name, kind: row.kind, parent, homes: 0 });
            }
            Row::Human(row) => {
                let mobile = row.phones.iter().filter(|phone| phone.takes_sms());
                let numbers = mobile.map(|phone| phone.e164().to_owned()).collect();
                planted.mobiles.insert(row.code.clone(), numbers);
            }
            Row::Duty(row) => self.duty(row),
            Row::Household(row) => {
                planted.homes += 1;
                let mut at = self.at.get(&row.place).copied();
                while let Some(spot) = at.and_then(|at| self.places.get_mut(at)) {
                    spot.homes += 1;
                    at = spot.parent;
                }
            }
            Row::Address(row) if row.lane == Lane::Sms => {
                planted.dead_numbers += usize::from(practice::is_dead(&row.number));
                let number = || row.number.e164().to_owned();
                planted.first_mobiles.entry(row.household.clone()).or_insert_with(number);
            }
            Row::Address(_)
            | Row::Absence(_)
            | Row::Person(_)
            | Row::Zone(_)
            | Row::ZoneMember(_) => {}
        }
    }

    fn duty(&mut self, row: &DutyRow) {
        let planted = &mut self.planted;
        planted.responsible += usize::from(row.role.code() <= Duty::DutyRoom.code());
        let sleeps = matches!(row.role, Duty::GridLeader | Duty::GridDeputy);
        if sleeps && planted.grids <= GRIDS_ASLEEP {
            let mobiles = planted.mobiles.get(&row.human).into_iter().flatten().cloned();
            planted.asleep.extend(mobiles);
        }
    }

    /// The last places of the highest level that has several, until there are homes enough; never
    /// those where the cast lives.
    fn late(&self) -> Vec<(String, String)> {
        let cast = [&self.planted.cast.wang, &self.planted.cast.wet];
        let home = |spot: &Spot| cast.iter().any(|code| code.starts_with(&spot.code));
        let all = self.planted.homes;
        for kind in [PlaceKind::Town, PlaceKind::Village, PlaceKind::Grid] {
            let mut late: Vec<&Spot> = Vec::new();
            let mut homes = 0;
            for spot in self.places.iter().rev().filter(|spot| spot.kind == kind) {
                if homes * 100 >= all * LATE_SHARE {
                    break;
                }
                let below = |village: &Spot| {
                    village
                        .parent
                        .and_then(|at| self.places.get(at))
                        .is_some_and(|up| up.code == spot.code && home(village))
                };
                let plays = home(spot) || self.places.iter().any(below);
                if spot.homes > 0 && !plays && (homes + spot.homes) * 100 <= all * LATE_MOST {
                    homes += spot.homes;
                    late.push(spot);
                }
            }
            if !late.is_empty() {
                return late.iter().map(|s| (s.code.clone(), s.name.clone())).collect();
            }
        }
        Vec::new()
    }
}

/// Makes a town of so many households and imports it at `now`.
pub async fn plant(
    store: &Store,
    sealer: &Sealer,
    households: u64,
    seed: u64,
    now: i64,
) -> anyhow::Result<Planted> {
    let mut rows = Vec::new();
    let mut lines: HashMap<RosterFile, u64> = HashMap::new();
    practice::generate(households, seed, &mut |row| {
        // Line 1 is the header of the file it would stand in.
        let line = lines.entry(row.file()).or_insert(1);
        *line += 1;
        rows.push((*line, row.clone()));
        Ok(())
    })?;
    let mut counted = Counted::default();
    counted.planted.cast =
        cast::assign(&mut rows).ok_or_else(|| anyhow!("--households：太少，故事里的人住不下"))?;
    rows.iter().for_each(|(_, row)| counted.count(row));
    let begun = roster::begin(store, "demo", now).await?;
    let mut import = begun.ok_or_else(|| anyhow!("another import is under way"))?;
    for part in rows.chunks(CHUNK_ROWS_MAX) {
        import.stage(sealer, part).await?;
    }
    if let Some(fault) = import.check(Missing::Keep).await?.first() {
        bail!("the practice roster is at fault: {fault}");
    }
    import.compare(Missing::Keep).await?;
    import.merge(now, Finish::Commit).await?;
    import.end().await?;
    let late = counted.late();
    let mut planted = counted.planted;
    planted.late = late;
    planted.asleep.extend(planted.cast.asleep.iter().cloned());
    planted.asleep.remove(&planted.cast.deputy_number);
    // The control plays with the same sleepers.
    planted.cast.asleep.clone_from(&planted.asleep);
    planted.no_phone = planted.homes - planted.first_mobiles.len();
    planted.root_id = view::root(store).await?.ok_or_else(|| anyhow!("no root place"))?;
    Ok(planted)
}
