//! Any queue as one type, so that faults can be laid over whichever a town has. It passes on.

use std::sync::Arc;

use async_trait::async_trait;
use tongluo::domain::lane::Class;
use tongluo::queue::{Delivery, Hint, Queue, QueueFault, QueueHealth, Topic};

pub struct OwnQueue(pub Arc<dyn Queue>);

#[async_trait]
impl Queue for OwnQueue {
    async fn publish(&self, hints: &[Hint]) -> Result<(), QueueFault> {
        self.0.publish(hints).await
    }

    async fn receive(
        &self,
        topic: Topic,
        class: Class,
        max: usize,
        wait_ms: u64,
    ) -> Result<Vec<Delivery>, QueueFault> {
        self.0.receive(topic, class, max, wait_ms).await
    }

    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<(), QueueFault> {
        self.0.settle(deliveries).await
    }

    fn health(&self) -> QueueHealth {
        self.0.health()
    }

    async fn depth(&self) -> Vec<(Topic, Class, u64)> {
        self.0.depth().await
    }

    async fn dead_letters(&self) -> Option<u64> {
        self.0.dead_letters().await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
