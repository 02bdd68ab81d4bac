//! RabbitMQ stepped by hand: a hint the broker has confirmed is on its way, so a receive that does
//! not wait (the step's `work_waiting`) waits for it here. What is received, settled or confirmed
//! is the real queue's affair; receives that wait by themselves, as the pump's, are left alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tongluo::domain::lane::{Class, Lane};
use tongluo::queue::{
    Delivery, Hint, Queue, QueueFault, QueueHealth, QueueSettings, RabbitQueue, Topic,
};

/// Longest that a confirmed hint may take to come.
const COMES_WITHIN_MS: u64 = 20_000;
/// So long it is waited for where it may be lost with a process.
const MAY_COME_WITHIN_MS: u64 = 100;

pub struct Stepped {
    settings: QueueSettings,
    loses: bool,
    broker: Arc<RabbitQueue>,
    /// Confirmed and not yet received, by queue. This process is the only one to receive them.
    owed: Mutex<HashMap<(Topic, Class), usize>>,
}

impl Stepped {
    /// `loses`: a hint that does not come is taken for lost, not for a fault of the broker.
    pub async fn connect(url: &str, prefix: &str, loses: bool) -> Stepped {
        let settings = QueueSettings {
            prefix: prefix.into(),
            consume: Topic::ALL
                .into_iter()
                .filter(|one| *one != Topic::Send(Lane::Voice))
                .collect(),
            ..QueueSettings::new(url)
        };
        let broker = RabbitQueue::connect(&settings).await.unwrap();
        assert!(broker.health().connected, "no connection to TEST_AMQP_URL");
        Stepped { settings, loses, broker, owed: Mutex::default() }
    }

    /// Deletes the town's queues, also where a pump that has stopped has closed its connection.
    pub async fn remove(&self) {
        match self.broker.close_and_delete().await {
            Err(QueueFault::Closed) => {
                let settings = QueueSettings { consume: Vec::new(), ..self.settings.clone() };
                let again = RabbitQueue::connect(&settings).await.unwrap();
                again.close_and_delete().await.unwrap();
            }
            deleted => deleted.unwrap(),
        }
    }

    fn owes(&self, key: (Topic, Class)) -> bool {
        self.owed.lock().unwrap().get(&key).is_some_and(|count| *count > 0)
    }
}

#[async_trait]
impl Queue for Stepped {
    async fn publish(&self, hints: &[Hint]) -> Result<(), QueueFault> {
        self.broker.publish(hints).await?;
        let mut owed = self.owed.lock().unwrap();
        for hint in hints {
            *owed.entry((hint.topic, hint.class)).or_default() += 1;
        }
        Ok(())
    }

    async fn receive(
        &self,
        topic: Topic,
        class: Class,
        max: usize,
        wait_ms: u64,
    ) -> Result<Vec<Delivery>, QueueFault> {
        let key = (topic, class);
        let owes = wait_ms == 0 && self.owes(key);
        let patience_ms = if self.loses { MAY_COME_WITHIN_MS } else { COMES_WITHIN_MS };
        let wait_ms = if owes { patience_ms } else { wait_ms };
        let got = self.broker.receive(topic, class, max, wait_ms).await?;
        let missing = owes && got.is_empty();
        assert!(!missing || self.loses, "a confirmed hint of {topic} never came");
        let fresh = got.iter().filter(|delivery| !delivery.redelivered).count();
        if let Some(count) = self.owed.lock().unwrap().get_mut(&key) {
            *count = if missing { 0 } else { count.saturating_sub(fresh) };
        }
        Ok(got)
    }

    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<(), QueueFault> {
        self.broker.settle(deliveries).await
    }

    fn health(&self) -> QueueHealth {
        self.broker.health()
    }

    async fn depth(&self) -> Vec<(Topic, Class, u64)> {
        self.broker.depth().await
    }

    async fn dead_letters(&self) -> Option<u64> {
        self.broker.dead_letters().await
    }

    async fn close(&self) {
        self.broker.close().await;
    }
}
