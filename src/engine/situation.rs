//! A household's one situation, looked at before it is sent anything: its other open orders stand
//! in the same text, and below 特急 it gets no more than so many messages a day.
//! The wording is `render`'s; nobody leaves custody because a message was withheld.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::json;

use super::{Engine, EngineFault, Order, words};
use crate::base::limits::MESSAGES_DAY;
use crate::domain::alert::Urgency;
use crate::domain::demand::Demand;
use crate::domain::quiet::quiet_until;
use crate::store::batch::{self, Leased, Member, OutcomeRow};
use crate::store::expand::update::SameText;
use crate::store::situation;

const DAY_MS: i64 = 86_400_000;
/// The outcome code of a message that was not sent: the household had had enough that day.
const WITHHELD: i64 = 7;
/// With these the order at hand still makes one text.
const OTHERS_MAX: usize = 2;

/// Another open order of a household and what it asks there.
#[derive(Debug, Clone)]
pub struct Also {
    pub order: Arc<Order>,
    pub demand: i64,
}

/// The other open orders by household.
pub type Others = HashMap<i64, Vec<Also>>;

fn urgency(order: &Order) -> Urgency {
    Urgency::from_code(order.urgency).unwrap_or(Urgency::Notice)
}

/// When this batch may be sent, where quiet hours forbid it now.
pub(super) fn quiet(order: &Order, batch: &Leased, now: i64) -> Option<i64> {
    quiet_at(order, batch.ring, now)
}

/// The same of one of its rings.
pub(super) fn quiet_at(order: &Order, ring: i64, now: i64) -> Option<i64> {
    quiet_until(urgency(order), ring, now)
}

impl Engine {
    /// Whether other orders of the kind are in force at all: mostly not, and then nobody is asked.
    pub(super) async fn has_others(&self, order: &Order) -> Result<bool, EngineFault> {
        let (state, kind) = (words::in_force(), order.kind.code());
        Ok(situation::has_others(&self.store, state, kind, order.alert_id).await?)
    }

    /// The other open orders of these members' households.
    pub(super) async fn others(
        &self,
        order: &Order,
        members: &[Member],
    ) -> Result<Others, EngineFault> {
        let homes: Vec<i64> = members.iter().map(|m| m.household_id).collect();
        let (state, kind) = (words::in_force(), order.kind.code());
        let found =
            situation::others_open(&self.store, state, kind, order.alert_id, &homes).await?;
        let mut others = Others::new();
        for row in found {
            let Some(other) = self.order(row.alert_id, row.version).await? else {
                continue;
            };
            let of_home = others.entry(row.household_id).or_default();
            if of_home.len() < OTHERS_MAX {
                of_home.push(Also { order: other, demand: row.demand });
            }
        }
        Ok(others)
    }

    /// Takes out the members whose households had enough messages in the last day. That they were
    /// not sent this one is an outcome of its own, and journaled; who pursues them goes on.
    pub(super) async fn hold_back(
        &self,
        batch: &Leased,
        order: &Order,
        members: Vec<Member>,
    ) -> Result<Vec<Member>, EngineFault> {
        if urgency(order) == Urgency::Flash || members.is_empty() {
            return Ok(members);
        }
        let now = self.clock.story_ms();
        let homes: Vec<i64> = members.iter().map(|m| m.household_id).collect();
        let kind = order.kind.code();
        let since = now - DAY_MS;
        let enough: HashSet<i64> =
            situation::heard_enough(&self.store, &homes, since, kind, MESSAGES_DAY)
                .await?
                .into_iter()
                .collect();
        if enough.is_empty() {
            return Ok(members);
        }
        let (held, free): (Vec<Member>, Vec<Member>) =
            members.into_iter().partition(|m| enough.contains(&m.household_id));
        let rows: Vec<OutcomeRow> = held
            .iter()
            .map(|m| OutcomeRow {
                b: m.batch_id,
                seq: m.seq,
                a: m.address_id,
                k: WITHHELD,
                x: None,
                c: Some("limit".into()),
            })
            .collect();
        let mut tx = self.store.begin().await?;
        batch::append(&mut tx, "", &rows, now).await?;
        let detail = json!({"batch": batch.id, "wave": batch.wave, "why": "3 messages in 24 h",
            "households": held.len()});
        self.note(&mut tx, "dispatch", "send.withheld", Some(batch.alert_id), detail).await?;
        tx.commit().await?;
        Ok(free)
    }

    /// The texts of older versions that ask for the same thing as this one. An urgency that rose,
    /// or a deadline to be out that moved, is something new.
    pub(super) async fn same_texts(&self, order: &Order) -> Result<Vec<SameText>, EngineFault> {
        let mut now: BTreeMap<i64, String> = BTreeMap::new();
        for demand in Demand::ALL {
            now.insert(demand.code(), words::plain_text(&self.messages, order, demand)?);
        }
        let mut same = Vec::new();
        for version in 1..order.version {
            let Some(older) = self.order(order.alert_id, version).await? else {
                continue;
            };
            if older.reach != 1 || order.urgency > older.urgency {
                continue;
            }
            for was in Demand::ALL {
                let text = words::plain_text(&self.messages, &older, was)?;
                let moved = was.must_move() && older.act_by != order.act_by;
                let alike = now.iter().filter(|(_, new)| !moved && **new == text);
                same.extend(alike.map(|(is_now, _)| SameText {
                    version,
                    was: was.code(),
                    is_now: *is_now,
                }));
            }
        }
        Ok(same)
    }
}
