//! The watch over whoever took a list: too slow for `act_by`, and his superior is offered a part of
//! it, by building. What is too slow and which part is `domain::pace`'s; who climbs is `ladder`'s.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::json;

use super::summons::count;
use super::{Engine, EngineFault, Order};
use crate::domain::list::ListState;
use crate::domain::notice::Purpose;
use crate::domain::pace::{self, Pace, Part};
use crate::domain::plan::{Rung, TimerKind};
use crate::render::{NoticeText, PlaceDoors};
use crate::store::climb::{self as rows, LadderRow};
use crate::store::list::{self, GridList, HumanList, NewOffer, PaceRow};
use crate::store::timer::{self, PlaceTimer, TimerRow};
use crate::store::{Tx, order};

/// A holder who won't end in time, and who is asked to take which part.
struct Late {
    who: String,
    list: i64,
    doors: i64,
    ends_ms: Option<i64>,
    superior: i64,
    grid: i64,
    share: Vec<Part>,
}

impl Engine {
    /// Lets the pace of lists just taken be looked at.
    pub(super) async fn watch_pace(
        &self,
        tx: &mut Tx,
        alert: i64,
        lists: &[i64],
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some(head) = order::by_id(&self.store, alert).await? else {
            return Ok(());
        };
        let order = self.order(alert, head.version).await?;
        let due_at = order.and_then(|order| pace::first_look_at(order.act_by, now));
        if let Some(due_at) = due_at {
            timer::start_pace(tx, alert, lists, TimerKind::Pace.code(), due_at).await?;
        }
        Ok(())
    }

    /// Looks how far everybody got; who won't end in time is relieved of a part.
    pub(super) async fn fire_pace(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        timers: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let (Some(plan), Some(act_by)) = (&order.plan, order.act_by) else {
            return Ok(());
        };
        let grids: Vec<i64> = timers.iter().map(|t| t.place_id).collect();
        let paces = list::paces(tx, order.alert_id, &grids).await?;
        let ladder = rows::ladder(tx, &grids, now).await?;
        let lists = list::of_grids(tx, order.alert_id, &grids).await?;
        let mut held: BTreeMap<i64, Vec<&PaceRow>> = BTreeMap::new();
        for row in &paces {
            held.entry(row.id).or_default().push(row);
        }
        let mut late = Vec::new();
        for own in held.values() {
            late.extend(late_one(own, &ladder, &lists, act_by, now));
        }
        self.offer_parts(tx, order, &late, now).await?;
        let due = now + plan.remind_ms;
        let next: Vec<PlaceTimer> = grids
            .iter()
            .filter(|grid| paces.iter().any(|p| p.grid_id == **grid && p.open > 0))
            .map(|grid| PlaceTimer { place: *grid, step: 0, due })
            .collect();
        timer::set_for_places(tx, order.alert_id, TimerKind::Pace.code(), &next).await?;
        Ok(())
    }

    /// The parts are lists of their own, of single buildings: who takes one has it in hand, the
    /// rest stays where it is. One message a superior.
    async fn offer_parts(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        late: &[Late],
        now: i64,
    ) -> Result<(), EngineFault> {
        if late.is_empty() {
            return Ok(());
        }
        let new: Vec<NewOffer> = late
            .iter()
            .flat_map(|one| one.share.iter().map(move |part| (one.superior, part)))
            .map(|(human, part)| NewOffer {
                uid: self.entropy.uuid(now),
                place: part.building_id,
                human,
                rung: Rung::Building.code(),
            })
            .collect();
        list::offer(tx, order.alert_id, &new, now).await?;
        list::tell_new(tx, order.alert_id, &new, now).await?;
        let ids: Vec<i64> = late.iter().map(|one| one.list).collect();
        let held = list::by_id(tx, &ids).await?;
        let buildings: Vec<i64> = new.iter().map(|offer| offer.place).collect();
        let names: HashMap<i64, String> =
            rows::place_names(tx, &buildings).await?.into_iter().collect();
        let mut by_superior: BTreeMap<i64, Vec<&Late>> = BTreeMap::new();
        for one in late {
            by_superior.entry(one.superior).or_default().push(one);
            let detail = json!({"list": one.list, "grid": one.grid, "open": one.doors,
                "ends_at": one.ends_ms, "parts": one.share.len()});
            self.note(tx, "clock", "list.late", Some(order.alert_id), detail).await?;
        }
        let superiors: Vec<i64> = by_superior.keys().copied().collect();
        let tokens = self.list_tokens(tx, order.alert_id, &superiors, now).await?;
        let mut words = Vec::new();
        for (superior, slow) in by_superior {
            let token = tokens.get(&superior).map(String::as_str);
            let text = self.split_text(order, &slow, &held, &names, token, now)?;
            words.push((superior, Purpose::Split, text));
        }
        self.tell_humans(tx, order.alert_id, words, now).await
    }

