//! The track of lists: offers, passes, reminders, ends and the next look at every grid's ladder.
//! What is decided comes from `domain::climb`; here it is counted and written. What whoever is
//! offered lists is told is `offers`'s.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::leader::{Word, place_words};
use super::offers::Seen;
use super::summons::count;
use super::{Engine, EngineFault, Order};
use crate::domain::climb::{self, Climb, Doors, Grid, Human, Step};
use crate::domain::list::{LADEN_DOORS, ListRow, ListState};
use crate::domain::notice::Purpose;
use crate::domain::plan::{Plan, Rung, TimerKind};
use crate::render::NoticeText;
use crate::store::Tx;
use crate::store::climb::{self as rows, LadderRow};
use crate::store::list::{self, GridList, HumanList, NewOffer};
use crate::store::timer::{self, PlaceTimer, TimerRow};

const MINUTE_MS: i64 = 60_000;

/// Everything that is decided upon for a set of grids, and what was decided.
struct Night {
    seen: Seen,
    ladder: Vec<LadderRow>,
    lists: Vec<GridList>,
    /// Since when humans have been asked to take another list without a word.
    called: HashMap<i64, i64>,
    /// Open ring-1 doors that each human holds or is offered, the offers of this step included.
    loads: HashMap<i64, i64>,
}

impl Engine {
    /// The ladders of grids: offers, passes, reminders, and the next look.
    pub(super) async fn fire_lists(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        timers: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some(plan) = &order.plan else {
            return Ok(());
        };
        let grids: Vec<i64> = timers.iter().map(|t| t.place_id).collect();
        self.end_finished(tx, order, &grids, now).await?;
        // Where nobody is open any more the ladder ends; a door that opens again begins a new one.
        let closed = list::closed_grids(tx, order.alert_id, &grids).await?;
        let timers: Vec<&TimerRow> =
            timers.iter().filter(|t| !closed.contains(&t.place_id)).collect();
        let grids: Vec<i64> = timers.iter().map(|t| t.place_id).collect();
        if grids.is_empty() {
            return Ok(());
        }
        let mut night = Night::read(tx, order.alert_id, &grids, now).await?;
        let (mut passes, mut returns, mut reminds) = (Vec::new(), Vec::new(), Vec::new());
        let (mut next, mut new) = (Vec::new(), Vec::new());
        for timer in timers {
            let Some(climbed) = night.decide(plan, timer, now) else { continue };
            if climbed.nobody {
                tracing::error!(alert = order.uid, grid = timer.place_id, "nobody to ask");
            }
            next.push(PlaceTimer {
                place: timer.place_id,
                step: climbed.next_step.code(),
                due: climbed.next_due_at.max(now + 1),
            });
            for offer in &climbed.offers {
                new.push(NewOffer {
                    uid: self.entropy.uuid(now),
                    place: offer.place_id,
                    human: offer.human_id,
                    rung: offer.rung.code(),
                });
            }
            passes.extend(climbed.passes);
            returns.extend(climbed.returns);
            reminds.extend(climbed.reminds);
        }
        list::set(tx, &passes, ListState::PassedOn.code(), now).await?;
        list::set(tx, &returns, ListState::Done.code(), now).await?;
        list::remind(tx, &reminds, now).await?;
        list::offer(tx, order.alert_id, &new, now).await?;
        timer::set_for_places(tx, order.alert_id, TimerKind::List.code(), &next).await?;
        self.ask_holders(tx, order, &passes, &returns, plan.stale_ms, now).await?;
        let offered: Vec<i64> = new.iter().map(|offer| offer.human).collect();
        let again = night.lists.iter().filter(|l| reminds.contains(&l.id));
        let again: Vec<i64> = again.map(|l| l.human_id).collect();
        self.tell_offers(tx, order, &mut night.seen, &offered, &again, now).await
    }

    /// The ladders of grids before their own timers are due: somebody declined, a building's last
    /// door was closed, or one opened again after the ladder had ended.
    pub(super) async fn fire_look(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        looks: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let grids: Vec<i64> = looks.iter().map(|t| t.place_id).collect();
        let mut timers = timer::take_lists(tx, order.alert_id, &grids).await?;
        let begun = rows::started(tx, order.alert_id, &grids).await?;
        for look in looks {
            let waits = timers.iter().any(|t| t.place_id == look.place_id);
            if !waits && begun.iter().any(|(grid, _)| *grid == look.place_id) {
                timers.push(TimerRow { step: Step::Watch.code(), due_at: now, ..look.clone() });
            }
        }
        self.fire_lists(tx, order, &timers, now).await
    }

    /// Lists of which no door is open any more end, and whoever knew of them is told so, once.
    async fn end_finished(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        grids: &[i64],
        now: i64,
    ) -> Result<(), EngineFault> {
        let finished = list::finished(tx, order.alert_id, grids).await?;
        if finished.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = finished.iter().map(|l| l.id).collect();
        list::set(tx, &ids, ListState::Finished.code(), now).await?;
        let detail =
            serde_json::json!({"lists": finished.iter().map(|l| &l.uid).collect::<Vec<_>>()});
        self.note(tx, "clock", "list.finished", Some(order.alert_id), detail).await?;
        let mut by_human: BTreeMap<(i64, bool), Vec<HumanList>> = BTreeMap::new();
        for list in finished.into_iter().filter(|l| l.told_at.is_some()) {
            let held = list.state != ListState::Offered.code();
            by_human.entry((list.human_id, held)).or_default().push(list);
        }
        let mut words: Vec<Word> = Vec::new();
        for ((human, held), lists) in by_human {
            let place = place_words(&lists);
            let text = NoticeText::ListFinished { place: &place, held };
            words.push((human, Purpose::Finished, self.say_in(order.kind, &text, now)?));
        }
        self.tell_humans(tx, order.alert_id, words, now).await
    }

