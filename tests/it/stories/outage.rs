//! What fails around us: the process, the broker, the clock. Providers' vices are told elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tokio::sync::Notify;

use tongluo::base::limits::BATCH_ADDRESSES;
use tongluo::channel::{CallFault, Transport};
use tongluo::practice::gateway::Line;
use tongluo::queue::{Faults, FaultyQueue, MemoryQueue, QueueSettings};

use crate::plant::{
    COMMUNITY_HEAD, DUTY_ROOM, HOME, Layout, STREET_DUTY, home_number, human_number, leader,
};
use crate::town::{Setup, Town, on_both};

use super::dead::settle;

fn offers(town: &Town, human: i64) -> usize {
    let heard = town.leader_heard(human).into_iter();
    heard.filter(|text| text.contains("接手")).count()
}

/// Messages a number got since the gateway's log had `from` entries.
fn since(town: &Town, from: usize) -> BTreeMap<String, Vec<String>> {
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in town.taken().into_iter().skip(from) {
        heard.entry(entry.to).or_default().push(entry.text);
    }
    heard
}

#[tokio::test]
async fn a_process_down_for_three_hours_resumes_and_does_not_avalanche() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(7).await;
        let deputy = leader(0) + 1;
        assert_eq!((offers(&town, leader(0)), offers(&town, deputy)), (1, 0));
        let before = town.taken().len();
        town.down_minutes(180);
        town.settle().await;
        town.check().await;
        for (number, texts) in since(&town, before) {
            assert!(texts.len() <= 1, "{number} got an avalanche: {texts:?}");
        }
        assert_eq!(offers(&town, deputy), 1);
        assert_eq!(offers(&town, COMMUNITY_HEAD), 0);
        // The gaps between the rungs are kept from here on.
        town.seconds(110).await;
        assert_eq!(offers(&town, COMMUNITY_HEAD), 0);
        town.seconds(15).await;
        assert_eq!((offers(&town, COMMUNITY_HEAD), offers(&town, STREET_DUTY)), (1, 1));
        town.minutes(4).await;
        assert_eq!(offers(&town, DUTY_ROOM), 0);
        town.seconds(65).await;
        assert_eq!(offers(&town, DUTY_ROOM), 1);
        let custody = town.custody(alert).await;
        assert_eq!(custody.open_system, custody.open, "{custody:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn a_process_that_dies_right_after_the_approval_sends_each_order_once() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        town.down_minutes(180);
        town.settle().await;
        let first = since(&town, 0);
        for n in 1..=town.homes {
            let texts = &first[&home_number(HOME + n)];
            assert_eq!(texts.len(), 1, "home {n}: {texts:?}");
        }
        for human in [leader(0), leader(0) + 1, COMMUNITY_HEAD, STREET_DUTY] {
            let calls = town.leader_heard(human).into_iter();
            let calls = calls.filter(|text| text.contains("醒着请回1")).count();
            assert_eq!((calls, offers(&town, human)), (1, 0), "human {human}");
        }
        town
    })
    .await;
}

/// Lets so many calls through; then the process that makes them is dead.
struct Cut {
    line: Line,
    left: AtomicI64,
    dead: Notify,
}

#[async_trait]
impl Transport for Cut {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return self.line.call(request).await;
        }
        self.dead.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_process_killed_in_mid_chunk_doubles_no_more_than_that_chunk() {
    let layout = || Layout { grids: 4, homes: 50, ..Layout::default() };
    on_both(Setup { layout: layout(), ..Setup::default() }, async |town| {
        let line = Line { gateway: town.sim.clone(), clock: town.clock.clone() };
        let cut = Arc::new(Cut { line, left: AtomicI64::new(345), dead: Notify::new() });
        let setup = Setup { layout: layout(), ..Setup::default() };
        let (_, alert) = town.flood_order().await;
        let doomed = town.another("doomed", 11, cut.clone(), &setup).await;
        tokio::select! {
            () = settle(&doomed) => panic!("it was never killed"),
            () = cut.dead.notified() => {}
        }
        drop(doomed);
        let homes = |town: &Town| {
            let sent = town.taken().into_iter().filter(|e| e.reference.starts_with('b'));
            sent.map(|entry| entry.to).collect::<Vec<_>>()
        };
        let noted = format!("SELECT count(*) FROM outcome WHERE alert_id = {alert}");
        let noted = usize::try_from(town.count(&noted).await).unwrap();
        let unnoted = homes(&town).len() - noted;
        let leased = format!(
            "SELECT COALESCE(CAST(sum(seq_to - seq_from + 1) AS bigint), 0) FROM batch \
             WHERE alert_id = {alert} AND kind = 1 AND state = 0 AND lease_until IS NOT NULL"
        );
        let leased = usize::try_from(town.count(&leased).await).unwrap();
        let most = usize::try_from(BATCH_ADDRESSES).unwrap();
        assert!(noted > 0 && unnoted > 0, "{noted} noted, {unnoted} called and not noted");
        assert!(unnoted <= leased && leased <= most, "{unnoted} of {leased}");
        // Its lease runs out, its hints are given again.
        town.clock.advance_ms(61_000);
        town.settle().await;
        town.check().await;
        let all = homes(&town);
        let heard: BTreeSet<&String> = all.iter().collect();
        assert_eq!(heard.len() as i64, town.homes, "nobody is lost");
        assert_eq!(all.len() - heard.len(), unnoted, "what was called and not noted, once more");
        town
    })
    .await;
}

