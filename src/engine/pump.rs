//! The pump: drives the steps in production. It feeds, works, renews, fires, audits and chains,
//! each in a task of its own; what panics is restarted and logged. It decides nothing: the steps
//! do, and stories drive them by hand.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::chain::{self, Chained};
use super::feed::EXPANSIONS_TOGETHER;
use super::{Engine, EngineFault};
use crate::base::limits::WINDOW_HINTS;
use crate::domain::lane::{Class, Lane};
use crate::queue::{Delivery, Hint, Liveness, QueueFault, QueueHealth, Topic};
use crate::store::lease::Held;
use crate::store::{lease, timer, view};

/// Batches in flight in one process, of each class: database work overlaps with calls.
const BATCHES_OPEN: usize = 8;
const BATCHES_OPEN_ROUTINE: usize = 4;
/// Hints of batches taken together: small ones of an order share their looks at the store.
const SENDS_TOGETHER: usize = 8;
const EXPANDERS: usize = 2;
const RECEIVE_WAIT_MS: u64 = 250;
const FEED_BUSY_MS: u64 = 10;
const FEED_IDLE_MS: u64 = 100;
const FIRE_EVERY_MS: u64 = 200;
const CHAIN_EVERY_MS: u64 = 500;
const RENEW_EVERY_MS: u64 = 10_000;
const AUDIT_EVERY_MS: i64 = 60_000;
/// With story time scaled, an audit is not due more often than this of real time.
const AUDIT_REST_MS: i64 = 2_000;
pub(super) const CLOCK_LEASE: &str = "clock";
const CLOCK_LEASE_MS: i64 = 15_000;
/// How long chunks in flight may take after the stop.
const DRAIN_MS: u64 = 10_000;
const BACKOFF_MS: u64 = 50;
const BACKOFF_MOST_MS: u64 = 2_000;
/// Tries of one hint before its row is left to the feeder again.
const TRIES: u32 = 8;

/// What this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Expands, feeds and sends.
    pub dispatch: bool,
    /// Fires timers, audits and chains, where it gets the lease.
    pub clock: bool,
}

/// What `/readyz` and the board show of a pump.
#[derive(Debug, Default)]
pub struct Pulse {
    /// Steps run again: a deadlock, a lost connection, a broker away.
    pub again: AtomicU64,
    /// Steps that failed for good or panicked; each is in the log.
    pub failed: AtomicU64,
    /// Hints worked from the store, past a silent broker.
    pub direct: AtomicU64,
    /// Machine time of the feeder's last good round; 0 before the first.
    pub fed_at: AtomicI64,
    /// The clocks disagree: dispatch nothing, be red.
    pub hold: AtomicBool,
}

/// How many of this process's consumers are being served.
pub fn consumers_alive(health: &QueueHealth) -> usize {
    let alive = |c: &&crate::queue::ConsumerHealth| c.liveness == Liveness::Alive;
    health.consumers.iter().filter(alive).count()
}

type Stop = watch::Receiver<bool>;

/// Runs until `stop` says true, then finishes what is in flight (bounded) and closes the queue.
pub async fn run(engine: Arc<Engine>, roles: Roles, stop: Stop) {
    run_with(engine, roles, Arc::new(Pulse::default()), stop).await;
}

/// The same with a pulse that others can feel.
pub async fn run_with(engine: Arc<Engine>, roles: Roles, pulse: Arc<Pulse>, stop: Stop) {
    let pump = Pump { engine: engine.clone(), pulse, stop: stop.clone() };
    let mut tasks = JoinSet::new();
    if roles.dispatch {
        pump.dispatch(&mut tasks);
    }
    if roles.clock {
        pump.keep(&mut tasks, "fire", Pump::fire);
        pump.keep(&mut tasks, "chain", Pump::chain);
    }
    stopped(stop.clone()).await;
    let drained = async { while tasks.join_next().await.is_some() {} };
    let wait = Duration::from_millis(DRAIN_MS);
    if tokio::time::timeout(wait, drained).await.is_err() {
        tracing::warn!("chunks in flight were cut off; their leases run out by themselves");
        tasks.shutdown().await;
    }
    if let Err(fault) = lease::release_all(&engine.store, &engine.settings.owner).await {
        tracing::debug!(%fault, "the leases of timers and journal run out by themselves");
    }
    engine.queue.close().await;
}

/// Returns once the stop was given, or its giver is gone.
pub(super) async fn stopped(mut stop: Stop) {
    let _ = stop.wait_for(|stop| *stop).await;
}

#[derive(Clone)]
struct Pump {
    engine: Arc<Engine>,
    pulse: Arc<Pulse>,
    stop: Stop,
}

