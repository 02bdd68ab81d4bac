//! Helpers (结对帮扶人): messaged with the first wave, one text for all homes of one human being.
//! His 1 takes those homes like a leader's list, his 0 gives them up. It closes no door: he may
//! not have been there yet. His next 1 says that he was (`spoken`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::leader::Reply;
use super::{Engine, EngineFault, Order, words};
use crate::domain::batch::RANK_LEADER;
use crate::domain::demand::Demand;
use crate::domain::notice::Purpose;
use crate::domain::triage::Triage;
use crate::render::{HomeAt, NoticeText};
use crate::store::answer::Speaking;
use crate::store::desk::{self, NewTask};
use crate::store::expand::paired::{self, HelperHome};
use crate::store::notice::Post;
use crate::store::{Tx, order};

/// A helper's homes are looked at again after this, like a list without an act.
const KEPT_MS: i64 = 30 * 60_000;
/// The kind of a task that stands for a home in its helper's hand.
const TASK_KIND: i64 = 5;

impl Engine {
    /// One text to each helper. An update that leaves these homes' task as it was goes only to
    /// helpers who are new.
    pub(super) async fn fire_helpers(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        now: i64,
    ) -> Result<(), EngineFault> {
        let (alert, version) = (order.alert_id, order.version);
        let again = version == 1 || self.is_new_to_helpers(order).await?;
        let purpose = Purpose::Helper.code();
        let found = paired::of_version(tx, alert, version, again, purpose).await?;
        let mut by_helper: BTreeMap<(i64, i64), Vec<&HelperHome>> = BTreeMap::new();
        for home in &found {
            by_helper.entry((home.helper_id, home.address_id)).or_default().push(home);
        }
        let word = |name: &str| order.vars.get(name).map(String::as_str).filter(|w| !w.is_empty());
        let mut posts = Vec::with_capacity(by_helper.len());
        for ((human, address), homes) in &by_helper {
            let named: Vec<HomeAt<'_>> =
                homes.iter().map(|h| HomeAt { name: &h.name, place: &h.place }).collect();
            let count = homes.first().map_or(0, |h| h.homes);
            let text = NoticeText::Helper {
                alert_title: &order.title,
                homes: &named,
                count: u32::try_from(count).unwrap_or(u32::MAX),
                by: word("by"),
                shelter: word("shelter"),
            };
            posts.push(Post {
                address: *address,
                purpose,
                n: version,
                human: Some(*human),
                household: None,
                text: self.say_in(order.kind, &text, now)?,
            });
        }
        self.post(tx, alert, RANK_LEADER, &posts, now).await
    }

    async fn is_new_to_helpers(&self, order: &Order) -> Result<bool, EngineFault> {
        let same = self.same_texts(order).await?;
        let rings = order::rings(&self.store, order.alert_id, order.version).await?;
        let demands = rings.iter().filter(|r| r.pursued == 1 && r.ring < 3).map(|r| r.demand);
        let kept = |demand: i64| {
            let here = same.iter().filter(|s| s.is_now == demand);
            here.map(|s| s.version).max() == Some(order.version - 1)
        };
        Ok(demands.into_iter().any(|demand| demand > Demand::Inform.code() && !kept(demand)))
    }

    /// A helper's 1: his open homes are in his hand; once they are, that he spoke to them.
    pub(super) async fn take_homes(
        &self,
        tx: &mut Tx,
        helper: Speaking,
        now: i64,
    ) -> Result<Option<Reply>, EngineFault> {
        let human = helper.human;
        let homes = paired::homes(tx, helper, words::in_force()).await?;
        if homes.is_empty() {
            return Ok(None);
        }
        if let Some(said) = self.spoke_to_homes(tx, helper, homes.len(), KEPT_MS, now).await? {
            return Ok(Some(said));
        }
        let tasks: Vec<NewTask> = homes
            .iter()
            .map(|(alert, household, building)| NewTask {
                uid: self.entropy.uuid(now),
                alert: *alert,
                household: Some(*household),
                building: Some(*building),
                inbound: None,
                key: format!("helper:{human}:{alert}.{household}"),
                kind: TASK_KIND,
                class: Triage::B.code(),
                text: "结对帮扶人已答应去".into(),
            })
            .collect();
        desk::open_tasks(tx, &tasks, now).await?;
        let keys: Vec<String> = tasks.into_iter().map(|task| task.key).collect();
        paired::put_in_hand(tx, &keys, human, now, now + KEPT_MS).await?;
        self.note_homes(tx, human, "helper.take", &homes).await?;
        let under = self.under(tx, &homes.iter().map(|home| home.0).collect::<Vec<_>>()).await?;
        let homes = u32::try_from(homes.len()).unwrap_or(u32::MAX);
        let text = NoticeText::HelperTaken { homes, spoke: 0 };
        Ok(Some((under, self.say_in(under.kind, &text, now)?)))
    }

    /// A helper's 0: what he had in hand is looked at now; the leaders' lists have the rest.
    pub(super) async fn decline_homes(
        &self,
        tx: &mut Tx,
        helper: Speaking,
        now: i64,
    ) -> Result<Option<Reply>, EngineFault> {
        let owner = helper.human;
        let homes = paired::homes(tx, helper, words::in_force()).await?;
        paired::give_back(tx, owner, now).await?;
        self.note_homes(tx, owner, "helper.decline", &homes).await?;
        let under = self.under(tx, &homes.iter().map(|home| home.0).collect::<Vec<_>>()).await?;
        Ok(Some((under, self.say_in(under.kind, &NoticeText::HelperDeclined, now)?)))
    }

    pub(super) async fn note_homes(
        &self,
        tx: &mut Tx,
        human: i64,
        act: &str,
        homes: &[(i64, i64, i64)],
    ) -> Result<(), EngineFault> {
        let mut by_alert: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (alert, household, _) in homes {
            by_alert.entry(*alert).or_default().push(*household);
        }
        for (alert, households) in by_alert {
            let detail = json!({"households": households});
            let actor = format!("human:{human}");
            self.note(tx, &actor, act, Some(alert), detail).await?;
        }
        Ok(())
    }
}
