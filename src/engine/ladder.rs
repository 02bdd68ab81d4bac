//! The track of lists: offers, passes, reminders and the next look at every grid's ladder. What is
//! decided comes from `domain::climb`; here it is counted, written and said, one message a human.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::leader::{Word, place_words};
use super::night::count;
use super::{Engine, EngineFault, Order};
use crate::domain::batch::RANK_LEADER;
use crate::domain::climb::{self, Climb, Doors, Grid, Human, Offer, Step};
use crate::domain::list::{LADEN_DOORS, ListRow, ListState};
use crate::domain::notice::Purpose;
use crate::domain::plan::{Plan, Rung, TimerKind};
use crate::render::{NoticeText, OpenDoors, PlaceDoors};
use crate::store::Tx;
use crate::store::climb::{self as rows, DoorsRow, LadderRow};
use crate::store::desk;
use crate::store::list::{self, GridList, HumanList, NewOffer};
use crate::store::notice::Post;
use crate::store::timer::{self, PlaceTimer, TimerRow};

const MINUTE_MS: i64 = 60_000;

/// Everything that is decided upon for a set of grids, and what was decided.
struct Night {
    doors: Vec<DoorsRow>,
    ladder: Vec<LadderRow>,
    lists: Vec<GridList>,
    started: HashMap<i64, i64>,
    /// Open ring-1 doors that each human holds or is offered, the offers of this step included.
    loads: HashMap<i64, i64>,
}

/// An offer with what its text says.
struct Said {
    human_id: i64,
    place_id: i64,
    rung: Rung,
    doors: OpenDoors,
    waited_min: i64,
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
        let mut night = Night::read(tx, order.alert_id, &grids, now).await?;
        let (mut passes, mut returns, mut reminds) = (Vec::new(), Vec::new(), Vec::new());
        let (mut next, mut new, mut said) = (Vec::new(), Vec::new(), Vec::new());
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
                said.push(night.said(timer.place_id, offer, now));
                new.push(NewOffer {
                    uid: self.entropy.uuid(now),
                    place: offer.place_id,
                    human: offer.human_id,
                    rung: offer.rung.code(),
                });
            }
            said.extend(night.again(timer.place_id, &climbed.reminds, now));
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
        self.tell_offers(tx, order, &said, now).await
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

    /// One message per human for everything he is offered now.
    async fn tell_offers(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        said: &[Said],
        now: i64,
    ) -> Result<(), EngineFault> {
        if said.is_empty() {
            return Ok(());
        }
        let humans: Vec<i64> = said.iter().map(|o| o.human_id).collect();
        let addresses: HashMap<i64, i64> =
            desk::first_addresses(tx, &humans).await?.into_iter().collect();
        let places: Vec<i64> = said.iter().map(|o| o.place_id).collect();
        let names: HashMap<i64, String> = rows::place_names(tx, &places)
            .await?
            .into_iter()
            .map(|(id, name, parent)| (id, format!("{parent}{name}")))
            .collect();
        let mut by_human: BTreeMap<i64, Vec<&Said>> = BTreeMap::new();
        for offer in said {
            by_human.entry(offer.human_id).or_default().push(offer);
        }
        let tokens = self.list_tokens(tx, order.alert_id, &humans, now).await?;
        let mut posts = Vec::new();
        for (human, own) in by_human {
            let Some(address) = addresses.get(&human) else {
                continue;
            };
            let token = tokens.get(&human).map(String::as_str);
            posts.push(Post {
                address: *address,
                purpose: Purpose::Offer.code(),
                n: now,
                human: Some(human),
                household: None,
                text: self.offer_text(order, &own, &names, token, now)?,
            });
        }
        self.post(tx, order.alert_id, RANK_LEADER, &posts, now).await
    }

    fn offer_text(
        &self,
        order: &Order,
        own: &[&Said],
        names: &HashMap<i64, String>,
        token: Option<&str>,
        now: i64,
    ) -> Result<String, EngineFault> {
        let name = |said: &&Said| names.get(&said.place_id).map_or("本辖区", String::as_str);
        let doors = own.iter().fold(OpenDoors::default(), |sum, said| sum_of(sum, said.doors));
        let act_by_ms = order.act_by;
        let waited_min = own.iter().map(|said| said.waited_min).max().unwrap_or(0);
        if own.iter().all(|said| said.rung == Rung::Duty) && waited_min > 0 {
            let place = match own {
                [one] => name(one).to_owned(),
                _ => own.first().map_or(String::new(), name_of(names, own.len())),
            };
            let (doors, waited_min) = (doors.doors, count(waited_min));
            let call_up = true;
            let text = NoticeText::DutyRoomReminder {
                place: &place,
                doors,
                waited_min,
                act_by_ms,
                token,
                call_up,
            };
            return self.say_in(order.kind, &text, now);
        }
        if let [one] = own {
            let text = NoticeText::Offer { place: name(one), doors, act_by_ms, token };
            return self.say_in(order.kind, &text, now);
        }
        let places: Vec<PlaceDoors<'_>> = own
            .iter()
            .take(PLACES_MAX)
            .map(|said| PlaceDoors { place: name(said), doors: said.doors.doors })
            .collect();
        let text = NoticeText::OfferMerged { places: &places, doors, act_by_ms, token };
        self.say_in(order.kind, &text, now)
    }

    /// Takes lists out of everybody's hands and tells whoever held or was offered one. `grids`
    /// none: all of the alert.
    pub(super) async fn withdraw_lists(
        &self,
        tx: &mut Tx,
        alert: &crate::store::order::AlertRow,
        grids: Option<&[i64]>,
        why: crate::render::WhyWithdrawn,
        now: i64,
    ) -> Result<usize, EngineFault> {
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
        let told = words.len();
        self.tell_humans(tx, alert.id, words, now).await?;
        Ok(told)
    }
}

