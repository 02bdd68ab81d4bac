//! Sessions over loopback against the practice centres, each story in SMPP, CMPP 2.0 and CMPP 3.0:
//! windows, time-outs, broken connections, and acknowledgement after the commit only.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use tongluo::channel::cmpp::CmppSettings;
use tongluo::channel::registry::ProviderSettings;
use tongluo::channel::session::{Ear, LinkSettings, LinkState};
use tongluo::channel::smpp::SmppSettings;
use tongluo::channel::{Event, Message, Provider};
use tongluo::domain::outcome::{Outcome, ReceiptClass};
use tongluo::practice::center::{CenterHandle, CenterVices, Ismg, ReceiptForm, Smsc};

pub const NUMBER: &str = "106901237901";
pub const LONG: &str = "【余姚市防指】转移指令：受台风影响，四明湖水库即将泄洪，请凤山街道沿江各户在今天下午\
    三点前离家，带好身份证和药品，到四明小学安置点登记；行动不便的请回复2，我们上门来接；全家已经\
    离开的请回复3。危急时请拨打119或街道值班电话，不要返回家中取物；孩子和老人先走，邻里互相\
    招呼，听见铜锣声立即离开。";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Smpp,
    Cmpp20,
    Cmpp30,
}

const KINDS: [Kind; 3] = [Kind::Smpp, Kind::Cmpp20, Kind::Cmpp30];

/// Hears, and keeps as much as it is told to.
struct Room {
    events: Mutex<Vec<Event>>,
    /// So many deliveries are not kept.
    refusals: AtomicUsize,
    /// Nothing is kept without a permit.
    permits: Semaphore,
}

#[async_trait]
impl Ear for Room {
    async fn hear(&self, _: &str, events: Vec<Event>) -> bool {
        let Ok(permit) = self.permits.acquire().await else { return false };
        drop(permit);
        let refuse = |left: usize| left.checked_sub(1);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.refusals.fetch_update(set, get, refuse).is_ok() {
            return false;
        }
        self.events.lock().unwrap().extend(events);
        true
    }
}

impl Room {
    fn replies(&self) -> Vec<(String, String)> {
        let events = self.events.lock().unwrap();
        let reply = |event: &Event| match event {
            Event::Reply(reply) => Some((reply.from.clone(), reply.text.clone())),
            Event::Receipt(_) | Event::Follower(_) => None,
        };
        events.iter().filter_map(reply).collect()
    }

    fn receipts(&self) -> Vec<(String, ReceiptClass, String)> {
        let events = self.events.lock().unwrap();
        let receipt = |event: &Event| match event {
            Event::Receipt(r) => {
                Some((r.external_id.clone().unwrap(), r.class, r.source_key.clone()))
            }
            Event::Reply(_) | Event::Follower(_) => None,
        };
        events.iter().filter_map(receipt).collect()
    }
}

struct Rig {
    center: CenterHandle,
    provider: Arc<Provider>,
    room: Arc<Room>,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn link() -> LinkSettings {
    LinkSettings {
        connect_ms: 1_000,
        answer_ms: 600,
        idle_ms: 200,
        reconnect_ms: 50,
        join_ms: 300,
        ..LinkSettings::default()
    }
}

fn smpp_settings(address: &str, link: LinkSettings) -> SmppSettings {
    let text = format!(
        "name = \"session\"\nrealm = \"practice\"\naddress = \"{address}\"\n\
         system_id = \"emerg01\"\npassword_env = \"X\"\nsource = \"{NUMBER}\"\n"
    );
    SmppSettings { link, ..toml::from_str(&text).unwrap() }
}

/// The gateway of an account whose centre is one of ours.
pub fn smpp(settings: SmppSettings) -> Provider {
    ProviderSettings::Smpp(settings).open(&[("password", "geheim8")]).unwrap()
}

fn cmpp_settings(address: &str, version: &str, link: LinkSettings) -> CmppSettings {
    let text = format!(
        "name = \"session\"\nrealm = \"practice\"\naddress = \"{address}\"\n\
         version = \"{version}\"\nsource_addr = \"901234\"\nsecret_env = \"X\"\n\
         service_id = \"EMERG\"\nsrc_id = \"{NUMBER}\"\nverify_gateway = true\n"
    );
    CmppSettings { link, ..toml::from_str(&text).unwrap() }
}

fn smsc(receipts: ReceiptForm) -> Smsc {
    Smsc { system_id: "emerg01".into(), password: "geheim8".into(), receipts }
}

impl Rig {
    async fn open(kind: Kind, vices: CenterVices, link: LinkSettings) -> Rig {
        let rig = Rig::unbound(kind, vices, link).await;
        rig.until("bound", || rig.link().bound).await;
        rig
    }

