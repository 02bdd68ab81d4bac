//! Whether everything is ready, line by line, with what to do where it is not. It only looks, and
//! says nothing of any alert; who is shown it and how is the web's.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::pump::CLOCK_LEASE;
use crate::channel::session::LinkState;
use crate::domain::access::Role as Right;
use crate::domain::duty::Role as Duty;
use crate::domain::gate::AlertKind;
use crate::domain::lane::{Lane, Realm};
use crate::domain::plan::Plan;
use crate::render::time::{say_moment, say_span};
use crate::store::overview::{self, RosterCounts};
use crate::store::{Dialect, StoreFault, calendar, journal, order, view};

/// The nightly check may be this late, for the night in which a machine was off.
const CHECK_LATE_MS: i64 = 26 * 3_600_000;
/// A feeder that has not gone round for so long does not feed.
const FED_LATE_MS: i64 = 30_000;
/// Journal entries that may wait for their place in the chain.
const UNCHAINED: i64 = 5_000;

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Light {
    Well,
    /// It works, but somebody should look at it by day.
    Look,
    /// It will fail when it is needed.
    Act,
}

impl Light {
    /// The word in pages' classes and in documents.
    pub fn word(self) -> &'static str {
        match self {
            Light::Well => "well",
            Light::Look => "look",
            Light::Act => "act",
        }
    }

    /// The word on pages.
    pub fn chinese(self) -> &'static str {
        match self {
            Light::Well => "正常",
            Light::Look => "留意",
            Light::Act => "须处理",
        }
    }
}

/// One thing, how it stands, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub name: &'static str,
    pub light: Light,
    pub said: String,
    /// Empty where there is nothing to do.
    pub remedy: String,
}

/// What the process itself knows of its state.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnState<'a> {
    pub public_url: Option<&'a str>,
    /// The clocks disagree.
    pub hold: bool,
    /// Machine time of the feeder's last round; 0: this process does not dispatch.
    pub fed_at: i64,
}

fn well(name: &'static str, said: impl Into<String>) -> Reading {
    Reading { name, light: Light::Well, said: said.into(), remedy: String::new() }
}

fn look(name: &'static str, said: impl Into<String>, remedy: &str) -> Reading {
    Reading { name, light: Light::Look, said: said.into(), remedy: remedy.into() }
}

fn act(name: &'static str, said: impl Into<String>, remedy: &str) -> Reading {
    Reading { name, light: Light::Act, said: said.into(), remedy: remedy.into() }
}

impl Engine {
    /// Whether messages of this kind of alert can leave. A practice installation reaches nobody,
    /// with or without a gateway. Judged by the settings: a command loads no gateway itself.
    pub fn can_send(&self, kind: AlertKind) -> bool {
        let realm = if kind == AlertKind::Rehearsal { Realm::Practice } else { Realm::Live };
        let loaded = self.gateway(Lane::Sms, realm, 0).is_some();
        self.settings.practice || loaded || self.named.contains(&(Lane::Sms, realm))
    }

    /// Whether there is a gateway at all by which messages of this kind go, real or of practice.
    pub(super) fn has_gateway(&self, kind: AlertKind) -> bool {
        let practice = self.settings.practice || kind == AlertKind::Rehearsal;
        let realm = if practice { Realm::Practice } else { Realm::Live };
        let loaded = self.gateway(Lane::Sms, realm, 0).is_some();
        loaded || self.named.contains(&(Lane::Sms, realm))
    }

    /// What keeps messages from leaving, to be said when a process begins.
    pub fn gateway_faults(&self) -> Vec<Reading> {
        let faults = self.read_gateways().into_iter();
        faults.filter(|reading| reading.light == Light::Act).collect()
    }

    /// How the connections stand of those gateways that are sessions, by name.
    pub fn links(&self) -> BTreeMap<String, Vec<LinkState>> {
        let gateways = self.gateways.iter().map(|gateway| &gateway.provider);
        let links = gateways.filter_map(|provider| {
            let session = provider.session()?;
            Some((provider.name().to_owned(), session.links()))
        });
        links.collect()
    }

