//! The demo's machinery: an embedded store in a directory of its own, the engine, our hook, and
//! the practice gateway with its residents, each of the two HTTP sides on loopback. The codec and
//! the signatures are the real ones; only the people behind the numbers are not.
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::clock::StoryClock;
use super::entry::{self, Entry};
use super::plant::{self, Planted};
use super::{DemoArgs, MINUTE_MS, NIGHT_AT, gateway_per_second};
use crate::base::entropy::Entropy;
use crate::base::seal::Sealer;
use crate::channel::http::{HttpLimits, HttpTransport};
use crate::channel::registry::ProviderSettings;
use crate::channel::twilio::TwilioSettings;
use crate::channel::{CallFault, Transport};
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
use crate::web::{self, Patience, WebSettings};

const ACCOUNT: &str = "ACdemo0123456789";
const NUMBER: &str = "+8612700000000";
const CALLS_OPEN: usize = 64;
/// Where the pages are, and how many ports after it are tried.
const PORT: u16 = 8600;
const PORTS: u16 = 20;
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
    pub clock: Arc<StoryClock>,
    pub entry: Arc<Entry>,
    /// The address of our pages.
    pub url: String,
    /// Set where the usual port was taken.
    pub other_port: bool,
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
        let clock = Arc::new(StoryClock::new(now_ms, NIGHT_AT - MINUTE_MS, args.speed));
        let ours = listen().await?;
        let theirs = TcpListener::bind("127.0.0.1:0").await?;
        let public_url = format!("http://{}", ours.local_addr()?);
        let hook_url = format!("{public_url}/hooks/practice");
        let base_url = format!("http://{}", theirs.local_addr()?);
        let token = Sealer::new(&self.entropy.bytes()).sign("demo");
        let transport =
            || HttpTransport::new(HttpLimits::default(), vec![token.clone()]).map(LoopbackOnly);
        let gateway = Arc::new(practice_gateway(&self.town, args.seed, &token, &hook_url));
        let face = Face {
            gateway: gateway.clone(),
            clock: clock.clone(),
            speed: args.speed,
            transport: Arc::new(transport()?),
            hang_ms: 1_000,
        };
        let peer = tokio::spawn(serve_gateway(theirs, face));
        let account = TwilioSettings::practice(ACCOUNT, NUMBER, &base_url, &hook_url);
        let provider = ProviderSettings::Twilio(account).open(&[("auth_token", &token)])?;
        let engine = Engine::new(EngineParts {
            store: self.store,
            queue: crate::queue::connect(&QueueSettings::new("memory:")).await?,
            transport: Arc::new(transport()?),
            gateways: vec![Gateway {
                provider: Arc::new(provider),
                rate_per_second: Some(gateway_per_second(args.households)),
            }],
            sealer: self.sealer,
            clock: clock.clone(),
            entropy: self.entropy,
            messages: Messages::embedded()?,
            plans: Plans::defaults().map_err(|faults| anyhow::anyhow!("plans: {faults:?}"))?,
            settings: installation(public_url.clone()),
        })?;
        let engine = Arc::new(engine);
        let pulse = Arc::new(Pulse::default());
        let (end, stop) = watch::channel(false);
        let (end_web, web_stop) = watch::channel(false);
        let routes = web::routes(engine.clone(), pulse.clone(), WebSettings::default(), &web_stop)?;
        let code: [u8; 12] = engine.entropy.bytes();
        let entry = Arc::new(Entry::new(code.iter().map(|b| format!("{b:02x}")).collect()));
        let routes = routes.merge(entry::routes(entry.clone(), engine.clone()));
        let web = tokio::spawn(serve_hooks(ours, routes, web_stop));
        let roles = Roles { dispatch: true, clock: true };
        let pump = tokio::spawn(pump::run_with(engine.clone(), roles, pulse, stop));
        Ok(Peers {
            engine,
            gateway,
            town: self.town,
            clock,
            entry,
            other_port: !public_url.ends_with(&format!(":{PORT}")),
            url: public_url,
            end,
            end_web,
            pump,
            web,
            peer,
            _scratch: self.scratch,
        })
    }
}

fn practice_gateway(planted: &Planted, seed: u64, token: &str, hook_url: &str) -> GatewaySim {
    let settings = GatewaySettings {
        account_sid: ACCOUNT.into(),
        auth_token: token.into(),
        number: NUMBER.into(),
        hook_url: hook_url.into(),
        log_limit: 2_000_000,
    };
    let town = Town::new(seed, Shares::default(), planted.asleep.clone());
    GatewaySim::new(settings, vices(seed), Box::new(planted.cast.play(town)))
}

/// The usual port, else the next that is free, else any.
async fn listen() -> anyhow::Result<TcpListener> {
    for port in (PORT..PORT + PORTS).chain([0]) {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return Ok(listener);
        }
    }
    anyhow::bail!("127.0.0.1 上没有空闲的端口")
}

/// A demo calls nobody beyond this machine, whatever a message or a setting says.
struct LoopbackOnly<T>(T);

#[async_trait]
impl<T: Transport> Transport for LoopbackOnly<T> {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        let host = request.uri().host().and_then(|host| host.parse::<Ipv4Addr>().ok());
        if !host.is_some_and(|host| host.is_loopback()) {
            return Err(CallFault::NotSent("a demo reaches nothing beyond this machine".into()));
        }
        self.0.call(request).await
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
    web::serve(listener, routes, Patience::default(), done).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Far;

    #[async_trait]
    impl Transport for Far {
        async fn call(&self, _: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
            Ok(Response::new(Bytes::new()))
        }
    }

    #[tokio::test]
    async fn nothing_beyond_this_machine_is_reached() {
        let line = LoopbackOnly(Far);
        let to = |url: &str| Request::get(url).body(Bytes::new()).unwrap();
        assert!(line.call(to("http://127.0.0.1:8700/x")).await.is_ok());
        for url in
            ["https://api.twilio.com/x", "http://localhost/x", "http://10.0.0.1/", "http://[::2]/"]
        {
            let fault = line.call(to(url)).await;
            assert!(matches!(fault, Err(CallFault::NotSent(_))), "{url}");
        }
    }
}
