//! The feeder: picks due rows in the store's order and hints a bounded window of them, so that
//! priority is decided at the last moment and hints never pile up behind a slow gateway. Where the
//! broker does not confirm, it gives the window to the caller to be worked directly.

use std::sync::atomic::Ordering;

use super::{Engine, EngineFault};
use crate::base::limits::{BATCH_WEIGHT, HINT_AGE_MS, WINDOW_HINTS};
use crate::domain::lane::{Class, Lane};
use crate::queue::{Hint, Topic};
use crate::store::batch::due::{self, Turn};

/// Grids expanded by one hint's transaction.
pub const EXPANSIONS_TOGETHER: usize = 16;
/// One round in so many takes who has waited longest instead of who ranks first: a great 特急 does
/// not keep every 紧急 waiting for hours (five in a hundred, rules §7).
const OLDEST_EVERY: u64 = 20;
/// How much of a gateway's time is hinted ahead: story ms, and real ms where the story runs fast.
const WINDOW_MS: i64 = 2_000;
const WINDOW_REAL_MS: i64 = 500;
/// How long the rest of a town waits for the fragile of grids not yet expanded, story ms.
const FRAGILE_FIRST_MS: i64 = 10_000;

/// What one round of the feeder did.
#[derive(Debug, Default)]
pub struct Fed {
    /// Hints the broker has confirmed.
    pub hinted: usize,
    /// Hints it has not: to be worked in this process, now.
    pub direct: Vec<Hint>,
}

impl Engine {
    /// One round: pending expansions first, then due batches of every lane we have a gateway for.
    pub async fn feed_once(&self) -> Result<Fed, EngineFault> {
        let machine = self.clock.machine_ms();
        let story = self.clock.story_ms();
        let age_ms = self.hint_age_ms();
        let mut hints = Vec::new();
        let expansions = due::pick_expansions(&self.store, machine, age_ms, 256).await?;
        hints.extend(expansions.iter().map(|row| Hint {
            topic: Topic::Expand,
            class: Class::Flash,
            id: row.0,
            alert: row.1,
        }));
        let expanding = !expansions.is_empty()
            || due::is_expanding(&self.store, story - FRAGILE_FIRST_MS).await?;
        for lane in [Lane::Sms, Lane::Voice, Lane::Wechat] {
            if !self.gateways.iter().any(|g| g.provider.lane() == lane) {
                continue;
            }
            let out = due::outstanding(&self.store, lane.code(), machine, age_ms).await?;
            let room = self.window(lane) - out;
            if room <= 0 {
                continue;
            }
            let (store, code) = (&self.store, lane.code());
            let nth = self.rounds.fetch_add(1, Ordering::Relaxed);
            let turn = match expanding {
                true => Turn::Fragile,
                false if nth.is_multiple_of(OLDEST_EVERY) => Turn::Oldest,
                false => Turn::Ranked,
            };
            let due = due::pick_due(store, code, story, machine, age_ms, room, turn).await?;
            hints.extend(due.iter().map(|row| Hint {
                topic: Topic::Send(lane),
                class: if row.class == 1 { Class::Flash } else { Class::Routine },
                id: row.id,
                alert: row.alert_id,
            }));
        }
        if hints.is_empty() {
            return Ok(Fed::default());
        }
        match self.queue.publish(&hints).await {
            Ok(()) => Ok(Fed { hinted: hints.len(), direct: Vec::new() }),
            Err(fault) => {
                tracing::warn!(%fault, hints = hints.len(), "direct mode: the store feeds us");
                Ok(Fed { hinted: 0, direct: hints })
            }
        }
    }

    /// The age from which a hint is given again. What was hinted before the broker fell silent is
    /// with the broker, so it is due at once; what was given since is in this process's hands.
    fn hint_age_ms(&self) -> i64 {
        let health = self.queue.health();
        let silent_ms = health.silent_since_ms.filter(|_| health.is_silent());
        let silent_ms = silent_ms.and_then(|ms| i64::try_from(ms).ok());
        silent_ms.map_or(HINT_AGE_MS, |ms| ms.min(HINT_AGE_MS))
    }

    /// Two seconds of the lane's present rate in messages (half a real one where the story runs
    /// fast), at most a thousand batches.
    fn window(&self, lane: Lane) -> i64 {
        let gateways = self.gateways.iter().filter(|g| g.provider.lane() == lane);
        let most = WINDOW_HINTS * BATCH_WEIGHT;
        let seconds = self.story_span_ms(WINDOW_MS, WINDOW_REAL_MS) as f64 / 1_000.0;
        let mut messages = 0;
        for gateway in gateways {
            messages += match gateway.rate_per_second {
                None => most,
                Some(rate) => (rate * seconds).ceil() as i64 + BATCH_WEIGHT,
            };
        }
        messages.clamp(1, most)
    }

    /// Works one hint, whoever brought it.
    pub async fn work(&self, hint: &Hint) -> Result<usize, EngineFault> {
        match hint.topic {
            Topic::Expand => self.expand_once(&[hint.id]).await,
            Topic::Send(_) | Topic::Notice => Ok(self.send_once(&[hint.id]).await?.len()),
        }
    }

    /// Receives and works hints until the queue has none for now. For stories and the drain at
    /// the end; production does the same in the pump, with waiting.
    pub async fn work_waiting(&self) -> Result<usize, EngineFault> {
        let mut worked = 0;
        let lanes = [Topic::Send(Lane::Sms), Topic::Send(Lane::Wechat)];
        for topic in [Topic::Expand, lanes[0], lanes[1], Topic::Notice] {
            for class in [Class::Flash, Class::Routine] {
                loop {
                    let got = self.queue.receive(topic, class, EXPANSIONS_TOGETHER, 0).await?;
                    if got.is_empty() {
                        break;
                    }
                    for delivery in &got {
                        self.work(&delivery.hint).await?;
                        worked += 1;
                    }
                    self.queue.settle(got).await?;
                }
            }
        }
        Ok(worked)
    }
}
