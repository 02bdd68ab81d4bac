//! Hints: publish, receive, settle. The store remembers, the queue only moves; a hint may be lost,
//! doubled or reordered without harm, carries ids and no personal data, and is under 100 bytes.
//! No delay, priority or dead-letter logic of ours depends on the broker.

mod memory;

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::lane::{Class, Lane};

pub use memory::MemoryQueue;

/// What a hint asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Grids to be expanded.
    Expand,
    /// A batch of households on a lane.
    Send(Lane),
    /// A batch of notices.
    Notice,
}

impl Topic {
    /// Every topic of the first release.
    pub const ALL: [Topic; 5] = [
        Topic::Expand,
        Topic::Notice,
        Topic::Send(Lane::Sms),
        Topic::Send(Lane::Voice),
        Topic::Send(Lane::Wechat),
    ];

    /// The word in queue names.
    pub fn word(self) -> &'static str {
        match self {
            Topic::Expand => "expand",
            Topic::Notice => "summons",
            Topic::Send(Lane::Sms) => "send.sms",
            Topic::Send(Lane::Voice) => "send.voice",
            Topic::Send(Lane::Wechat) => "send.wechat",
        }
    }
}

/// "Look at this row": an expansion or a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    pub topic: Topic,
    pub class: Class,
    /// The row's id.
    pub id: i64,
}

/// A hint in our hands until it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    pub hint: Hint,
    pub redelivered: bool,
    /// The connection it came by; a tag of an older one is void.
    pub generation: u64,
    pub tag: u64,
}

/// Why the queue did not do it; always safe to try again, the store remembers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueFault {
    #[error("the queue is full")]
    Full,
    #[error("the broker has not confirmed within {waited_ms} ms")]
    NotConfirmed { waited_ms: u64 },
    #[error("the broker is not connected: {0}")]
    Away(String),
    #[error("the queue can't be used as it is set up: {0}")]
    Setup(String),
}

/// How the queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueHealth {
    pub connected: bool,
    /// Consumers that are alive, of those that should be.
    pub consumers: usize,
    pub consumers_wanted: usize,
}

/// Publish, receive, settle: nothing more is asked of a broker.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Gives hints to the broker; returns after it has confirmed all of them, or with a fault.
    async fn publish(&self, hints: &[Hint]) -> Result<(), QueueFault>;
    /// Up to `max` hints of a topic and class; waits at most `wait_ms` for the first.
    async fn receive(
        &self,
        topic: Topic,
        class: Class,
        max: usize,
        wait_ms: u64,
    ) -> Result<Vec<Delivery>, QueueFault>;
    /// Lets hints go, after their work was committed or found done.
    async fn settle(&self, deliveries: &[Delivery]) -> Result<(), QueueFault>;
    fn health(&self) -> QueueHealth;
    async fn close(&self);
}

/// What the queue is to be.
#[derive(Debug, Clone)]
pub struct QueueSettings {
    /// `memory:` or `amqp://…`.
    pub url: String,
    /// The first part of all names on the broker.
    pub prefix: String,
    /// Hints in our hands at most, per topic and class.
    pub prefetch: u16,
}

/// Opens the queue named by the settings.
pub async fn connect(settings: &QueueSettings) -> Result<Arc<dyn Queue>, QueueFault> {
    if settings.url.starts_with("memory") {
        return Ok(Arc::new(MemoryQueue::new(10_000)));
    }
    Err(QueueFault::Setup(format!(
        "the scheme of {:?} is not known; use memory: or amqp://",
        settings.url.split(':').next().unwrap_or_default()
    )))
}
