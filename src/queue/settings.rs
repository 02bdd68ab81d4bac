//! What the queue obeys: which broker, which names, which limits, which topics this process
//! serves.
//!
//! Reading a file or the environment is `app`'s; here are only shape, defaults and checks.

use std::fmt;

use crate::domain::lane::Class;
use crate::queue::hint::{Topic, class_word, every_queue};

/// How long a publish waits for the broker before the caller is told, in milliseconds; also the
/// silence after which the engine takes its work straight from the store.
pub const CONFIRM_WAIT_MS: u64 = 3_000;

/// Publishes that may be on their way to the broker unconfirmed.
pub const CONFIRM_WINDOW: usize = 1_000;

/// Unsettled hints the broker may hand to one consumer.
pub const PREFETCH_DEFAULT: u16 = 64;

/// Hints waiting in one queue before publishing is refused.
pub const DEPTH_MAX_DEFAULT: u32 = 100_000;

/// Connections to the broker that may be lost with a hint in hand before it is put aside.
pub const DELIVERIES_MAX: u32 = 20;

/// Hints kept aside for a person to look at; older ones are dropped first.
pub const DEAD_MAX: u32 = 10_000;

/// The version in queue names: raised when the arguments of the queues change.
pub const QUEUE_VERSION: u32 = 1;

/// Longest `prefix`, in bytes (a queue name has at most 255).
const PREFIX_BYTES_MAX: usize = 100;

/// Settings of the queue, section `queue`.
#[derive(Clone)]
pub struct QueueSettings {
    /// `memory:` or `amqp://user:password@host:port/vhost`.
    pub url: String,
    /// Opens every name on the broker, so that installations and tests share one.
    pub prefix: String,
    /// See [`QUEUE_VERSION`]; an operator raises it after changing `depth_max`.
    pub version: u32,
    /// See [`PREFETCH_DEFAULT`].
    pub prefetch: u16,
    /// See [`DEPTH_MAX_DEFAULT`].
    pub depth_max: u32,
    /// See [`CONFIRM_WAIT_MS`].
    pub confirm_wait_ms: u64,
    /// The topics this process consumes, in both classes; empty for a web-only process.
    pub consume: Vec<Topic>,
    /// Makes the waits between attempts to reconnect differ from process to process.
    pub jitter_seed: u64,
}

impl QueueSettings {
    /// Defaults around a URL: prefix `tongluo`, every topic consumed.
    pub fn new(url: impl Into<String>) -> QueueSettings {
        QueueSettings {
            url: url.into(),
            prefix: "tongluo".into(),
            version: QUEUE_VERSION,
            prefetch: PREFETCH_DEFAULT,
            depth_max: DEPTH_MAX_DEFAULT,
            confirm_wait_ms: CONFIRM_WAIT_MS,
            consume: Topic::ALL.to_vec(),
            jitter_seed: 0,
        }
    }

    /// The first thing wrong with them, in words for the operator.
    pub fn check(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if self.prefix.is_empty() || self.prefix.len() > PREFIX_BYTES_MAX {
            return Err(format!("queue.prefix: 1 to {PREFIX_BYTES_MAX} characters"));
        }
        if !self.prefix.chars().all(plain) {
            return Err("queue.prefix: only letters, digits, '.', '-' and '_'".into());
        }
        if self.prefetch == 0 || self.depth_max == 0 || self.confirm_wait_ms == 0 {
            return Err("queue.prefetch, depth_max and confirm_wait_ms: at least 1".into());
        }
        Ok(())
    }

    /// The name of a work queue on the broker: `tongluo.send.sms.flash.v1`.
    pub fn queue_name(&self, topic: Topic, class: Class) -> String {
        self.side_name(&format!("{topic}.{}", class_word(class)))
    }

    /// The name of the queue where messages are put aside for a person to look at.
    pub fn dead_name(&self) -> String {
        self.side_name("dead")
    }

    /// The name of the queue that is only written to, to hear whether the broker confirms.
    pub fn probe_name(&self) -> String {
        self.side_name("probe")
    }

    /// Every name this installation has on the broker.
    pub fn every_name(&self) -> Vec<String> {
        let work = every_queue().map(|(topic, class)| self.queue_name(topic, class));
        work.chain([self.probe_name(), self.dead_name()]).collect()
    }

    fn side_name(&self, word: &str) -> String {
        format!("{}.{word}.v{}", self.prefix, self.version)
    }
}

/// Without the URL: it carries a password.
impl fmt::Debug for QueueSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("QueueSettings")
            .field("scheme", &scheme)
            .field("prefix", &self.prefix)
            .field("version", &self.version)
            .field("prefetch", &self.prefetch)
            .field("depth_max", &self.depth_max)
            .field("confirm_wait_ms", &self.confirm_wait_ms)
            .field("consume", &self.consume)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_printed() {
        let settings = QueueSettings::new("amqp://gong:geheim@localhost:5672/%2f");
        let printed = format!("{settings:?}");
        assert!(!printed.contains("geheim") && printed.contains("amqp"), "{printed}");
    }

    #[test]
    fn names_carry_prefix_and_version() {
        let settings = QueueSettings { prefix: "yuyao".into(), ..QueueSettings::new("memory:") };
        let names = settings.every_name();
        assert_eq!(settings.queue_name(Topic::ALL[1], Class::Flash), "yuyao.send.sms.flash.v1");
        assert_eq!(names.len(), 12);
        assert!(names.contains(&"yuyao.dead.v1".to_owned()));
    }

    #[test]
    fn a_bad_prefix_or_a_zero_is_named() {
        let good = QueueSettings::new("memory:");
        assert_eq!(good.check(), Ok(()));
        let bad = QueueSettings { prefix: "余姚".into(), ..good.clone() };
        assert!(bad.check().unwrap_err().contains("prefix"));
        let bad = QueueSettings { prefetch: 0, ..good };
        assert!(bad.check().unwrap_err().contains("prefetch"));
    }
}
