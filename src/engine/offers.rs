//! What a human is told of the lists offered to him: one text for all of them, and never a second
//! within a minute. What falls to him meanwhile is joined to his open offers and told with the next
//! text; who holds lists hears that they stay as they are. Who is offered what is `ladder`'s.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::leader::Word;
use super::summons::count;
use super::{Engine, EngineFault, Order};
use crate::domain::list::ListState;
use crate::domain::notice::Purpose;
use crate::domain::plan::{Rung, TimerKind};
use crate::render::{NoticeText, OpenDoors, PlaceDoors};
use crate::store::Tx;
use crate::store::climb::{self as rows, DoorsRow};
use crate::store::list::{self, OfferedTo};
use crate::store::timer::{self, HumanTimer, TimerRow};

const MINUTE_MS: i64 = 60_000;
/// Between two texts about offers to one human.
const APART_MS: i64 = MINUTE_MS;
/// Places of one message that are looked at for its text.
const PLACES_MAX: usize = 40;

/// The open doors of grids, and when their clocks began.
#[derive(Default)]
pub(super) struct Seen {
    grids: BTreeSet<i64>,
    pub doors: Vec<DoorsRow>,
    started: HashMap<i64, i64>,
}

impl Seen {
    /// Looks at these grids, those already seen left out.
    pub(super) async fn look(
        &mut self,
        tx: &mut Tx,
        alert: i64,
        grids: &[i64],
    ) -> Result<(), EngineFault> {
        let mut new: Vec<i64> = grids.iter().copied().filter(|g| self.grids.insert(*g)).collect();
        new.sort_unstable();
        if !new.is_empty() {
            self.doors.extend(rows::doors(tx, alert, &new).await?);
            self.started.extend(rows::started(tx, alert, &new).await?);
        }
        Ok(())
    }

    /// Doors of a place, as who is offered it finds them: what another took of it is not his.
    pub(super) fn doors_at(&self, grid: i64, place: i64) -> impl Iterator<Item = &DoorsRow> {
        self.doors.iter().filter(move |d| {
            d.grid_id == grid && (d.building_id == place || (place == grid && d.held == 0))
        })
    }

    fn open_at(&self, list: &OfferedTo) -> OpenDoors {
        let doors = self.doors_at(list.grid_id, list.place_id);
        doors.fold(OpenDoors::default(), |sum, d| {
            let own = OpenDoors {
                doors: count(d.open),
                fragile: count(d.fragile),
                silent: count(d.silent),
                unsent: count(d.unsent),
                no_phone: count(d.no_phone),
            };
            sum_of(sum, own)
        })
    }
}

fn sum_of(a: OpenDoors, b: OpenDoors) -> OpenDoors {
    OpenDoors {
        doors: a.doors + b.doors,
        fragile: a.fragile + b.fragile,
        silent: a.silent + b.silent,
        unsent: a.unsent + b.unsent,
        no_phone: a.no_phone + b.no_phone,
    }
}

/// What one human is told.
struct Said<'a> {
    /// The open offers with their doors.
    offers: Vec<(&'a OfferedTo, OpenDoors)>,
    /// Of these, he heard of some before and not of others.
    added: Vec<&'a OfferedTo>,
    /// Open doors that he holds already.
    held: i64,
    waited_min: i64,
}

impl Engine {
    /// Tells humans of everything they are offered: those to be `reminded` now, the others when a
    /// minute has passed since the last text.
    pub(super) async fn tell_offers(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        seen: &mut Seen,
        offered: &[i64],
        reminded: &[i64],
        now: i64,
    ) -> Result<(), EngineFault> {
        let humans: BTreeSet<i64> = offered.iter().chain(reminded).copied().collect();
        let humans: Vec<i64> = humans.into_iter().collect();
        if humans.is_empty() {
            return Ok(());
        }
        let lists = list::offered_to(tx, order.alert_id, &humans).await?;
        let mut by_human: BTreeMap<i64, Vec<&OfferedTo>> = BTreeMap::new();
        for list in &lists {
            by_human.entry(list.human_id).or_default().push(list);
        }
        let mut later = Vec::new();
        by_human.retain(|human, own| {
            if reminded.contains(human) {
                return true;
            }
            let mut open = own.iter().filter(|l| l.state == ListState::Offered.code());
            let last = own.iter().filter_map(|l| l.told_at).max();
            let is_new = open.any(|l| l.told_at.is_none());
            match last.filter(|told| now - told < APART_MS) {
                Some(told) if is_new => {
                    later.push(HumanTimer { human: *human, due: told + APART_MS });
                    false
                }
                Some(_) | None => is_new,
            }
        });
        timer::set_for_humans(tx, order.alert_id, TimerKind::Joined.code(), &later).await?;
        let grids: Vec<i64> = by_human.values().flatten().map(|l| l.grid_id).collect();
        seen.look(tx, order.alert_id, &grids).await?;
        self.say_offers(tx, order, seen, &by_human, reminded, now).await
    }