    fn split_text(
        &self,
        order: &Order,
        slow: &[&Late],
        held: &[HumanList],
        names: &HashMap<i64, String>,
        token: Option<&str>,
        now: i64,
    ) -> Result<String, EngineFault> {
        let first = slow[0];
        let place = held.iter().find(|l| l.id == first.list).map_or("本辖区", |l| &l.place);
        let shares = slow.iter().flat_map(|one| &one.share);
        let parts: Vec<PlaceDoors<'_>> = shares
            .clone()
            .take(40)
            .map(|part| PlaceDoors {
                place: names.get(&part.building_id).map_or("一幢楼", String::as_str),
                doors: count(part.open),
            })
            .collect();
        let text = NoticeText::Split {
            slow: count(i64::try_from(slow.len()).unwrap_or(0)),
            who: &first.who,
            place,
            doors: count(first.doors),
            ends_ms: first.ends_ms,
            act_by_ms: order.act_by,
            parts: &parts,
            part_doors: count(shares.map(|part| part.open).sum()),
            token,
        };
        self.say_in(order.kind, &text, now)
    }
}

/// Judges one holder by the buildings of his list. None: he is in time, or nobody is left to ask.
fn late_one(
    own: &[&PaceRow],
    ladder: &[LadderRow],
    lists: &[GridList],
    act_by: i64,
    now: i64,
) -> Option<Late> {
    let head = own.first()?;
    let pace = Pace {
        taken_at: head.answered_at?,
        done: own.iter().map(|row| row.done).sum(),
        parts: own
            .iter()
            .filter(|row| row.open > 0)
            .map(|row| Part { building_id: row.building_id, open: row.open })
            .collect(),
    };
    if !pace.is_late(act_by, now) {
        return None;
    }
    let share = pace.share(act_by, now);
    let superior = superior_of(head, &share, ladder, lists)?;
    Some(Late {
        who: head.human.clone(),
        list: head.id,
        doors: pace.open(),
        ends_ms: pace.ends_at(now),
        superior,
        grid: head.grid_id,
        share,
    })
}

/// The next above the holder who can be asked, one a look: who was asked for any of these
/// buildings already is not asked again. A deputy is nobody's superior.
fn superior_of(
    head: &PaceRow,
    share: &[Part],
    ladder: &[LadderRow],
    lists: &[GridList],
) -> Option<i64> {
    let above = |l: &&LadderRow| {
        l.grid_id == head.grid_id
            && l.role > head.rung
            && l.role != Rung::Deputy.code()
            && l.human_id != head.human_id
    };
    let was_asked = |human: i64| {
        let here = |l: &GridList| share.iter().any(|part| part.building_id == l.place_id);
        lists.iter().any(|l| l.human_id == human && here(l) && l.state != ListState::Done.code())
    };
    ladder
        .iter()
        .filter(above)
        .filter(|l| l.reachable == 1 && l.absent == 0)
        .find(|l| !was_asked(l.human_id))
        .map(|l| l.human_id)
}
