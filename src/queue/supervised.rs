//! The RabbitMQ queue as callers see it: one link at a time, remade by a supervisor when a
//! connection, a channel or a consumer ends; deliveries carry the generation of their link.
//!
//! No AMQP here (that is `rabbit`), and no decision about direct mode: `health` tells, the engine
//! decides.
#![expect(clippy::disallowed_methods, reason = "a broker is waited for in machine time")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tracing::{info, warn};

use crate::domain::lane::Class;
use crate::queue::hint::{CLASSES, Hint, Topic, every_queue};
use crate::queue::rabbit::{Address, Link};
use crate::queue::settings::QueueSettings;
use crate::queue::silence::Silence;
use crate::queue::{ConsumerHealth, Delivery, Liveness, Queue, QueueFault, QueueHealth, Tag};

/// Longest try to connect, declare and consume, in milliseconds.
const CONNECT_WAIT_MS: u64 = 5_000;
/// Between two looks of the supervisor.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Silence after which a sound link is probed, and the longest wait for the probe's confirm.
const PROBE_AFTER_MS: u64 = 1_000;
/// Longest wait for figures of the broker.
const FIGURES_WAIT: Duration = Duration::from_secs(3);
/// First wait between attempts to connect, in milliseconds; doubled each time.
const BACKOFF_FIRST_MS: u64 = 250;
/// Longest wait between attempts to connect, in milliseconds.
const BACKOFF_MAX_MS: u64 = 10_000;

/// The queue of several processes.
pub struct RabbitQueue {
    core: Arc<Core>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

/// What callers and supervisor share.
struct Core {
    settings: QueueSettings,
    address: Address,
    link: watch::Sender<Option<Arc<Link>>>,
    silence: Silence,
    trouble: Mutex<Option<String>>,
    attention: Arc<Notify>,
    reconnects: AtomicU64,
    stale_settles: AtomicU64,
    closed: AtomicBool,
}

impl RabbitQueue {
    /// Connects, declares, consumes, and keeps it so. See [`crate::queue::connect`].
    pub async fn connect(settings: &QueueSettings) -> Result<Arc<RabbitQueue>, QueueFault> {
        settings.check().map_err(QueueFault::Settings)?;
        let core = Arc::new(Core {
            settings: settings.clone(),
            address: Address::parse(&settings.url)?,
            link: watch::Sender::new(None),
            silence: Silence::default(),
            trouble: Mutex::new(None),
            attention: Arc::new(Notify::new()),
            reconnects: AtomicU64::new(0),
            stale_settles: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        });
        match core.open_link(1).await {
            Ok(link) => core.install(link),
            Err(mismatch @ QueueFault::Mismatch { .. }) => return Err(mismatch),
            Err(fault) => core.note_loss(&fault.to_string()),
        }
        let supervisor = tokio::spawn(Supervisor::new(core.clone()).run());
        Ok(Arc::new(RabbitQueue { core, supervisor: Mutex::new(Some(supervisor)) }))
    }

    /// Deletes the queues of this prefix and version with all that is in them, and closes: for
    /// tests, and after moving to another version.
    pub async fn close_and_delete(&self) -> Result<(), QueueFault> {
        let link = self.core.present_link()?;
        // First, or it would declare again what is being deleted.
        self.stop_supervisor().await;
        let mut deleted = Ok(());
        for name in self.core.settings.every_name() {
            deleted = deleted.and(link.delete(&name).await);
        }
        self.close().await;
        deleted
    }

