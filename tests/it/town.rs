//! Stories in the town's words over the real engine: a clock moved by hand, the practice gateway
//! on that clock, custody asserted after every step, and at the end nothing leased or lost.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use tongluo::base::clock::{Clock, HandClock};
use tongluo::base::entropy::Entropy;
use tongluo::base::seal::Sealer;
use tongluo::channel::{CallFault, Event, Inbound, Provider, Transport};
use tongluo::domain::access::Role;
use tongluo::domain::plan::Plans;
use tongluo::engine::issue::{Actor, OrderForm};
use tongluo::engine::{Engine, EngineFault, EngineParts, EngineSettings, Gateway};
use tongluo::practice::gateway::{Entry, GatewaySim, Line, Vendor, Vices};
use tongluo::practice::residents::{Residents, Silent};
use tongluo::queue::Queue;
use tongluo::render::Messages;
use tongluo::store::custody::{self, Custody};
use tongluo::store::db::Row;
use tongluo::store::{Stmt, Store, order};

use crate::engines::{EngineRoom, rooms};
use crate::own_queue::{Broker, BrokerWish};
use crate::plant::{Layout, by_words, human_number, plant};
use crate::vendor::gateway;

/// 2013-10-07 22:00 +08:00, the night of Fitow.
pub const NIGHT: i64 = 1_381_154_400_000;
const SECOND: i64 = 1_000;
const SEAL: [u8; 32] = [7; 32];

pub struct Town {
    pub engine: Arc<Engine>,
    pub clock: Arc<HandClock>,
    pub sim: Arc<GatewaySim>,
    pub author: Actor,
    pub approver: Actor,
    pub homes: i64,
    pub provider: Arc<Provider>,
    /// The broker, where the story can make it fail.
    pub broker: Option<Arc<Broker>>,
    room: EngineRoom,
}

/// What a story may choose about its town.
pub struct Setup {
    pub layout: Layout,
    pub rate_per_second: Option<f64>,
    pub vices: Vices,
    pub residents: fn() -> Box<dyn Residents>,
    /// A broker that can be made to fail; none: the room's own, without faults.
    pub broker: Option<BrokerWish>,
    /// Receipts are worked before the gateway has answered the call they are about.
    pub receipts_first: bool,
    /// Open calls of one process.
    pub calls_open: usize,
    /// The whole installation is marked practice.
    pub practice: bool,
    /// In whose shape gateway and codec speak.
    pub vendor: Vendor,
    /// A gateway of the story's own, which no practice gateway is behind.
    pub provider: Option<Arc<Provider>>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            layout: Layout::default(),
            rate_per_second: None,
            vices: Vices::default(),
            residents: || Box::new(Silent),
            broker: None,
            receipts_first: false,
            calls_open: 16,
            practice: true,
            vendor: Vendor::Twilio,
            provider: None,
        }
    }
}

/// The same story on both engines.
pub async fn on_both<F, Fut>(setup: Setup, story: F)
where
    F: Fn(Town) -> Fut,
    Fut: Future<Output = Town>,
{
    for room in rooms().await {
        println!("--- on {}", room.name);
        let town = Town::open(room, &setup).await;
        let town = story(town).await;
        town.close().await;
    }
}

/// One process of the installation: its engine, with a handle of its own on the store.
#[expect(clippy::too_many_arguments, reason = "the parts in which processes of a town differ")]
fn process(
    owner: &str,
    seed: u64,
    store: Store,
    queue: Arc<dyn Queue>,
    transport: Arc<dyn Transport>,
    provider: &Arc<Provider>,
    clock: &Arc<HandClock>,
    setup: &Setup,
) -> Engine {
    let gateway = Gateway { provider: provider.clone(), rate_per_second: setup.rate_per_second };
    Engine::new(EngineParts {
        store,
        queue,
        transport,
        gateways: vec![gateway],
        sealer: Sealer::new(&SEAL),
        clock: clock.clone(),
        entropy: Entropy::seeded(seed),
        messages: Messages::embedded().unwrap(),
        plans: Plans::defaults().unwrap(),
        settings: EngineSettings {
            owner: owner.into(),
            signature: "余姚市防指".into(),
            practice: setup.practice,
            thank_receipts: false,
            calls_open: setup.calls_open,
            shift_ends: vec![8 * 60, 20 * 60],
            public_url: Some("https://tl.example".into()),
        },
    })
    .unwrap()
}

