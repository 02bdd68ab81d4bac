//! The demo's machinery: an embedded store in a directory of its own, the engine, our hook, and
//! the practice gateway with its residents, each of the two HTTP sides on loopback. The codec and
//! the signatures are the real ones; only the people behind the numbers are not.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::plant::{self, Planted};
use super::{DemoArgs, GATEWAY_PER_SECOND, NIGHT_AT};
use crate::base::clock::CarriedClock;
use crate::base::entropy::Entropy;
use crate::base::seal::Sealer;
use crate::channel::http::{HttpLimits, HttpTransport};
use crate::channel::twilio::{Twilio, TwilioSettings};
use crate::domain::lane::{Lane, Realm};
use crate::domain::plan::Plans;
use crate::engine::pump::{self, Pulse, Roles};
use crate::engine::{Engine, EngineParts, EngineSettings, Gateway};
use crate::practice::gateway::{DeadNumbers, GatewaySettings, GatewaySim, Vices};
use crate::practice::gateway_serve::{self, Face};
use crate::practice::residents::{Shares, Town};
use crate::practice::roster::DEAD_ENDING;
use crate::queue::QueueSettings;
use crate::render::Messages;
use crate::store::{Store, migrate, view};
use crate::web::{self, WebSettings};

const ACCOUNT: &str = "ACdemo0123456789";
const NUMBER: &str = "+8612700000000";
const CALLS_OPEN: usize = 64;
/// How long the hook's last requests may take.
const WEB_DRAIN_MS: u64 = 2_000;

/// A directory that is gone when this is.
struct Scratch(PathBuf);

