//! `bench board`: what watched boards cost while a town answers. One order on an embedded store,
//! replies by a gateway's signed callbacks over the hook at a steady pace, first with nobody
//! watching, then with browsers in another process, each listening and fetching as the board's
//! script does. Processor time of this process is counted, so that other work on the machine
//! changes nothing. What the boards cost is the difference.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::ground::Ground;
use super::sink::{ACCOUNT, SinkProcess, TOKEN};
use super::viewers::ViewersProcess;
use super::{CONNECTIONS, FanoutArgs, NUMBER, engine, form, plant, provider, wait};
use crate::base::clock::{CarriedClock, Clock, calendar_ms};
use crate::base::phone::Phone;
use crate::base::seal::Sealer;
use crate::channel::Transport;
use crate::channel::http::{HttpLimits, HttpTransport};
use crate::domain::access::Role;
use crate::engine::Engine;
use crate::engine::accounts::{By, RoleAsked};
use crate::engine::issue::Actor;
use crate::engine::pump::{self, Pulse, Roles};
use crate::engine::signin::{Caller, SignIn};
use crate::practice::gateway::{GatewaySettings, GatewaySim, Vices};
use crate::practice::residents::Silent;
use crate::store::{Store, custody, migrate, order};
use crate::web::{self, Patience, WebSettings};

const VIEWER: &str = "大屏";
const PASSWORD: &str = "bench: a password of a measurement";
/// Replies are sent so often, some at a time, as gateways do.
const BEAT_MS: u64 = 250;
const MINUTE_MS: u64 = 60_000;
/// Linux counts processor time in hundredths of a second.
const TICK_S: f64 = 0.01;
const VIEWERS_MOST: u32 = 16;

/// What to measure.
#[derive(Debug, Clone)]
pub struct BoardArgs {
    pub households: i64,
    pub answers_per_minute: u64,
    pub viewers: u32,
    /// Length of each of the two parts, in seconds.
    pub seconds: u64,
}

/// The figures of one run.
#[derive(Debug, Clone, Serialize)]
pub struct BoardReport {
    pub households: i64,
    pub viewers: u32,
    pub seconds_each: u64,
    /// Replies that the hook took, by part: nobody watching, watched.
    pub answers: [u64; 2],
    /// Households whose answer stands in the tallies at the end.
    pub heard: i64,
    /// Processor time of the whole process, by part.
    pub cpu_s: [f64; 2],
    /// Of one core, in percent, by part.
    pub process_percent: [f64; 2],
    /// The difference: what the boards cost, in percent of a core.
    pub boards_percent: f64,
    /// Fragments that the browsers fetched, and "changed" that they were told.
    pub fetches: u64,
    pub told: u64,
    pub largest_fragment_bytes: u64,
    pub page_bytes: u64,
}

impl BoardReport {
    /// For reading.
    pub fn text(&self) -> String {
        format!(
            "{} households, {} and {} answers in {} s each, {} browsers ({} fetches): \
             boards {:.1} % of a core ({:.1} % without, {:.1} % with); page {} bytes, \
             fragment up to {} bytes",
            self.households,
            self.answers[0],
            self.answers[1],
            self.seconds_each,
            self.viewers,
            self.fetches,
            self.boards_percent,
            self.process_percent[0],
            self.process_percent[1],
            self.page_bytes,
            self.largest_fragment_bytes
        )
    }
}

/// Plants, releases an order, measures both parts, and removes what it made.
///
/// # Errors
/// Figures out of bounds, a machine without `/proc`, an answer that was not taken.
pub async fn board(args: BoardArgs) -> anyhow::Result<BoardReport> {
    let needs = 2 * args.answers_per_minute * args.seconds / 60;
    if !(1..=VIEWERS_MOST).contains(&args.viewers) || !(1..=3_600).contains(&args.seconds) {
        bail!("--viewers: 1 to {VIEWERS_MOST}; --seconds: 1 to 3600");
    }
    if args.households < 1 || u64::try_from(args.households)? < needs {
        bail!("--households: at least {needs}, since each answers once");
    }
    let town = FanoutArgs { households: args.households, database: None, queue: None };
    let ground = Ground::new(&town).await?;
    let report = measure(&args, &ground).await;
    let removed = ground.remove().await;
    let report = report?;
    removed?;
    Ok(report)
}