/// Places of one message that are looked at for its text.
const PLACES_MAX: usize = 40;

fn name_of<'a>(names: &'a HashMap<i64, String>, all: usize) -> impl Fn(&&Said) -> String + use<'a> {
    move |said| {
        let first = names.get(&said.place_id).map_or("本辖区", String::as_str);
        format!("{first}等{all}处")
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

impl Night {
    async fn read(tx: &mut Tx, alert: i64, grids: &[i64], now: i64) -> Result<Night, EngineFault> {
        let ladder = rows::ladder(tx, grids, now).await?;
        let humans: Vec<i64> = ladder.iter().map(|l| l.human_id).collect();
        Ok(Night {
            doors: rows::doors(tx, alert, grids).await?,
            lists: list::of_grids(tx, alert, grids).await?,
            started: rows::started(tx, alert, grids).await?.into_iter().collect(),
            loads: list::loads(tx, &humans).await?.into_iter().collect(),
            ladder,
        })
    }

    /// Doors of a place, as who is offered it finds them: what another took of it is not his.
    fn doors_at(&self, grid: i64, place: i64) -> impl Iterator<Item = &DoorsRow> {
        self.doors.iter().filter(move |d| {
            d.grid_id == grid && (d.building_id == place || (place == grid && d.held == 0))
        })
    }

    fn ring1_at(&self, grid: i64, place: i64) -> i64 {
        self.doors_at(grid, place).map(|d| d.ring1).sum()
    }

    /// He has doors already, and with these they would be too many for one.
    fn laden(&self, human: i64, grid: i64, place: i64) -> bool {
        let has = self.loads.get(&human).copied().unwrap_or(0);
        has > 0 && has + self.ring1_at(grid, place) > LADEN_DOORS
    }

    fn decide(&mut self, plan: &Plan, timer: &TimerRow, now: i64) -> Option<Climb> {
        let grid = timer.place_id;
        let doors: Vec<Doors> = self
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

    fn said(&self, grid: i64, offer: &Offer, now: i64) -> Said {
        let zero = OpenDoors::default();
        let doors = self.doors_at(grid, offer.place_id).fold(zero, |sum, d| {
            let own = OpenDoors {
                doors: count(d.open),
                fragile: count(d.fragile),
                silent: count(d.silent),
                unsent: count(d.unsent),
                no_phone: count(d.no_phone),
            };
            sum_of(sum, own)
        });
        let started = self.started.get(&grid).copied().unwrap_or(now);
        let waited_min = (now - started) / MINUTE_MS;
        let (human_id, place_id, rung) = (offer.human_id, offer.place_id, offer.rung);
        Said { human_id, place_id, rung, doors, waited_min }
    }

    /// The same words again for lists whose people are reminded.
    fn again(&self, grid: i64, reminds: &[i64], now: i64) -> Vec<Said> {
        let lists = self.lists.iter().filter(|l| l.grid_id == grid && reminds.contains(&l.id));
        let offer = |l: &GridList| Offer {
            place_id: l.place_id,
            human_id: l.human_id,
            rung: Rung::from_code(l.rung).unwrap_or(Rung::Duty),
        };
        lists.map(|l| self.said(grid, &offer(l), now)).collect()
    }
}
