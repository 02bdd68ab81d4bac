//! `bench fanout`: one order to every household of a planted town, through the engine, the queue
//! and a gateway in another process; beside it what the machine itself allows. It measures and
//! reports; it changes nothing outside the schema, the queues and the file it makes for itself.

pub mod board;
mod floor;
mod ground;
mod plant;
pub mod sink;
pub mod viewers;

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde::Serialize;
use tokio::sync::watch;

use crate::base::clock::{CarriedClock, Clock, calendar_ms};
use crate::base::entropy::Entropy;
use crate::base::limits::CALLS_OPEN;
use crate::base::seal::Sealer;
use crate::channel::http::{HttpLimits, HttpTransport};
use crate::channel::registry::ProviderSettings;
use crate::channel::twilio::TwilioSettings;
use crate::channel::{CallFault, Message, Moment, Provider, Transport};
use crate::domain::access::Role;
use crate::domain::plan::Plans;
use crate::engine::issue::{Actor, OrderForm};
use crate::engine::pump::{self, Roles};
use crate::engine::{Engine, EngineParts, EngineSettings, Gateway};
use crate::queue::Queue;
use crate::render::{Messages, say_time};
use crate::store::{Store, bench as bare, migrate};

pub use floor::Floor;
use ground::Ground;
use sink::{ACCOUNT, SinkProcess, TOKEN};

const NUMBER: &str = "+8612700000000";
const CONNECTIONS: u32 = 16;
const HOUR_MS: i64 = 3_600_000;
/// Without a new outcome for so long, the run has failed.
const STUCK_MS: i64 = 120_000;
const POLL_MS: u64 = 10;
const HOUSEHOLDS_MOST: i64 = 10_000_000;

/// What to measure.
#[derive(Debug, Clone)]
pub struct FanoutArgs {
    pub households: i64,
    /// `postgres://…`; none: a SQLite file of its own.
    pub database: Option<String>,
    /// `amqp://…`; none: in this process.
    pub queue: Option<String>,
}

/// The figures of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub households: i64,
    pub store: &'static str,
    pub queue: &'static str,
    pub per_call: u32,
    /// Approval → the last grid expanded.
    pub expand_s: f64,
    /// Approval → the last outcome committed.
    pub total_s: f64,
    /// Approval → the first call to the gateway.
    pub first_send_ms: i64,
    /// The most memory this process had during the run, planting included.
    pub peak_rss_mb: f64,
    pub floor: Floor,
    /// total_s ÷ floor.pipeline_s.
    pub ratio: f64,
}

impl Report {
    /// For reading.
    pub fn text(&self) -> String {
        format!(
            "{} households, {} + {}: {:.2} s from approval to the last outcome ({:.2} s to expand, \
             first call after {} ms, {:.0} MB); raw pipeline {:.2} s, ratio {:.2}; \
             raw: {:.0} hints/s, {:.0} rows/s, {:.0} calls/s",
            self.households,
            self.store,
            self.queue,
            self.total_s,
            self.expand_s,
            self.first_send_ms,
            self.peak_rss_mb,
            self.floor.pipeline_s,
            self.ratio,
            self.floor.publish_per_s,
            self.floor.insert_per_s,
            self.floor.http_per_s
        )
    }
}

/// Plants, runs, measures the floors, and removes what it made.
pub async fn fanout(args: FanoutArgs) -> anyhow::Result<Report> {
    if !(1..=HOUSEHOLDS_MOST).contains(&args.households) {
        bail!("--households: 1 to {HOUSEHOLDS_MOST}");
    }
    let ground = Ground::new(&args).await?;
    let report = measure(&args, &ground).await;
    let removed = ground.remove().await;
    let report = report?;
    removed?;
    Ok(report)
}

/// The transport under test; it remembers when it was first asked.
struct Watched {
    inner: Arc<HttpTransport>,
    clock: Arc<CarriedClock>,
    first_ms: AtomicI64,
}

