//! Gateways that can't be reached: which of a lane's is asked now, and the alarm at the desk. What
//! could not leave waits with its batch and costs nobody an attempt. One process's view: each finds
//! out by itself, and of the alarms the store keeps one. When to try again is `domain::outage`'s.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use super::{Engine, EngineFault, Gateway};
use crate::domain::lane::{Lane, Realm};
use crate::domain::outage::Outage;
use crate::domain::outcome::Outcome;

/// How long a batch waits where no gateway serves its lane at all.
const NO_GATEWAY_MS: i64 = 30_000;

/// What this process knows of its gateways' outages.
#[derive(Debug, Default)]
pub(crate) struct Outages(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By gateway; true: the desk knows.
    away: HashMap<String, (Outage, bool)>,
    /// Over, and the journal does not know yet: gateway, since, until.
    over: Vec<(String, i64, i64)>,
}

impl Outages {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Whether a call did not go through. Notes it, and that a gateway is there again.
    pub(super) fn is_away(&self, gateway: &Gateway, outcome: &Outcome) -> bool {
        let now = self.clock.story_ms();
        let name = gateway.provider.name();
        let mut known = self.outages.known();
        let Outcome::NotSent { why } = outcome else {
            if let Some((outage, told)) = known.away.remove(name)
                && told
            {
                known.over.push((name.to_owned(), outage.since, now));
            }
            return false;
        };
        match known.away.get_mut(name) {
            Some((outage, _)) => outage.again(now),
            None => {
                tracing::warn!(gateway = name, why, "not reached: what it has to send waits");
                known.away.insert(name.to_owned(), (Outage::begin(now), false));
            }
        }
        true
    }

    /// The gateway to ask now: the turn's own, else the next that is not resting. None: the
    /// instant, story ms, at which the first of them has rested.
    pub(super) fn gateway_now(&self, lane: Lane, realm: Realm, turn: i64) -> Result<&Gateway, i64> {
        let now = self.clock.story_ms();
        let fit = self.fitting(lane, realm);
        let turn = usize::try_from(turn).unwrap_or(0);
        let known = self.outages.known();
        let rest = |gateway: &&Gateway| {
            let outage = known.away.get(gateway.provider.name());
            outage.map_or(0, |(outage, _)| outage.until)
        };
        let awake = (0..fit.len()).map(|n| fit[(turn + n) % fit.len()]);
        let first = awake.into_iter().find(|gateway| rest(gateway) <= now);
        first.ok_or_else(|| fit.iter().map(rest).min().unwrap_or(now + NO_GATEWAY_MS))
    }

    /// Gateways that this process can't reach, and since when, story ms.
    pub fn outages(&self) -> Vec<(String, i64)> {
        let known = self.outages.known();
        let mut all: Vec<(String, i64)> =
            known.away.iter().map(|(name, (outage, _))| (name.clone(), outage.since)).collect();
        all.sort();
        all
    }

    /// Tells the desk of outages that last, and the journal of those that are over. Nothing fails
    /// for it: what could not be written is still owed.
    pub(super) async fn report_outages(&self) {
        let now = self.clock.story_ms();
        let (news, over) = {
            let mut known = self.outages.known();
            let mut news = Vec::new();
            for (name, (outage, told)) in &mut known.away {
                if !*told && outage.is_alarming(now) {
                    *told = true;
                    news.push((name.clone(), outage.since));
                }
            }
            (news, std::mem::take(&mut known.over))
        };
        for (name, since) in news {
            if let Err(fault) = self.alarm_outage(&name, since, now).await {
                tracing::debug!(%fault, "an outage is not at the desk: once more later");
                if let Some((_, told)) = self.outages.known().away.get_mut(&name) {
                    *told = false;
                }
            }
        }
        for (name, since, until) in over {
            let detail = json!({"gateway": name, "since": since, "until": until});
            if let Err(fault) = self.journal("dispatch", "gateway.back", detail).await {
                tracing::debug!(%fault, "the end of an outage is not journaled: once more later");
                self.outages.known().over.push((name, since, until));
            }
        }
    }

    async fn alarm_outage(&self, name: &str, since: i64, now: i64) -> Result<(), EngineFault> {
        tracing::error!(gateway = name, away_ms = now - since, "a gateway can't be reached");
        let key = format!("away:{name}.{}", since / 3_600_000);
        let text = format!(
            "通道{name}连不上，消息发不出去：该发的都留着，一恢复就接着发，没有人漏掉。\
             请马上联系通道或检查网络；急的先打电话、上门"
        );
        let mut tx = self.store.begin().await?;
        if self.alarm(&mut tx, 0, key, text, now).await? {
            let detail = json!({"gateway": name, "since": since});
            self.note(&mut tx, "dispatch", "gateway.away", None, detail).await?;
        }
        Ok(tx.commit().await?)
    }
}
