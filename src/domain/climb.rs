//! Who is offered the list of a grid's open doors next, and when somebody looks again (rules §5,
//! §6). Pure: the engine calls it when the grid's timer is due and whenever a list or a door of the
//! grid changes, then writes what it says. It sends nothing and keeps no state of its own.

use std::collections::HashSet;

use super::list::{ListRow, ListState};
use super::plan::{Lists, Plan, Rung};

#[cfg(test)]
mod night;
#[cfg(test)]
mod tests;

/// A timer that fires later than this was not late: the process was down, and nobody's silence in
/// that time is held against him.
const OUTAGE_MS: i64 = 5 * 60_000;

/// What the grid's list timer does next; its code is the timer row's `step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Offers the list to this rung (and to others of the same moment).
    Offer(Rung),
    /// Reminds the highest rung there is, for ever, until somebody takes it.
    Remind,
    /// Somebody has it: looks whether he still acts.
    Watch,
}

impl Step {
    /// The step with which a grid's ladder begins.
    pub const FIRST: Step = Step::Offer(Rung::Building);

    /// The stable number under which the store keeps it: the rung's, 7 remind, 8 watch.
    pub fn code(self) -> i64 {
        match self {
            Step::Offer(rung) => rung.code(),
            Step::Remind => 7,
            Step::Watch => 8,
        }
    }

    /// The inverse of [`Step::code`].
    pub fn from_code(code: i64) -> Option<Step> {
        match code {
            7 => Some(Step::Remind),
            8 => Some(Step::Watch),
            rung => Rung::from_code(rung).map(Step::Offer),
        }
    }
}

/// Somebody on the ladder of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Human {
    pub human_id: i64,
    pub rung: Rung,
    /// His building on rung `Building`; not looked at on the others.
    pub place_id: i64,
    /// Has an address that isn't dead, in a lane with a provider.
    pub reachable: bool,
    /// On leave, by the roster.
    pub absent: bool,
    /// Would have more doors than one person can answer for (40 of ring 1): is passed over while
    /// another one of his rung can be asked.
    pub laden: bool,
    /// Since when he has been asked to take another list without a word. His call rings for this
    /// one, too: his time to answer began then.
    pub called_at: Option<i64>,
}

impl Human {
    fn can_be_asked(&self) -> bool {
        self.reachable && !self.absent
    }
}

/// Open doors of a building that are neither at the desk nor on a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doors {
    pub building_id: i64,
    pub open: i64,
}

/// A grid as it stands, with its list timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid<'a> {
    pub place_id: i64,
    pub ladder: &'a [Human],
    pub lists: &'a [ListRow],
    pub doors: &'a [Doors],
    pub step: Step,
    pub due_at: i64,
}

/// A list to be offered; the engine joins the offers of one human into one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    pub place_id: i64,
    pub human_id: i64,
    pub rung: Rung,
}

/// What is to be done now and when the grid's timer is due again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Climb {
    pub offers: Vec<Offer>,
    /// Taken lists without a word for too long: offered onwards, their holder is asked how he is.
    pub passes: Vec<i64>,
    /// The same of a building while another holds the whole grid: its doors are his again.
    pub returns: Vec<i64>,
    /// Lists whose people are asked once more.
    pub reminds: Vec<i64>,
    pub next_step: Step,
    /// Always later than now.
    pub next_due_at: i64,
    /// Doors are open and there is nobody at all to ask: an alarm, not only a line in a log.
    pub nobody: bool,
}

/// The ladder's timer when a grid's clock starts; none: this plan has no lists.
pub fn first_due(plan: &Plan, started_at: i64) -> Option<(Step, i64)> {
    plan.lists.as_ref().map(|lists| (Step::FIRST, started_at + lists.delay_ms(Rung::Building)))
}

/// Decides for one grid. Harmless when nothing is due: it then gives back the timer it was given.
/// None: the plan has no lists, nothing climbs.
pub fn decide(plan: &Plan, grid: &Grid<'_>, now: i64) -> Option<Climb> {
    let lists = plan.lists.as_ref()?;
    let view = View::new(plan, lists, grid, now);
    if grid.lists.is_empty() && grid.step != Step::Watch && now < grid.due_at {
        return Some(view.rest(grid.step, grid.due_at));
    }
    if view.uncovered.is_empty() {
        return Some(view.watch());
    }
    let (step, due_at) = view.position();
    if now < due_at {
        return Some(view.rest(step, due_at));
    }
    Some(match step {
        Step::Offer(rung) => view.offer_from(rung),
        Step::Remind | Step::Watch => view.remind(),
    })
}