impl Pump {
    fn dispatch(&self, tasks: &mut JoinSet<()>) {
        let (give, take) = mpsc::channel::<Hint>(usize::try_from(WINDOW_HINTS).unwrap_or(1_000));
        let take = Arc::new(tokio::sync::Mutex::new(take));
        self.keep(tasks, "feed", move |pump| pump.feed(give.clone()));
        for _ in 0..BATCHES_OPEN {
            let take = take.clone();
            self.keep(tasks, "direct", move |pump| pump.work_direct(take.clone()));
        }
        self.keep(tasks, "renew", Pump::renew);
        let mut topics = vec![(Topic::Expand, Class::Flash, EXPANDERS)];
        topics.push((Topic::Expand, Class::Routine, 1));
        for lane in [Lane::Sms, Lane::Voice, Lane::Wechat] {
            if self.engine.gateways.iter().any(|g| g.provider.lane() == lane) {
                topics.push((Topic::Send(lane), Class::Flash, BATCHES_OPEN));
                topics.push((Topic::Send(lane), Class::Routine, BATCHES_OPEN_ROUTINE));
            }
        }
        for class in [Class::Flash, Class::Routine] {
            topics.push((Topic::Notice, class, 1));
        }
        for (topic, class, workers) in topics {
            for _ in 0..workers {
                self.keep(tasks, "work", move |pump| pump.receive(topic, class));
            }
        }
    }

    /// Runs a loop until the stop; one that panics is logged and begun again.
    fn keep<F, Fut>(&self, tasks: &mut JoinSet<()>, name: &'static str, make: F)
    where
        F: Fn(Pump) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let pump = self.clone();
        tasks.spawn(async move {
            while !pump.is_stopped() {
                let mut inner = JoinSet::new();
                inner.spawn(make(pump.clone()));
                if let Some(Err(fault)) = inner.join_next().await {
                    pump.pulse.failed.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(task = name, %fault, "a task of the pump broke: again");
                }
                // Also for one that ended by itself, as when the queue was closed under it.
                pump.pause(BACKOFF_MOST_MS).await;
            }
        });
    }

    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    fn is_held(&self) -> bool {
        self.pulse.hold.load(Ordering::Relaxed)
    }

    /// Waits, or less where the stop comes.
    async fn pause(&self, ms: u64) {
        let _ = tokio::time::timeout(Duration::from_millis(ms), stopped(self.stop.clone())).await;
    }

    /// Counts a fault and waits before the next try: longer each time, and never in step with
    /// other processes.
    async fn backoff(&self, step: &str, turn: u32, fault: &EngineFault) {
        let wait_ms = (BACKOFF_MS << turn.min(6)).min(BACKOFF_MOST_MS);
        if fault.is_again() {
            self.pulse.again.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(step, turn, %fault, "again");
        } else {
            self.pulse.failed.fetch_add(1, Ordering::Relaxed);
            tracing::error!(step, %fault, "a step failed");
        }
        let wait_ms = self.engine.entropy.jitter(i64::try_from(wait_ms).unwrap_or(0));
        self.pause(u64::try_from(wait_ms).unwrap_or(BACKOFF_MS)).await;
    }

    async fn feed(self, direct: mpsc::Sender<Hint>) {
        let mut turn = 0;
        while !self.is_stopped() {
            if self.is_held() {
                self.pause(FIRE_EVERY_MS).await;
                continue;
            }
            match self.engine.feed_once().await {
                Ok(fed) => {
                    turn = 0;
                    let now = self.engine.clock.machine_ms();
                    self.pulse.fed_at.store(now, Ordering::Relaxed);
                    let busy = fed.hinted + fed.direct.len() > 0;
                    for hint in fed.direct {
                        self.pulse.direct.fetch_add(1, Ordering::Relaxed);
                        tokio::select! {
                            sent = direct.send(hint) => if sent.is_err() { return },
                            () = stopped(self.stop.clone()) => return,
                        }
                    }
                    self.pause(if busy { FEED_BUSY_MS } else { FEED_IDLE_MS }).await;
                }
                Err(fault) => {
                    self.backoff("feed", turn, &fault).await;
                    turn += 1;
                }
            }
        }
    }

    async fn work_direct(self, hints: Arc<tokio::sync::Mutex<mpsc::Receiver<Hint>>>) {
        while !self.is_stopped() {
            let next = async { hints.lock().await.recv().await };
            let hint = tokio::select! {
                hint = next => hint,
                () = stopped(self.stop.clone()) => None,
            };
            let Some(hint) = hint else { return };
            self.work(hint.topic, vec![hint.id]).await;
        }
    }