impl Town {
    pub async fn open(mut room: EngineRoom, setup: &Setup) -> Town {
        let homes = plant(&room.store, &Sealer::new(&SEAL), &setup.layout).await;
        let clock = Arc::new(HandClock::new(NIGHT));
        let (sim, provider) = gateway(setup);
        let line = Arc::new(Eager {
            line: Line { gateway: sim.clone(), clock: clock.clone() },
            clock: clock.clone(),
            provider: provider.clone(),
            engine: OnceLock::new(),
        });
        let broker = match &setup.broker {
            Some(wish) => Some(Arc::new(wish.open(&mut room).await)),
            None => None,
        };
        let queue: Arc<dyn Queue> = match &broker {
            Some(broker) => broker.clone(),
            None => room.queue(false).await,
        };
        let store = room.store_handle().await;
        let engine = process("story", 7, store, queue, line.clone(), &provider, &clock, setup);
        let engine = Arc::new(engine);
        if setup.receipts_first {
            let _ = line.engine.set(Arc::downgrade(&engine));
        }
        let actor = |id: i64, name: &str, roles: &[Role]| Actor {
            account_id: id,
            name: name.into(),
            rights: roles.iter().map(|r| (*r, 1)).collect(),
        };
        Town {
            engine,
            clock,
            sim,
            author: actor(1, "陈制作", &[Role::Author, Role::Emergency]),
            approver: actor(2, "李签发", &[Role::Approver, Role::Desk]),
            homes,
            provider,
            broker,
            room,
        }
    }

    /// Another process on the same store, with its own transport.
    pub async fn another(
        &self,
        owner: &str,
        seed: u64,
        transport: Arc<dyn Transport>,
        setup: &Setup,
    ) -> Engine {
        let store = self.room.store_handle().await;
        let queue = self.engine.queue.clone();
        process(owner, seed, store, queue, transport, &self.provider, &self.clock, setup)
    }

    pub fn now(&self) -> i64 {
        self.clock.story_ms()
    }

    /// 转移指令 for the whole street, by 3 o'clock, drafted, submitted and approved by a second person.
    pub async fn flood_order(&self) -> (String, i64) {
        self.release(&self.flood_form()).await
    }

    /// Drafted, submitted and approved by a second person.
    pub async fn release(&self, form: &OrderForm) -> (String, i64) {
        let (uid, alert) = self.draft_order(form).await;
        self.engine.approve(&self.approver, &uid, false).await.unwrap();
        self.check().await;
        (uid, alert)
    }

    /// Drafted and submitted.
    pub async fn draft_order(&self, form: &OrderForm) -> (String, i64) {
        let uid = self.engine.draft(&self.author, form).await.unwrap();
        self.engine.submit(&self.author, &uid).await.unwrap();
        let row = order::by_uid(&self.engine.store, &uid).await.unwrap().unwrap();
        (uid, row.id)
    }

    /// The alert never was, as far as the night goes on: for stories of many orders.
    pub async fn forget(&self, alert: i64) {
        for (table, set) in [("batch", "state = 2, lease_until = NULL"), ("alert", "state = 1")] {
            let key = if table == "alert" { "id" } else { "alert_id" };
            self.break_in(&format!("UPDATE {table} SET {set} WHERE {key} = {alert}")).await;
        }
        for table in ["timer", "list", "task", "summons"] {
            self.break_in(&format!("DELETE FROM {table} WHERE alert_id = {alert}")).await;
        }
    }

    pub fn flood_form(&self) -> OrderForm {
        self.due_in(5 * 3_600_000)
    }

    /// The same, by when its text says as well.
    pub fn due_in(&self, span_ms: i64) -> OrderForm {
        let act_by = self.now() + span_ms;
        let vars = [("by", by_words(act_by)), ("shelter", "四明小学".into())];
        OrderForm {
            origin: "own".into(),
            kind: "live".into(),
            hazard: "flood".into(),
            title: "转移指令".into(),
            issuer: "余姚市防指".into(),
            template: "move_order".into(),
            vars: vars.map(|(name, value)| (name.to_owned(), value)).into(),
            urgency: Some("flash".into()),
            act_by: Some(act_by),
            places: vec!["p2".into()],
            ..OrderForm::default()
        }
    }