/// A taken list with doors still open and in no lower hand: of the others nobody expects an act.
fn holds_doors(grid: &Grid<'_>, row: &ListRow) -> bool {
    let lower = |doors: &Doors| {
        let takes = |other: &ListRow| {
            other.place_id == doors.building_id
                && other.state == ListState::Taken
                && other.human_id != row.human_id
        };
        grid.lists.iter().any(takes)
    };
    let of_it = |doors: &Doors| match row.rung {
        Rung::Building => doors.building_id == row.place_id,
        Rung::Grid | Rung::Deputy | Rung::Community | Rung::Street | Rung::Duty => !lower(doors),
    };
    row.state == ListState::Taken && grid.doors.iter().any(|doors| doors.open > 0 && of_it(doors))
}

/// The grid with the questions that every step asks of it.
struct View<'a> {
    plan: &'a Plan,
    lists: &'a Lists,
    grid: &'a Grid<'a>,
    now: i64,
    passes: Vec<i64>,
    returns: Vec<i64>,
    /// Buildings with open doors that nobody holds.
    uncovered: HashSet<i64>,
    after_outage: bool,
}

impl<'a> View<'a> {
    fn new(plan: &'a Plan, lists: &'a Lists, grid: &'a Grid<'a>, now: i64) -> View<'a> {
        let after_outage = now - grid.due_at > OUTAGE_MS;
        let stale =
            |row: &&ListRow| holds_doors(grid, row) && now - row.last_act_at() >= plan.stale_ms;
        let silent: Vec<&ListRow> =
            if after_outage { Vec::new() } else { grid.lists.iter().filter(stale).collect() };
        let whole_held = grid.lists.iter().any(|row| {
            row.rung != Rung::Building
                && row.state == ListState::Taken
                && silent.iter().all(|other| other.list_id != row.list_id)
        });
        let (returns, passes): (Vec<&ListRow>, Vec<&ListRow>) =
            silent.into_iter().partition(|row| whole_held && row.rung == Rung::Building);
        let of = |rows: Vec<&ListRow>| rows.into_iter().map(|row| row.list_id).collect();
        let (returns, passes): (Vec<i64>, Vec<i64>) = (of(returns), of(passes));
        let held: HashSet<i64> = grid
            .lists
            .iter()
            .filter(|row| row.state == ListState::Taken && !passes.contains(&row.list_id))
            .map(|row| row.place_id)
            .collect();
        let uncovered = grid
            .doors
            .iter()
            .filter(|doors| doors.open > 0)
            .map(|doors| doors.building_id)
            .filter(|building| !held.contains(&grid.place_id) && !held.contains(building))
            .collect();
        View { plan, lists, grid, now, passes, returns, uncovered, after_outage }
    }

    /// Lists of the whole grid, not of a building.
    fn above(&self) -> impl Iterator<Item = &'a ListRow> {
        self.grid.lists.iter().filter(|row| row.rung != Rung::Building)
    }

    fn highest(&self) -> Option<Rung> {
        self.grid.lists.iter().map(|row| row.rung).max()
    }

    /// Offers of the latest moment of the ladder that may still be answered, and when they began.
    fn pending_since(&self) -> Option<(Rung, i64)> {
        let rung = self.highest()?;
        let delay_ms = self.lists.delay_ms(rung);
        self.grid
            .lists
            .iter()
            .filter(|row| row.state == ListState::Offered)
            .filter(|row| self.lists.delay_ms(row.rung) == delay_ms)
            .filter(|row| row.rung != Rung::Building || self.uncovered.contains(&row.place_id))
            .map(|row| row.offered_at)
            .max()
            .map(|offered_at| (rung, offered_at))
    }

    /// Which step comes, and when: the timer's own, except that a "0" of all who were asked, a
    /// list given back or one passed on brings the next rung at once.
    fn position(&self) -> (Step, i64) {
        let pending = self.pending_since();
        match self.grid.step {
            Step::Watch => match (self.highest(), pending) {
                (None, _) => (Step::FIRST, self.now),
                (Some(_), Some((rung, offered_at))) => {
                    (self.after(rung), offered_at + self.gap_after(rung))
                }
                (Some(rung), None) => (self.after(rung), self.now),
            },
            Step::Offer(_) if self.declined() => (self.grid.step, self.now.min(self.grid.due_at)),
            Step::Offer(_) | Step::Remind => (self.grid.step, self.grid.due_at),
        }
    }

    /// Everybody asked at the latest moment has said no (or nobody else of it is left).
    fn declined(&self) -> bool {
        let latest = self.above().map(|row| row.rung).max();
        let Some(rung) = latest else {
            return false;
        };
        let delay_ms = self.lists.delay_ms(rung);
        let mut asked = self.above().filter(|row| self.lists.delay_ms(row.rung) == delay_ms);
        asked.all(|row| match row.state {
            ListState::Declined
            | ListState::PassedOn
            | ListState::Done
            | ListState::Withdrawn
            | ListState::Finished => true,
            ListState::Taken => self.passes.contains(&row.list_id),
            ListState::Offered => false,
        })
    }

    /// The step after everything that happens at the moment of this rung.
    fn after(&self, rung: Rung) -> Step {
        let delay_ms = self.lists.delay_ms(rung);
        let later = Rung::ALL.into_iter().find(|r| self.lists.delay_ms(*r) > delay_ms);
        later.map_or(Step::Remind, Step::Offer)
    }

    fn gap_after(&self, rung: Rung) -> i64 {
        match self.after(rung) {
            Step::Offer(next) => self.lists.delay_ms(next) - self.lists.delay_ms(rung),
            Step::Remind | Step::Watch => self.plan.remind_ms,
        }
    }

    /// Offers to this rung; one with nobody to ask is skipped in the same breath, and so is one
    /// whose people were all called for other lists so long ago that they would have answered.
    fn offer_from(&self, first: Rung) -> Climb {
        let mut offers = Vec::new();
        let mut rung = first;
        loop {
            let found = self.offers_at(rung, &offers);
            let whole_grid = found.iter().any(|offer| offer.rung != Rung::Building);
            let only_buildings = self.lists.building_ms < self.lists.grid_ms
                && rung == Rung::Building
                && !found.is_empty();
            let next_due_at = self.answers_by(&found, rung);
            offers.extend(found);
            if (whole_grid || only_buildings) && next_due_at > self.now {
                return self.climb(offers, Vec::new(), self.after(rung), next_due_at);
            }
            match self.after(rung) {
                Step::Offer(next) => rung = next,
                Step::Remind | Step::Watch => break,
            }
        }
        // The end of the ladder: a reminder asks everybody who was found on the way as well.
        self.remind()
    }

    /// Until when whoever is offered something now has time to answer.
    fn answers_by(&self, found: &[Offer], rung: Rung) -> i64 {
        let called_at = |offer: &Offer| {
            let human = self.grid.ladder.iter().find(|human| human.human_id == offer.human_id);
            // Nobody's silence while the process was down is held against him.
            human.and_then(|human| human.called_at).filter(|_| !self.after_outage)
        };
        let began = found.iter().map(|offer| called_at(offer).unwrap_or(self.now)).max();
        began.unwrap_or(self.now).min(self.now) + self.gap_after(rung)
    }

    /// New offers of everything that happens at the moment of this rung. The higher rungs first:
    /// who gets the whole grid needs no list of his building.
    fn offers_at(&self, rung: Rung, before: &[Offer]) -> Vec<Offer> {
        let delay_ms = self.lists.delay_ms(rung);
        let rungs = Rung::ALL.into_iter().rev();
        self.offers_to(rungs.filter(|r| self.lists.delay_ms(*r) == delay_ms), before)
    }

    fn offers_to(&self, rungs: impl Iterator<Item = Rung>, before: &[Offer]) -> Vec<Offer> {
        let mut whole: HashSet<i64> = self.above().map(|row| row.human_id).collect();
        whole.extend(before.iter().filter(|o| o.rung != Rung::Building).map(|o| o.human_id));
        let mut places: HashSet<(i64, i64)> =
            self.grid.lists.iter().map(|row| (row.place_id, row.human_id)).collect();
        places.extend(before.iter().map(|offer| (offer.place_id, offer.human_id)));
        let mut offers = Vec::new();
        for rung in rungs {
            for human in self.askable(rung) {
                let place_id = match rung {
                    Rung::Building if self.uncovered.contains(&human.place_id) => human.place_id,
                    Rung::Building => continue,
                    Rung::Grid | Rung::Deputy | Rung::Community | Rung::Street | Rung::Duty => {
                        self.grid.place_id
                    }
                };
                let new =
                    !whole.contains(&human.human_id) && places.insert((place_id, human.human_id));
                if !new {
                    continue;
                }
                if rung != Rung::Building {
                    whole.insert(human.human_id);
                }
                offers.push(Offer { place_id, human_id: human.human_id, rung });
            }
        }
        offers
    }

    /// Whoever can be asked on a rung: not the laden while there is another for the same place.
    fn askable(&self, rung: Rung) -> impl Iterator<Item = &'a Human> {
        let ladder = self.grid.ladder;
        let here = move |human: &&Human| human.rung == rung && human.can_be_asked();
        ladder.iter().filter(here).filter(move |human| {
            let free = |other: &Human| !other.laden && other.place_id == human.place_id;
            !human.laden || !ladder.iter().filter(here).any(free)
        })
    }

    /// Never an end: the highest rung is asked again, whatever it said (but not in the breath in
    /// which it said so), and whoever can be reached by now is asked for the first time.
    fn remind(&self) -> Climb {
        let offers = self.offers_to(Rung::ALL.into_iter().rev(), &[]);
        let highest = self.highest().map(|rung| self.lists.delay_ms(rung));
        let reminds: Vec<i64> = self
            .grid
            .lists
            .iter()
            .filter(|row| Some(self.lists.delay_ms(row.rung)) == highest)
            .filter(|row| !self.passes.contains(&row.list_id))
            .filter(|row| row.answered_at.is_none_or(|at| self.now - at >= self.plan.remind_ms))
            .filter(|row| match row.state {
                ListState::Offered | ListState::Declined | ListState::PassedOn => true,
                ListState::Taken | ListState::Done | ListState::Withdrawn | ListState::Finished => {
                    false
                }
            })
            .filter(|row| row.rung != Rung::Building || self.uncovered.contains(&row.place_id))
            .map(|row| row.list_id)
            .collect();
        self.climb(offers, reminds, Step::Remind, self.now + self.plan.remind_ms)
    }

    /// Every open door is somebody's: look again when the first of them must have acted.
    fn watch(&self) -> Climb {
        let held =
            self.grid.lists.iter().filter(|row| {
                row.state == ListState::Taken && !self.returns.contains(&row.list_id)
            });
        let first = held.map(|row| row.last_act_at() + self.plan.stale_ms).min();
        let stale_at = first.unwrap_or(self.now + self.plan.stale_ms);
        let grace_at = self.now + self.plan.remind_ms;
        let due_at = if stale_at > self.now { stale_at } else { grace_at };
        let due_at = if self.after_outage { due_at.max(grace_at) } else { due_at };
        self.climb(Vec::new(), Vec::new(), Step::Watch, due_at)
    }

    fn rest(&self, step: Step, due_at: i64) -> Climb {
        let mut climb = self.climb(Vec::new(), Vec::new(), step, due_at);
        climb.nobody = false;
        climb
    }

    fn climb(
        &self,
        offers: Vec<Offer>,
        reminds: Vec<i64>,
        next_step: Step,
        next_due_at: i64,
    ) -> Climb {
        let asked = !offers.is_empty() || !reminds.is_empty();
        let held = self.grid.lists.iter().any(|row| match row.state {
            ListState::Offered | ListState::Taken => true,
            ListState::Declined
            | ListState::PassedOn
            | ListState::Done
            | ListState::Withdrawn
            | ListState::Finished => false,
        });
        Climb {
            nobody: !self.uncovered.is_empty() && !asked && !held,
            passes: self.passes.clone(),
            returns: self.returns.clone(),
            offers,
            reminds,
            next_step,
            next_due_at: next_due_at.max(self.now + 1),
        }
    }
}
