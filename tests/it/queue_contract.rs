//! The contract of `queue`, held to by memory, the faulty double without faults, and RabbitMQ.
//! What RabbitMQ alone must do stands in `broker`.
//!
//! The RabbitMQ cases need `TEST_AMQP_URL`; without it they say that they are skipped, and with
//! `REQUIRE_SERVERS=1` they fail. Each has its own prefix and deletes its queues.

#![expect(clippy::disallowed_methods, reason = "a real broker is waited for in real time")]

use std::collections::BTreeSet;
use std::future::Future;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use lapin::options::QueueDeleteOptions;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::time::{Instant, interval, timeout};
use tongluo::domain::lane::{Class, Lane};
use tongluo::queue::{
    Delivery, FaultyQueue, Hint, MemoryQueue, Queue, QueueFault, QueueSettings, Topic, connect,
    every_queue,
};

mod broker;
mod wire;

const SMS: Topic = Topic::Send(Lane::Sms);
const FLASH: Class = Class::Flash;
/// Longest a hint may take to come in a test.
const SOON_MS: u64 = 10_000;

/// A place where queues of one kind are opened for one test.
enum Rig {
    /// One queue in this process, the same for everybody who opens it.
    InProcess(Arc<dyn Queue>),
    Rabbit(QueueSettings),
}

impl Rig {
    async fn open(&self) -> Arc<dyn Queue> {
        match self {
            Rig::InProcess(queue) => queue.clone(),
            Rig::Rabbit(settings) => connect(settings).await.expect("RabbitMQ"),
        }
    }
}

fn small_settings(url: &str) -> QueueSettings {
    let prefix = format!("it-{}", uuid::Uuid::now_v7().simple());
    QueueSettings {
        prefix,
        prefetch: 4,
        depth_max: 400,
        confirm_wait_ms: 1_000,
        consume: vec![SMS, Topic::Expand],
        ..QueueSettings::new(url)
    }
}

fn hints(ids: std::ops::RangeInclusive<i64>) -> Vec<Hint> {
    ids.map(|id| Hint { topic: SMS, class: FLASH, id, alert: 17 }).collect()
}

fn ids(deliveries: &[Delivery]) -> Vec<i64> {
    deliveries.iter().map(|delivery| delivery.hint.id).collect()
}

/// Receives, without settling, until `count` are here.
async fn collect(queue: &dyn Queue, count: usize) -> Vec<Delivery> {
    let mut all = Vec::new();
    let until = Instant::now() + Duration::from_millis(SOON_MS);
    while all.len() < count {
        assert!(Instant::now() < until, "{} of {count} came in time", all.len());
        if let Ok(some) = queue.receive(SMS, FLASH, count - all.len(), 500).await {
            all.extend(some);
        }
    }
    all
}

async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let mut tick = interval(Duration::from_millis(50));
    let until = Instant::now() + Duration::from_millis(3 * SOON_MS);
    while !check().await {
        assert!(Instant::now() < until, "not in time: {what}");
        tick.tick().await;
    }
}

/// Runs a RabbitMQ case on a prefix of its own and deletes its queues, also when it fails.
async fn on_rabbit<F: Future<Output = ()>>(case: &str, body: impl FnOnce(QueueSettings) -> F) {
    let Ok(url) = std::env::var("TEST_AMQP_URL") else {
        let required = std::env::var("REQUIRE_SERVERS").is_ok_and(|value| value == "1");
        assert!(!required, "TEST_AMQP_URL is missing and REQUIRE_SERVERS=1");
        // Not eprintln!: the harness swallows that when the test passes.
        let _ = writeln!(std::io::stderr(), "skipped: {case} needs RabbitMQ (TEST_AMQP_URL)");
        return;
    };
    let settings = small_settings(&url);
    let ran = AssertUnwindSafe(body(settings.clone())).catch_unwind().await;
    let channel = raw_channel(&url).await;
    for name in settings.every_name() {
        let _ = channel.queue_delete(name.into(), QueueDeleteOptions::default()).await;
    }
    if let Err(failed) = ran {
        std::panic::resume_unwind(failed);
    }
}

async fn raw_channel(url: &str) -> Channel {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    connection.create_channel().await.unwrap()
}

macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        mod memory {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let queue = MemoryQueue::new(&small_settings("memory:"));
                super::$case(Rig::InProcess(Arc::new(queue))).await;
            })+
        }
        mod faulty {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let queue = FaultyQueue::new(MemoryQueue::new(&small_settings("memory:")), 1);
                super::$case(Rig::InProcess(Arc::new(queue))).await;
            })+
        }
        mod rabbit {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let case = stringify!($case);
                on_rabbit(case, |settings| super::$case(Rig::Rabbit(settings))).await;
            })+
        }
    };
}

contract!(
    hints_come_in_order_and_once,
    topics_and_classes_are_apart,
    max_and_wait_are_respected,
    a_full_queue_refuses_and_recovers,
    two_consumers_share,
    settling_in_any_order_settles_all,
    misuse_is_told,
);

async fn hints_come_in_order_and_once(rig: Rig) {
    let queue = rig.open().await;
    queue.publish(&hints(1..=10)).await.unwrap();
    for expected in [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]] {
        let got = collect(&*queue, 2).await;
        assert_eq!(ids(&got), expected);
        assert!(got.iter().all(|delivery| !delivery.redelivered && delivery.hint.alert == 17));
        queue.settle(got).await.unwrap();
    }
    assert!(queue.receive(SMS, FLASH, 10, 200).await.unwrap().is_empty());
    let health = queue.health();
    assert!(health.is_well() && health.silent_since_ms.is_none(), "{health:?}");
    assert!(health.last_confirm_age_ms.is_some() && health.consumers.len() == 4);
    queue.close().await;
}

async fn topics_and_classes_are_apart(rig: Rig) {
    let queue = rig.open().await;
    let all: Vec<Hint> = every_queue()
        .zip(1..)
        .map(|((topic, class), id)| Hint { topic, class, id, alert: i64::MAX })
        .collect();
    queue.publish(&all).await.unwrap();
    for hint in all.iter().filter(|hint| [SMS, Topic::Expand].contains(&hint.topic)) {
        let got = queue.receive(hint.topic, hint.class, 9, SOON_MS).await.unwrap();
        assert_eq!(got.iter().map(|delivery| delivery.hint).collect::<Vec<_>>(), [*hint]);
        queue.settle(got).await.unwrap();
    }
    eventually("the others wait in their own queues", async || {
        let waits = |topic| u64::from(![SMS, Topic::Expand].contains(&topic));
        let depth = queue.depth().await;
        depth.len() == 10 && depth.iter().all(|(topic, _, depth)| *depth == waits(*topic))
    })
    .await;
    assert_eq!(queue.dead_letters().await, Some(0));
    queue.close().await;
}

async fn max_and_wait_are_respected(rig: Rig) {
    let queue = rig.open().await;
    let started = Instant::now();
    assert!(queue.receive(SMS, FLASH, 5, 0).await.unwrap().is_empty());
    assert!(queue.receive(SMS, FLASH, 0, 60_000).await.unwrap().is_empty());
    assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
    let started = Instant::now();
    assert!(queue.receive(SMS, FLASH, 5, 300).await.unwrap().is_empty());
    let waited = started.elapsed();
    assert!((290..2_000).contains(&waited.as_millis()), "{waited:?}");

    let started = Instant::now();
    let publish = async {
        assert!(timeout(Duration::from_millis(100), std::future::pending::<()>()).await.is_err());
        queue.publish(&hints(1..=3)).await.unwrap();
    };
    let (got, ()) = tokio::join!(queue.receive(SMS, FLASH, 2, SOON_MS), publish);
    assert!(started.elapsed() < Duration::from_millis(SOON_MS / 2), "not woken by the hint");
    let mut got = got.unwrap();
    assert!((1..=2).contains(&got.len()), "{got:?}");
    got.extend(collect(&*queue, 3 - got.len()).await);
    assert_eq!(ids(&got), [1, 2, 3]);
    queue.settle(got).await.unwrap();
    queue.close().await;
}