impl Scratch {
    fn open(entropy: &Entropy) -> anyhow::Result<Scratch> {
        let name = format!("tongluo-demo-{:x}", entropy.below(1 << 50));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Scratch(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is the temporary directory's to clean.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Everything of a demo, running.
pub struct Peers {
    pub engine: Arc<Engine>,
    pub gateway: Arc<GatewaySim>,
    pub town: Planted,
    end: watch::Sender<bool>,
    end_web: watch::Sender<bool>,
    pump: JoinHandle<()>,
    web: JoinHandle<()>,
    peer: JoinHandle<()>,
    _scratch: Scratch,
}

/// A town with its engine, not yet working: the story begins with [`Prepared::start`].
pub struct Prepared {
    store: Store,
    sealer: Sealer,
    entropy: Entropy,
    scratch: Scratch,
    pub town: Planted,
}

/// Opens the store and plants the town.
pub async fn prepare(args: &DemoArgs) -> anyhow::Result<Prepared> {
    let entropy = Entropy::system();
    let scratch = Scratch::open(&entropy)?;
    let url = format!("sqlite:{}", scratch.path().join("demo.db").display());
    let store = Store::open(&url, 8).await?;
    migrate::migrate(&store).await?;
    let sealer = Sealer::new(&entropy.bytes());
    let town = plant::plant(&store, &sealer, args.households, args.seed, NIGHT_AT).await?;
    Ok(Prepared { store, sealer, entropy, scratch, town })
}

fn installation(public_url: String) -> EngineSettings {
    EngineSettings {
        owner: "demo".into(),
        signature: "余姚市防指".into(),
        practice: true,
        thank_receipts: false,
        calls_open: CALLS_OPEN,
        shift_ends: vec![8 * 60, 20 * 60],
        public_url: Some(public_url),
    }
}

impl Prepared {
    /// Starts the peers and the pump; story time begins to run.
    pub async fn start(self, args: &DemoArgs) -> anyhow::Result<Peers> {
        let now_ms = view::now_ms(&self.store).await?;
        let clock = Arc::new(CarriedClock::new(now_ms, NIGHT_AT, args.speed));
        let ours = TcpListener::bind("127.0.0.1:0").await?;
        let theirs = TcpListener::bind("127.0.0.1:0").await?;
        let public_url = format!("http://{}", ours.local_addr()?);
        let hook_url = format!("{public_url}/hooks/practice");
        let base_url = format!("http://{}", theirs.local_addr()?);
        let token = Sealer::new(&self.entropy.bytes()).sign("demo");
        let transport = || HttpTransport::new(HttpLimits::default(), vec![token.clone()]);
        let settings = GatewaySettings {
            account_sid: ACCOUNT.into(),
            auth_token: token.clone(),
            number: NUMBER.into(),
            hook_url: hook_url.clone(),
            log_limit: 2_000_000,
        };
        let asleep: HashSet<String> = self.town.asleep.clone();
        let residents = Box::new(Town::new(args.seed, Shares::default(), asleep));
        let gateway = Arc::new(GatewaySim::new(settings, vices(args.seed), residents));
        let face = Face {
            gateway: gateway.clone(),
            clock: clock.clone(),
            speed: args.speed,
            transport: Arc::new(transport()?),
            hang_ms: 1_000,
        };
        let peer = tokio::spawn(serve_gateway(theirs, face));
        let provider = Twilio::new(&provider_settings(base_url, hook_url), &token)?;
        let engine = Engine::new(EngineParts {
            store: self.store,
            queue: crate::queue::connect(&QueueSettings::new("memory:")).await?,
            transport: Arc::new(transport()?),
            gateways: vec![Gateway {
                provider: Arc::new(provider),
                rate_per_second: Some(GATEWAY_PER_SECOND),
            }],
            sealer: self.sealer,
            clock,
            entropy: self.entropy,
            messages: Messages::embedded()?,
            plans: Plans::defaults().map_err(|faults| anyhow::anyhow!("plans: {faults:?}"))?,
            settings: installation(public_url),
        })?;
        let engine = Arc::new(engine);
        let pulse = Arc::new(Pulse::default());
        let (end, stop) = watch::channel(false);
        let (end_web, web_stop) = watch::channel(false);
        let routes = web::routes(engine.clone(), pulse.clone(), WebSettings::default(), &web_stop)?;
        let web = tokio::spawn(serve_hooks(ours, routes, web_stop));
        let roles = Roles { dispatch: true, clock: true };
        let pump = tokio::spawn(pump::run_with(engine.clone(), roles, pulse, stop));
        Ok(Peers {
            engine,
            gateway,
            town: self.town,
            end,
            end_web,
            pump,
            web,
            peer,
            _scratch: self.scratch,
        })
    }
}

async fn serve_gateway(listener: TcpListener, face: Face) {
    let served = gateway_serve::serve(listener, face, std::future::pending()).await;
    if let Err(fault) = served {
        tracing::error!(%fault, "the practice gateway ended");
    }
}

async fn serve_hooks(listener: TcpListener, routes: axum::Router, mut stop: watch::Receiver<bool>) {
    let done = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    if let Err(fault) = web::serve(listener, routes, done).await {
        tracing::error!(%fault, "the hook ended");
    }
}

impl Peers {
    /// Stops the pump, then the gateway, then our hook: afterwards nothing changes any more.
    pub async fn rest(&mut self) {
        let _ = self.end.send(true);
        let _ = (&mut self.pump).await;
        self.peer.abort();
        let _ = self.end_web.send(true);
        let wait = Duration::from_millis(WEB_DRAIN_MS);
        if tokio::time::timeout(wait, &mut self.web).await.is_err() {
            self.web.abort();
        }
    }
}

fn vices(seed: u64) -> Vices {
    Vices {
        latency_ms: (80, 400),
        receipt_missing: 0.02,
        receipt_doubled: 0.01,
        receipt_early: 0.02,
        receipt_late: 0.03,
        fail_5xx: 0.002,
        dead_numbers: DeadNumbers { endings: vec![DEAD_ENDING.into()], ..DeadNumbers::default() },
        seed,
        ..Vices::default()
    }
}

fn provider_settings(base_url: String, callback_url: String) -> TwilioSettings {
    TwilioSettings {
        name: "practice".into(),
        realm: Realm::Practice,
        lane: Lane::Sms,
        account_sid: ACCOUNT.into(),
        auth_token_file: None,
        auth_token_env: None,
        base_url,
        from: NUMBER.into(),
        callback_url,
        receipt_codes: BTreeMap::new(),
    }
}