    /// A session that has no connection sends nothing, whatever the settings say.
    fn read_links(&self) -> Option<Reading> {
        let links = self.links();
        let down = links.iter().find_map(|(name, links)| {
            let trouble = links.iter().filter(|link| !link.bound).find_map(|l| l.trouble.as_ref());
            Some((name, trouble?))
        });
        let remedy = "核对网关地址、账号和密码，并问运营商本机地址是否已登记；程序会自动重连";
        down.map(|(name, why)| act("网关连接", format!("{name}未连接：{why}"), remedy))
    }

    /// A gateway that calls do not reach, for whatever reason.
    fn read_outages(&self) -> Vec<Reading> {
        let now = self.clock.story_ms();
        let remedy = "检查网络和网关；该发的都留着，恢复后自动接着发，急的先打电话、上门";
        let away = |(name, since): (String, i64)| {
            act("网关连接", format!("{name}连不上，已{}", say_span(now - since)), remedy)
        };
        self.outages().into_iter().map(away).collect()
    }

    /// Everything that must be ready before a night, the worst first.
    pub async fn readiness(&self, own: OwnState<'_>) -> Vec<Reading> {
        let mut readings = vec![self.read_clock(own), self.read_dispatch(own), self.read_queue()];
        readings.extend(self.read_gateways());
        readings.extend(self.read_links());
        readings.extend(self.read_outages());
        readings.push(self.read_address(own));
        match self.read_store().await {
            Ok(stored) => readings.extend(stored),
            Err(fault) => {
                tracing::error!(%fault, "the store does not answer");
                let remedy = "检查数据库是否在运行、磁盘是否已满；恢复前只能用电话和人工";
                readings.push(act("存储", "不应答", remedy));
            }
        }
        let plans = &self.plans;
        let waves = |plan: &Plan| plan.waves_ms.len() + 1;
        let (flash, urgent, notice) =
            (waves(&plans.flash), waves(&plans.urgent), waves(&plans.notice));
        let said = format!("发送轮次：特急{flash}、紧急{urgent}、提示{notice}");
        readings.push(well("叫应方案", said));
        let templates = self.messages.templates().len();
        readings.push(well("短信模板", format!("{templates}种，随程序发布")));
        // Stable: inside one light the order is that of this function.
        readings.sort_by_key(|reading| std::cmp::Reverse(reading.light));
        readings
    }

    fn read_clock(&self, own: OwnState<'_>) -> Reading {
        if own.hold {
            let remedy = "在服务器上校时（chronyc makestep），一分钟内会自动恢复";
            return act("时钟", "本机与数据库相差超过2秒，已停止派发", remedy);
        }
        well("时钟", format!("与数据库一致，{}", say_moment(self.clock.machine_ms())))
    }

    fn read_dispatch(&self, own: OwnState<'_>) -> Reading {
        let gone = self.clock.machine_ms() - own.fed_at;
        if own.fed_at == 0 {
            let remedy = "确认另有一个进程以 --roles dispatch,clock 运行";
            return look("派发", "本进程不派发", remedy);
        }
        if gone > FED_LATE_MS {
            let said = format!("已{}没有动静", say_span(gone));
            return act("派发", said, "看日志里的错误，必要时重启本进程：重启不会重复发送");
        }
        well("派发", "在运行")
    }

    fn read_queue(&self) -> Reading {
        let health = self.queue.health();
        if health.is_silent() {
            let remedy = "检查 RabbitMQ；不影响发送，只是慢一些";
            return look("队列", "不通，已直接从存储取活", remedy);
        }
        if !health.is_well() {
            let why = health.trouble.unwrap_or_else(|| "有消费者没有连上".into());
            return look("队列", why, "检查 RabbitMQ；不影响发送，只是慢一些");
        }
        well("队列", "连通")
    }

