//! The night line by line, as an official reads it: story time, what happened, how many. It reads
//! and writes out; nothing here changes the night.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use indicatif::{ProgressBar, ProgressStyle};

use super::wang::{self, of_rung};
use crate::domain::list::ListState;
use crate::engine::Engine;
use crate::practice::cast::{WANG, WANG_AGE, WATER};
use crate::store::custody::{self, Custody};
use crate::store::demo::{look, record};
use crate::store::{StoreFault, climb};

const MINUTE_MS: i64 = 60_000;
const BEIJING_MS: i64 = 8 * 60 * MINUTE_MS;
const AUDIT_EVERY_MS: i64 = 15 * MINUTE_MS;
const ANSWERS_EVERY_MS: i64 = 5 * MINUTE_MS;
const LISTS_EVERY_MS: i64 = 4 * MINUTE_MS;
/// Afterwards answers are told with the auditor's lines only.
const BUSY_FOR_MS: i64 = 45 * MINUTE_MS;
const PERSONS_FOR_MS: i64 = 6 * MINUTE_MS;
/// Answers come in while it is counted; a picture that does not balance is taken again.
const LOOKS: usize = 20;

/// Story time of day in Beijing: 22:05:10.
pub fn time_of_day(at_ms: i64) -> String {
    let s = (at_ms + BEIJING_MS).div_euclid(1_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}

/// What the narrator looks at.
#[derive(Debug, Clone, Default)]
pub struct Plot {
    /// Codes of the households with a part.
    pub wang: String,
    pub wet: String,
    pub speed: f64,
    /// From when to when the story is told.
    pub from: i64,
    pub until: i64,
}

/// The narrator.
pub struct Teller<'a> {
    out: &'a mut (dyn Write + Send),
    bar: ProgressBar,
    plot: Plot,
    /// The alert under which persons are woken, and since when.
    warning: Option<(i64, i64)>,
    /// The orders in force with their release; the first is the main one.
    orders: Vec<(i64, i64)>,
    first_send_ms: Option<i64>,
    handed: bool,
    second_wave: bool,
    unwoken_told: bool,
    rungs: Vec<i64>,
    due: BTreeMap<&'static str, i64>,
    lists: String,
    helps: i64,
    of_her: BTreeSet<String>,
    wet: u8,
}

impl<'a> Teller<'a> {
    pub fn new(out: &'a mut (dyn Write + Send), plot: Plot) -> Teller<'a> {
        // Hidden by itself where standard error is no terminal.
        let bar = ProgressBar::new((plot.until - plot.from).unsigned_abs());
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {msg}");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Teller {
            out,
            bar,
            plot,
            warning: None,
            orders: Vec::new(),
            first_send_ms: None,
            handed: false,
            second_wave: false,
            unwoken_told: false,
            rungs: Vec::new(),
            due: BTreeMap::new(),
            lists: String::new(),
            helps: 0,
            of_her: BTreeSet::new(),
            wet: 0,
        }
    }

    /// A warning went out: its persons are told.
    pub fn warned(&mut self, alert: i64, at: i64) {
        self.warning = Some((alert, at));
        self.due.insert("persons", at + MINUTE_MS / 2);
    }

    /// An order is in force.
    pub fn ordered(&mut self, alert: i64, at: i64) {
        if self.orders.is_empty() {
            let first =
                [("answers", 2 * MINUTE_MS), ("lists", MINUTE_MS), ("audit", AUDIT_EVERY_MS)];
            self.due.extend(first.map(|(what, wait_ms)| (what, at + wait_ms)));
        }
        self.orders.push((alert, at));
    }

    pub fn orders(&self) -> Vec<i64> {
        self.orders.iter().map(|order| order.0).collect()
    }

    /// The bar is taken away.
    pub fn finish(&mut self) {
        self.bar.finish_and_clear();
    }

    /// Real milliseconds from the release to the first SMS a gateway answered for.
    pub fn first_send_ms(&self) -> Option<i64> {
        self.first_send_ms
    }