    async fn unbound(kind: Kind, vices: CenterVices, link: LinkSettings) -> Rig {
        let ismg = |third| Ismg {
            source_addr: "901234".into(),
            secret: "geheim-888888".into(),
            third,
            short_reports: false,
        };
        let (center, provider) = match kind {
            Kind::Smpp => {
                let center = CenterHandle::smpp(smsc(ReceiptForm::Text), vices).await.unwrap();
                let provider = smpp(smpp_settings(&center.address(), link));
                (center, provider)
            }
            Kind::Cmpp20 | Kind::Cmpp30 => {
                let third = kind == Kind::Cmpp30;
                let center = CenterHandle::cmpp(ismg(third), vices).await.unwrap();
                let version = if third { "3.0" } else { "2.0" };
                let settings = cmpp_settings(&center.address(), version, link);
                let settings = ProviderSettings::Cmpp(settings);
                (center, settings.open(&[("secret", "geheim-888888")]).unwrap())
            }
        };
        Rig::run(center, provider)
    }

    fn run(center: CenterHandle, provider: Provider) -> Rig {
        let provider = Arc::new(provider);
        let room = Arc::new(Room {
            events: Mutex::default(),
            refusals: AtomicUsize::new(0),
            permits: Semaphore::new(100),
        });
        let (end, stop) = watch::channel(false);
        let (running, ear) = (provider.clone(), room.clone());
        let task = tokio::spawn(async move { running.session().unwrap().run(ear, stop).await });
        Rig { center, provider, room, end, task }
    }

    fn link(&self) -> LinkState {
        self.provider.session().unwrap().links().remove(0)
    }

    async fn until(&self, what: &str, is: impl Fn() -> bool) {
        for _ in 0..500 {
            if is() {
                return;
            }
            pause(10).await;
        }
        panic!("never: {what}; link {:?}, deliveries {:?}", self.link(), self.center.deliveries());
    }

    async fn send(&self, messages: usize, text: &str) -> Vec<Outcome> {
        let message = |n: usize| Message {
            to: format!("+86127000{n:05}"),
            text: text.into(),
            reference: "r".into(),
        };
        let chunk: Vec<Message> = (0..messages).map(message).collect();
        self.provider.session().unwrap().submit(&chunk).await
    }

    async fn close(self) {
        self.end.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(5), self.task).await.unwrap().unwrap();
    }
}

pub async fn pause(ms: u64) {
    let _ = tokio::time::timeout(Duration::from_millis(ms), std::future::pending::<()>()).await;
}

fn kinds(outcomes: &[Outcome]) -> Vec<i64> {
    outcomes.iter().map(Outcome::code).collect()
}

#[tokio::test]
async fn a_long_chinese_text_arrives_whole_and_every_part_is_reported_by_its_name() {
    for kind in KINDS {
        let vices = CenterVices { receipt_doubled: true, ..CenterVices::default() };
        let rig = Rig::open(kind, vices, link()).await;
        let outcomes = rig.send(3, LONG).await;
        assert_eq!(kinds(&outcomes), [1, 1, 1], "{kind:?}: {outcomes:?}");
        let arrived = rig.center.arrived();
        assert_eq!(arrived.len(), 3, "{kind:?}");
        for message in &arrived {
            assert_eq!((message.text.as_str(), message.parts), (LONG, 3), "{kind:?}");
            assert_eq!(message.from, NUMBER);
        }
        // Three parts each, and each report twice.
        rig.until("kept", || rig.center.deliveries().0 == 18).await;
        let receipts = rig.room.receipts();
        for outcome in &outcomes {
            assert_eq!(outcome.names().len(), 3, "{kind:?}: {outcome:?}");
            assert_eq!(outcome.external_id(), outcome.names().first().map(String::as_str));
            for name in outcome.names() {
                let of_it = receipts.iter().filter(|(external, ..)| external == name);
                let delivered = of_it.clone().filter(|(_, class, _)| class.is_delivered());
                assert_eq!(delivered.count(), 2, "{kind:?}: {receipts:?}");
                let keys: BTreeSet<&str> = of_it.map(|(_, _, key)| key.as_str()).collect();
                assert_eq!(keys.len(), 1, "a repetition has the key of its first");
            }
        }
        rig.close().await;
    }
}