    async fn stop_supervisor(&self) {
        let supervisor = held(&self.supervisor).take();
        if let Some(task) = supervisor {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for RabbitQueue {
    fn drop(&mut self) {
        if let Some(task) = held(&self.supervisor).take() {
            task.abort();
        }
    }
}

impl Core {
    fn install(&self, link: Link) {
        info!(generation = link.generation, prefix = %self.settings.prefix, "queue connected");
        if link.generation > 1 {
            self.reconnects.fetch_add(1, Ordering::Relaxed);
        }
        *held(&self.trouble) = None;
        self.silence.confirmed(Instant::now());
        self.link.send_replace(Some(Arc::new(link)));
    }

    fn note_loss(&self, reason: &str) {
        warn!(prefix = %self.settings.prefix, reason, "queue not connected");
        self.silence.lost(Instant::now());
        *held(&self.trouble) = Some(reason.to_owned());
    }

    fn ensure_open(&self) -> Result<(), QueueFault> {
        if self.closed.load(Ordering::Acquire) { Err(QueueFault::Closed) } else { Ok(()) }
    }

    fn present_link(&self) -> Result<Arc<Link>, QueueFault> {
        self.ensure_open()?;
        self.link.borrow().clone().ok_or(QueueFault::Disconnected)
    }

    /// The link of a generation after `seen`; waits without end unless closed.
    async fn link_after(&self, seen: u64) -> Result<Arc<Link>, QueueFault> {
        let done = |link: &Option<Arc<Link>>| {
            let newer = link.as_ref().is_some_and(|link| link.generation > seen);
            newer || self.closed.load(Ordering::Acquire)
        };
        let found = self.link.subscribe().wait_for(done).await.ok().and_then(|link| link.clone());
        self.ensure_open()?;
        found.ok_or(QueueFault::Disconnected)
    }

    async fn open_link(&self, generation: u64) -> Result<Link, QueueFault> {
        let wait = Duration::from_millis(CONNECT_WAIT_MS);
        let open = Link::open(&self.address, &self.settings, generation, &self.attention);
        let slow = Err(QueueFault::NotConfirmed { waited_ms: CONNECT_WAIT_MS });
        timeout(wait, open).await.unwrap_or(slow)
    }

    /// The link is not to be trusted: the supervisor makes another.
    fn distrust(&self, link: &Link) {
        link.give_up();
        self.attention.notify_one();
    }

    /// Publishes on the present link, and again on the next one if it breaks meanwhile.
    async fn publish_until_answered(&self, hints: &[Hint]) -> Result<(), QueueFault> {
        let mut seen = 0;
        loop {
            let link = self.link_after(seen).await?;
            match link.publish(&self.settings, hints).await {
                Err(QueueFault::Disconnected) => {
                    seen = link.generation;
                    self.distrust(&link);
                }
                // The next link declares the missing queue.
                Err(fault @ QueueFault::Unroutable { .. }) => {
                    self.distrust(&link);
                    return Err(fault);
                }
                done => return done,
            }
        }
    }
}

/// The task that keeps a sound link in place.
struct Supervisor {
    core: Arc<Core>,
    random: StdRng,
    generation: u64,
    failures: u32,
    next_try: Instant,
    last_dial: Dial,
}

/// How the last dial that failed has failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dial {
    Refused,
    Hung,
}

impl Supervisor {
    fn new(core: Arc<Core>) -> Supervisor {
        Supervisor {
            random: StdRng::seed_from_u64(core.settings.jitter_seed),
            core,
            generation: 1,
            failures: 0,
            next_try: Instant::now(),
            last_dial: Dial::Refused,
        }
    }

    async fn run(mut self) {
        let attention = self.core.attention.clone();
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => {}
                () = attention.notified() => {}
            }
            match self.core.present_link() {
                Err(QueueFault::Closed) => return,
                Ok(link) if link.is_sound() => self.probe(&link).await,
                Ok(link) => {
                    self.core.link.send_replace(None);
                    self.core.note_loss("a connection, a channel or a consumer has ended");
                    link.end().await;
                    self.reconnect().await;
                }
                Err(_) if Instant::now() >= self.next_try => self.reconnect().await,
                Err(_) => {}
            }
        }
    }

    /// Finds out whether a silent broker has found its voice again.
    async fn probe(&self, link: &Link) {
        let owed = self.core.silence.since_ms(Instant::now());
        if owed.is_none_or(|ms| ms < PROBE_AFTER_MS) || self.core.silence.is_waited_for() {
            return;
        }
        let wait = Duration::from_millis(PROBE_AFTER_MS);
        match timeout(wait, link.probe(&self.core.settings)).await {
            Ok(Ok(())) => {
                *held(&self.core.trouble) = None;
                self.core.silence.confirmed(Instant::now());
            }
            Ok(Err(_)) => self.core.distrust(link),
            Err(_) => *held(&self.core.trouble) = Some("the broker confirms nothing".into()),
        }
    }

    async fn reconnect(&mut self) {
        let wait = Duration::from_millis(CONNECT_WAIT_MS);
        let hung = self.last_dial == Dial::Hung && !self.core.address.answers(wait).await;
        let opened = if hung {
            Err(QueueFault::NotConfirmed { waited_ms: CONNECT_WAIT_MS })
        } else {
            self.core.open_link(self.generation + 1).await
        };
        match opened {
            Ok(link) => {
                self.generation += 1;
                self.failures = 0;
                self.last_dial = Dial::Refused;
                self.core.install(link);
            }
            Err(fault) => {
                let is_hung = matches!(fault, QueueFault::NotConfirmed { .. });
                self.last_dial = if is_hung { Dial::Hung } else { Dial::Refused };
                self.core.note_loss(&fault.to_string());
                self.next_try = Instant::now() + self.backoff();
            }
        }
    }