    /// A line of the night.
    pub fn line(&mut self, at: i64, what: &str, text: &str) {
        self.plain(&format!("{}  {what}  {text}", time_of_day(at)));
    }

    /// A line without a time.
    pub fn plain(&mut self, text: &str) {
        let out = &mut self.out;
        // A reader who has gone away does not stop the night.
        self.bar.suspend(|| {
            let _ = writeln!(out, "{text}");
        });
    }

    fn is_due(&mut self, what: &'static str, every_ms: i64, now: i64) -> bool {
        let due = self.due.entry(what).or_insert(now);
        if *due > now {
            return false;
        }
        while *due <= now {
            *due += every_ms;
        }
        true
    }

    /// Tells what is new since the last look.
    pub async fn look(&mut self, engine: &Engine) -> Result<(), StoreFault> {
        let now = engine.clock.story_ms();
        let passed = (now - self.plot.from).max(0).unsigned_abs();
        self.bar.set_position(passed.min(self.bar.length().unwrap_or(passed)));
        self.bar.set_prefix(time_of_day(now));
        self.persons(engine, now).await?;
        let Some(released_at) = self.orders.first().map(|order| order.1) else {
            return Ok(());
        };
        self.her(engine).await?;
        self.sending(engine, now).await?;
        self.lists(engine, now).await?;
        self.water(engine).await?;
        let late = now - released_at > BUSY_FOR_MS;
        let every_ms = if late { AUDIT_EVERY_MS } else { ANSWERS_EVERY_MS };
        if self.is_due("answers", every_ms, now) {
            self.answers(engine, now).await?;
        }
        if self.is_due("audit", AUDIT_EVERY_MS, now) {
            self.audit(engine, now).await?;
        }
        Ok(())
    }

    /// What is new about 王阿婆.
    async fn her(&mut self, engine: &Engine) -> Result<(), StoreFault> {
        let Some((main, at)) = self.orders.first().copied() else {
            return Ok(());
        };
        let Some(record) = wang::record(engine, main, &self.plot.wang).await? else {
            return Ok(());
        };
        if self.of_her.insert("who".into()) {
            self.line(at, WANG, &wang::who(&record, WANG_AGE));
        }
        for line in wang::sheet(&record) {
            if self.of_her.insert(line.text.clone()) {
                self.line(line.at, WANG, &line.text);
            }
        }
        Ok(())
    }

    /// 水进屋了, one among all the 收到.
    async fn water(&mut self, engine: &Engine) -> Result<(), StoreFault> {
        let Some((main, at)) = self.orders.first().copied().filter(|_| self.wet < 2) else {
            return Ok(());
        };
        let Some(help) = record::help_of(&engine.store, main, &self.plot.wet).await? else {
            return Ok(());
        };
        if self.wet == 0 {
            self.wet = 1;
            let others = record::replies(&engine.store, at, help.opened_at).await? - 1;
            let class = if help.class == 1 { "危及生命" } else { "求助" };
            let text = format!(
                "{others} 条回复里有一条“{}”（{}{}家）：{class}，当即上求助受理席",
                help.text, help.place, help.name
            );
            self.line(help.opened_at, WATER, &text);
        }
        if let (Some(taken_at), Some(owner)) = (help.taken_at, &help.owner) {
            self.wet = 2;
            let wait_s = (taken_at - help.opened_at) / 1_000;
            let text = format!("{owner} {wait_s} 秒后接手，并短信告诉这家人谁在管");
            self.line(taken_at, WATER, &text);
        }
        Ok(())
    }

