//! A town's broker that can be made to fail: faults laid over whichever queue the town has. What
//! the faults are is `FaultyQueue`'s.

use std::sync::Arc;

use async_trait::async_trait;
use tongluo::domain::lane::Class;
use tongluo::queue::{Delivery, Faults, FaultyQueue, Hint, Queue, QueueFault, QueueHealth, Topic};

use crate::engines::{EngineRoom, in_process};

/// A broker that can be made to fail.
pub type Broker = FaultyQueue<OwnQueue>;

/// What a story wishes of a broker that can fail.
#[derive(Debug, Clone, Copy, Default)]
pub struct BrokerWish {
    pub seed: u64,
    /// From the start.
    pub faults: Faults,
    pub under: Under,
}

/// What the faults are laid over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Under {
    /// A queue in the process, on both engines.
    #[default]
    InProcess,
    /// The room's own queue.
    Room,
    /// The same, and processes are killed with what they have received.
    RoomOfTheKilled,
}

impl BrokerWish {
    pub async fn open(&self, room: &mut EngineRoom) -> Broker {
        let inner = match self.under {
            Under::InProcess => in_process(),
            Under::Room => room.queue(false).await,
            Under::RoomOfTheKilled => room.queue(true).await,
        };
        FaultyQueue::with_faults(OwnQueue(inner), self.seed, self.faults)
    }
}

/// Any queue as one type; it passes on.
pub struct OwnQueue(Arc<dyn Queue>);

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
