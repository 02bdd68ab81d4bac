//! A test double around any queue: seeded loss, doubling and reordering of received hints, and a
//! switch that makes the broker go silent.
//!
//! For stories and the simulation. It decides nothing by the clock: the same seed and the same
//! calls give the same faults.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::domain::lane::Class;
use crate::queue::hint::{Hint, Topic};
use crate::queue::settings::CONFIRM_WAIT_MS;
use crate::queue::{Delivery, Queue, QueueFault, QueueHealth, Tag};

/// How often something goes wrong, each in per mille of the hints; all 0 by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Received by nobody.
    pub lost: u16,
    /// Received a second time, later.
    pub doubled: u16,
    /// Held back until a later call of `receive`.
    pub delayed: u16,
    /// Batches of received hints that are shuffled.
    pub shuffled: u16,
}

impl Faults {
    /// A bad night: something of everything.
    pub fn rough() -> Faults {
        Faults { lost: 100, doubled: 150, delayed: 200, shuffled: 500 }
    }
}

/// The double. Lost hints are settled underneath, so that the inner queue does not fill up.
pub struct FaultyQueue<Q> {
    inner: Q,
    state: Mutex<State>,
}

struct State {
    faults: Faults,
    random: StdRng,
    broker: Broker,
    held: HashMap<(Topic, Class), Vec<Delivery>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broker {
    Answering,
    Silent { since_ms: u64 },
}

impl<Q: Queue> FaultyQueue<Q> {
    /// Without faults until told: a transparent wrapper.
    pub fn new(inner: Q, seed: u64) -> FaultyQueue<Q> {
        let state = State {
            faults: Faults::default(),
            random: StdRng::seed_from_u64(seed),
            broker: Broker::Answering,
            held: HashMap::new(),
        };
        FaultyQueue { inner, state: Mutex::new(state) }
    }

    /// The same with faults from the start.
    pub fn with_faults(inner: Q, seed: u64, faults: Faults) -> FaultyQueue<Q> {
        let queue = FaultyQueue::new(inner, seed);
        queue.set_faults(faults);
        queue
    }

    /// From now on these faults.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// The broker dies: publishes are not confirmed (the hints are gone), nothing is received, and
    /// `health` says it has been silent long enough for direct mode.
    pub fn die(&self) {
        self.be_silent_for(CONFIRM_WAIT_MS);
    }

    /// As [`FaultyQueue::die`], with `health` saying this age of the silence.
    pub fn be_silent_for(&self, since_ms: u64) {
        self.state().broker = Broker::Silent { since_ms };
    }

    /// The broker answers again.
    pub fn revive(&self) {
        self.state().broker = Broker::Answering;
    }

    /// The queue underneath.
    pub fn inner(&self) -> &Q {
        &self.inner
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broker(&self) -> Broker {
        self.state().broker
    }
}

impl State {
    fn happens(&mut self, per_mille: u16) -> bool {
        per_mille > 0 && self.random.random_range(0..1_000) < per_mille
    }

    fn release(&mut self, key: (Topic, Class), max: usize) -> Vec<Delivery> {
        let held = self.held.entry(key).or_default();
        held.drain(..max.min(held.len())).collect()
    }

    /// Sorts fresh deliveries into those handed out now and those that get lost.
    fn spoil(
        &mut self,
        key: (Topic, Class),
        fresh: Vec<Delivery>,
    ) -> (Vec<Delivery>, Vec<Delivery>) {
        let (mut handed, mut lost) = (Vec::new(), Vec::new());
        let faults = self.faults;
        for delivery in fresh {
            if self.happens(faults.lost) {
                lost.push(delivery);
                continue;
            }
            if self.happens(faults.doubled) {
                let copy = Delivery { hint: delivery.hint, redelivered: true, tag: Tag::Void };
                self.held.entry(key).or_default().push(copy);
            }
            if self.happens(faults.delayed) {
                self.held.entry(key).or_default().push(delivery);
            } else {
                handed.push(delivery);
            }
        }
        if self.happens(faults.shuffled) {
            handed.shuffle(&mut self.random);
        }
        (handed, lost)
    }
}

#[async_trait]
impl<Q: Queue> Queue for FaultyQueue<Q> {
    async fn publish(&self, hints: &[Hint]) -> Result<(), QueueFault> {
        match self.broker() {
            Broker::Answering => self.inner.publish(hints).await,
            // At once, not after the wait: a story's clock is moved, not slept.
            Broker::Silent { .. } => Err(QueueFault::NotConfirmed { waited_ms: CONFIRM_WAIT_MS }),
        }
    }