    /// Runs everything that is due at this moment.
    pub async fn settle(&self) {
        for _ in 0..10_000 {
            let mut busy = self.engine.fire_due().await.unwrap();
            let fed = self.engine.feed_once().await.unwrap();
            for hint in &fed.direct {
                self.engine.work(hint).await.unwrap();
            }
            busy += fed.hinted + fed.direct.len();
            busy += self.engine.work_waiting().await.unwrap();
            busy += self.callbacks().await;
            if busy == 0 {
                return;
            }
        }
        panic!("the town never comes to rest at {}", self.now());
    }

    /// Brings what the gateway has to say, through the real codec and its signature check.
    pub async fn callbacks(&self) -> usize {
        let due = self.sim.due(self.now());
        let (mut receipts, mut replies) = (Vec::new(), Vec::new());
        for request in &due {
            for event in self.provider.http().unwrap().callback(request).unwrap() {
                match event {
                    Event::Receipt(receipt) => receipts.push(receipt),
                    Event::Reply(reply) => replies.push(reply),
                    Event::Follower(_) => unreachable!("a gateway of numbers"),
                }
            }
        }
        if !receipts.is_empty() {
            self.engine.take_receipts("practice", &receipts).await.unwrap();
        }
        if !replies.is_empty() {
            self.engine.take_replies("practice", &replies).await.unwrap();
        }
        due.len()
    }

    /// Lets time pass in steps of five seconds, custody asserted after each.
    pub async fn minutes(&self, minutes: i64) {
        self.seconds(minutes * 60).await;
    }

    pub async fn seconds(&self, seconds: i64) {
        self.steps(seconds / 5, 5).await;
    }

    /// So many steps of so many seconds: for long times in which little happens.
    pub async fn steps(&self, count: i64, seconds: i64) {
        self.settle().await;
        for _ in 0..count {
            self.clock.advance_ms(seconds * SECOND);
            self.settle().await;
            self.check().await;
        }
    }

    /// A step a second, for gateways with a rate; custody is asserted every ten seconds.
    pub async fn slowly(&self, seconds: i64) {
        self.settle().await;
        for second in 1..=seconds {
            self.clock.advance_ms(SECOND);
            self.settle().await;
            if second % 10 == 0 {
                self.check().await;
            }
        }
    }

    /// The process is down: time passes and nobody works.
    pub fn down_minutes(&self, minutes: i64) {
        self.clock.advance_ms(minutes * 60 * SECOND);
    }

    /// Nobody falls through, whatever happens; not after the end, nor where the order was wrong.
    pub async fn check(&self) {
        for state in [4, 5] {
            for (alert, uid, ..) in order::live(&self.engine.store, state).await.unwrap() {
                let custody = self.custody(alert).await;
                assert!(custody.balances(), "{uid}: {custody:?}");
                assert_eq!(custody.orphans, 0, "{uid}: {custody:?}");
            }
        }
        // Nobody has to move for an order taken back; who asked for help still waits.
        let (store, now) = (&self.engine.store, self.now());
        for (alert, uid, ..) in order::live(store, 6).await.unwrap() {
            assert!(self.custody(alert).await.balances(), "{uid}");
            let alone = custody::orphans(store, alert, true, now, 10).await.unwrap();
            assert!(alone.is_empty(), "{uid}: {alone:?} asked for help and are in nobody's hands");
        }
    }

    /// Rows of a query that a story needs; integers cast to bigint.
    pub async fn rows<T: Row>(&self, sql: &str) -> Vec<T> {
        self.engine.store.rows(stmt(sql), vec![]).await.unwrap()
    }

    /// The first column of a query's only row.
    pub async fn count(&self, sql: &str) -> i64 {
        let rows: Vec<(i64,)> = self.rows(sql).await;
        rows[0].0
    }

    pub fn is_sqlite(&self) -> bool {
        self.room.name == "sqlite"
    }

    /// Changes the store behind the engine's back.
    pub async fn break_in(&self, sql: &str) -> u64 {
        self.engine.store.exec(stmt(sql), vec![]).await.unwrap()
    }