#[async_trait]
impl Transport for Watched {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        if self.first_ms.load(Ordering::Relaxed) == i64::MAX {
            let now = self.clock.machine_ms();
            self.first_ms.fetch_min(now, Ordering::Relaxed);
        }
        self.inner.call(request).await
    }
}

async fn measure(args: &FanoutArgs, ground: &Ground) -> anyhow::Result<Report> {
    let sealer = Sealer::new(&[7; 32]);
    let store = Store::open(&ground.database, CONNECTIONS).await?;
    migrate::migrate(&store).await?;
    plant::plant(&store, &sealer, args.households).await?;
    let sink = SinkProcess::start()?;
    let now_ms = calendar_ms();
    let clock = Arc::new(CarriedClock::new(now_ms, now_ms, 1.0));
    let provider = provider(&sink.url, "https://tongluo.example/hooks/bench")?;
    let transport = Arc::new(HttpTransport::new(HttpLimits::default(), vec![TOKEN.into()])?);
    let watched = Arc::new(Watched {
        inner: transport.clone(),
        clock: clock.clone(),
        first_ms: AtomicI64::new(i64::MAX),
    });
    let engine = Arc::new(engine(
        store,
        ground.connect().await?,
        watched.clone(),
        provider.clone(),
        sealer,
        clock.clone(),
    )?);
    let ran = run(&engine, args.households).await?;
    let first_ms = watched.first_ms.load(Ordering::Relaxed);
    let peak_rss_mb = peak_rss_mb();
    let engine = Arc::into_inner(engine).context("a task of the pump is still running")?;
    let message = Message {
        to: NUMBER.into(),
        text: sample_text(),
        reference: "b1000.1000.0123456789ab".into(),
    };
    let bare = Arc::new(floor::Bare {
        store: Arc::new(engine.store),
        queue: ground.connect().await?,
        transport,
        request: provider
            .http()
            .context("a gateway without HTTP")?
            .request(&[message], Moment { now_ms: 0, nonce: 0 })?,
        clock,
    });
    let floor = bare.measure(args.households).await;
    bare.queue.close().await;
    bare.store.close().await;
    let floor = floor?;
    Ok(Report {
        households: args.households,
        store: ground.store_word(),
        queue: ground.queue_word(),
        per_call: 1,
        expand_s: ran.expand_s,
        total_s: ran.total_s,
        first_send_ms: first_ms - ran.began_ms,
        peak_rss_mb,
        floor,
        ratio: ran.total_s / floor.pipeline_s,
    })
}

/// As long as the order's own text.
fn sample_text() -> String {
    "【余姚市防指】".to_owned() + &"请立即转移到四明小学，收到请回复。".repeat(5)
}

/// A gateway's codec; `hook`: where its callbacks come to.
fn provider(url: &str, hook: &str) -> anyhow::Result<Arc<Provider>> {
    let account = TwilioSettings::practice(ACCOUNT, NUMBER, url, hook);
    let settings = TwilioSettings { name: "bench".into(), ..account };
    Ok(Arc::new(ProviderSettings::Twilio(settings).open(&[("auth_token", TOKEN)])?))
}

fn engine(
    store: Store,
    queue: Arc<dyn Queue>,
    transport: Arc<dyn Transport>,
    provider: Arc<Provider>,
    sealer: Sealer,
    clock: Arc<CarriedClock>,
) -> anyhow::Result<Engine> {
    let plans = Plans::defaults().map_err(|faults| anyhow::anyhow!("plans: {faults:?}"))?;
    Ok(Engine::new(EngineParts {
        store,
        queue,
        transport,
        gateways: vec![Gateway { provider, rate_per_second: None }],
        sealer,
        clock,
        entropy: Entropy::seeded(7),
        messages: Messages::embedded()?,
        plans,
        settings: EngineSettings {
            owner: format!("bench-{}", std::process::id()),
            signature: "余姚市防指".into(),
            practice: true,
            thank_receipts: false,
            calls_open: CALLS_OPEN,
            shift_ends: vec![8 * 60, 20 * 60],
            public_url: None,
        },
    })?)
}