    async fn sending(&mut self, engine: &Engine, now: i64) -> Result<(), StoreFault> {
        let store = &engine.store;
        let Some((main, released_at)) = self.orders.first().copied() else {
            return Ok(());
        };
        if self.first_send_ms.is_none() {
            let (.., first_at) = custody::attempts(store, main).await?;
            if let Some(at) = first_at {
                let real_ms = ((at - released_at) as f64 / self.plot.speed).round() as i64;
                self.first_send_ms = Some(real_ms);
                let text = format!("第一条居民短信已发出，距签发实际用时 {real_ms} 毫秒");
                self.line(at, "发送", &text);
            }
        }
        if !self.handed {
            let (all, _, handed) = look::grids(store, main).await?;
            if all > 0 && all == handed {
                self.handed = true;
                let (sent, ..) = custody::attempts(store, main).await?;
                let text = format!("{all} 个网格的必须转移户和重点户首轮全部发完，累计 {sent} 条");
                self.line(now, "发送", &text);
            }
        }
        if !self.second_wave {
            let waves = look::waves(store, main).await?;
            if waves.iter().any(|(wave, _)| *wave == 2) {
                self.second_wave = true;
                let text = "第二轮开始：必须转移而仍未回应的，换号码再发";
                self.line(now, "发送", text);
            }
        }
        Ok(())
    }

    async fn persons(&mut self, engine: &Engine, now: i64) -> Result<(), StoreFault> {
        let Some((warning, at)) = self.warning.filter(|_| !self.unwoken_told) else {
            return Ok(());
        };
        if !self.is_due("persons", MINUTE_MS, now) {
            return Ok(());
        }
        let (all, woken, reported) = climb::persons(&engine.store, warning).await?;
        if all > 0 {
            let text = format!("责任人 {all} 名，已应答 {woken} 名，未应答 {} 名", all - woken);
            self.line(now, "叫应", &text);
        }
        if reported > 0 {
            self.unwoken_told = true;
            let some = look::unwoken(&engine.store, warning).await?;
            let some: Vec<String> =
                some.iter().map(|(human, place)| format!("{place}{human}")).collect();
            let named = match some.is_empty() {
                true => String::new(),
                false => format!("（{}等）", some.join("、")),
            };
            let text = format!("5 分钟未叫醒 {reported} 名{named}，名单已自动报上级");
            self.line(now, "叫应", &text);
        } else if now - at > PERSONS_FOR_MS {
            self.unwoken_told = true;
        }
        Ok(())
    }

    async fn lists(&mut self, engine: &Engine, now: i64) -> Result<(), StoreFault> {
        let mut lists = Vec::new();
        for order in self.orders() {
            lists.extend(look::lists(&engine.store, order).await?);
        }
        for (rung, ..) in &lists {
            if self.rungs.contains(rung) {
                continue;
            }
            self.rungs.push(*rung);
            let n: i64 = lists.iter().filter(|l| l.0 == *rung).map(|l| l.2).sum();
            let whom = of_rung(*rung);
            let text = match self.rungs.len() {
                1 => format!("未应答户名单开始派给{whom}，首批 {n} 份"),
                _ => format!("名单继续派给{whom}，首批 {n} 份"),
            };
            self.line(now, "名单", &text);
        }
        if lists.is_empty() || !self.is_due("lists", LISTS_EVERY_MS, now) {
            return Ok(());
        }
        let of = |state: ListState| -> i64 {
            let found = lists.iter().filter(|l| l.1 == state.code());
            found.map(|l| l.2).sum()
        };
        let text = format!(
            "已接手 {}，待答复 {}，去不了 {}，转派中 {}，已交接或完成 {}",
            of(ListState::Taken),
            of(ListState::Offered),
            of(ListState::Declined),
            of(ListState::PassedOn),
            of(ListState::Done) + of(ListState::Finished)
        );
        if text != self.lists {
            self.line(now, "名单", &text);
            self.lists = text;
        }
        Ok(())
    }