    pub async fn custody(&self, alert: i64) -> Custody {
        self.engine.custody(alert).await.unwrap()
    }

    /// A phone answers by SMS.
    pub async fn says(&self, number: &str, text: &str) {
        self.sim.write_in(self.now(), number, text);
        self.settle().await;
        self.check().await;
    }

    /// A responsible person answers by SMS.
    pub async fn leader_says(&self, human: i64, text: &str) {
        self.says(&human_number(human), text).await;
    }

    /// What the gateway took for a number, in order.
    pub fn heard(&self, number: &str) -> Vec<String> {
        self.taken().into_iter().filter(|e| e.to == number).map(|e| e.text).collect()
    }

    /// What the gateway took for a responsible person.
    pub fn leader_heard(&self, human: i64) -> Vec<String> {
        self.heard(&human_number(human))
    }

    /// A reply as a provider's codec gives it, sent at `sent_at`.
    pub fn reply(key: &str, from: &str, text: &str, sent_at: Option<i64>) -> Inbound {
        Inbound {
            source_key: format!("practice:in:{key}"),
            from: from.into(),
            to: "+8612700000000".into(),
            text: text.into(),
            sent_at,
            raw: Bytes::new(),
        }
    }

    /// The numbers for which the gateway was asked to carry a text with these words, taken or not.
    pub fn asked(&self, words: &str) -> BTreeSet<String> {
        let log = self.sim.log().into_iter();
        log.filter(|e| e.text.contains(words)).map(|e| e.to).collect()
    }

    /// Everything the gateway took.
    pub fn taken(&self) -> Vec<Entry> {
        self.sim.log().into_iter().filter(|e| e.taken).collect()
    }

    /// The end of a story: tallies are the standings' sums, and no lease is left.
    pub async fn close(self) {
        for state in [4, 5, 6] {
            for (alert, uid, ..) in order::live(&self.engine.store, state).await.unwrap() {
                let custody = self.custody(alert).await;
                let tally = custody::tallied(&self.engine.store, alert).await.unwrap();
                let sums = (custody.pursued, custody.answered, custody.heard, custody.help);
                assert_eq!((tally.1, tally.2, tally.3, tally.4), sums, "{uid}: tallies");
                assert_eq!(custody::leased(&self.engine.store, alert).await.unwrap(), 0, "{uid}");
            }
        }
        self.engine.store.close().await;
        self.room.close().await;
    }
}

fn stmt(sql: &str) -> &'static Stmt {
    let text: &'static str = Box::leak(sql.to_owned().into_boxed_str());
    Box::leak(Box::new(Stmt::new("STORY", text)))
}

/// A leader's text and the token of the link at its end.
pub fn apart(text: &str) -> (&str, &str) {
    text.split_once("。名单 https://tl.example/l/").unwrap_or((text, ""))
}

/// Leaders' texts, each of which had a link, without it.
pub fn without_links(texts: &[String]) -> Vec<&str> {
    let linked = |text| {
        let (said, token) = apart(text);
        assert_eq!(token.len(), 13, "{text}");
        said
    };
    texts.iter().map(|text| linked(text.as_str())).collect()
}

/// What the step refused to do, in its words.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, EngineFault>) -> String {
    result.unwrap_err().to_string()
}

/// The practice line; where it knows the engine, receipts are worked inside the call.
struct Eager {
    line: Line,
    clock: Arc<HandClock>,
    provider: Arc<Provider>,
    engine: OnceLock<Weak<Engine>>,
}

#[async_trait]
impl Transport for Eager {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        let answer = self.line.call(request).await;
        let Some(engine) = self.engine.get().and_then(Weak::upgrade) else {
            return answer;
        };
        for request in self.line.gateway.due(self.clock.story_ms()) {
            for event in self.provider.http().unwrap().callback(&request).unwrap() {
                let taken = match event {
                    Event::Receipt(one) => engine.take_receipts("practice", &[one]).await.map(drop),
                    Event::Reply(one) => engine.take_replies("practice", &[one]).await.map(drop),
                    Event::Follower(_) => unreachable!("a gateway of numbers"),
                };
                taken.unwrap();
            }
        }
        answer
    }
}
