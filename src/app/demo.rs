//! `tongluo demo`: a made-up town, one transfer order, its whole night in about two minutes, told
//! line by line, and the audit at the end. Everything between the order and the gateway is the
//! real thing; the town, the gateway's network and the people are practice.
//! Needs nothing installed.

mod peers;
mod people;
mod plant;
mod tell;

use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;

use anyhow::{anyhow, bail};
use serde::Serialize;
use tokio::sync::watch;

use self::peers::Peers;
use self::people::People;
use self::tell::Teller;
use crate::domain::access::Role;
use crate::engine::chain;
use crate::engine::issue::{Actor, OrderForm};
use crate::store::account::{self, NewAccount};
use crate::store::{custody, look, order};

/// 2026-08-20 22:00 in Beijing.
const NIGHT_AT: i64 = 1_787_234_400_000;
const HOUR_MS: i64 = 3_600_000;
/// The order is to be carried out by one o'clock, and is told until half past twelve.
const ACT_BY_MS: i64 = 3 * HOUR_MS;
const TOLD_MS: i64 = 150 * 60_000;
/// Messages the practice gateway takes in a second of the story.
const GATEWAY_PER_SECOND: f64 = 40.0;
const LOOK_EVERY_MS: u64 = 200;
/// Households of a demo at most.
pub const HOUSEHOLDS_MAX: u64 = 300_000;

/// What a demo may be told.
#[derive(Debug, Clone)]
pub struct DemoArgs {
    pub households: u64,
    pub seed: u64,
    /// Story milliseconds in one real millisecond.
    pub speed: f64,
    /// Ends by itself instead of waiting for Enter.
    pub exit: bool,
    /// One JSON document on standard output; the night is told on standard error.
    pub json: bool,
}

impl Default for DemoArgs {
    fn default() -> DemoArgs {
        DemoArgs { households: 20_000, seed: 1, speed: 75.0, exit: false, json: false }
    }
}

/// How the night ended. Households, except where the name says otherwise.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub audience: i64,
    /// answered + open.
    pub pursued: i64,
    pub told: i64,
    pub answered: i64,
    pub open: i64,
    pub open_desk: i64,
    pub open_list: i64,
    pub open_sheet: i64,
    pub open_system: i64,
    pub orphans: i64,
    pub heard: i64,
    pub help: i64,
    /// Messages offered to the gateway for households.
    pub attempts: i64,
    /// Messages the gateway took more than once under the same reference.
    pub duplicates: usize,
    /// Replies sent by residents and leaders.
    pub replies: u64,
    /// Real time from the release to the first message.
    pub first_send_ms: i64,
    #[serde(skip)]
    pub balances: bool,
}

/// Runs the demo on standard output. An error where the sums do not hold at the end.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let mut out: Box<dyn Write + Send> = match args.json {
        true => Box::new(std::io::stderr()),
        false => Box::new(std::io::stdout()),
    };
    let summary = tokio::select! {
        played = play(&args, &mut *out) => played?,
        _ = tokio::signal::ctrl_c() => bail!("演练中止"),
    };
    if args.json {
        println!("{}", serde_json::to_string(&summary)?);
    }
    if !summary.balances || summary.orphans > 0 {
        bail!("核对不平：有住户无人负责，或数字对不上");
    }
    if !args.exit {
        writeln!(out, "按回车键或 Ctrl-C 结束。")?;
        enter().await;
    }
    Ok(())
}