#[tokio::test]
async fn replies_come_in_and_long_ones_are_joined() {
    for kind in KINDS {
        let rig = Rig::open(kind, CenterVices::default(), link()).await;
        let long = "水已漫到二楼，老人下不来😀".repeat(6);
        rig.center.write_in("12700000001", NUMBER, "1已转移");
        rig.center.write_in("12700000002", NUMBER, &long);
        rig.until("kept", || rig.center.deliveries().2 == 0).await;
        let mut replies = rig.room.replies();
        replies.sort();
        let expected = [("12700000001", "1已转移"), ("12700000002", long.as_str())];
        let expected = expected.map(|(from, text)| (from.to_owned(), text.to_owned()));
        assert_eq!(replies, expected, "{kind:?}");
        rig.close().await;
    }
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_kept() {
    for kind in KINDS {
        let rig = Rig::open(kind, CenterVices::default(), link()).await;
        let held = rig.room.permits.acquire_many(100).await.unwrap();
        rig.center.write_in("12700000001", NUMBER, "救命");
        pause(200).await;
        assert_eq!(rig.center.deliveries(), (0, 0, 1), "{kind:?}: acknowledged too early");
        rig.room.refusals.store(1, Ordering::Relaxed);
        drop(held);
        if kind == Kind::Smpp {
            // Told to come again, it comes again.
            rig.until("refused", || rig.center.deliveries().1 == 1).await;
        } else {
            // Not answered: it comes again at the latest on the next connection.
            pause(200).await;
            assert_eq!(rig.center.deliveries(), (0, 0, 1), "{kind:?}");
            rig.center.cut();
        }
        rig.until("kept", || rig.center.deliveries().0 == 1).await;
        assert_eq!(rig.room.replies(), [("12700000001".to_owned(), "救命".to_owned())]);
        rig.close().await;
    }
}

#[tokio::test]
async fn a_delivery_given_again_after_a_lost_acknowledgement_has_the_same_key() {
    for kind in KINDS {
        let rig = Rig::open(kind, CenterVices::default(), link()).await;
        rig.center.write_in("12700000001", NUMBER, "收到");
        rig.center.write_in("12700000001", NUMBER, "收到");
        rig.until("kept", || rig.center.deliveries().0 == 2).await;
        let key = |event: &Event| match event {
            Event::Reply(reply) => reply.source_key.clone(),
            Event::Receipt(receipt) => receipt.source_key.clone(),
            Event::Follower(follower) => follower.source_key.clone(),
        };
        let keys: Vec<String> = rig.room.events.lock().unwrap().iter().map(key).collect();
        // CMPP names its deliveries; SMPP's are told apart by time.
        assert_eq!(keys[0] == keys[1], kind == Kind::Smpp, "{kind:?}: {keys:?}");
        rig.close().await;
    }
}

#[tokio::test]
async fn the_window_is_kept() {
    for kind in KINDS {
        let vices = CenterVices { answer_ms: 20, ..CenterVices::default() };
        let rig = Rig::open(kind, vices, LinkSettings { window: 4, ..link() }).await;
        let outcomes = rig.send(40, "【余姚市防指】请转移").await;
        assert_eq!(kinds(&outcomes), [1; 40], "{kind:?}");
        let (submits, most) = rig.center.submits();
        assert_eq!(submits, 40);
        assert!((2..=4).contains(&most), "{kind:?}: {most} unanswered at once");
        rig.close().await;
    }
}

#[tokio::test]
async fn an_answer_cut_in_its_middle_leaves_unknown_and_never_failed() {
    for kind in KINDS {
        for garbage in [false, true] {
            let mut vices = CenterVices { answer_ms: 50, ..CenterVices::default() };
            match garbage {
                true => vices.garbage_at = Some(1),
                false => vices.cut_at = Some(1),
            }
            let rig = Rig::open(kind, vices, LinkSettings { window: 3, ..link() }).await;
            let outcomes = rig.send(10, "【余姚市防指】请转移").await;
            let written = rig.center.submits().0 as usize;
            let unknown = outcomes.iter().filter(|o| o.code() == 5).count();
            let not_sent = outcomes.iter().filter(|o| o.detail() == "not_sent").count();
            let accepted = outcomes.iter().filter(|o| o.code() == 1).count();
            assert_eq!(unknown + not_sent + accepted, 10, "{kind:?}: {outcomes:?}");
            assert!(unknown >= 1, "{kind:?}: {outcomes:?}");
            // Whatever arrived is known to have arrived or not known: never told to be unsent.
            assert!(unknown + accepted >= written, "{kind:?} {written}: {outcomes:?}");
            rig.until("bound again", || rig.link().binds >= 2 && rig.link().bound).await;
            assert_eq!(kinds(&rig.send(1, "好").await), [1], "{kind:?}");
            rig.close().await;
        }
    }
}

#[tokio::test]
async fn silence_is_unknown_and_the_connection_is_asked_whether_it_lives() {
    for kind in KINDS {
        let vices = CenterVices { silent_after: Some(0), ..CenterVices::default() };
        let rig = Rig::open(kind, vices, link()).await;
        let outcomes = rig.send(2, "好").await;
        assert_eq!(kinds(&outcomes), [5, 5], "{kind:?}");
        assert_eq!(rig.center.arrived().len(), 2, "it had arrived");
        pause(500).await;
        assert!(rig.link().bound, "probes are answered: {:?}", rig.link());
        assert_eq!(rig.link().binds, 1, "{kind:?}");
        rig.close().await;
    }
}

#[tokio::test]
async fn a_throttle_slows_down_and_is_no_failure() {
    for kind in KINDS {
        let vices = CenterVices { throttle: 1, ..CenterVices::default() };
        let rig = Rig::open(kind, vices, link()).await;
        let first = rig.send(1, "好").await;
        assert!(matches!(first[0], Outcome::Throttled { after_ms: Some(1..) }), "{first:?}");
        let meanwhile = rig.send(1, "好").await;
        assert!(matches!(meanwhile[0], Outcome::Throttled { after_ms: Some(1..=1_000) }));
        assert_eq!(rig.center.submits().0, 1, "{kind:?}: nothing is written in the pause");
        pause(1_050).await;
        assert_eq!(kinds(&rig.send(1, "好").await), [1], "{kind:?}");
        rig.close().await;
    }
}

#[tokio::test]
async fn only_a_number_that_does_not_exist_is_refused_for_good() {
    for kind in [Kind::Smpp, Kind::Cmpp30] {
        let dead = if kind == Kind::Smpp { "8612700000000" } else { "12700000000" };
        let vices = CenterVices { dead: vec![dead.into()], ..CenterVices::default() };
        let rig = Rig::open(kind, vices, link()).await;
        assert_eq!(kinds(&rig.send(2, "好").await), [2, 1], "{kind:?}");
        rig.close().await;
    }
}

#[tokio::test]
async fn a_refused_bind_says_why_sends_nothing_and_tries_again() {
    for kind in KINDS {
        let vices = CenterVices { refuse_bind: true, ..CenterVices::default() };
        let rig = Rig::unbound(kind, vices, link()).await;
        rig.until("trouble", || rig.link().trouble.is_some()).await;
        let trouble = rig.link().trouble.unwrap();
        assert!(trouble.contains("refuses"), "{kind:?}: {trouble}");
        assert!(!trouble.contains("geheim"), "{trouble}");
        let outcomes = rig.send(2, "好").await;
        assert!(outcomes.iter().all(|o| o.detail() == "not_sent"), "{outcomes:?}");
        rig.center.turn(CenterVices::default());
        rig.until("bound", || rig.link().bound).await;
        assert_eq!(kinds(&rig.send(1, "好").await), [1], "{kind:?}");
        rig.close().await;
    }
}

#[tokio::test]
async fn the_stop_waits_for_answers_and_takes_nothing_new() {
    for kind in KINDS {
        let vices = CenterVices { answer_ms: 200, ..CenterVices::default() };
        let rig = Rig::open(kind, vices, link()).await;
        let (in_flight, ()) = tokio::join!(rig.send(2, "好"), async {
            pause(60).await;
            rig.end.send(true).unwrap();
            pause(20).await;
            let late = rig.send(1, "晚").await;
            assert_eq!(late[0].detail(), "not_sent", "{kind:?}");
        });
        assert_eq!(kinds(&in_flight), [1, 1], "{kind:?}");
        tokio::time::timeout(Duration::from_secs(3), rig.task).await.unwrap().unwrap();
        assert_eq!(rig.center.arrived().len(), 2);
    }
}

#[tokio::test]
async fn names_of_receipts_meet_in_every_dialect_and_before_the_answer() {
    for (form, ids) in [
        (ReceiptForm::Text, "same"),
        (ReceiptForm::HexThenDecimal, "decimal"),
        (ReceiptForm::Fields, "same"),
    ] {
        for early in [false, true] {
            let vices = CenterVices { receipt_early: early, ..CenterVices::default() };
            let center = CenterHandle::smpp(smsc(form), vices).await.unwrap();
            let mut settings = smpp_settings(&center.address(), link());
            settings.receipt_ids = serde_json::from_value(ids.into()).unwrap();
            let rig = Rig::run(center, smpp(settings));
            rig.until("bound", || rig.link().bound).await;
            let outcomes = rig.send(2, LONG).await;
            rig.until("kept", || rig.center.deliveries().0 == 6).await;
            for outcome in outcomes {
                let receipts = rig.room.receipts();
                for name in outcome.names() {
                    let done = |(external, class, _): &(String, ReceiptClass, String)| {
                        external == name && class.is_delivered()
                    };
                    assert!(receipts.iter().any(done), "{form:?} {early}: {name} {receipts:?}");
                }
            }
            rig.close().await;
        }
    }
}

#[tokio::test]
async fn a_pair_of_connections_sends_on_one_and_hears_on_the_other() {
    let center = CenterHandle::smpp(smsc(ReceiptForm::Text), CenterVices::default()).await.unwrap();
    for long in ["sar", "payload", "udh16"] {
        let mut settings = smpp_settings(&center.address(), link());
        settings.bind = serde_json::from_value("pair".into()).unwrap();
        settings.long = serde_json::from_value(long.into()).unwrap();
        let provider = Arc::new(smpp(settings));
        assert_eq!(provider.session().unwrap().links().len(), 2);
    }
    let mut settings = smpp_settings(&center.address(), link());
    settings.bind = serde_json::from_value("pair".into()).unwrap();
    settings.long = serde_json::from_value("payload".into()).unwrap();
    let rig = Rig::run(center, smpp(settings));
    let both = || rig.provider.session().unwrap().links().iter().all(|link| link.bound);
    rig.until("both bound", both).await;
    assert_eq!(kinds(&rig.send(2, LONG).await), [1, 1]);
    let arrived = rig.center.arrived();
    assert!(arrived.iter().all(|m| m.text == LONG && m.parts == 1), "{arrived:?}");
    rig.center.write_in("12700000001", NUMBER, "收到");
    rig.until("heard", || rig.center.deliveries().0 == 3).await;
    rig.close().await;
}

#[tokio::test]
async fn a_closed_port_and_a_mute_peer_send_nothing() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap().to_string();
    let center = CenterHandle::smpp(smsc(ReceiptForm::Text), CenterVices::default()).await.unwrap();
    // The listener is never accepted from: the connection stands and says nothing.
    let rig = Rig::run(center, smpp(smpp_settings(&address, link())));
    rig.until("mute", || rig.link().trouble.is_some_and(|why| why.contains("greeting"))).await;
    assert_eq!(rig.send(1, "好").await[0].detail(), "not_sent");
    drop(closed);
    rig.until("closed", || rig.link().trouble.is_some_and(|why| why.contains("no connection")))
        .await;
    assert_eq!(rig.send(1, "好").await[0].detail(), "not_sent");
    rig.close().await;
}