async fn a_full_queue_refuses_and_recovers(rig: Rig) {
    let queue = rig.open().await;
    let mut refused = None;
    for round in 0..40 {
        if let Err(fault) = queue.publish(&hints(round * 50 + 1..=round * 50 + 50)).await {
            refused = Some((round, fault));
            break;
        }
    }
    let (round, fault) = refused.expect("2,000 hints went into a queue of 400");
    assert!(round >= 8, "refused in round {round}, before 400 were in");
    assert!(matches!(fault, QueueFault::Full { .. }), "{fault:?}");
    assert!(!queue.health().is_silent(), "a full queue is no silent broker");
    loop {
        let got = queue.receive(SMS, FLASH, 50, 500).await.unwrap();
        if got.is_empty() {
            break;
        }
        queue.settle(got).await.unwrap();
    }
    queue.publish(&hints(9_001..=9_001)).await.unwrap();
    assert_eq!(ids(&collect(&*queue, 1).await), [9_001]);
    queue.close().await;
}

async fn two_consumers_share(rig: Rig) {
    let (one, two) = (rig.open().await, rig.open().await);
    one.publish(&hints(1..=200)).await.unwrap();
    let mut seen = [Vec::new(), Vec::new()];
    let until = Instant::now() + Duration::from_millis(SOON_MS);
    while seen.iter().map(Vec::len).sum::<usize>() < 200 {
        assert!(Instant::now() < until, "not all came in time");
        for (queue, mine) in [&one, &two].into_iter().zip(&mut seen) {
            let got = queue.receive(SMS, FLASH, 8, 20).await.unwrap();
            mine.extend(ids(&got));
            queue.settle(got).await.unwrap();
        }
    }
    assert!(seen.iter().all(|mine| mine.len() >= 20), "{} and {}", seen[0].len(), seen[1].len());
    let distinct: BTreeSet<i64> = seen.iter().flatten().copied().collect();
    assert_eq!(distinct, (1..=200).collect());
    one.close().await;
    two.close().await;
}

async fn settling_in_any_order_settles_all(rig: Rig) {
    let queue = rig.open().await;
    for round in 0..20 {
        queue.publish(&hints(round * 4 + 1..=round * 4 + 4)).await.unwrap();
        let mut got = collect(&*queue, 4).await.into_iter();
        let mut next = || vec![got.next().unwrap()];
        let (a, b, c, d) = (next(), next(), next(), next());
        let settled = tokio::join!(queue.settle(d), queue.settle(b), queue.settle(a));
        assert_eq!(settled, (Ok(()), Ok(()), Ok(())));
        queue.settle(c).await.unwrap();
    }
    queue.settle(Vec::new()).await.unwrap();
    assert!(queue.health().is_well(), "{:?}", queue.health());
    assert_eq!(queue.health().reconnects, 0);
    queue.close().await;
    if let Rig::Rabbit(_) = rig {
        let next = rig.open().await;
        assert!(next.receive(SMS, FLASH, 99, 500).await.unwrap().is_empty());
        next.close().await;
    }
}

async fn misuse_is_told(rig: Rig) {
    let queue = rig.open().await;
    let voice = Topic::Send(Lane::Voice);
    let refused = queue.receive(voice, FLASH, 1, 0).await.unwrap_err();
    assert_eq!(refused, QueueFault::NotConsumed { topic: voice });
    queue.publish(&[]).await.unwrap();
    queue.close().await;
    assert_eq!(queue.publish(&hints(1..=1)).await, Err(QueueFault::Closed));
    assert_eq!(queue.receive(SMS, FLASH, 1, 0).await.unwrap_err(), QueueFault::Closed);
    assert!(!queue.health().is_well());
}

#[tokio::test]
async fn settings_are_checked() {
    for url in ["", "memory", "memory:x", "amqps://localhost", "redis://localhost", "amqp:"] {
        let refused = connect(&QueueSettings::new(url)).await.err();
        assert!(matches!(refused, Some(QueueFault::Settings(_))), "{url}: {refused:?}");
    }
    let secret = connect(&QueueSettings::new("amqp://gong:geheim@local host:x/")).await.err();
    assert!(!format!("{secret:?}").contains("geheim"), "{secret:?}");
    let opened = tokio::spawn(async { connect(&QueueSettings::new("memory:")).await });
    assert!(opened.await.unwrap().unwrap().health().is_well());
}
