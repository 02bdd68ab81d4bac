//! The tracks of persons and lists as the night goes on: summonses, the un-woken list, offers,
//! reminders, search lists, tasks nobody took. What is decided comes from `domain::climb`; here it
//! is written and said.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{Engine, EngineFault, Order};
use crate::domain::batch::RANK_LEADER;
use crate::domain::climb::{self, Climb, Doors, Grid, Human, Offer, Step};
use crate::domain::list::{ListRow, ListState};
use crate::domain::notice::Purpose;
use crate::domain::plan::{Rung, TimerKind};
use crate::render::{NoticeText, PersonAt, PlaceDoors};
use crate::store::Tx;
use crate::store::climb::{self as rows, DoorsRow, LadderRow, UnwokenRow};
use crate::store::desk::{self, GridList, NewOffer};
use crate::store::notice::Post;
use crate::store::timer::{self, PlaceTimer, TimerRow};

const MINUTE_MS: i64 = 60_000;

fn count(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(0)
}

impl Engine {
    /// 叫应: everybody responsible who has not woken is called again.
    pub(super) async fn fire_summons(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        timers: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let (Some(plan), Some(row)) = (&order.plan, timers.first()) else {
            return Ok(());
        };
        if row.step == 0 {
            rows::open_summonses(tx, order.alert_id, order.version, now).await?;
        }
        let n = row.step + 1;
        let asleep = rows::unwoken(tx, order.alert_id, order.version).await?;
        let mut posts = Vec::new();
        for person in asleep.iter().filter(|p| p.address_id != 0) {
            let text = NoticeText::Summons {
                alert_title: &order.title,
                place: &person.place,
                n: count(n),
                doors: count(person.doors),
                fragile: 0,
            };
            posts.push(Post {
                address: person.address_id,
                purpose: Purpose::Summons.code(),
                n,
                human: Some(person.human_id),
                household: None,
                text: self.say(&text, now)?,
            });
        }
        self.post(tx, order.alert_id, RANK_LEADER, &posts, now).await?;
        rows::called(tx, order.alert_id, n, now).await?;
        let here = usize::try_from(row.step).unwrap_or(0);
        if let (Some(this), Some(next)) = (plan.persons_ms.get(here), plan.persons_ms.get(here + 1))
        {
            let due = now + next - this;
            timer::set(tx, order.alert_id, TimerKind::Summons.code(), 0, 0, n, due).await?;
        }
        Ok(())
    }