    /// Doubled each time, bounded, and between half and whole by chance.
    fn backoff(&mut self) -> Duration {
        let doubled = BACKOFF_FIRST_MS.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let whole_ms = doubled.min(BACKOFF_MAX_MS);
        Duration::from_millis(self.random.random_range(whole_ms / 2..=whole_ms))
    }
}

#[async_trait]
impl Queue for RabbitQueue {
    async fn publish(&self, hints: &[Hint]) -> Result<(), QueueFault> {
        self.core.ensure_open()?;
        if hints.is_empty() {
            return Ok(());
        }
        let (silence, wait_ms) = (&self.core.silence, self.core.settings.confirm_wait_ms);
        let owed = silence.since_ms(Instant::now()).is_some_and(|ms| ms >= wait_ms);
        if owed && self.core.link.borrow().is_none() {
            return Err(QueueFault::NotConfirmed { waited_ms: 0 });
        }
        let waiting = silence.begin(Instant::now());
        let publish = self.core.publish_until_answered(hints);
        let answer = match timeout(Duration::from_millis(wait_ms), publish).await {
            Ok(answer) => answer,
            Err(_) => Err(QueueFault::NotConfirmed { waited_ms: wait_ms }),
        };
        match answer {
            // A refusal is an answer too.
            Ok(()) | Err(QueueFault::Full { .. } | QueueFault::Unroutable { .. }) => {
                waiting.answered(Instant::now());
            }
            Err(_) => drop(waiting),
        }
        answer
    }

    async fn receive(
        &self,
        topic: Topic,
        class: Class,
        max: usize,
        wait_ms: u64,
    ) -> Result<Vec<Delivery>, QueueFault> {
        self.core.ensure_open()?;
        if !self.core.settings.consume.contains(&topic) {
            return Err(QueueFault::NotConsumed { topic });
        }
        if max == 0 {
            return Ok(Vec::new());
        }
        let until = Instant::now() + Duration::from_millis(wait_ms);
        let mut seen = 0;
        loop {
            let link = match timeout_at(until, self.core.link_after(seen)).await {
                Ok(link) => link?,
                Err(_) => return Err(QueueFault::Disconnected),
            };
            let inbox = link.inbox(topic, class).ok_or(QueueFault::NotConsumed { topic })?;
            if let Some(batch) = inbox.receive(max, until).await {
                let generation = link.generation;
                let delivery = |arrived: crate::queue::rabbit::Arrived| Delivery {
                    hint: arrived.hint,
                    redelivered: arrived.redelivered,
                    tag: Tag::Broker { generation, number: arrived.number },
                };
                return Ok(batch.into_iter().map(delivery).collect());
            }
            seen = link.generation;
            self.core.attention.notify_one();
        }
    }

    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<(), QueueFault> {
        self.core.ensure_open()?;
        let link = self.core.link.borrow().clone();
        let mut present: HashMap<(Topic, Class), Vec<u64>> = HashMap::new();
        for Delivery { hint, tag, .. } in deliveries {
            match (tag, &link) {
                (Tag::Void, _) => {}
                (Tag::Broker { generation, number }, Some(link))
                    if generation == link.generation =>
                {
                    present.entry((hint.topic, hint.class)).or_default().push(number);
                }
                (Tag::Broker { .. }, _) => {
                    self.core.stale_settles.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        let Some(link) = link else { return Ok(()) };
        let wait = Duration::from_millis(self.core.settings.confirm_wait_ms);
        for ((topic, class), numbers) in present {
            let Some(inbox) = link.inbox(topic, class) else {
                continue;
            };
            match timeout(wait, inbox.settle(numbers)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => {
                    self.core.distrust(&link);
                    return Err(QueueFault::Disconnected);
                }
            }
        }
        Ok(())
    }

    fn health(&self) -> QueueHealth {
        let (core, now) = (&self.core, Instant::now());
        let link = core.link.borrow().clone();
        let liveness = |topic, class| {
            let inbox = link.as_ref().and_then(|link| link.inbox(topic, class));
            inbox.map_or(Liveness::Dead, |inbox| inbox.liveness())
        };
        let consumers = |topic: Topic| {
            CLASSES.map(|class| ConsumerHealth { topic, class, liveness: liveness(topic, class) })
        };
        QueueHealth {
            connected: link.as_ref().is_some_and(|link| link.is_sound()),
            consumers: core.settings.consume.iter().copied().flat_map(consumers).collect(),
            last_confirm_age_ms: core.silence.last_confirm_age_ms(now),
            silent_since_ms: core.silence.since_ms(now),
            reconnects: core.reconnects.load(Ordering::Relaxed),
            stale_settles: core.stale_settles.load(Ordering::Relaxed),
            trouble: held(&core.trouble).clone(),
        }
    }

    async fn depth(&self) -> Vec<(Topic, Class, u64)> {
        let ask = async {
            let link = self.core.present_link()?;
            let mut depths = Vec::new();
            for (topic, class) in every_queue() {
                let name = self.core.settings.queue_name(topic, class);
                depths.push((topic, class, link.depth(&name).await?));
            }
            Ok::<_, QueueFault>(depths)
        };
        timeout(FIGURES_WAIT, ask).await.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn dead_letters(&self) -> Option<u64> {
        let link = self.core.present_link().ok()?;
        let name = self.core.settings.dead_name();
        timeout(FIGURES_WAIT, link.depth(&name)).await.ok()?.ok()
    }

    async fn close(&self) {
        self.core.closed.store(true, Ordering::Release);
        self.stop_supervisor().await;
        if let Some(link) = self.core.link.send_replace(None) {
            link.end().await;
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
