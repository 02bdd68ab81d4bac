//! The gateway against channel's codec, on a clock that is moved: what one side says, the other
//! must understand; and every vice does what it is called.

use super::*;
use crate::base::clock::HandClock;
use crate::channel::registry::ProviderSettings;
use crate::channel::twilio::TwilioSettings;
use crate::channel::{self, Event, HookFault, Message, Moment, Provider};
use crate::domain::gate::{AlertKind, Pass, admit};
use crate::domain::lane::Realm;
use crate::domain::outcome::{Outcome, ReceiptClass};
use crate::practice::residents::{Heard, Silent};

const START: i64 = 1_795_000_000_000;
const ORDER: &str =
    "【余姚市防指】【推演】转移指令：3点前请离家。收到回1，要人帮回2，全家已离开回3";
const TOKEN: &str = "practice-token";
const AT: Moment = Moment { now_ms: 0, nonce: 1 };
const HOOK: &str = "http://127.0.0.1:8600/hooks/practice";

/// Everybody answers 1 after a minute.
struct Prompt;

impl Residents for Prompt {
    fn hear(&mut self, _: i64, to: &str, text: &str) -> Vec<Heard> {
        assert_eq!(text, ORDER);
        vec![Heard { after_ms: 60_000, from: to.to_owned(), text: "１ 知道了".into() }]
    }
}

struct Bench {
    gateway: Arc<GatewaySim>,
    clock: Arc<HandClock>,
    line: Line,
    codec: Provider,
    pass: Pass,
}

fn bench_of(vices: Vices, residents: Box<dyn Residents>) -> Bench {
    let settings = GatewaySettings {
        account_sid: "AC0practice".into(),
        auth_token: TOKEN.into(),
        number: "+8610690001".into(),
        hook_url: HOOK.into(),
        log_limit: 100_000,
    };
    let gateway = Arc::new(GatewaySim::new(settings, vices, residents));
    let clock = Arc::new(HandClock::new(START));
    let line = Line { gateway: gateway.clone(), clock: clock.clone() };
    let pass = admit(AlertKind::Rehearsal, true, Realm::Practice, Realm::Practice, false, ORDER);
    Bench { gateway, clock, line, codec: codec(TOKEN), pass: pass.unwrap() }
}

fn bench(vices: Vices) -> Bench {
    bench_of(vices, Box::new(Silent))
}

fn codec(token: &str) -> Provider {
    let account =
        TwilioSettings::practice("AC0practice", "+8610690001", "http://127.0.0.1:8700", HOOK);
    ProviderSettings::Twilio(account).open(&[("auth_token", token)]).unwrap()
}

impl Bench {
    async fn send(&self, number: usize) -> Outcome {
        let message = Message {
            to: format!("+86199{number:08}"),
            text: ORDER.into(),
            reference: format!("b7.{number}/签"),
        };
        let sent = channel::send(&self.line, &self.codec, &self.pass, &[message], AT).await;
        sent.into_iter().next().unwrap()
    }

    /// Moves on to `at_ms` after the start and reads what fell due.
    fn events(&self, after_ms: i64) -> Vec<Event> {
        self.clock.advance_ms(START + after_ms - self.clock.story_ms());
        let calls = self.gateway.due(self.clock.story_ms());
        calls.iter().flat_map(|call| self.codec.http().unwrap().callback(call).unwrap()).collect()
    }
}

fn receipts(events: &[Event]) -> Vec<&channel::ReceiptEvent> {
    fn receipt(event: &Event) -> Option<&channel::ReceiptEvent> {
        match event {
            Event::Receipt(receipt) => Some(receipt),
            Event::Reply(_) | Event::Follower(_) => None,
        }
    }
    events.iter().filter_map(receipt).collect()
}