    fn read_gateways(&self) -> Vec<Reading> {
        let practice = self.settings.practice;
        let realm = if practice { Realm::Practice } else { Realm::Live };
        let of = |lane: Lane| {
            let fit = |gateway: &&super::Gateway| {
                gateway.provider.lane() == lane && gateway.provider.realm() == realm
            };
            let named = self.gateways.iter().filter(fit);
            named.map(|gateway| gateway.provider.name().to_owned()).collect::<Vec<_>>()
        };
        let kind = if practice { "模拟网关" } else { "网关" };
        let sms = match of(Lane::Sms).as_slice() {
            [] => {
                let remedy = "在设置里加一段 [[provider]]，然后重启";
                act("短信通道", format!("没有{kind}：发不出任何短信"), remedy)
            }
            [one] if practice => well("短信通道", format!("{one}（模拟）")),
            [one] => look("短信通道", format!("只有一家：{one}"), "再接一家：一家出故障时可以换"),
            several => well("短信通道", several.join("、")),
        };
        let voice = match of(Lane::Voice).as_slice() {
            [] => look("语音通道", "没有：固定电话和叫应只能靠人打", "接一家语音网关"),
            some => well("语音通道", some.join("、")),
        };
        let mut readings = vec![sms, voice];
        match of(Lane::Wechat).as_slice() {
            [] => {}
            some => readings.push(well("微信通道", some.join("、"))),
        }
        readings
    }

    fn read_address(&self, own: OwnState<'_>) -> Reading {
        let remedy = "设置 web.public_url 为别人能打开的地址，然后重启";
        match own.public_url {
            Some(url) if url.starts_with("https://") => well("公开网址", url),
            Some(url) => look("公开网址", format!("{url} 没有加密"), "换成 https：密码会被人看到"),
            None if self.settings.practice => look("公开网址", "没有设置", remedy),
            None => act("公开网址", "没有设置：短信里的链接打不开，回执收不到", remedy),
        }
    }

    async fn read_store(&self) -> Result<Vec<Reading>, StoreFault> {
        let store = &self.store;
        view::now_ms(store).await?;
        let kind = match store.dialect() {
            Dialect::Postgres => "PostgreSQL",
            Dialect::Sqlite => "SQLite（单机）",
        };
        let mut readings = vec![well("存储", kind), self.read_audit().await?];
        readings.extend(read_roster(overview::roster(store).await?));
        let now = self.clock.story_ms();
        let reachable = order::has_duty_room(store, Duty::DutyRoom.code(), now).await?;
        readings.push(if reachable {
            well("值班室", "有能打通的电话")
        } else {
            let remedy = "在底册的职责表里给县（市）值班室登记人和手机号，再导入";
            act("值班室", "没有人，或没有能打通的号码：不能发布", remedy)
        });
        readings.push(read_signers(&overview::signers(store).await?));
        readings.extend(self.read_checks().await?);
        Ok(readings)
    }

    async fn read_audit(&self) -> Result<Reading, StoreFault> {
        let until = overview::lease_until(&self.store, CLOCK_LEASE).await?;
        if until.is_none_or(|until| until <= self.clock.machine_ms()) {
            let remedy = "确认有一个进程以 --roles clock 运行：没有它就不会提级叫应";
            return Ok(act("计时与核对", "没有进程在做", remedy));
        }
        Ok(well("计时与核对", "在运行，责任人每分钟核对一次"))
    }