/// Waits for Enter or Ctrl-C. A thread of its own reads, for it can't be called off.
async fn enter() {
    let (give, take) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
        let _ = give.send(());
    });
    tokio::select! {
        _ = take => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// The night itself, told to `out`.
pub async fn play(args: &DemoArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<Summary> {
    if !(1..=HOUSEHOLDS_MAX).contains(&args.households) {
        bail!("--households: 1 to {HOUSEHOLDS_MAX}");
    }
    if !(1.0..=10_000.0).contains(&args.speed) {
        bail!("--speed: 1 to 10000");
    }
    writeln!(out, "铜锣演练：正在生成城镇（{} 户）……", args.households)?;
    let prepared = peers::prepare(args).await?;
    let town = &prepared.town;
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
        "短信走本机的练习网关（真实 HTTP 与签名），不会发到任何真实号码；时间加快 {} 倍\n",
        args.speed
    )?;
    let mut peers = prepared.start(args).await?;
    let (alert, released_at, officer) = release(&peers).await?;
    let mut teller = Teller::new(out, alert, released_at, args.speed);
    opening(&peers, &mut teller, alert, released_at).await?;
    let (end, stop) = watch::channel(false);
    let people = People::new(peers.engine.clone(), officer, alert, args.seed);
    let people = tokio::spawn(people.work(stop));
    let pause = Duration::from_millis(LOOK_EVERY_MS);
    while peers.engine.clock.story_ms() < released_at + TOLD_MS {
        if let Err(fault) = teller.look(&peers.engine).await {
            tracing::debug!(%fault, "told at the next look");
        }
        let _ = tokio::time::timeout(pause, std::future::pending::<()>()).await;
    }
    let _ = end.send(true);
    people.await?;
    peers.rest().await;
    let first_send_ms = teller.first_send_ms().unwrap_or(-1);
    let summary = sum_up(&peers, alert, first_send_ms).await?;
    closing(&peers, &mut teller, alert, &summary).await?;
    peers.engine.store.close().await;
    Ok(summary)
}

/// Two officers and a desk: the order is written by one and released by the other.
async fn release(peers: &Peers) -> anyhow::Result<(i64, i64, Actor)> {
    let engine = &peers.engine;
    let author = officer(peers, "陈制作", Role::Author).await?;
    let approver = officer(peers, "李签发", Role::Approver).await?;
    let desk = officer(peers, "受理席", Role::Desk).await?;
    let templates = engine.messages.templates();
    let template = templates
        .iter()
        .find(|t| t.name == "move_order")
        .ok_or_else(|| anyhow!("no template move_order"))?;
    let vars = template
        .variables
        .iter()
        .filter(|v| v.required || v.name == "deadline" || v.name == "shelter")
        .map(|v| {
            let value = if v.name == "deadline" { "1点" } else { v.sample };
            (v.name.to_string(), value.to_owned())
        })
        .collect();
    let form = OrderForm {
        origin: "own".into(),
        kind: "live".into(),
        hazard: "flood".into(),
        title: "转移指令".into(),
        issuer: "余姚市防指".into(),
        template: "move_order".into(),
        vars,
        urgency: Some("flash".into()),
        act_by: Some(NIGHT_AT + ACT_BY_MS),
        places: vec![peers.town.root_code.clone()],
        ..OrderForm::default()
    };
    let uid = engine.draft(&author, &form).await?;
    engine.submit(&author, &uid).await?;
    let released_at = engine.clock.story_ms();
    engine.approve(&approver, &uid, false).await?;
    let row = order::by_uid(&engine.store, &uid).await?;
    let row = row.ok_or_else(|| anyhow!("the order is gone"))?;
    Ok((row.id, released_at, desk))
}

async fn officer(peers: &Peers, name: &str, role: Role) -> anyhow::Result<Actor> {
    let store = &peers.engine.store;
    let new =
        NewAccount { name: name.into(), password_hash: None, human_id: None, created_at: NIGHT_AT };
    let mut tx = store.begin().await?;
    let id = account::create(&mut tx, &new).await?;
    let id = id.ok_or_else(|| anyhow!("no account {name}"))?;
    account::grant(&mut tx, id, role, peers.town.root_id).await?;
    tx.commit().await?;
    Ok(Actor { account_id: id, name: name.into(), rights: vec![(role, peers.town.root_id)] })
}

async fn opening(
    peers: &Peers,
    teller: &mut Teller<'_>,
    alert: i64,
    released_at: i64,
) -> anyhow::Result<()> {
    let custody = peers.engine.custody(alert).await?;
    let text = format!(
        "特急转移指令，李签发签发（陈制作拟稿），凌晨1点前转移；发往 {} 户，\
         其中必须跟到人的 {} 户，其余 {} 户告知",
        custody.audience, custody.pursued, custody.told
    );
    teller.line(released_at, "签发", &text);
    Ok(())
}

async fn sum_up(peers: &Peers, alert: i64, first_send_ms: i64) -> anyhow::Result<Summary> {
    let c = peers.engine.custody(alert).await?;
    let (attempts, ..) = custody::attempts(&peers.engine.store, alert).await?;
    let mut seen = HashSet::new();
    let duplicates = peers
        .gateway
        .log()
        .into_iter()
        .filter(|entry| entry.taken && !entry.reference.is_empty())
        .filter(|entry| !seen.insert(entry.reference.clone()))
        .count();
    Ok(Summary {
        audience: c.audience,
        pursued: c.pursued,
        told: c.told,
        answered: c.answered,
        open: c.open,
        open_desk: c.open_desk,
        open_list: c.open_list,
        open_sheet: c.open_sheet,
        open_system: c.open_system,
        orphans: c.orphans,
        heard: c.heard,
        help: c.help,
        attempts,
        duplicates,
        replies: peers.gateway.stats().replies,
        first_send_ms,
        balances: c.balances(),
    })
}

async fn closing(
    peers: &Peers,
    teller: &mut Teller<'_>,
    alert: i64,
    summary: &Summary,
) -> anyhow::Result<()> {
    let engine = &peers.engine;
    teller.plain("\n—— 夜里的账 ——");
    let custody = engine.custody(alert).await?;
    teller.plain(&tell::balance(&custody));
    for (ring, all, answered) in look::rings(&engine.store, alert).await? {
        let name = match ring {
            1 => "必须转移户",
            2 => "重点户",
            _ => "告知户",
        };
        teller.plain(&match ring {
            1 | 2 => format!("{name} {all} 户，已落实 {answered} 户"),
            _ => format!("{name} {all} 户，发到为止"),
        });
    }
    teller.plain(&format!(
        "发往 {} 户，短信 {} 条（重复 {} 条），收到回复 {} 条，有回音 {} 户，求助未了 {} 户",
        summary.audience,
        summary.attempts,
        summary.duplicates,
        summary.replies,
        summary.heard,
        summary.help
    ));
    let found = chain::verify(&engine.store, &engine.sealer).await?;
    teller.plain(&format!("日志 {} 条，链完整", found.verified.entries));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_small_town_is_accounted_for() {
        let args = DemoArgs { households: 300, seed: 7, speed: 900.0, exit: true, json: false };
        let mut told = Vec::new();
        let summary = play(&args, &mut told).await.unwrap();
        let told = String::from_utf8(told).unwrap();
        assert!(summary.balances, "{summary:?}\n{told}");
        assert_eq!(summary.audience, 300);
        assert_eq!(summary.pursued, summary.answered + summary.open);
        assert_eq!((summary.orphans, summary.duplicates), (0, 0), "{told}");
        assert!(summary.answered > 0 && summary.told > 0, "{summary:?}");
        assert!(summary.replies > 0 && summary.first_send_ms >= 0);
        assert!(told.contains("22:00:") && told.contains("无主 0"), "{told}");
    }
}