#[tokio::test]
async fn a_message_goes_out_and_receipt_and_reply_come_back() {
    let vices = Vices { receipt_delay_ms: (2_000, 2_000), ..Vices::default() };
    let bench = bench_of(vices, Box::new(Prompt));
    let outcome = bench.send(1).await;
    let sid = outcome.external_id().unwrap().to_owned();
    assert_eq!(sid.len(), 34);
    assert_eq!(bench.events(1_999), []);
    assert_eq!(bench.gateway.next_due_at(), Some(START + 2_000));
    let events = bench.events(2_000);
    let [receipt] = receipts(&events)[..] else { panic!("{events:?}") };
    assert_eq!(receipt.class, ReceiptClass::Delivered);
    assert_eq!(receipt.external_id.as_deref(), Some(sid.as_str()));
    assert_eq!(receipt.reference.as_deref(), Some("b7.1/签"));
    assert_eq!(receipt.callee.as_deref(), Some("+8619900000001"));
    assert_eq!(bench.events(61_999), []);
    let events = bench.events(62_000);
    let [Event::Reply(reply)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((reply.from.as_str(), reply.to.as_str()), ("+8619900000001", "+8610690001"));
    assert_eq!(reply.text, "１ 知道了");
    assert_eq!(bench.gateway.next_due_at(), None);
    let log = bench.gateway.log();
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].sid.as_str(), log[0].taken), (sid.as_str(), true));
    assert_eq!((log[0].text.as_str(), log[0].reference.as_str()), (ORDER, "b7.1/签"));
}

