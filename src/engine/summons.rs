//! The track of persons: summonses of everybody responsible, one for all his places, and the
//! un-woken list that goes to the superiors by itself. Lists and their ladders are `ladder`'s.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{Engine, EngineFault, Order};
use crate::domain::batch::RANK_LEADER;
use crate::domain::notice::Purpose;
use crate::domain::plan::TimerKind;
use crate::render::{NoticeText, PersonAt, PlaceDoors};
use crate::store::Tx;
use crate::store::climb::{self as rows, SummonedPlace, UnwokenRow};
use crate::store::desk;
use crate::store::expand::heads;
use crate::store::notice::Post;
use crate::store::timer::{self, TimerRow};

/// Calls of one version, so that those of the next are calls of their own.
const CALLS_MAX: i64 = 100;
/// Places of one person that are looked at for his text.
const PLACES_MAX: usize = 40;
/// Un-woken that a task names.
const NAMED_MAX: usize = 20;

pub(super) fn count(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(0)
}

/// All places of one person with their doors, and the doors of all of them together: a grid below
/// two of his places is counted once, and the doors of a zone only where he has no grid.
fn places_of(rows: &[SummonedPlace], human: i64) -> (Vec<PlaceDoors<'_>>, i64) {
    let mut places: Vec<(i64, &str, i64)> = Vec::new();
    let mut grids: BTreeSet<(i64, i64)> = BTreeSet::new();
    for row in rows.iter().filter(|row| row.human_id == human) {
        let known = |place: &&mut (i64, &str, i64)| {
            (place.0, place.1) == (row.place_id, row.place.as_str())
        };
        match places.iter_mut().find(known) {
            Some(place) => place.2 += row.pursued,
            None => places.push((row.place_id, &row.place, row.pursued)),
        }
        grids.insert((row.grid_id, row.pursued));
    }
    let named = places.iter().take(PLACES_MAX);
    let named = named.map(|(_, place, doors)| PlaceDoors { place, doors: count(*doors) }).collect();
    let doors = |zones: bool| -> i64 {
        grids.iter().filter(|grid| (grid.0 < 0) == zones).map(|grid| grid.1).sum()
    };
    (named, if doors(false) > 0 { doors(false) } else { doors(true) })
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
            heads::open(tx, order.alert_id, order.version, now).await?;
        }
        let n = row.step + 1;
        let asleep = rows::unwoken(tx, order.alert_id, order.version).await?;
        let mut theirs = rows::summoned_places(tx, order.alert_id, order.version).await?;
        theirs.extend(heads::headed(tx, order.alert_id, order.version).await?);
        let humans: Vec<i64> = asleep.iter().map(|p| p.human_id).collect();
        let tokens = self.list_tokens(tx, order.alert_id, &humans, now).await?;
        let mut posts = Vec::new();
        for person in asleep.iter().filter(|p| p.address_id != 0) {
            let (mut places, doors) = places_of(&theirs, person.human_id);
            if places.is_empty() {
                places.push(PlaceDoors { place: &person.place, doors: 0 });
            }
            let text = NoticeText::Summons {
                alert_title: &order.title,
                places: &places,
                n: count(n),
                doors: count(doors),
                token: tokens.get(&person.human_id).map(String::as_str),
            };
            posts.push(Post {
                address: person.address_id,
                purpose: Purpose::Summons.code(),
                n: order.version * CALLS_MAX + n,
                human: Some(person.human_id),
                household: None,
                text: self.say_in(order.kind, &text, now)?,
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

    /// The un-woken list goes to the superiors by itself. Whose superiors can't be reached either
    /// are the desk's: nobody counts as reported of whom nobody is told.
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
        let humans: Vec<i64> = above.iter().map(|row| row.2).collect();
        let addresses: HashMap<i64, i64> =
            desk::first_addresses(tx, &humans).await?.into_iter().collect();
        let (lists, lost) = by_superior(&asleep, &above, &addresses);
        let (mut posts, mut told) = (Vec::new(), Vec::new());
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
            let text = NoticeText::Unwoken { people: &named, more };
            let text = self.say_in(order.kind, &text, now)?;
            told.extend(people.iter().map(|person| person.human_id));
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
        rows::reported(tx, order.alert_id, &told, now).await?;
        if !lost.is_empty() {
            let key = format!("unwoken:{}.{}", order.alert_id, order.version);
            self.alarm(tx, order.alert_id, key, nobody_to_wake(&lost), now).await?;
        }
        let detail = serde_json::json!({"unwoken": asleep.len(), "to_the_desk": lost.len()});
        self.note(tx, "clock", "summons.unwoken", Some(order.alert_id), detail).await
    }
}

/// The un-woken of whom no superior can be told.
fn nobody_to_wake(lost: &[&UnwokenRow]) -> String {
    let named: Vec<String> =
        lost.iter().take(NAMED_MAX).map(|p| format!("{}（{}）", p.human, p.place)).collect();
    let and = if lost.len() > NAMED_MAX { "等" } else { "" };
    format!(
        "未叫醒{}人，上级也都没有能用的号码：{}{and}。请派人上门去叫",
        lost.len(),
        named.join("、")
    )
}

/// The un-woken by the first superior who is awake and can be told, else by the duty room; and
/// those for whom there is nobody. Rows above are place, distance, human and role.
fn by_superior<'a>(
    asleep: &'a [UnwokenRow],
    above: &[(i64, i64, i64, i64)],
    addresses: &HashMap<i64, i64>,
) -> (BTreeMap<i64, Vec<&'a UnwokenRow>>, Vec<&'a UnwokenRow>) {
    let sleeping: HashSet<i64> = asleep.iter().map(|p| p.human_id).collect();
    let mut lists: BTreeMap<i64, Vec<&UnwokenRow>> = BTreeMap::new();
    let mut lost = Vec::new();
    for person in asleep {
        let can_be_told = |r: &&(i64, i64, i64, i64)| addresses.contains_key(&r.2);
        let awake = |r: &&(i64, i64, i64, i64)| {
            r.0 == person.place_id && r.3 > person.role && !sleeping.contains(&r.2)
        };
        let superior = above.iter().filter(can_be_told).find(awake);
        let superior = superior.or_else(|| above.iter().filter(can_be_told).find(|r| r.3 == 6));
        match superior {
            Some(superior) => lists.entry(superior.2).or_default().push(person),
            None => lost.push(person),
        }
    }
    (lists, lost)
}
