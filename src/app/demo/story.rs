//! The night in its order, as officials would live it: a red warning, an order with its cost, a
//! wrong school that is taken back, the warning lifted. Who acts is `officials`' and `people`'s,
//! what is said of it `tell`'s; everything in between is the engine's.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::watch;

use super::cost::{self, Cost};
use super::officials::{self, Officials, RIGHT_SCHOOL, WRONG_SCHOOL};
use super::peers::Peers;
use super::tell::{self, Teller};
use super::{MINUTE_MS, NIGHT_AT, gateway_per_second};
use crate::engine::Engine;
use crate::engine::issue::OrderForm;
use crate::store::demo::record;
use crate::store::{custody, order};

const LOOK_EVERY_MS: u64 = 200;
/// While the wrong text goes out the story is watched this closely.
const WATCH_EVERY_MS: u64 = 20;

/// Minutes after the warning at which something happens.
const ORDER_AT: i64 = 10;
const LATE_AT: i64 = 40;
const LIFTED_AT: i64 = 100;
/// The story ends at two o'clock.
pub const END_AT: i64 = 120;
/// People must be out at half past two.
const ACT_BY: i64 = 150;
/// An approver reads for so long.
const READ_MS: i64 = 90_000;
/// The mistake is noticed when so many of a hundred have the text, or after so long.
const NOTICED_SHARE: i64 = 20;
const NOTICED_MS: i64 = 5 * MINUTE_MS;

/// What came of the night, for the sums at the end.
#[derive(Debug, Clone, Default)]
pub struct Night {
    pub warning: i64,
    /// The orders that stand, the main one first.
    pub orders: Vec<i64>,
    pub withdrawn: Option<i64>,
    pub main_uid: String,
    /// Story time of the main order's release.
    pub released_at: i64,
    pub stopped_before_send: i64,
    pub corrected: i64,
    /// What rings 1 and 2 of the main order read.
    pub texts: HashMap<i64, String>,
}

/// The director.
pub struct Story<'a, 'b> {
    pub peers: &'a Peers,
    pub officials: &'a Officials,
    pub teller: &'a mut Teller<'b>,
    pub orders: watch::Sender<Vec<i64>>,
    pub households: u64,
}

impl Story<'_, '_> {
    fn engine(&self) -> &Engine {
        &self.peers.engine
    }

    fn now(&self) -> i64 {
        self.peers.engine.clock.story_ms()
    }

    /// Tells what happens until a moment of the story.
    async fn until(&mut self, at: i64) {
        let pause = Duration::from_millis(LOOK_EVERY_MS);
        while self.now() < at {
            if let Err(fault) = self.teller.look(&self.peers.engine).await {
                tracing::debug!(%fault, "told at the next look");
            }
            let _ = tokio::time::timeout(pause, std::future::pending::<()>()).await;
        }
    }

    /// The whole night.
    pub async fn play(&mut self) -> anyhow::Result<Night> {
        let mut night = Night::default();
        self.until(NIGHT_AT).await;
        self.warn(&mut night).await?;
        self.until(NIGHT_AT + ORDER_AT * MINUTE_MS).await;
        self.order(&mut night).await?;
        self.until(NIGHT_AT + LATE_AT * MINUTE_MS).await;
        if !self.peers.town.late.is_empty() {
            self.mistake(&mut night).await?;
        }
        self.until(NIGHT_AT + LIFTED_AT * MINUTE_MS).await;
        self.lift(&night).await?;
        self.until(NIGHT_AT + END_AT * MINUTE_MS).await;
        Ok(night)
    }

    async fn submit(&self, form: &OrderForm) -> anyhow::Result<(String, i64)> {
        let engine = self.engine();
        let uid = engine.draft(&self.officials.author, form).await?;
        engine.submit(&self.officials.author, &uid).await?;
        let row = order::by_uid(&engine.store, &uid).await?;
        let row = row.ok_or_else(|| anyhow!("the order is gone"))?;
        Ok((uid, row.id))
    }

    async fn approve(&self, uid: &str) -> anyhow::Result<i64> {
        let at = self.now();
        self.engine().approve(&self.officials.approver, uid, false).await?;
        Ok(at)
    }

    async fn warn(&mut self, night: &mut Night) -> anyhow::Result<()> {
        let form = officials::warning(&self.peers.town.root_code, NIGHT_AT - 2 * MINUTE_MS);
        let (uid, id) = self.submit(&form).await?;
        let at = self.approve(&uid).await?;
        self.peers.entry.lead_to(format!("/alerts/{uid}"));
        night.warning = id;
        let text = "余姚市气象台23时58分发布暴雨红色预警信号（红色），市防指照原文转发给险区和\
                    帮扶户；同一刻叫应全市责任人";
        self.teller.line(at, "预警", text);
        self.teller.warned(id, at);
        Ok(())
    }

    async fn cost(&self, uid: &str) -> anyhow::Result<Cost> {
        cost::of(self.engine(), uid, gateway_per_second(self.households)).await
    }