#[tokio::test]
async fn a_callback_with_another_key_is_forged_and_one_given_again_has_the_same_key() {
    let bench = bench(Vices::default());
    bench.send(1).await;
    let calls = bench.gateway.due(START + 10_000);
    assert_eq!(calls.len(), 1);
    assert_eq!(codec("another").http().unwrap().callback(&calls[0]), Err(HookFault::Forged));
    bench.gateway.again(START + 20_000, calls[0].clone());
    assert_eq!(bench.gateway.due(START + 19_999).len(), 0);
    let again = bench.gateway.due(START + 20_000);
    assert_eq!(
        bench.codec.http().unwrap().callback(&again[0]),
        bench.codec.http().unwrap().callback(&calls[0])
    );
    bench.gateway.write_in(START + 30_000, "13800138000", "水进屋了");
    let events = bench.events(30_000);
    let [Event::Reply(reply)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((reply.from.as_str(), reply.text.as_str()), ("13800138000", "水进屋了"));
}

#[tokio::test]
async fn timeouts_are_unknown_both_ways_and_only_the_log_tells() {
    let taken = bench(Vices { timeout_taken: 1.0, ..Vices::default() });
    assert_eq!(taken.send(1).await.code(), 5);
    assert!(taken.gateway.log()[0].taken);
    assert_eq!(receipts(&taken.events(10_000)).len(), 1, "a receipt resolves it");
    let lost = bench(Vices { timeout_not_taken: 1.0, ..Vices::default() });
    assert_eq!(lost.send(1).await.code(), 5);
    assert!(!lost.gateway.log()[0].taken);
    assert_eq!(lost.events(100_000), []);
    assert_eq!((lost.gateway.stats().taken, lost.gateway.stats().refused), (0, 1));
}

#[tokio::test]
async fn a_rate_is_held_and_the_wait_is_told() {
    let bench = bench(Vices { rate_per_second: Some(5.0), ..Vices::default() });
    let mut taken = 0;
    for second in 0..10 {
        for n in 0..20 {
            match bench.send(second * 20 + n).await {
                Outcome::Accepted { .. } => taken += 1,
                Outcome::Throttled { after_ms } => assert_eq!(after_ms, Some(1_000)),
                other => panic!("{other:?}"),
            }
        }
        bench.clock.advance_ms(1_000);
    }
    assert_eq!(taken, 50);
    assert_eq!(bench.gateway.stats().throttled, 150);
    assert_eq!(bench.gateway.log().len(), 50);
}

#[tokio::test]
async fn dead_numbers_fail_at_the_call_or_by_receipt_and_stay_so() {
    let dead_numbers = DeadNumbers { endings: vec!["7".into()], ..DeadNumbers::default() };
    let bench = bench_of(Vices { dead_numbers, ..Vices::default() }, Box::new(Prompt));
    let mut refused = Vec::new();
    for n in 0..400 {
        match bench.send(n).await {
            Outcome::Accepted { .. } => {}
            Outcome::RefusedPermanent { code } => {
                assert_eq!(code, "21211");
                refused.push(n);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((5..30).contains(&refused.len()), "{refused:?}");
    assert!(refused.iter().all(|n| n % 10 == 7));
    assert_eq!(bench.send(refused[0]).await.code(), 2);
    let events = bench.events(3_600_000);
    let absent = |r: &&&channel::ReceiptEvent| r.class == ReceiptClass::AbsentNumber;
    assert_eq!(receipts(&events).iter().filter(absent).count(), 40 - refused.len());
    assert_eq!(events.len(), 400 - refused.len() + 360, "the dead say nothing");
}

#[tokio::test]
async fn receipts_come_early_late_twice_or_never() {
    let early = bench(Vices { receipt_early: 1.0, latency_ms: (3_000, 3_000), ..Vices::default() });
    early.send(1).await;
    assert_eq!(receipts(&early.events(0)).len(), 1);
    let late = bench(Vices { receipt_late: 1.0, ..Vices::default() });
    late.send(1).await;
    assert_eq!(receipts(&late.events(100_000)).len(), 0);
    assert_eq!(receipts(&late.events(2_000_000)).len(), 1);
    let twice = bench(Vices { receipt_doubled: 1.0, ..Vices::default() });
    twice.send(1).await;
    let events = twice.events(10_000);
    let [one, two] = receipts(&events)[..] else { panic!("{events:?}") };
    assert_eq!(one.source_key, two.source_key);
    let never = bench_of(Vices { receipt_missing: 1.0, ..Vices::default() }, Box::new(Prompt));
    never.send(1).await;
    let events = never.events(100_000);
    assert!(matches!(events[..], [Event::Reply(_)]), "the handset still rang: {events:?}");
}

#[tokio::test]
async fn a_customer_who_is_not_ours_gets_nothing() {
    let bench = bench(Vices::default());
    let mut request = bench
        .codec
        .http()
        .unwrap()
        .request(
            &[Message { to: "+8619900000001".into(), text: "水".into(), reference: "r".into() }],
            AT,
        )
        .unwrap();
    let status = |request: &Request<Bytes>| match bench.gateway.handle(START, request).answer {
        Answer::Response(answer) => answer.status().as_u16(),
        other => panic!("{other:?}"),
    };
    assert_eq!(status(&request), 201);
    let elsewhere = "To=%2B8619900000001&From=1&Body=1&StatusCallback=http%3A%2F%2Fa.example%2Fh";
    let mut astray = request.clone();
    *astray.body_mut() = Bytes::from(elsewhere);
    assert_eq!(status(&astray), 400);
    request.headers_mut().remove("authorization");
    assert_eq!(status(&request), 401);
    *request.uri_mut() = http::Uri::from_static("/2010-04-01/Accounts/AC1/Messages.json");
    assert_eq!(status(&request), 404);
    assert_eq!(bench.gateway.stats().taken, 1);
}

#[tokio::test]
async fn the_same_seed_has_the_same_fate_and_the_log_counts_duplicates() {
    let vices = Vices {
        timeout_taken: 0.2,
        timeout_not_taken: 0.1,
        fail_5xx: 0.1,
        receipt_missing: 0.2,
        seed: 9,
        ..Vices::default()
    };
    let (one, two) = (bench(vices.clone()), bench(vices));
    let mut codes = Vec::new();
    for n in 0..300 {
        codes.push(one.send(n).await.code());
    }
    let mut backward = Vec::new();
    for n in (0..300).rev() {
        backward.push(two.send(n).await.code());
    }
    backward.reverse();
    assert_eq!(codes, backward);
    assert!(codes.contains(&1) && codes.contains(&3) && codes.contains(&5));
    let before = one.gateway.stats();
    assert_eq!((before.distinct, before.duplicates), (before.taken, 0));
    let first_taken = one.gateway.log().iter().position(|entry| entry.taken).unwrap();
    one.gateway.set_vices(Vices::default());
    one.send(first_taken).await;
    assert_eq!(one.gateway.stats().duplicates, 1);
    assert_eq!(one.gateway.log_page(299, 5).len(), 2);
    one.gateway.reset();
    assert_eq!(one.gateway.stats(), Stats::default());
    assert_eq!(one.gateway.next_due_at(), None);
}
