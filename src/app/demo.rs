//! `tongluo demo`: a made-up town on the night of a typhoon, about two minutes, told line by line
//! in the terminal while the board can be watched in a browser, and the account at the end.
//! Everything between the officials and the gateway is the real thing; the town, the gateway's
//! network and the people are practice. Needs nothing installed.

mod clock;
mod control;
mod cost;
mod entry;
mod officials;
mod peers;
mod people;
mod plant;
mod story;
mod summary;
mod tell;
mod wang;

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::peers::Peers;
use self::people::{People, Town};
use self::story::Story;
pub use self::summary::Summary;
use self::tell::{Plot, Teller};

/// 2026-08-21 00:00 in Beijing.
const NIGHT_AT: i64 = 1_787_241_600_000;
const MINUTE_MS: i64 = 60_000;
/// Seconds of the story in which the practice gateway takes a message for every household.
const FIRST_PASS_S: f64 = 800.0;
/// Story time runs at its natural pace for so long before the account, so that what is in flight
/// comes down.
const SETTLE_MS: u64 = 800;
/// Households of a demo.
pub const HOUSEHOLDS_MIN: u64 = 200;
pub const HOUSEHOLDS_MAX: u64 = 300_000;

/// Messages the practice gateway takes in a second of the story: 25 for 20,000 households.
fn gateway_per_second(households: u64) -> f64 {
    households as f64 / FIRST_PASS_S
}

/// What a demo may be told.
#[derive(Debug, Clone)]
pub struct DemoArgs {
    pub households: u64,
    pub seed: u64,
    /// Story milliseconds in one real millisecond.
    pub speed: f64,
    /// Ends by itself instead of staying until Ctrl-C.
    pub exit: bool,
    /// One JSON document on standard output; the night is told on standard error.
    pub json: bool,
}

impl Default for DemoArgs {
    fn default() -> DemoArgs {
        DemoArgs { households: 20_000, seed: 1, speed: 60.0, exit: false, json: false }
    }
}

/// What goes on after the story is told.
pub struct Left {
    peers: Peers,
    people: JoinHandle<()>,
    end: watch::Sender<bool>,
}

impl Left {
    async fn close(mut self) {
        let _ = self.end.send(true);
        let _ = self.people.await;
        self.peers.rest().await;
        self.peers.engine.store.close().await;
    }
}

/// Runs the demo on standard output. An error where the sums do not hold at the end.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let mut out: Box<dyn Write + Send> = match args.json {
        true => Box::new(std::io::stderr()),
        false => Box::new(std::io::stdout()),
    };
    let (summary, left) = tokio::select! {
        played = play(&args, &mut *out) => played?,
        _ = tokio::signal::ctrl_c() => bail!("演练中止"),
    };
    if args.json {
        println!("{}", serde_json::to_string(&summary)?);
    }
    if let Some(left) = left {
        writeln!(out, "\n页面还开着：{}", look_at(&left.peers))?;
        writeln!(out, "夜还在照常走（不再加快）。按 Ctrl-C 结束。")?;
        let _ = tokio::signal::ctrl_c().await;
        left.close().await;
    }
    if !summary.balances || summary.custody.orphans > 0 {
        bail!("核对不平：有住户无人负责，或数字对不上");
    }
    Ok(())
}

/// The address at which the board can be looked at now.
fn look_at(peers: &Peers) -> String {
    let entry = &peers.entry;
    let path = if entry.is_used() { entry.board() } else { entry.path() };
    format!("{}{path}", peers.url)
}

/// The night itself, told to `out`. Without `exit` it goes on afterwards, in what is left.
pub async fn play(
    args: &DemoArgs,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<(Summary, Option<Left>)> {
    if !(HOUSEHOLDS_MIN..=HOUSEHOLDS_MAX).contains(&args.households) {
        bail!("--households: {HOUSEHOLDS_MIN} to {HOUSEHOLDS_MAX}");
    }
    if !(1.0..=10_000.0).contains(&args.speed) {
        bail!("--speed: 1 to 10000");
    }
    writeln!(out, "铜锣演练：正在生成城镇（{} 户）……", args.households)?;
    let prepared = peers::prepare(args).await?;
    let peers = prepared.start(args).await?;
    let (officials, guest) = officials::appoint(&peers.engine, &peers.town.root_code).await?;
    peers.entry.let_in_as(guest);
    introduce(&peers, args, out)?;
    let plot = Plot {
        wang: peers.town.cast.wang.clone(),
        wet: peers.town.cast.wet.clone(),
        speed: args.speed,
        from: NIGHT_AT,
        until: NIGHT_AT + story::END_AT * MINUTE_MS,
    };
    let mut teller = Teller::new(out, plot);
    let (orders, in_force) = watch::channel(Vec::new());
    let (end, stop) = watch::channel(false);
    let town = Town {
        engine: peers.engine.clone(),
        gateway: peers.gateway.clone(),
        desk: officials.desk.clone(),
        mobiles: peers.town.mobiles.clone(),
        willing: peers.town.cast.wang.clone(),
        seed: args.seed,
    };
    let people = tokio::spawn(People::new(town, in_force).work(stop));
    let night = {
        let (peers, officials, teller) = (&peers, &officials, &mut teller);
        let mut story = Story { peers, officials, teller, orders, households: args.households };
        story.play().await?
    };
    let mut left = Left { peers, people, end };
    left.peers.clock.slow_down();
    let settle = Duration::from_millis(SETTLE_MS);
    let _ = tokio::time::timeout(settle, std::future::pending::<()>()).await;
    teller.finish();
    if args.exit {
        let _ = left.end.send(true);
        let _ = (&mut left.people).await;
        left.peers.rest().await;
    }
    let first_send_ms = teller.first_send_ms().unwrap_or(-1);
    let account = summary::account(&left.peers, &night, args, first_send_ms).await?;
    account.tell(&left.peers, &mut teller).await?;
    let summary = account.summary;
    if args.exit {
        left.peers.engine.store.close().await;
        return Ok((summary, None));
    }
    Ok((summary, Some(left)))
}

fn introduce(peers: &Peers, args: &DemoArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let town = &peers.town;
    writeln!(
        out,
        "余姚市（虚构住户）：{} 个街道乡镇、{} 个村社、{} 个网格、{} 幢（组），{} 户；\
         其中 {} 户没有手机，{} 个号码是空号；责任人岗位 {} 个",
        town.towns,
        town.villages,
        town.grids,
        town.buildings,
        town.homes,
        town.no_phone,
        town.dead_numbers,
        town.responsible
    )?;
    writeln!(
        out,
        "短信走本机的练习网关（真实 HTTP 与签名），不会发到任何真实号码；时间加快 {} 倍",
        args.speed
    )?;
    if peers.other_port {
        writeln!(out, "端口 8600 已被别的程序占用，改用下一个空闲的端口")?;
    }
    writeln!(out, "看板（此地址只能登录一次）：{}{}\n", peers.url, peers.entry.path())?;
    Ok(())
}
