//! The demo's town: the practice roster's rows through the same import that takes a real roster,
//! counted on the way. It picks who sleeps tonight; it changes nothing about the rows.

use std::collections::{HashMap, HashSet};

use anyhow::{anyhow, bail};

use crate::base::seal::Sealer;
use crate::domain::duty::Role as Duty;
use crate::domain::lane::Lane;
use crate::domain::roster::{CHUNK_ROWS_MAX, DutyRow, PlaceKind, RosterFile, Row};
use crate::practice::roster as practice;
use crate::store::roster::{self, Finish, Missing};
use crate::store::{Store, view};

/// Grid leaders and deputies of the first grids sleep through the night, whatever comes.
const GRIDS_ASLEEP: usize = 2;

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

#[derive(Default)]
struct Counted {
    planted: Planted,
    with_mobile: HashSet<String>,
    mobiles: HashMap<String, Vec<String>>,
}

impl Counted {
    fn count(&mut self, row: &Row) {
        let planted = &mut self.planted;
        match row {
            Row::Place(row) => match row.kind {
                PlaceKind::County => planted.root_code.clone_from(&row.code),
                PlaceKind::Town => planted.towns += 1,
                PlaceKind::Village => planted.villages += 1,
                PlaceKind::Grid => planted.grids += 1,
                PlaceKind::Building => planted.buildings += 1,
                PlaceKind::Stairwell => {}
            },
            Row::Human(row) => {
                let mobile = row.phones.iter().filter(|phone| phone.takes_sms());
                let numbers = mobile.map(|phone| phone.e164().to_owned()).collect();
                self.mobiles.insert(row.code.clone(), numbers);
            }
            Row::Duty(row) => self.duty(row),
            Row::Household(_) => planted.homes += 1,
            Row::Address(row) if row.lane == Lane::Sms => {
                planted.dead_numbers += usize::from(practice::is_dead(&row.number));
                self.with_mobile.insert(row.household.clone());
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
            let mobiles = self.mobiles.get(&row.human).into_iter().flatten().cloned();
            planted.asleep.extend(mobiles);
        }
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
    let mut counted = Counted::default();
    let mut rows = Vec::new();
    let mut lines: HashMap<RosterFile, u64> = HashMap::new();
    practice::generate(households, seed, &mut |row| {
        counted.count(row);
        // Line 1 is the header of the file it would stand in.
        let line = lines.entry(row.file()).or_insert(1);
        *line += 1;
        rows.push((*line, row.clone()));
        Ok(())
    })?;
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
    let mut planted = counted.planted;
    planted.no_phone = planted.homes - counted.with_mobile.len();
    planted.root_id = view::root(store).await?.ok_or_else(|| anyhow!("no root place"))?;
    Ok(planted)
}