    async fn receive(
        &self,
        topic: Topic,
        class: Class,
        max: usize,
        wait_ms: u64,
    ) -> Result<Vec<Delivery>, QueueFault> {
        if let Broker::Silent { .. } = self.broker() {
            let wait = Duration::from_millis(wait_ms);
            let _ = tokio::time::timeout(wait, std::future::pending::<()>()).await;
            return Ok(Vec::new());
        }
        let key = (topic, class);
        let mut handed = self.state().release(key, max);
        if handed.len() < max {
            let wait_ms = if handed.is_empty() { wait_ms } else { 0 };
            let asked = self.inner.receive(topic, class, max - handed.len(), wait_ms).await;
            let fresh = match asked {
                Ok(fresh) => fresh,
                Err(fault) if handed.is_empty() => return Err(fault),
                Err(_) => Vec::new(),
            };
            let (more, lost) = self.state().spoil(key, fresh);
            handed.extend(more);
            self.inner.settle(lost).await?;
        }
        Ok(handed)
    }

    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<(), QueueFault> {
        let real = deliveries.into_iter().filter(|delivery| delivery.tag != Tag::Void).collect();
        match self.broker() {
            Broker::Answering => self.inner.settle(real).await,
            Broker::Silent { .. } => Err(QueueFault::Disconnected),
        }
    }

    fn health(&self) -> QueueHealth {
        let health = self.inner.health();
        match self.broker() {
            Broker::Answering => health,
            Broker::Silent { since_ms } => QueueHealth {
                connected: false,
                silent_since_ms: Some(since_ms),
                trouble: Some("made silent by the test".into()),
                ..health
            },
        }
    }

    async fn depth(&self) -> Vec<(Topic, Class, u64)> {
        match self.broker() {
            Broker::Answering => self.inner.depth().await,
            Broker::Silent { .. } => Vec::new(),
        }
    }

    async fn dead_letters(&self) -> Option<u64> {
        match self.broker() {
            Broker::Answering => self.inner.dead_letters().await,
            Broker::Silent { .. } => None,
        }
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lane::Lane;
    use crate::queue::{MemoryQueue, QueueSettings};

    const TOPIC: Topic = Topic::Send(Lane::Sms);

    fn hints(count: i64) -> Vec<Hint> {
        (1..=count).map(|id| Hint { topic: TOPIC, class: Class::Flash, id, alert: 1 }).collect()
    }

    fn memory() -> MemoryQueue {
        MemoryQueue::new(&QueueSettings::new("memory:"))
    }

    async fn received(queue: &impl Queue) -> Vec<i64> {
        let mut ids = Vec::new();
        let mut idle = 0;
        while idle < 10 {
            let got = queue.receive(TOPIC, Class::Flash, 16, 0).await.unwrap();
            idle = if got.is_empty() { idle + 1 } else { 0 };
            ids.extend(got.iter().map(|delivery| delivery.hint.id));
            queue.settle(got).await.unwrap();
        }
        ids
    }

    #[tokio::test]
    async fn the_same_seed_gives_the_same_night() {
        let mut nights = Vec::new();
        for seed in [7, 7, 8] {
            let queue = FaultyQueue::with_faults(memory(), seed, Faults::rough());
            queue.publish(&hints(400)).await.unwrap();
            nights.push(received(&queue).await);
        }
        assert_eq!(nights[0], nights[1]);
        assert_ne!(nights[0], nights[2]);
    }

    #[tokio::test]
    async fn faults_happen_as_often_as_told() {
        let queue = FaultyQueue::with_faults(memory(), 1, Faults::rough());
        queue.publish(&hints(2_000)).await.unwrap();
        let ids = received(&queue).await;
        let distinct = ids.iter().collect::<std::collections::BTreeSet<_>>().len();
        let (lost, doubled) = (2_000 - distinct, ids.len() - distinct);
        assert!((140..=260).contains(&lost), "{lost} lost of 2000");
        assert!((200..=340).contains(&doubled), "{doubled} doubled of 2000");
        assert!(!ids.is_sorted());
        assert_eq!(queue.depth().await.iter().map(|(_, _, depth)| depth).sum::<u64>(), 0);
    }

    #[tokio::test]
    async fn a_dead_broker_confirms_nothing_gives_nothing_and_comes_back() {
        let queue = FaultyQueue::new(memory(), 1);
        queue.publish(&hints(1)).await.unwrap();
        queue.die();
        assert!(queue.health().is_silent() && !queue.health().is_well());
        let refused = queue.publish(&hints(2)).await.unwrap_err();
        assert_eq!(refused, QueueFault::NotConfirmed { waited_ms: CONFIRM_WAIT_MS });
        assert!(queue.receive(TOPIC, Class::Flash, 9, 5).await.unwrap().is_empty());
        queue.revive();
        assert!(queue.health().is_well());
        assert_eq!(received(&queue).await, vec![1]);
    }
}