#[tokio::test]
async fn a_dead_broker_stops_nothing() {
    let broker = Arc::new(FaultyQueue::new(MemoryQueue::new(&QueueSettings::new("memory:")), 7));
    let setup = Setup {
        layout: Layout { grids: 3, ..Layout::default() },
        broker: Some(broker.clone()),
        ..Setup::default()
    };
    on_both(setup, async |town| {
        broker.die();
        let (_, alert) = town.flood_order().await;
        town.minutes(7).await;
        for n in 1..=town.homes {
            let number = home_number(HOME + n);
            assert!(!town.heard(&number).is_empty(), "home {n} never heard");
        }
        assert_eq!(offers(&town, leader(2)), 1);
        town.leader_says(leader(2), "1").await;
        town.minutes(3).await;
        let before = town.custody(alert).await;
        assert!(before.open_list > 0, "{before:?}");
        broker.revive();
        let sent = town.taken().len();
        town.seconds(30).await;
        for (number, texts) in since(&town, sent) {
            assert!(!texts.iter().any(|t| t.contains("转移指令：")), "{number}");
        }
        town.minutes(6).await;
        assert!(offers(&town, DUTY_ROOM) > 0);
        town
    })
    .await;
}

#[tokio::test]
async fn hints_lost_doubled_and_out_of_order_lose_and_double_nobody() {
    for seed in [1, 2, 3] {
        let inner = MemoryQueue::new(&QueueSettings::new("memory:"));
        let broker = Arc::new(FaultyQueue::with_faults(inner, seed, Faults::rough()));
        let setup = Setup {
            layout: Layout { grids: 6, ..Layout::default() },
            broker: Some(broker),
            ..Setup::default()
        };
        on_both(setup, async |town| {
            town.flood_order().await;
            town.minutes(5).await;
            let mut heard: BTreeMap<String, usize> = BTreeMap::new();
            for entry in town.taken() {
                if entry.reference.starts_with('b') {
                    *heard.entry(entry.to).or_default() += 1;
                }
            }
            assert_eq!(heard.len() as i64, town.homes, "seed {seed}");
            assert!(heard.values().all(|n| *n == 1), "seed {seed}: {heard:?}");
            town
        })
        .await;
    }
}

#[tokio::test]
async fn a_clock_stepped_by_an_hour_doubles_nothing_and_loses_nobody() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        let before = town.taken().len();
        // The machine's clock alone: hints and leases look an hour old, the story goes on.
        town.clock.advance_machine_ms(3_600_000);
        town.settle().await;
        town.clock.advance_machine_ms(-3_600_000);
        town.settle().await;
        assert_eq!(town.taken().len(), before);
        // Both, an hour back: what was done is not done again.
        town.clock.advance_ms(-3_600_000);
        town.settle().await;
        town.seconds(60).await;
        assert_eq!(town.taken().len(), before);
        let custody = town.custody(alert).await;
        assert_eq!(custody.orphans, 0);
        // And where it belongs: the night goes on from there.
        town.clock.advance_ms(3_600_000);
        town.minutes(4).await;
        assert_eq!(offers(&town, leader(0)), 1);
        assert!(town.heard(&human_number(leader(0))).len() <= 5);
        // An hour forward is an outage: one rung, then the gaps.
        let before = town.taken().len();
        town.clock.advance_ms(3_600_000);
        town.settle().await;
        town.check().await;
        for (number, texts) in since(&town, before) {
            assert!(texts.len() <= 1, "{number}: {texts:?}");
        }
        assert_eq!(offers(&town, COMMUNITY_HEAD), 0);
        town
    })
    .await;
}