    async fn read_checks(&self) -> Result<Vec<Reading>, StoreFault> {
        let store = &self.store;
        let now = self.clock.story_ms();
        let failed = overview::failed_checks(store).await?;
        let last = overview::last_slot(store, crate::domain::calendar::Job::Check.word()).await?;
        let check = match last {
            _ if failed > 0 => act("夜间检查", "没有通过", "见受理席上的告警：先保护现场，再核查"),
            None => look("夜间检查", "还没有做过", "每天02:30自动做；明早再看"),
            Some(at) if now - at > CHECK_LATE_MS => {
                let said = format!("上次是{}", say_moment(at));
                look("夜间检查", said, "确认夜里有一个进程以 --roles clock 运行")
            }
            Some(at) => well("夜间检查", format!("{}通过", say_moment(at))),
        };
        let waiting = journal::count_unchained(store).await?;
        let proven = calendar::verified(store).await?.map_or(0, |(pos, _)| pos);
        let journal = if waiting > UNCHAINED {
            let said = format!("{waiting}条还没有入链");
            look("日志链", said, "等几分钟再看；一直不减就重启带 clock 的进程")
        } else {
            well("日志链", format!("已核到第{proven}条，待入链{waiting}条"))
        };
        Ok(vec![check, journal])
    }
}

fn read_roster(counts: RosterCounts) -> Vec<Reading> {
    if counts.households == 0 {
        let remedy = "在服务器上执行 tongluo roster import 底册目录";
        return vec![act("底册", "没有住户", remedy)];
    }
    let RosterCounts { grids, households, no_phone, no_leader } = counts;
    let said = format!("{households}户，{grids}个网格，无电话{no_phone}户");
    let roster = match no_phone * 5 > households {
        true => look("底册", said, "无电话的超过两成：这些户只能上门，请社区补号码"),
        false => well("底册", said),
    };
    let leaders = match no_leader {
        0 => well("网格责任人", "每个网格都有能打通的人"),
        _ => {
            let said = format!("{no_leader}个网格没有能打通的网格长或副网格长");
            act("网格责任人", said, "请社区补登记：这些网格的名单会直接上到街道")
        }
    };
    vec![roster, leaders]
}

/// Who writes and who signs must be two people, or nothing goes out but by emergency.
fn read_signers(signers: &[(i64, i64)]) -> Reading {
    let with = |roles: &[Right]| -> BTreeSet<i64> {
        let held = |(_, code): &&(i64, i64)| roles.iter().any(|role| role.code() == *code);
        signers.iter().filter(held).map(|(account, _)| *account).collect()
    };
    let authors = with(&[Right::Author, Right::Emergency]);
    let approvers = with(&[Right::Approver]);
    let remedy = "在“账号”页给两个人分别设“制作”和“签发”";
    if authors.is_empty() || approvers.is_empty() {
        let missing = if authors.is_empty() { "制作" } else { "签发" };
        return act("制作与签发", format!("没有人能{missing}"), remedy);
    }
    if authors.len() == 1 && authors == approvers {
        return act("制作与签发", "只有同一个人：自己写的不能自己签发", remedy);
    }
    well("制作与签发", format!("能制作{}人，能签发{}人", authors.len(), approvers.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_signs_what_he_alone_writes() {
        let (author, approver) = (Right::Author.code(), Right::Approver.code());
        let light = |signers: &[(i64, i64)]| read_signers(signers).light;
        assert_eq!(light(&[]), Light::Act);
        assert_eq!(light(&[(1, author)]), Light::Act);
        assert_eq!(light(&[(1, author), (1, approver)]), Light::Act);
        assert_eq!(light(&[(1, author), (2, approver)]), Light::Well);
        assert_eq!(light(&[(1, author), (1, approver), (2, approver)]), Light::Well);
        assert_eq!(light(&[(1, Right::Emergency.code()), (2, approver)]), Light::Well);
    }

    #[test]
    fn a_roster_is_read_by_its_gaps() {
        let full = RosterCounts { grids: 3, households: 100, no_phone: 20, no_leader: 0 };
        let lights = |counts| read_roster(counts).iter().map(|r| r.light).collect::<Vec<_>>();
        assert_eq!(lights(RosterCounts::default()), [Light::Act]);
        assert_eq!(lights(full), [Light::Well, Light::Well]);
        assert_eq!(lights(RosterCounts { no_phone: 21, ..full }), [Light::Look, Light::Well]);
        assert_eq!(lights(RosterCounts { no_leader: 1, ..full }), [Light::Well, Light::Act]);
    }
}