    /// The un-woken list goes to the superiors by itself.
    pub(super) async fn fire_unwoken(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        now: i64,
    ) -> Result<(), EngineFault> {
        let asleep = rows::unwoken(tx, order.alert_id, order.version).await?;
        if asleep.is_empty() {
            return Ok(());
        }
        let places: Vec<i64> = asleep.iter().map(|p| p.place_id).collect();
        let above = rows::superiors(tx, &places).await?;
        let sleeping: HashSet<i64> = asleep.iter().map(|p| p.human_id).collect();
        let mut lists: BTreeMap<i64, Vec<&UnwokenRow>> = BTreeMap::new();
        for person in &asleep {
            let awake = |r: &&(i64, i64, i64, i64)| {
                r.0 == person.place_id && r.3 > person.role && !sleeping.contains(&r.2)
            };
            let superior = above.iter().find(awake).or_else(|| above.iter().find(|r| r.3 == 6));
            if let Some(superior) = superior {
                lists.entry(superior.2).or_default().push(person);
            }
        }
        let humans: Vec<i64> = lists.keys().copied().collect();
        let addresses: HashMap<i64, i64> =
            desk::first_addresses(tx, &humans).await?.into_iter().collect();
        let mut posts = Vec::new();
        for (human, people) in &lists {
            let Some(address) = addresses.get(human) else {
                continue;
            };
            let named: Vec<PersonAt<'_>> = people
                .iter()
                .take(5)
                .map(|p| PersonAt { name: &p.human, place: &p.place })
                .collect();
            let more = u32::try_from(people.len() - named.len()).unwrap_or(0);
            let text = self.say(&NoticeText::Unwoken { people: &named, more }, now)?;
            posts.push(Post {
                address: *address,
                purpose: Purpose::Unwoken.code(),
                n: order.version,
                human: Some(*human),
                household: None,
                text,
            });
        }
        self.post(tx, order.alert_id, RANK_LEADER, &posts, now).await?;
        rows::reported(tx, order.alert_id, now).await?;
        let detail = serde_json::json!({"unwoken": asleep.len()});
        self.note(tx, "clock", "summons.unwoken", Some(order.alert_id), detail).await
    }

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
        let doors = rows::doors(tx, order.alert_id, &grids).await?;
        let ladder = rows::ladder(tx, &grids, now).await?;
        let lists = desk::lists_of_grids(tx, order.alert_id, &grids).await?;
        let mut offers = Vec::new();
        let mut passes = Vec::new();
        let mut reminds = Vec::new();
        let mut next = Vec::new();
        for timer in timers {
            let climbed = decide(plan, timer, &doors, &ladder, &lists, now);
            let Some(climbed) = climbed else { continue };
            if climbed.nobody {
                tracing::error!(alert = order.uid, grid = timer.place_id, "nobody to ask");
            }
            next.push(PlaceTimer {
                place: timer.place_id,
                step: climbed.next_step.code(),
                due: climbed.next_due_at.max(now + 1),
            });
            offers.extend(climbed.offers);
            passes.extend(climbed.passes);
            reminds.extend(climbed.reminds);
        }
        desk::set_lists(tx, &passes, ListState::PassedOn.code(), now).await?;
        if !reminds.is_empty() {
            desk::remind(tx, &reminds, now).await?;
        }
        let again = lists.iter().filter(|l| reminds.contains(&l.id)).map(|l| Offer {
            place_id: l.place_id,
            human_id: l.human_id,
            rung: Rung::from_code(l.rung).unwrap_or(Rung::Duty),
        });
        let said: Vec<Offer> = offers.iter().copied().chain(again).collect();
        let new: Vec<NewOffer> = offers
            .iter()
            .map(|o| NewOffer {
                uid: self.entropy.uuid(now),
                place: o.place_id,
                human: o.human_id,
                rung: o.rung.code(),
            })
            .collect();
        if !new.is_empty() {
            desk::offer(tx, order.alert_id, &new, now).await?;
        }
        timer::set_for_places(tx, order.alert_id, TimerKind::List.code(), &next).await?;
        self.tell_offers(tx, order, &said, &doors, now).await
    }

    /// One message per human for everything he is offered now.
    async fn tell_offers(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        offers: &[Offer],
        doors: &[DoorsRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        if offers.is_empty() {
            return Ok(());
        }
        let humans: Vec<i64> = offers.iter().map(|o| o.human_id).collect();
        let addresses: HashMap<i64, i64> =
            desk::first_addresses(tx, &humans).await?.into_iter().collect();
        let places: Vec<i64> = offers.iter().map(|o| o.place_id).collect();
        let names: HashMap<i64, String> = rows::place_names(tx, &places)
            .await?
            .into_iter()
            .map(|(id, name, parent)| (id, format!("{parent}{name}")))
            .collect();
        let mut by_human: BTreeMap<i64, Vec<&Offer>> = BTreeMap::new();
        for offer in offers {
            by_human.entry(offer.human_id).or_default().push(offer);
        }
        let mut posts = Vec::new();
        for (human, own) in by_human {
            let Some(address) = addresses.get(&human) else {
                continue;
            };
            let text = self.offer_text(order, &own, doors, &names, now)?;
            posts.push(Post {
                address: *address,
                purpose: Purpose::Offer.code(),
                n: now,
                human: Some(human),
                household: None,
                text,
            });
        }
        self.post(tx, order.alert_id, RANK_LEADER, &posts, now).await
    }

    fn offer_text(
        &self,
        order: &Order,
        offers: &[&Offer],
        doors: &[DoorsRow],
        names: &HashMap<i64, String>,
        now: i64,
    ) -> Result<String, EngineFault> {
        let unnamed = String::from("本辖区");
        let of = |offer: &Offer| {
            let here = |d: &&DoorsRow| match offer.rung {
                Rung::Building => d.building_id == offer.place_id,
                Rung::Grid | Rung::Deputy | Rung::Community | Rung::Street | Rung::Duty => {
                    d.grid_id == offer.place_id
                }
            };
            let own = doors.iter().filter(here);
            own.fold((0, 0), |sum, d| (sum.0 + d.open, sum.1 + d.fragile))
        };
        let counted: Vec<(&str, (i64, i64))> = offers
            .iter()
            .map(|o| (names.get(&o.place_id).unwrap_or(&unnamed).as_str(), of(o)))
            .collect();
        let total = counted.iter().fold((0, 0), |sum, c| (sum.0 + c.1.0, sum.1 + c.1.1));
        let act_by_ms = order.act_by.filter(|at| *at > now);
        if let [(place, (open, fragile))] = counted.as_slice() {
            let text = NoticeText::Offer {
                place,
                doors: count(*open),
                fragile: count(*fragile),
                act_by_ms,
                token: None,
            };
            return self.say(&text, now);
        }
        let places: Vec<PlaceDoors<'_>> = counted
            .iter()
            .map(|(place, (open, _))| PlaceDoors { place, doors: count(*open) })
            .collect();
        let text = NoticeText::OfferMerged {
            places: &places,
            doors: count(total.0),
            fragile: count(total.1),
            act_by_ms,
            token: None,
        };
        self.say(&text, now)
    }

    /// Tasks nobody took, or whose deadline passed: back to open, and the duty room is told.
    pub(super) async fn fire_tasks(
        &self,
        tx: &mut Tx,
        timers: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let subjects: Vec<i64> = timers.iter().map(|t| t.subject_id).collect();
        let open = rows::open_tasks(tx, &subjects).await?;
        if open.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = open.iter().map(|t| t.0).collect();
        rows::reopen_tasks(tx, &ids).await?;
        for row in timers.iter().filter(|t| ids.contains(&t.subject_id)) {
            let due = now + 5 * MINUTE_MS;
            let kind = TimerKind::Task.code();
            timer::set(tx, row.alert_id, kind, 0, row.subject_id, row.step + 1, due).await?;
        }
        let waited_min = 5;
        self.remind_duty_room(tx, 0, "求助受理席", ids.len(), waited_min, None, now).await
    }

    /// After the end: whoever is still open stays on the search list of the duty room.
    pub(super) async fn fire_search(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        timers: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let open = timer::count_open(tx, order.alert_id).await?;
        if open == 0 {
            return Ok(());
        }
        let step = timers.first().map_or(0, |t| t.step) + 1;
        let due = now + 10 * MINUTE_MS;
        timer::set(tx, order.alert_id, TimerKind::Search.code(), 0, 0, step, due).await?;
        let open = usize::try_from(open).unwrap_or(0);
        self.remind_duty_room(tx, order.alert_id, "清点名单", open, step * 10, order.act_by, now)
            .await
    }

    #[expect(clippy::too_many_arguments, reason = "one reminder's whole text")]
    async fn remind_duty_room(
        &self,
        tx: &mut Tx,
        alert: i64,
        place: &str,
        doors: usize,
        waited_min: i64,
        act_by: Option<i64>,
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some((human, address)) = rows::duty_room(tx).await?.first().copied() else {
            tracing::error!("there is no duty room to remind");
            return Ok(());
        };
        let text = NoticeText::DutyRoomReminder {
            place,
            doors: u32::try_from(doors).unwrap_or(u32::MAX),
            waited_min: count(waited_min),
            act_by_ms: act_by.filter(|at| *at > now),
            token: None,
        };
        let post = Post {
            address,
            purpose: Purpose::Reminder.code(),
            n: now,
            human: Some(human),
            household: None,
            text: self.say(&text, now)?,
        };
        self.post(tx, alert, RANK_LEADER, &[post], now).await
    }

    pub(super) async fn tell_expiring(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        left_min: u32,
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some((human, address)) = rows::duty_room(tx).await?.first().copied() else {
            return Ok(());
        };
        let open = timer::count_open(tx, order.alert_id).await?;
        let text = NoticeText::Expiring {
            alert_title: &order.title,
            left_min,
            doors: count(open),
            extend_hours: 2,
        };
        let post = Post {
            address,
            purpose: Purpose::Expiring.code(),
            n: now,
            human: Some(human),
            household: None,
            text: self.say(&text, now)?,
        };
        self.post(tx, order.alert_id, RANK_LEADER, &[post], now).await
    }
}

fn decide(
    plan: &crate::domain::plan::Plan,
    timer: &TimerRow,
    doors: &[DoorsRow],
    ladder: &[LadderRow],
    lists: &[GridList],
    now: i64,
) -> Option<Climb> {
    let grid = timer.place_id;
    let doors: Vec<Doors> = doors
        .iter()
        .filter(|d| d.grid_id == grid)
        .map(|d| Doors { building_id: d.building_id, open: d.open })
        .collect();
    let ladder: Vec<Human> = ladder
        .iter()
        .filter(|l| l.grid_id == grid)
        .filter_map(|l| {
            Some(Human {
                human_id: l.human_id,
                rung: rung_of(l.role)?,
                place_id: if l.role == 1 { l.place_id } else { grid },
                reachable: l.reachable == 1,
                absent: l.absent == 1,
                laden: false,
            })
        })
        .collect();
    let lists: Vec<ListRow> = lists
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
    climb::decide(plan, &view, now)
}

fn rung_of(role: i64) -> Option<Rung> {
    Rung::from_code(role).filter(|_| role <= 6)
}