    /// "Are you all right?" to whoever fell silent; whose whole it is gets a part back.
    async fn ask_holders(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        passes: &[i64],
        returns: &[i64],
        silent_ms: i64,
        now: i64,
    ) -> Result<(), EngineFault> {
        let silent: Vec<i64> = passes.iter().chain(returns).copied().collect();
        if silent.is_empty() {
            return Ok(());
        }
        let lists = list::by_id(tx, &silent).await?;
        let check = NoticeText::HolderCheck { silent_min: count(silent_ms / MINUTE_MS) };
        let check = self.say_in(order.kind, &check, now)?;
        let holders: BTreeSet<i64> = lists.iter().map(|l| l.human_id).collect();
        let mut words: Vec<Word> =
            holders.iter().map(|h| (*h, Purpose::HolderCheck, check.clone())).collect();
        let humans: Vec<i64> = lists.iter().map(|l| l.human_id).collect();
        let names: HashMap<i64, String> =
            list::human_names(tx, &humans).await?.into_iter().collect();
        for part in lists.into_iter().filter(|l| returns.contains(&l.id)) {
            let who = names.get(&part.human_id).cloned().unwrap_or_default();
            let whole = (false, order.kind);
            words.extend(self.tell_whole(tx, &[part], &who, whole, now).await?);
        }
        self.tell_humans(tx, order.alert_id, words, now).await
    }

    /// Takes lists out of everybody's hands and tells whoever held or was offered one. `grids`
    /// none: all of the alert. Gives who is told.
    pub(super) async fn withdraw_lists(
        &self,
        tx: &mut Tx,
        alert: &crate::store::order::AlertRow,
        grids: Option<&[i64]>,
        why: crate::render::WhyWithdrawn,
        now: i64,
    ) -> Result<Vec<i64>, EngineFault> {
        let held = list::withdraw(tx, alert.id, grids).await?;
        let mut by_human: BTreeMap<i64, Vec<HumanList>> = BTreeMap::new();
        for list in held {
            by_human.entry(list.human_id).or_default().push(list);
        }
        let kind = crate::domain::gate::AlertKind::from_code(alert.kind)
            .unwrap_or(crate::domain::gate::AlertKind::Live);
        let mut words = Vec::new();
        for (human, lists) in by_human {
            let place = place_words(&lists);
            let text = NoticeText::ListWithdrawn { place: &place, alert_title: &alert.title, why };
            let text = self.say_in(kind, &text, now)?;
            words.push((human, Purpose::Withdrawn, text));
        }
        let told = words.iter().map(|word| word.0).collect();
        self.tell_humans(tx, alert.id, words, now).await?;
        Ok(told)
    }
}

impl Night {
    async fn read(tx: &mut Tx, alert: i64, grids: &[i64], now: i64) -> Result<Night, EngineFault> {
        let ladder = rows::ladder(tx, grids, now).await?;
        let humans: Vec<i64> = ladder.iter().map(|l| l.human_id).collect();
        let mut seen = Seen::default();
        seen.look(tx, alert, grids).await?;
        Ok(Night {
            seen,
            lists: list::of_grids(tx, alert, grids).await?,
            called: list::called(tx, alert, &humans).await?.into_iter().collect(),
            loads: list::loads(tx, &humans).await?.into_iter().collect(),
            ladder,
        })
    }

    fn ring1_at(&self, grid: i64, place: i64) -> i64 {
        self.seen.doors_at(grid, place).map(|d| d.ring1).sum()
    }

    /// He has doors already, and with these they would be too many for one.
    fn laden(&self, human: i64, grid: i64, place: i64) -> bool {
        let has = self.loads.get(&human).copied().unwrap_or(0);
        has > 0 && has + self.ring1_at(grid, place) > LADEN_DOORS
    }

    fn decide(&mut self, plan: &Plan, timer: &TimerRow, now: i64) -> Option<Climb> {
        let grid = timer.place_id;
        let doors: Vec<Doors> = self
            .seen
            .doors
            .iter()
            .filter(|d| d.grid_id == grid)
            .map(|d| Doors { building_id: d.building_id, open: d.open })
            .collect();
        let ladder: Vec<Human> = self
            .ladder
            .iter()
            .filter(|l| l.grid_id == grid)
            .filter_map(|l| {
                let place_id = if l.role == 1 { l.place_id } else { grid };
                Some(Human {
                    human_id: l.human_id,
                    rung: Rung::from_code(l.role)?,
                    place_id,
                    reachable: l.reachable == 1,
                    absent: l.absent == 1,
                    laden: self.laden(l.human_id, grid, place_id),
                    called_at: self.called.get(&l.human_id).copied(),
                })
            })
            .collect();
        let lists: Vec<ListRow> = self
            .lists
            .iter()
            .filter(|l| l.grid_id == grid)
            .filter_map(|l| {
                Some(ListRow {
                    list_id: l.id,
                    place_id: l.place_id,
                    human_id: l.human_id,
                    rung: Rung::from_code(l.rung)?,
                    state: ListState::from_code(l.state)?,
                    offered_at: l.offered_at,
                    answered_at: l.answered_at,
                    acted_at: l.acted_at,
                })
            })
            .collect();
        let view = Grid {
            place_id: grid,
            ladder: &ladder,
            lists: &lists,
            doors: &doors,
            step: Step::from_code(timer.step).unwrap_or(Step::FIRST),
            due_at: timer.due_at,
        };
        let climbed = climb::decide(plan, &view, now)?;
        for offer in &climbed.offers {
            let more = self.ring1_at(grid, offer.place_id);
            *self.loads.entry(offer.human_id).or_default() += more;
        }
        Some(climbed)
    }
}
