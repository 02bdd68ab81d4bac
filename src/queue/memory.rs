//! The in-process queue: bounded deques, for one process with an embedded store, and for tests.
//!
//! It keeps nothing: what waits or is unsettled at exit is gone, and nothing is lost by that,
//! since the store remembers and the feeder hints again. Settling is a formality here.
#![expect(clippy::disallowed_methods, reason = "a broker is waited for in machine time")]

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::domain::lane::Class;
use crate::queue::hint::{CLASSES, Hint, Topic, class_word, every_queue};
use crate::queue::settings::QueueSettings;
use crate::queue::silence::Silence;
use crate::queue::{ConsumerHealth, Delivery, Liveness, Queue, QueueFault, QueueHealth, Tag};

/// The queue of a process that is alone.
#[derive(Debug)]
pub struct MemoryQueue {
    deques: HashMap<(Topic, Class), Deque>,
    consume: Vec<Topic>,
    depth_max: usize,
    publish_wait: Duration,
    silence: Silence,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Deque {
    hints: Mutex<VecDeque<Hint>>,
    changed: Notify,
}

/// What one look at a deque gave.
enum Look<T> {
    Done(T),
    WaitForChange,
}

impl MemoryQueue {
    /// A queue with the limits and topics of `settings`; its URL and names are not looked at.
    pub fn new(settings: &QueueSettings) -> MemoryQueue {
        MemoryQueue {
            deques: every_queue().map(|key| (key, Deque::default())).collect(),
            consume: settings.consume.clone(),
            depth_max: usize::try_from(settings.depth_max).unwrap_or(usize::MAX),
            publish_wait: Duration::from_millis(settings.confirm_wait_ms),
            silence: Silence::default(),
            closed: AtomicBool::new(false),
        }
    }

    fn deque(&self, topic: Topic, class: Class) -> Result<&Deque, QueueFault> {
        if self.closed.load(Ordering::Acquire) {
            return Err(QueueFault::Closed);
        }
        self.deques.get(&(topic, class)).ok_or(QueueFault::NotConsumed { topic })
    }

    async fn push(&self, hint: Hint, until: Instant) -> Result<(), QueueFault> {
        let deque = self.deque(hint.topic, hint.class)?;
        let pushed = deque.until(until, |hints| {
            if self.closed.load(Ordering::Acquire) {
                return Look::Done(Err(QueueFault::Closed));
            }
            if hints.len() >= self.depth_max {
                return Look::WaitForChange;
            }
            hints.push_back(hint);
            Look::Done(Ok(()))
        });
        match pushed.await {
            Some(result) => result,
            None => {
                let queue = format!("{}.{}", hint.topic, class_word(hint.class));
                Err(QueueFault::Full { queue })
            }
        }
    }
}

impl Deque {
    /// Looks until the look is done or the time is over (None). At least one look is taken.
    async fn until<T>(
        &self,
        until: Instant,
        mut look: impl FnMut(&mut VecDeque<Hint>) -> Look<T>,
    ) -> Option<T> {
        loop {
            let mut changed = pin!(self.changed.notified());
            // Enabled before the look, so that a change between look and wait is not missed.
            changed.as_mut().enable();
            if let Look::Done(found) = self.look(&mut look) {
                self.changed.notify_waiters();
                return Some(found);
            }
            if timeout_at(until, changed).await.is_err() {
                return None;
            }
        }
    }

    fn look<T>(&self, look: &mut impl FnMut(&mut VecDeque<Hint>) -> Look<T>) -> Look<T> {
        look(&mut self.hints.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn publish(&self, hints: &[Hint]) -> Result<(), QueueFault> {
        let until = Instant::now() + self.publish_wait;
        let waiting = self.silence.begin(Instant::now());
        let mut published = Ok(());
        for hint in hints {
            published = self.push(*hint, until).await;
            if published.is_err() {
                break;
            }
        }
        // A full deque is an answer, not silence: it is this process that is behind.
        waiting.answered(Instant::now());
        published
    }

    async fn receive(
        &self,
        topic: Topic,
        class: Class,
        max: usize,
        wait_ms: u64,
    ) -> Result<Vec<Delivery>, QueueFault> {
        let deque = self.deque(topic, class)?;
        if !self.consume.contains(&topic) {
            return Err(QueueFault::NotConsumed { topic });
        }
        if max == 0 {
            return Ok(Vec::new());
        }
        let take = |hints: &mut VecDeque<Hint>| {
            if self.closed.load(Ordering::Acquire) {
                return Look::Done(Err(QueueFault::Closed));
            }
            if hints.is_empty() {
                return Look::WaitForChange;
            }
            let count = max.min(hints.len());
            let delivery = |hint| Delivery { hint, redelivered: false, tag: Tag::Void };
            Look::Done(Ok(hints.drain(..count).map(delivery).collect()))
        };
        let until = Instant::now() + Duration::from_millis(wait_ms);
        deque.until(until, take).await.unwrap_or_else(|| Ok(Vec::new()))
    }

    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<(), QueueFault> {
        drop(deliveries);
        Ok(())
    }

    fn health(&self) -> QueueHealth {
        let open = !self.closed.load(Ordering::Acquire);
        let liveness = if open { Liveness::Alive } else { Liveness::Dead };
        let classes = |topic| CLASSES.map(|class| ConsumerHealth { topic, class, liveness });
        let now = Instant::now();
        QueueHealth {
            connected: open,
            consumers: self.consume.iter().copied().flat_map(classes).collect(),
            last_confirm_age_ms: self.silence.last_confirm_age_ms(now),
            silent_since_ms: None,
            reconnects: 0,
            stale_settles: 0,
            trouble: None,
        }
    }

    async fn depth(&self) -> Vec<(Topic, Class, u64)> {
        let depth = |(topic, class)| {
            let deque = self.deques.get(&(topic, class))?;
            let hints = deque.hints.lock().unwrap_or_else(PoisonError::into_inner);
            Some((topic, class, u64::try_from(hints.len()).unwrap_or(u64::MAX)))
        };
        every_queue().filter_map(depth).collect()
    }

    async fn dead_letters(&self) -> Option<u64> {
        Some(0)
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for deque in self.deques.values() {
            deque.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lane::Lane;

    #[tokio::test]
    async fn closing_wakes_a_waiting_receiver() {
        let queue = MemoryQueue::new(&QueueSettings::new("memory:"));
        let receive = queue.receive(Topic::Send(Lane::Sms), Class::Flash, 1, 60_000);
        let (received, ()) = tokio::join!(receive, queue.close());
        assert_eq!(received.unwrap_err(), QueueFault::Closed);
        assert!(!queue.health().connected);
    }

    #[tokio::test]
    async fn a_publisher_waits_for_room() {
        let settings = QueueSettings { depth_max: 2, ..QueueSettings::new("memory:") };
        let queue = MemoryQueue::new(&settings);
        let hint = |id| Hint { topic: Topic::Expand, class: Class::Routine, id, alert: 1 };
        let hints: Vec<Hint> = (1..=5).map(hint).collect();
        let drain = async {
            let mut ids = Vec::new();
            while ids.len() < 5 {
                let got = queue.receive(Topic::Expand, Class::Routine, 2, 1_000).await.unwrap();
                assert!(!got.is_empty(), "waited a second for {ids:?}");
                ids.extend(got.iter().map(|delivery| delivery.hint.id));
            }
            ids
        };
        let (published, ids) = tokio::join!(queue.publish(&hints), drain);
        assert_eq!((published, ids), (Ok(()), vec![1, 2, 3, 4, 5]));
    }
}
