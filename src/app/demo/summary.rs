//! The account of the night: every household in its place, and beside it the same night by plain
//! SMS. Read from the rows after the story; the keys of the JSON document are those of the issue
//! that asked for them, and tests hold them.

use std::collections::HashSet;

use serde::Serialize;

use super::control::{Control, PlainNight, same_town};
use super::peers::Peers;
use super::story::{END_AT, Night};
use super::tell::{self, Teller};
use super::wang;
use super::{DemoArgs, MINUTE_MS, NIGHT_AT, gateway_per_second};
use crate::engine::chain;
use crate::practice::cast::WANG;
use crate::store::climb;
use crate::store::custody::{self, Custody};
use crate::store::demo::{look, record};

/// How the night ended. Households, except where the name says otherwise.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Its orphans are those under any alert of the night.
    #[serde(flatten)]
    pub custody: Custody,
    /// Persons who were called, and those of them who did not wake within five minutes.
    pub responsible_persons: i64,
    pub unwoken_at_5min: i64,
    /// Persons who must move, who moved, and who refuse.
    pub must_move: i64,
    pub moved: i64,
    pub refused: i64,
    /// Messages of the wrong text that never went out.
    pub stopped_before_send: i64,
    /// Messages offered to the gateway for households.
    pub attempts: i64,
    /// Messages the gateway took more than once under the same reference.
    pub duplicates: usize,
    /// Replies sent by residents and leaders.
    pub replies: u64,
    /// Real time from the release of the order to its first message.
    pub first_send_ms: i64,
    /// The same night by plain SMS, at two o'clock.
    pub control_in_nobodys_hands: usize,
    #[serde(skip)]
    pub balances: bool,
}

/// The summary with what is told beside it.
pub struct Account {
    pub summary: Summary,
    custody: Custody,
    control: Control,
    night: Night,
}

/// Counts the night.
pub async fn account(
    peers: &Peers,
    night: &Night,
    args: &DemoArgs,
    first_send_ms: i64,
) -> anyhow::Result<Account> {
    let (engine, store) = (&peers.engine, &peers.engine.store);
    let c = tell::steady(engine, &night.orders).await?;
    let over: Vec<i64> = [Some(night.warning), night.withdrawn].into_iter().flatten().collect();
    let others = tell::steady(engine, &over).await?;
    let mut attempts = 0;
    for alert in over.iter().chain(&night.orders) {
        attempts += custody::attempts(store, *alert).await?.0;
    }
    let (responsible_persons, _, unwoken_at_5min) = climb::persons(store, night.warning).await?;
    let (must_move, moved, refused) = record::must_move(store, &night.orders).await?;
    let control = control(peers, night, args).await?;
    let summary = Summary {
        custody: Custody { orphans: c.orphans + others.orphans, ..c },
        responsible_persons,
        unwoken_at_5min,
        must_move,
        moved,
        refused,
        stopped_before_send: night.stopped_before_send,
        attempts,
        duplicates: duplicates(peers),
        replies: peers.gateway.stats().replies,
        first_send_ms,
        control_in_nobodys_hands: control.in_nobodys_hands(),
        balances: c.balances() && others.balances(),
    };
    Ok(Account { summary, custody: c, control, night: night.clone() })
}

fn duplicates(peers: &Peers) -> usize {
    let mut seen = HashSet::new();
    let log = peers.gateway.log();
    let taken = log.iter().filter(|entry| entry.taken && !entry.reference.is_empty());
    taken.filter(|entry| !seen.insert(entry.reference.as_str())).count()
}

async fn control(peers: &Peers, night: &Night, args: &DemoArgs) -> anyhow::Result<Control> {
    let town = &peers.town;
    let pursued = record::pursued(&peers.engine.store, &night.orders).await?;
    let plain = PlainNight {
        cast: &town.cast,
        town: same_town(args.seed, &town.cast),
        pursued: &pursued,
        numbers: &town.first_mobiles,
        texts: &night.texts,
        from: night.released_at,
        until: NIGHT_AT + END_AT * MINUTE_MS,
        per_second: gateway_per_second(args.households),
    };
    Ok(plain.run())
}

impl Account {
    /// The end of the story.
    pub async fn tell(&self, peers: &Peers, teller: &mut Teller<'_>) -> anyhow::Result<()> {
        let (engine, s) = (&peers.engine, &self.summary);
        teller.plain("\n—— 凌晨2点的账 ——");
        teller.plain(&tell::balance(&self.custody));
        let mut rings = [(0, 0); 3];
        for order in &self.night.orders {
            for (ring, all, answered) in look::rings(&engine.store, *order).await? {
                let at = usize::try_from(ring - 1).unwrap_or(2).min(2);
                rings[at].0 += all;
                rings[at].1 += answered;
            }
        }
        let [must, help, told] = rings;
        teller.plain(&format!(
            "必须转移 {} 户，已落实 {} 户；帮扶 {} 户，已落实 {} 户；告知 {} 户",
            must.0, must.1, help.0, help.1, told.0
        ));
        teller.plain(&format!(
            "必须转移 {} 人，已转移 {} 人，拒绝转移 {} 人（继续劝）",
            s.must_move, s.moved, s.refused
        ));
        teller.plain(&format!(
            "责任人 {} 名，5 分钟未叫醒 {} 名（已自动报上级）；短信 {} 条，重复 {} 条，\
             回复 {} 条；求助未了 {} 户",
            s.responsible_persons,
            s.unwoken_at_5min,
            s.attempts,
            s.duplicates,
            s.replies,
            s.custody.help
        ));
        self.her_sheet(peers, teller).await?;
        let found = chain::verify(&engine.store, &engine.sealer).await?;
        teller.plain(&format!("\n日志 {} 条，逐条核对，链完整", found.verified.entries));
        teller.plain("\n—— 同一夜，只群发短信 ——");
        teller.plain(&format!(
            "同一个镇、同样的人、同样的脾气，要跟进的 {} 户：{} 户收不到（没有手机、空号），\
             {} 户收到了没回",
            self.control.pursued, self.control.unreached, self.control.silent
        ));
        teller.plain(&format!(
            "凌晨2点无人负责：只群发短信 {} 户（{WANG}在内），用铜锣 {} 户",
            s.control_in_nobodys_hands, s.custody.orphans
        ));
        Ok(())
    }

    async fn her_sheet(&self, peers: &Peers, teller: &mut Teller<'_>) -> anyhow::Result<()> {
        let main = self.night.orders.first().copied().unwrap_or(0);
        let Some(record) = wang::record(&peers.engine, main, &peers.town.cast.wang).await? else {
            return Ok(());
        };
        teller.plain(&format!("\n—— {WANG}这一夜 ——"));
        for line in wang::sheet(&record) {
            teller.plain(&format!("{}  {}", tell::time_of_day(line.at), line.text));
        }
        let silent = wang::silent(&record);
        if !silent.is_empty() {
            teller.plain(&format!("叫了没应的：{}", silent.join("、")));
        }
        if record.entry > 0 {
            teller.plain(&format!("以上见日志第 {} 条", record.entry));
        }
        Ok(())
    }
}