    async fn order(&mut self, night: &mut Night) -> anyhow::Result<()> {
        let town = &self.peers.town;
        let root = [town.root_code.clone()];
        let late: Vec<String> = town.late.iter().map(|place| place.0.clone()).collect();
        let act_by = NIGHT_AT + ACT_BY * MINUTE_MS;
        let form = officials::order(&root, &late, RIGHT_SCHOOL, act_by);
        let (uid, id) = self.submit(&form).await?;
        let cost = self.cost(&uid).await?;
        let at = self.now();
        self.teller.line(at, "制作", "陈制作拟好转移指令：凌晨2点半前，危险地段的人离家到避灾点");
        for line in cost.lines() {
            self.teller.line(at, "代价", &line);
        }
        night.texts = self.texts(&uid).await?;
        self.until(at + READ_MS).await;
        let at = self.approve(&uid).await?;
        self.peers.entry.lead_to(format!("/alerts/{uid}"));
        self.teller.line(at, "签发", "李签发看过代价，签发；住户、帮扶人、责任人同时通知");
        self.teller.ordered(id, at);
        (night.main_uid, night.released_at) = (uid, at);
        night.orders.push(id);
        let _ = self.orders.send(night.orders.clone());
        Ok(())
    }

    /// What each ring of an order reads.
    async fn texts(&self, uid: &str) -> anyhow::Result<HashMap<i64, String>> {
        let engine = self.engine();
        let gone = || anyhow!("the order is gone");
        let row = order::by_uid(&engine.store, uid).await?.ok_or_else(gone)?;
        let version = order::version(&engine.store, row.id, 1).await?.ok_or_else(gone)?;
        let texts = engine.preview(&row, &version).await?;
        texts.into_iter().map(|ring| Ok((ring.ring, ring.text?))).collect()
    }

    /// A wrong school goes out, is taken back, and the right order follows.
    async fn mistake(&mut self, night: &mut Night) -> anyhow::Result<()> {
        let late = &self.peers.town.late;
        let places: Vec<String> = late.iter().map(|place| place.0.clone()).collect();
        let mut names: Vec<&str> = late.iter().take(3).map(|place| place.1.as_str()).collect();
        if late.len() > names.len() {
            names.push("等处");
        }
        let names = names.join("、");
        let act_by = NIGHT_AT + ACT_BY * MINUTE_MS;
        let wrong = officials::order(&places, &[], WRONG_SCHOOL, act_by);
        let (uid, id) = self.submit(&wrong).await?;
        let cost = self.cost(&uid).await?;
        let at = self.approve(&uid).await?;
        let text =
            format!("姚江水位超警，{names}也要转移，到{WRONG_SCHOOL}：短信 {} 条", cost.messages);
        self.teller.line(at, "签发", &text);
        self.notice(id, cost.messages, at).await?;
        let at = self.now();
        // What the page fills in by itself.
        let live = order::version(&self.engine().store, id, 1).await?;
        let live = live.ok_or_else(|| anyhow!("the order is gone"))?;
        let correction = self.engine().correction_of(&wrong.title, &live);
        self.engine().withdraw(&self.officials.author, &uid, &correction).await?;
        let text =
            format!("{WRONG_SCHOOL}已经进水，写错了。点“撤销更正”，再点“立即停发并更正”：两下");
        self.teller.line(at, "更正", &text);
        night.withdrawn = Some(id);
        let right = officials::order(&places, &[], RIGHT_SCHOOL, act_by);
        let (uid, id) = self.submit(&right).await?;
        self.until(at + READ_MS).await;
        self.told_of_mistake(night).await?;
        let at = self.approve(&uid).await?;
        let text = format!("对的转移指令（到{RIGHT_SCHOOL}）另一人看过，签发给{names}");
        self.teller.line(at, "签发", &text);
        self.teller.ordered(id, at);
        night.orders.push(id);
        let _ = self.orders.send(night.orders.clone());
        Ok(())
    }

    /// Waits until a part of a wrong order is out.
    async fn notice(&mut self, alert: i64, messages: i64, since: i64) -> anyhow::Result<()> {
        let pause = Duration::from_millis(WATCH_EVERY_MS);
        while self.now() < since + NOTICED_MS {
            let (tried, ..) = custody::attempts(&self.engine().store, alert).await?;
            if tried * 100 >= messages * NOTICED_SHARE {
                break;
            }
            let _ = tokio::time::timeout(pause, std::future::pending::<()>()).await;
        }
        Ok(())
    }

    async fn told_of_mistake(&mut self, night: &mut Night) -> anyhow::Result<()> {
        let Some(alert) = night.withdrawn else {
            return Ok(());
        };
        let store = &self.engine().store;
        night.stopped_before_send = record::unsent(store, alert).await?;
        let had = record::sent(store, alert, 1).await?;
        night.corrected = record::sent(store, alert, 2).await?;
        let owed = record::correction_owed(store, alert).await?;
        let rest = match (had - night.corrected, owed) {
            (0, _) => "，一户不漏".to_owned(),
            (rest, 0) => format!("，另 {rest} 户的号码是空号，本来就收不到"),
            (_, owed) => format!("，还有 {owed} 户正在发"),
        };
        let text = format!(
            "没发出去的 {} 条当场拦下；可能已收到错短信的 {had} 户，更正已发 {} 户{rest}；别的人不打扰",
            night.stopped_before_send, night.corrected
        );
        self.teller.line(self.peers.engine.clock.story_ms(), "更正", &text);
        Ok(())
    }

    async fn lift(&mut self, night: &Night) -> anyhow::Result<()> {
        let row = order::by_id(&self.engine().store, night.warning).await?;
        let row = row.ok_or_else(|| anyhow!("the warning is gone"))?;
        let at = self.now();
        self.engine().end(&self.officials.approver, &row.uid).await?;
        let custody = tell::steady(self.engine(), &night.orders).await?;
        let text = format!(
            "气象台解除暴雨红色预警。预警解除，转移指令不解除：还有 {} 户没落实，名单照走",
            custody.open
        );
        self.teller.line(at, "解除", &text);
        Ok(())
    }
}