/// The office under test, serving.
struct Office {
    engine: Arc<Engine>,
    url: String,
    end: watch::Sender<bool>,
    pump: tokio::task::JoinHandle<()>,
    web: tokio::task::JoinHandle<()>,
}

impl Office {
    async fn open(ground: &Ground, sink: &SinkProcess, households: i64) -> anyhow::Result<Office> {
        let sealer = Sealer::new(&[7; 32]);
        let store = Store::open(&ground.database, CONNECTIONS).await?;
        migrate::migrate(&store).await?;
        plant::plant(&store, &sealer, households).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let now_ms = calendar_ms();
        let clock = Arc::new(CarriedClock::new(now_ms, now_ms, 1.0));
        let transport = Arc::new(HttpTransport::new(HttpLimits::default(), vec![TOKEN.into()])?);
        let provider = provider(&sink.url, &hook(&url))?;
        let queue = ground.connect().await?;
        let engine = Arc::new(engine(store, queue, transport, provider, sealer, clock)?);
        let pulse = Arc::new(Pulse::default());
        let (end, stop) = watch::channel(false);
        let routes = web::routes(engine.clone(), pulse.clone(), WebSettings::default(), &stop)?;
        let mut told = stop.clone();
        let done = async move {
            let _ = told.wait_for(|stop| *stop).await;
        };
        let web = tokio::spawn(web::serve(listener, routes, Patience::default(), done));
        let roles = Roles { dispatch: true, clock: true };
        let pump = tokio::spawn(pump::run_with(engine.clone(), roles, pulse, stop));
        Ok(Office { engine, url, end, pump, web })
    }

    /// Writes, signs and sends the order; gives its outside and inside ids.
    async fn release(&self, households: i64) -> anyhow::Result<(String, i64)> {
        let engine = &self.engine;
        let uid = engine.draft(&actor(1, "陈制作", Role::Author), &form(engine)).await?;
        engine.submit(&actor(1, "陈制作", Role::Author), &uid).await?;
        let began_ms = engine.clock.machine_ms();
        engine.approve(&actor(2, "李签发", Role::Approver), &uid, false).await?;
        wait(engine, began_ms, households).await?;
        let row = order::by_uid(&engine.store, &uid).await?.context("the order is gone")?;
        Ok((uid, row.id))
    }

    /// The cookies of as many browsers.
    async fn cookies(&self, viewers: u32) -> anyhow::Result<Vec<String>> {
        let role = RoleAsked { role: Role::Viewer, place: "p1".into() };
        let admin = actor(1, "陈制作", Role::Admin);
        let by = By::Actor(&admin);
        self.engine.add_account(by, VIEWER, &[role], Some(PASSWORD)).await?;
        let mut cookies = Vec::new();
        for _ in 0..viewers {
            let caller =
                Caller { name: VIEWER, password: PASSWORD, source: "127.0.0.1", device: None };
            let SignIn::Opened(value) = self.engine.sign_in(caller).await? else {
                bail!("a browser was not signed in");
            };
            let line = web::session_cookie(&WebSettings::default(), &value);
            let line = line.context("a session without a cookie")?;
            let (pair, _) = line.to_str()?.split_once(';').context("a cookie without a name")?;
            cookies.push(pair.to_owned());
        }
        Ok(cookies)
    }

    async fn close(self) {
        let _ = self.end.send(true);
        let _ = self.pump.await;
        let wait = Duration::from_secs(5);
        let mut web = self.web;
        if tokio::time::timeout(wait, &mut web).await.is_err() {
            web.abort();
        }
        self.engine.store.close().await;
    }
}

fn hook(url: &str) -> String {
    format!("{url}/hooks/bench")
}