    /// The one place that receives and settles.
    async fn receive(self, topic: Topic, class: Class) {
        let most = match topic {
            Topic::Expand => EXPANSIONS_TOGETHER,
            Topic::Send(_) => SENDS_TOGETHER,
            Topic::Notice => 1,
        };
        let mut turn = 0;
        while !self.is_stopped() {
            if self.is_held() {
                self.pause(FIRE_EVERY_MS).await;
                continue;
            }
            let queue = &self.engine.queue;
            let got: Vec<Delivery> = match queue.receive(topic, class, most, RECEIVE_WAIT_MS).await
            {
                Ok(got) => got,
                Err(QueueFault::Closed) => return,
                Err(QueueFault::NotConsumed { topic }) => {
                    tracing::error!(%topic, "not consumed by this process: see queue.consume");
                    return stopped(self.stop.clone()).await;
                }
                Err(fault) => {
                    self.backoff("receive", turn, &EngineFault::Queue(fault)).await;
                    turn += 1;
                    continue;
                }
            };
            turn = 0;
            if got.is_empty() {
                continue;
            }
            self.work(topic, got.iter().map(|d| d.hint.id).collect()).await;
            if let Err(fault) = queue.settle(got).await {
                tracing::debug!(%fault, "hints not settled: they come again, without harm");
            }
        }
    }

    /// Works rows until they are done or broke off; then they are the feeder's again.
    async fn work(&self, topic: Topic, ids: Vec<i64>) {
        for turn in 0..TRIES {
            let engine = self.engine.clone();
            let rows = ids.clone();
            let mut step = JoinSet::new();
            step.spawn(async move {
                match topic {
                    Topic::Expand => engine.expand_once(&rows).await.map(drop),
                    Topic::Send(_) | Topic::Notice => engine.send_once(&rows).await.map(drop),
                }
            });
            let fault = match step.join_next().await {
                Some(Ok(Ok(()))) | None => return,
                Some(Ok(Err(fault))) => fault,
                Some(Err(broken)) => {
                    EngineFault::Refused(format!("a step of {topic} broke: {broken}"))
                }
            };
            self.backoff(topic.word(), turn, &fault).await;
            self.let_go(topic, &ids).await;
            if !fault.is_again() {
                return;
            }
        }
    }

    async fn let_go(&self, topic: Topic, ids: &[i64]) {
        let store = &self.engine.store;
        let freed = match topic {
            Topic::Expand => view::unhint_expansions(store, ids).await,
            Topic::Send(_) | Topic::Notice => {
                view::let_go(store, ids, &self.engine.settings.owner).await
            }
        };
        if let Err(fault) = freed {
            tracing::warn!(%fault, ?ids, "leases not given back: they are tried again");
        }
    }

    async fn renew(self) {
        while !self.is_stopped() {
            match self.engine.renew_leases().await {
                Ok(_) => self.pause(RENEW_EVERY_MS).await,
                Err(fault) => self.backoff("renew", 0, &fault).await,
            }
        }
    }

    async fn fire(self) {
        let mut held: Option<(Held, i64)> = None;
        let mut audited = (i64::MIN, i64::MIN);
        let mut turn = 0;
        while !self.is_stopped() {
            match self.fire_round(&mut held, &mut audited).await {
                Ok(true) => turn = 0,
                Ok(false) => {
                    turn = 0;
                    self.pause(FIRE_EVERY_MS).await;
                }
                Err(fault) => {
                    held = None;
                    self.backoff("fire", turn, &fault).await;
                    turn += 1;
                }
            }
        }
    }

    /// One look at the timers; true where there may be more at once.
    async fn fire_round(
        &self,
        held: &mut Option<(Held, i64)>,
        audited: &mut (i64, i64),
    ) -> Result<bool, EngineFault> {
        let engine = &self.engine;
        let machine = engine.clock.machine_ms();
        if held.as_ref().is_none_or(|(_, until)| machine > until - CLOCK_LEASE_MS / 2) {
            let owner = &engine.settings.owner;
            let taken =
                lease::take(&engine.store, CLOCK_LEASE, owner, machine, CLOCK_LEASE_MS).await?;
            *held = taken.map(|taken| (taken, machine + CLOCK_LEASE_MS));
        }
        if held.is_none() || self.is_held() {
            return Ok(false);
        }
        let story = engine.clock.story_ms();
        let due = timer::next_due_at(&engine.store).await?;
        let fired = match due {
            Some(due) if due <= story => engine.fire_due().await?,
            Some(_) | None => 0,
        };
        let rested = machine.saturating_sub(audited.1) >= AUDIT_REST_MS;
        if rested && story.saturating_sub(audited.0) >= AUDIT_EVERY_MS {
            *audited = (story, machine);
            engine.audit_once().await?;
        }
        Ok(fired > 0)
    }

    async fn chain(self) {
        let mut turn = 0;
        while !self.is_stopped() {
            let engine = &self.engine;
            let machine = engine.clock.machine_ms();
            match chain::chain_once(&engine.store, &engine.settings.owner, machine).await {
                Ok(Chained::Linked { more: true, .. }) => turn = 0,
                Ok(Chained::Linked { more: false, .. } | Chained::Idle | Chained::Elsewhere) => {
                    turn = 0;
                    self.pause(CHAIN_EVERY_MS).await;
                }
                Err(fault) => {
                    self.backoff("chain", turn, &fault.into()).await;
                    turn += 1;
                }
            }
        }
    }
}
