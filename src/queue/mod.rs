//! Hints on their way: published, received, settled; in this process or through RabbitMQ.
//!
//! The store remembers, the queue only moves. Nothing here decides what is due, and nothing is
//! lost when a hint is: the feeder hints again. No delay, priority or retry depends on a broker.

pub mod faulty;
pub mod hint;
pub mod memory;
mod rabbit;
pub mod settings;
mod silence;
pub mod supervised;
mod unsettled;

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::lane::Class;
pub use crate::queue::faulty::{Faults, FaultyQueue};
pub use crate::queue::hint::{Hint, Topic, every_queue};
pub use crate::queue::memory::MemoryQueue;
pub use crate::queue::settings::{CONFIRM_WAIT_MS, QueueSettings};
pub use crate::queue::supervised::RabbitQueue;

/// Why a queue did not do what was asked, named by what the caller does next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueFault {
    /// Take the work straight from the store if this lasts: the broker did not answer in time.
    /// Some of the hints may have arrived all the same.
    #[error("the broker did not confirm within {waited_ms} ms")]
    NotConfirmed { waited_ms: u64 },
    /// Hint again later: the consumers are behind. Some of the hints may have arrived.
    #[error("the queue {queue} is full")]
    Full { queue: String },
    /// Hint again after a moment: a queue was missing and is being declared anew.
    #[error("the broker has no queue {queue}: a hint came back")]
    Unroutable { queue: String },
    /// Wait for the supervisor: there is no connection. Unsettled hints will come back.
    #[error("no connection to the broker")]
    Disconnected,
    /// Fix the program: this process was not told to consume the topic.
    #[error("{topic} is not consumed by this process")]
    NotConsumed { topic: Topic },
    /// Stop: the queue was closed.
    #[error("the queue is closed")]
    Closed,
    /// Fix the settings and start again.
    #[error("queue settings: {0}")]
    Settings(String),
    /// Raise the version in the queue names and start again.
    #[error(
        "the broker has a queue of this name with other arguments ({detail}); \
         raise queue.version, and delete the old queue when it is empty"
    )]
    Mismatch { detail: String },
}

/// A received hint, to be given back to [`Queue::settle`] when its work is committed or no longer
/// needed. Dropped unsettled it comes back when the connection ends (RabbitMQ) or not at all
/// (memory): either way the feeder hints again.
#[derive(Debug)]
pub struct Delivery {
    pub hint: Hint,
    /// It was delivered before, and perhaps worked on.
    pub redelivered: bool,
    tag: Tag,
}

/// Where a delivery is settled: its number in one life of one consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// Nothing to settle.
    Void,
    Broker {
        generation: u64,
        number: u64,
    },
}

/// Whether a consumer of this process is being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumerHealth {
    pub topic: Topic,
    pub class: Class,
    pub liveness: Liveness,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    Alive,
    Dead,
}

/// What `/readyz`, board and doctor show of a queue. A figure of this moment, without I/O.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueHealth {
    pub connected: bool,
    /// One entry for each topic and class this process consumes.
    pub consumers: Vec<ConsumerHealth>,
    /// Milliseconds since the broker last confirmed anything; None before the first time.
    pub last_confirm_age_ms: Option<u64>,
    /// Milliseconds the broker has owed a confirmation or been away; None when all is answered.
    /// It ends by itself: while it is silent the supervisor publishes a probe every second.
    pub silent_since_ms: Option<u64>,
    /// Connections made after the first.
    pub reconnects: u64,
    /// Hints settled too late, after their connection had ended (they come again).
    pub stale_settles: u64,
    /// The last thing that went wrong, until it is well again; without secrets.
    pub trouble: Option<String>,
}

impl QueueHealth {
    /// Connected, every consumer alive, nothing owed for longer than [`CONFIRM_WAIT_MS`].
    pub fn is_well(&self) -> bool {
        self.connected
            && !self.is_silent()
            && self.consumers.iter().all(|consumer| consumer.liveness == Liveness::Alive)
    }

    /// The engine shall take its work straight from the store.
    pub fn is_silent(&self) -> bool {
        self.silent_since_ms.is_some_and(|ms| ms >= CONFIRM_WAIT_MS)
    }
}

/// Moves hints. Every call is bounded in time, and every call may be dropped at an await without
/// losing a received hint for longer than its connection lives.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Returns when the broker has confirmed all of them; on a fault some may have arrived.
    async fn publish(&self, hints: &[Hint]) -> Result<(), QueueFault>;

    /// Up to `max` hints; waits at most `wait_ms` for the first and not at all for the others
    /// (0: only what is here). An empty answer is no fault.
    async fn receive(
        &self,
        topic: Topic,
        class: Class,
        max: usize,
        wait_ms: u64,
    ) -> Result<Vec<Delivery>, QueueFault>;

    /// Their work is committed. Deliveries of an ended connection are passed over: their hints
    /// come again.
    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<(), QueueFault>;

    /// The state at this moment, without I/O.
    fn health(&self) -> QueueHealth;

    /// Hints waiting, for board and doctor; empty when the broker can't be asked.
    async fn depth(&self) -> Vec<(Topic, Class, u64)>;

    /// Messages put aside for a person to look at; None when the broker can't be asked.
    async fn dead_letters(&self) -> Option<u64>;

    /// Ends connections and tasks; later calls say [`QueueFault::Closed`].
    async fn close(&self);
}

/// Opens the queue the settings name.
///
/// A broker that can't be reached is no error: the supervisor goes on trying, `health` tells, and
/// the engine works from the store meanwhile. Wrong settings and queues with other arguments are.
pub async fn connect(settings: &QueueSettings) -> Result<Arc<dyn Queue>, QueueFault> {
    settings.check().map_err(QueueFault::Settings)?;
    match settings.url.split_once(':') {
        Some(("memory", "")) => Ok(Arc::new(MemoryQueue::new(settings))),
        Some(("amqp", _)) => Ok(RabbitQueue::connect(settings).await?),
        Some(("amqps", _)) => {
            let text = "queue.url: amqps is not built in; put a TLS proxy on loopback";
            Err(QueueFault::Settings(text.into()))
        }
        Some(_) | None => {
            Err(QueueFault::Settings("queue.url: `memory:` or `amqp://…` is understood".into()))
        }
    }
}
