//! The in-process queue: bounded deques. Lost at exit, and nothing is lost: the feeder hints again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Delivery, Hint, Queue, QueueFault, QueueHealth, Topic};
use crate::domain::lane::Class;

/// Bounded deques, one a topic and class.
pub struct MemoryQueue {
    deques: Mutex<BTreeMap<(Topic, Class), VecDeque<Hint>>>,
    arrived: Notify,
    limit: usize,
}

impl MemoryQueue {
    /// At most `limit` hints wait in each deque.
    pub fn new(limit: usize) -> MemoryQueue {
        MemoryQueue {
            deques: Mutex::new(BTreeMap::new()),
            arrived: Notify::new(),
            limit,
        }
    }

    fn pop(&self, topic: Topic, class: Class, max: usize) -> Vec<Delivery> {
        let mut deques = self
            .deques
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(deque) = deques.get_mut(&(topic, class)) else {
            return Vec::new();
        };
        let count = max.min(deque.len());
        deque
            .drain(..count)
            .map(|hint| Delivery {
                hint,
                redelivered: false,
                generation: 0,
                tag: 0,
            })
            .collect()
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn publish(&self, hints: &[Hint]) -> Result<(), QueueFault> {
        {
            let mut deques = self
                .deques
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            for hint in hints {
                let deque = deques.entry((hint.topic, hint.class)).or_default();
                if deque.len() >= self.limit {
                    return Err(QueueFault::Full);
                }
                deque.push_back(*hint);
            }
        }
        self.arrived.notify_waiters();
        Ok(())
    }

    async fn receive(
        &self,
        topic: Topic,
        class: Class,
        max: usize,
        wait_ms: u64,
    ) -> Result<Vec<Delivery>, QueueFault> {
        let arrived = self.arrived.notified();
        let got = self.pop(topic, class, max);
        if !got.is_empty() || wait_ms == 0 {
            return Ok(got);
        }
        let _ = tokio::time::timeout(Duration::from_millis(wait_ms), arrived).await;
        Ok(self.pop(topic, class, max))
    }

    async fn settle(&self, _: &[Delivery]) -> Result<(), QueueFault> {
        Ok(())
    }

    fn health(&self) -> QueueHealth {
        QueueHealth {
            connected: true,
            consumers: 1,
            consumers_wanted: 1,
        }
    }

    async fn close(&self) {}
}
