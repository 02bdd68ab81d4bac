//! Recording statements: appended, standings folded again under lock, tallies moved, all in the
//! caller's transaction. One way for replies, ticks, desk resolutions and corrections alike.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Engine, EngineFault};
use crate::domain::standing::{Home, Standing, fold};
use crate::domain::statement::{Claim, Giver, Statement, split_closes};
use crate::store::Tx;
use crate::store::answer::{self, FactRow, SavedStanding, StandingRow, StatementRow, TallyMove};
use crate::store::timer::{self, Moved};

/// A door that opens again is first the desk's, who was asked for help; then its leader's.
const REOPENED_MS: i64 = 2 * 60_000;

/// A household's standing after its statements were recorded.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub alert_id: i64,
    pub household_id: i64,
    pub persons: i64,
    pub demand: i64,
    pub standing: Standing,
}

impl Engine {
    /// Appends statements and folds the standings they are about. Statements about households
    /// that have no standing under their alert are kept and change nothing.
    pub(crate) async fn record(
        &self,
        tx: &mut Tx,
        statements: &[StatementRow],
    ) -> Result<Vec<Recorded>, EngineFault> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock.story_ms();
        let mut wanted: BTreeMap<i64, HashSet<i64>> = BTreeMap::new();
        for statement in statements {
            wanted.entry(statement.alert).or_default().insert(statement.household);
        }
        let mut locked = Vec::new();
        for (alert, households) in &wanted {
            let households: Vec<i64> = households.iter().copied().collect();
            locked.extend(answer::lock_standings(tx, *alert, &households).await?);
        }
        answer::append(tx, statements, now).await?;
        self.fold_locked(tx, locked, now).await
    }

    /// Folds standings again of which something else than a statement changed: what is asked.
    pub(super) async fn refold(
        &self,
        tx: &mut Tx,
        alert: i64,
        households: &[i64],
    ) -> Result<Vec<Recorded>, EngineFault> {
        if households.is_empty() {
            return Ok(Vec::new());
        }
        let locked = answer::lock_standings(tx, alert, households).await?;
        self.fold_locked(tx, locked, self.clock.story_ms()).await
    }

    async fn fold_locked(
        &self,
        tx: &mut Tx,
        locked: Vec<StandingRow>,
        now: i64,
    ) -> Result<Vec<Recorded>, EngineFault> {
        let mut wanted: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for row in &locked {
            wanted.entry(row.alert_id).or_default().push(row.household_id);
        }
        let mut facts: HashMap<(i64, i64), Vec<Statement>> = HashMap::new();
        for (alert, households) in &wanted {
            for row in answer::facts(tx, *alert, households).await? {
                let key = (row.alert_id, row.household_id);
                if let Some(fact) = fact(row) {
                    facts.entry(key).or_default().push(fact);
                }
            }
        }
        let mut recorded = Vec::with_capacity(locked.len());
        let mut saved = Vec::with_capacity(locked.len());
        let mut moves: BTreeMap<(i64, i64, i64, i64), TallyMove> = BTreeMap::new();
        for row in locked {
            let known = facts.remove(&(row.alert_id, row.household_id)).unwrap_or_default();
            let standing = fold(&home(&row), &known);
            saved.push(save_row(&row, &standing));
            move_tally(&mut moves, &row, &standing);
            recorded.push(Recorded {
                alert_id: row.alert_id,
                household_id: row.household_id,
                persons: row.persons,
                demand: row.demand,
                standing,
            });
        }
        if !saved.is_empty() {
            let moves: Vec<TallyMove> = moves.into_values().filter(moved).collect();
            answer::save(tx, &saved, &moves).await?;
            timer::look_at_closed(tx, &doors(&moves, |closed| closed > 0), now).await?;
            let due = now + REOPENED_MS;
            timer::reopen(tx, &doors(&moves, |closed| closed < 0), due).await?;
        }
        Ok(recorded)
    }
}

fn home(row: &StandingRow) -> Home {
    Home {
        demand: row.demand,
        since_version: row.since,
        pursued: row.pursued == 1,
        persons: row.persons,
        vulnerable: row.vulnerable == 1,
        lives_alone: row.persons <= 1,
    }
}

fn fact(row: FactRow) -> Option<Statement> {
    Some(Statement {
        source_key: row.source_key,
        giver: Giver::from_code(row.giver)?,
        claim: Claim::from_code(row.claim)?,
        persons: row.persons,
        closes: split_closes(row.closes.as_deref()),
        observed_at: row.observed_at,
        version: row.version,
    })
}

fn save_row(row: &StandingRow, standing: &Standing) -> SavedStanding {
    SavedStanding {
        alert: row.alert_id,
        grid: row.grid_id,
        seq: row.seq,
        heard: standing.heard_at,
        whereabouts: standing.whereabouts.code(),
        refused: i64::from(standing.refused),
        helps: standing.helps,
        verify: i64::from(standing.verify),
        eased: i64::from(standing.eased),
        closed: standing.closed_at,
        grade: standing.grade,
    }
}

fn move_tally(
    moves: &mut BTreeMap<(i64, i64, i64, i64), TallyMove>,
    row: &StandingRow,
    new: &Standing,
) {
    let key = (row.alert_id, row.grid_id, row.building_id, row.ring);
    let entry = moves.entry(key).or_insert(TallyMove {
        alert: key.0,
        grid: key.1,
        building: key.2,
        ring: key.3,
        closed: 0,
        told_open: 0,
        heard: 0,
        help: 0,
        refused: 0,
    });
    let pursued = row.pursued == 1;
    let closed = |at: Option<i64>, helps: i64| i64::from(pursued && at.is_some() && helps == 0);
    let told_open = |helps: i64| i64::from(!pursued && helps > 0);
    entry.closed += closed(new.closed_at, new.helps) - closed(row.closed_at, row.helps);
    entry.told_open += told_open(new.helps) - told_open(row.helps);
    entry.heard += i64::from(new.heard_at.is_some()) - i64::from(row.heard_at.is_some());
    entry.help += i64::from(new.helps > 0) - i64::from(row.helps > 0);
    entry.refused += i64::from(new.refused) - row.refused;
}

/// The buildings in which doors were closed, or opened again.
fn doors(moves: &[TallyMove], which: impl Fn(i64) -> bool) -> Vec<Moved> {
    let those = moves.iter().filter(|m| which(m.closed));
    those.map(|m| Moved { alert: m.alert, grid: m.grid, building: m.building }).collect()
}

fn moved(tally: &TallyMove) -> bool {
    [tally.closed, tally.told_open, tally.heard, tally.help, tally.refused] != [0; 5]
}