    /// A minute has passed since the last text to these humans: what was joined is told.
    pub(super) async fn fire_joined(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        timers: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let humans: Vec<i64> = timers.iter().map(|t| t.subject_id).collect();
        self.tell_offers(tx, order, &mut Seen::default(), &humans, &[], now).await
    }

    async fn say_offers(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        seen: &Seen,
        by_human: &BTreeMap<i64, Vec<&OfferedTo>>,
        reminded: &[i64],
        now: i64,
    ) -> Result<(), EngineFault> {
        let all = || by_human.values().flatten();
        let places: Vec<i64> = all().map(|l| l.place_id).collect();
        let names: HashMap<i64, String> =
            rows::place_names(tx, &places).await?.into_iter().collect();
        let held: Vec<i64> =
            all().filter(|l| l.state != ListState::Offered.code()).map(|l| l.id).collect();
        let held: HashMap<i64, i64> = list::open_doors(tx, &held).await?.into_iter().collect();
        let humans: Vec<i64> = by_human.keys().copied().collect();
        let tokens = self.list_tokens(tx, order.alert_id, &humans, now).await?;
        let (mut words, mut told) = (Vec::new(), Vec::new());
        for (human, own) in by_human {
            let said = Said::of(own, reminded.contains(human), seen, &held, now);
            // All its doors may have been closed since.
            if said.offers.is_empty() {
                continue;
            }
            told.extend(said.offers.iter().map(|(list, _)| list.id));
            let token = tokens.get(human).map(String::as_str);
            let text = self.offer_text(order, &said, &names, token, now)?;
            let word: Word = (*human, Purpose::Offer, text);
            words.push(word);
        }
        list::tell(tx, &told, now).await?;
        self.tell_humans(tx, order.alert_id, words, now).await
    }

    fn offer_text(
        &self,
        order: &Order,
        said: &Said<'_>,
        names: &HashMap<i64, String>,
        token: Option<&str>,
        now: i64,
    ) -> Result<String, EngineFault> {
        let name = |list: &OfferedTo| names.get(&list.place_id).map_or("本辖区", String::as_str);
        let some_of = |lists: &[&OfferedTo]| match lists {
            [] => None,
            [one] => Some(name(one).to_owned()),
            [first, ..] => Some(format!("{}等{}处", name(first), lists.len())),
        };
        let zero = OpenDoors::default();
        let doors = said.offers.iter().fold(zero, |sum, (_, doors)| sum_of(sum, *doors));
        let (act_by_ms, waited_min) = (order.act_by, count(said.waited_min));
        let lists: Vec<&OfferedTo> = said.offers.iter().map(|(list, _)| *list).collect();
        if waited_min > 0 && lists.iter().all(|list| list.rung == Rung::Duty.code()) {
            let place = some_of(&lists).unwrap_or_default();
            let text = NoticeText::DutyRoomReminder {
                place: &place,
                doors: doors.doors,
                waited_min,
                act_by_ms,
                token,
                call_up: true,
            };
            return self.say_in(order.kind, &text, now);
        }
        let held = Some(count(said.held)).filter(|held| *held > 0);
        if let [one] = lists[..] {
            let text = NoticeText::Offer { place: name(one), doors, act_by_ms, token, held };
            return self.say_in(order.kind, &text, now);
        }
        let named = said.offers.iter().take(PLACES_MAX);
        let places: Vec<PlaceDoors<'_>> = named
            .map(|(list, doors)| PlaceDoors { place: name(list), doors: doors.doors })
            .collect();
        let added = some_of(&said.added);
        let added = added.as_deref();
        let text =
            NoticeText::OfferMerged { places: &places, doors, act_by_ms, token, added, held };
        self.say_in(order.kind, &text, now)
    }
}

impl<'a> Said<'a> {
    /// `reminded`: he is asked again for what he let lie as well.
    fn of(
        own: &[&'a OfferedTo],
        reminded: bool,
        seen: &Seen,
        held: &HashMap<i64, i64>,
        now: i64,
    ) -> Said<'a> {
        let passed = |list: &OfferedTo| reminded && list.state == ListState::PassedOn.code();
        let is_open = |list: &OfferedTo| list.state == ListState::Offered.code() || passed(list);
        let open = own.iter().filter(|list| is_open(list));
        let offers: Vec<(&OfferedTo, OpenDoors)> = open
            .map(|list| (*list, seen.open_at(list)))
            .filter(|(_, doors)| doors.doors > 0)
            .collect();
        let new: Vec<&OfferedTo> =
            offers.iter().filter(|(l, _)| l.told_at.is_none()).map(|(l, _)| *l).collect();
        let waited = offers.iter().filter_map(|(list, _)| seen.started.get(&list.grid_id));
        Said {
            added: if new.len() < offers.len() { new } else { Vec::new() },
            held: own.iter().filter(|l| !is_open(l)).filter_map(|l| held.get(&l.id)).sum(),
            waited_min: waited.map(|at| (now - at) / MINUTE_MS).max().unwrap_or(0),
            offers,
        }
    }
}