    async fn answers(&mut self, engine: &Engine, now: i64) -> Result<(), StoreFault> {
        let custody = steady(engine, &self.orders()).await?;
        if custody.heard == 0 {
            return Ok(());
        }
        let text = format!(
            "有回音 {} 户，已落实 {} 户，还差 {} 户",
            custody.heard, custody.answered, custody.open
        );
        self.line(now, "应答", &text);
        let mut tasks = Vec::new();
        for order in self.orders() {
            tasks.extend(look::tasks(&engine.store, order).await?);
        }
        type Counted = (i64, i64, i64, i64);
        let count = |fits: &dyn Fn(&Counted) -> bool| -> i64 {
            tasks.iter().filter(|t| fits(t)).map(|t| t.3).sum()
        };
        let helps = count(&|t| t.0 == 1);
        if helps > self.helps {
            self.helps = helps;
            let text = format!(
                "累计 {helps} 起（危及生命 {}），待接 {}，处理中 {}，已办结 {}",
                count(&|t| t.0 == 1 && t.1 == 1),
                count(&|t| t.0 == 1 && t.2 == 0),
                count(&|t| t.0 == 1 && t.2 == 1),
                count(&|t| t.0 == 1 && t.2 == 2),
            );
            self.line(now, "求助", &text);
        }
        Ok(())
    }

    /// The auditor's line.
    pub async fn audit(&mut self, engine: &Engine, now: i64) -> Result<(), StoreFault> {
        let custody = steady(engine, &self.orders()).await?;
        let text = balance(&custody);
        let done =
            format!("已落实 {}/{}，无主 {}", custody.answered, custody.pursued, custody.orphans);
        self.bar.set_message(done);
        self.line(now, "核对", &text);
        Ok(())
    }
}

/// 应跟进 = 已落实 + 在人手上 + 系统跟进, and nobody in nobody's hands.
pub fn balance(c: &Custody) -> String {
    let hands = c.open_desk + c.open_list + c.open_sheet;
    format!(
        "应跟进 {} = 已落实 {} + 在人手上 {hands}（席 {}/名单 {}/单 {}）+ 系统跟进 {}，无主 {}{}",
        c.pursued,
        c.answered,
        c.open_desk,
        c.open_list,
        c.open_sheet,
        c.open_system,
        c.orphans,
        if c.balances() { "" } else { "（正在变动）" }
    )
}

/// Custody of several orders together.
pub fn sum(all: impl IntoIterator<Item = Custody>) -> Custody {
    all.into_iter().fold(Custody::default(), |a, b| Custody {
        audience: a.audience + b.audience,
        pursued: a.pursued + b.pursued,
        told: a.told + b.told,
        answered: a.answered + b.answered,
        open: a.open + b.open,
        open_desk: a.open_desk + b.open_desk,
        open_list: a.open_list + b.open_list,
        open_sheet: a.open_sheet + b.open_sheet,
        open_system: a.open_system + b.open_system,
        orphans: a.orphans + b.orphans,
        heard: a.heard + b.heard,
        help: a.help + b.help,
    })
}

/// Custody while answers come in: counted again until the counts belong together.
pub async fn steady(engine: &Engine, orders: &[i64]) -> Result<Custody, StoreFault> {
    let mut seen = Custody::default();
    for _ in 0..LOOKS {
        let mut all = Vec::with_capacity(orders.len());
        for order in orders {
            all.push(custody::compute(&engine.store, *order, engine.clock.story_ms()).await?);
        }
        seen = sum(all);
        if seen.balances() {
            break;
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_night_is_told_in_beijing_time() {
        assert_eq!(time_of_day(super::super::NIGHT_AT), "00:00:00");
        assert_eq!(time_of_day(super::super::NIGHT_AT + 2 * 3_600_000 + 61_000), "02:01:01");
    }

    #[test]
    fn the_auditor_says_where_everybody_is() {
        let custody = Custody {
            audience: 10,
            pursued: 8,
            told: 2,
            answered: 3,
            open: 5,
            open_desk: 1,
            open_list: 3,
            open_system: 1,
            ..Custody::default()
        };
        assert_eq!(
            balance(&custody),
            "应跟进 8 = 已落实 3 + 在人手上 4（席 1/名单 3/单 0）+ 系统跟进 1，无主 0"
        );
        let broken = Custody { answered: 4, ..custody };
        assert!(balance(&broken).ends_with("（正在变动）"));
    }
}