fn actor(id: i64, name: &str, role: Role) -> Actor {
    Actor { account_id: id, name: name.into(), rights: vec![(role, 1)] }
}

async fn measure(args: &BoardArgs, ground: &Ground) -> anyhow::Result<BoardReport> {
    let sink = SinkProcess::start()?;
    let office = Office::open(ground, &sink, args.households).await?;
    let measured = both_parts(args, &office).await;
    office.close().await;
    measured
}

async fn both_parts(args: &BoardArgs, office: &Office) -> anyhow::Result<BoardReport> {
    let (uid, alert) = office.release(args.households).await?;
    let cookies = office.cookies(args.viewers).await?;
    let town = Town::new(&office.url)?;
    let mut cpu_s = [0.0; 2];
    let mut answers = [0; 2];
    (answers[0], cpu_s[0]) = town.answer(args).await?;
    let viewers = ViewersProcess::start(&office.url, &uid, &cookies)?;
    let measured = town.answer(args).await;
    let seen = viewers.end()?;
    (answers[1], cpu_s[1]) = measured?;
    let heard = custody::tallied(&office.engine.store, alert).await?.3;
    let percent = |cpu_s: f64| cpu_s / args.seconds as f64 * 100.0;
    Ok(BoardReport {
        households: args.households,
        viewers: args.viewers,
        seconds_each: args.seconds,
        answers,
        heard,
        cpu_s,
        process_percent: cpu_s.map(percent),
        boards_percent: percent(cpu_s[1] - cpu_s[0]),
        fetches: seen.fetches,
        told: seen.told,
        largest_fragment_bytes: seen.largest_fragment,
        page_bytes: seen.page,
    })
}

/// Who answers, and the gateway that carries it.
struct Town {
    gateway: GatewaySim,
    transport: HttpTransport,
    /// Households that have answered.
    answered: AtomicU64,
}

impl Town {
    fn new(url: &str) -> anyhow::Result<Town> {
        let settings = GatewaySettings {
            account_sid: ACCOUNT.into(),
            auth_token: TOKEN.into(),
            number: NUMBER.into(),
            hook_url: hook(url),
            log_limit: 1,
        };
        let gateway = GatewaySim::new(settings, Vices::default(), Box::new(Silent));
        let transport = HttpTransport::new(HttpLimits::default(), vec![TOKEN.into()])?;
        Ok(Town { gateway, transport, answered: AtomicU64::new(0) })
    }

    /// One part: answers at their pace; gives how many the hook took, and the processor time.
    async fn answer(&self, args: &BoardArgs) -> anyhow::Result<(u64, f64)> {
        let before = cpu_s()?;
        let beats = args.seconds * 1_000 / BEAT_MS;
        let mut taken = 0;
        let watch = CarriedClock::new(0, 0, 1.0);
        for n in 0..=beats {
            let early = i64::try_from(n * BEAT_MS)? - watch.machine_ms();
            let never = std::future::pending::<()>();
            let early = Duration::from_millis(u64::try_from(early).unwrap_or(0));
            let _ = tokio::time::timeout(early, never).await;
            let due = n * BEAT_MS * args.answers_per_minute / MINUTE_MS;
            for _ in taken..due {
                let id = self.answered.fetch_add(1, Ordering::Relaxed) + 1;
                let number = Phone::practice_mobile(u32::try_from(id)?);
                self.gateway.write_in(0, number.e164(), "1");
            }
            for request in self.gateway.due(0) {
                let answer = self.transport.call(request).await?;
                if !answer.status().is_success() {
                    bail!("the hook answered {}", answer.status());
                }
                taken += 1;
            }
        }
        Ok((taken, cpu_s()? - before))
    }
}

/// Processor time of this process so far.
fn cpu_s() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("/proc: only on Linux")?;
    let (_, fields) = stat.rsplit_once(')').context("/proc/self/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    let ticks = ticks.collect::<Result<Vec<_>, _>>()?;
    Ok(ticks.into_iter().map(f64::from).sum::<f64>() * TICK_S)
}