struct Ran {
    began_ms: i64,
    expand_s: f64,
    total_s: f64,
}

/// Drafts, submits, approves, and waits for the last outcome.
async fn run(engine: &Arc<Engine>, households: i64) -> anyhow::Result<Ran> {
    let (stop, stopped) = watch::channel(false);
    let roles = Roles { dispatch: true, clock: false };
    let pump = tokio::spawn(pump::run(engine.clone(), roles, stopped));
    let actor = |id: i64, name: &str, role: Role| Actor {
        account_id: id,
        name: name.into(),
        rights: vec![(role, 1)],
    };
    let (author, approver) = (actor(1, "陈制作", Role::Author), actor(2, "李签发", Role::Approver));
    let uid = engine.draft(&author, &form(engine)).await?;
    engine.submit(&author, &uid).await?;
    let began_ms = engine.clock.machine_ms();
    engine.approve(&approver, &uid, false).await?;
    let waited = wait(engine, began_ms, households).await;
    let _ = stop.send(true);
    pump.await.context("the pump broke")?;
    waited
}

async fn wait(engine: &Engine, began_ms: i64, households: i64) -> anyhow::Result<Ran> {
    let since = |ms: i64| (ms - began_ms) as f64 / 1_000.0;
    let mut expanded_ms = None;
    let (mut seen, mut seen_ms) = (0, began_ms);
    loop {
        pause().await;
        let now = engine.clock.machine_ms();
        if expanded_ms.is_none() {
            if bare::is_expanding(&engine.store).await? {
                continue;
            }
            expanded_ms = Some(now);
        }
        if !bare::is_sending(&engine.store).await? {
            let taken = bare::taken(&engine.store).await?;
            if taken != households {
                bail!("{taken} of {households} households have an accepted message, none is open");
            }
            return Ok(Ran {
                began_ms,
                expand_s: since(expanded_ms.unwrap_or(now)),
                total_s: since(now),
            });
        }
        if now - seen_ms > STUCK_MS {
            let outcomes = bare::outcomes(&engine.store).await?;
            if outcomes == seen {
                bail!("stuck at {outcomes} outcomes");
            }
            (seen, seen_ms) = (outcomes, now);
        }
    }
}

async fn pause() {
    let _ = tokio::time::timeout(Duration::from_millis(POLL_MS), future::pending::<()>()).await;
}

/// 转移指令 for the whole county; ring 3 is told, rings 1 and 2 are pursued.
fn form(engine: &Engine) -> OrderForm {
    let now = engine.clock.story_ms();
    let act_by = now + 5 * HOUR_MS;
    let templates = engine.messages.templates();
    let known = templates.iter().find(|t| t.name == "move_order");
    let vars = known.map(|t| {
        t.variables
            .iter()
            .filter(|v| v.required)
            .map(|v| match v.name {
                "by" => (v.name.to_string(), say_time(act_by, now)),
                _ => (v.name.to_string(), v.sample.to_string()),
            })
            .collect()
    });
    OrderForm {
        origin: "own".into(),
        kind: "live".into(),
        hazard: "flood".into(),
        title: "转移指令".into(),
        issuer: "余姚市防指".into(),
        template: "move_order".into(),
        vars: vars.unwrap_or_default(),
        urgency: Some("flash".into()),
        act_by: Some(act_by),
        places: vec!["p1".into()],
        ..OrderForm::default()
    }
}

/// The high-water mark of this process's memory; 0 where the system does not tell.
fn peak_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb: Option<f64> = line.and_then(|l| l.trim().trim_end_matches(" kB").trim().parse().ok());
    kb.unwrap_or(0.0) / 1_024.0
}
