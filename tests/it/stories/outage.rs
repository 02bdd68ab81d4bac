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
use tongluo::practice::gateway::{Line, Vices};
use tongluo::queue::Faults;

use crate::own_queue::{BrokerWish, Under};
use crate::plant::{
    COMMUNITY_HEAD, DUTY_ROOM, HOME, Layout, STREET_DUTY, home_number, human_number, leader,
};
use crate::town::{NIGHT, Setup, Town, on_both};

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

/// The pending timers: what of, about what, and which step comes when.
async fn tracks(town: &Town) -> BTreeMap<(i64, i64, i64), (i64, i64)> {
    let sql = "SELECT kind, place_id, subject_id, step, due_at FROM timer";
    let rows: Vec<(i64, i64, i64, i64, i64)> = town.rows(sql).await;
    rows.into_iter().map(|t| ((t.0, t.1, t.2), (t.3, t.4))).collect()
}

/// When a person was called, by 叫应 or by a list, in seconds after `since`.
fn called_at(town: &Town, human: i64, since: i64) -> Vec<i64> {
    let number = human_number(human);
    let calls = town.taken().into_iter().filter(|e| e.to == number);
    let calls = calls.filter(|e| e.text.contains("醒着请回1") || e.text.contains("接手回1"));
    calls.map(|e| (e.at_ms - since) / 1_000).filter(|at| *at >= 0).collect()
}

/// The waves of the orders that homes got since the log had `from` entries, by grid, and the wave
/// each grid had planned last.
async fn waves_since(town: &Town, from: usize) -> Vec<(i64, i64, i64)> {
    let sql = "SELECT b.id, b.wave, (SELECT max(w.wave) FROM batch w WHERE \
               w.alert_id = b.alert_id AND w.version = b.version AND w.kind = 1 \
               AND w.grid_id = b.grid_id AND w.ring = b.ring) FROM batch b WHERE b.kind = 1";
    let known: Vec<(i64, i64, i64)> = town.rows(sql).await;
    let sent = town.taken().into_iter().skip(from).filter(|e| e.reference.starts_with('b'));
    sent.map(|entry| {
        let (batch, _) = entry.reference[1..].split_once('.').unwrap();
        let batch: i64 = batch.parse().unwrap();
        *known.iter().find(|row| row.0 == batch).unwrap()
    })
    .collect()
}

/// Three grids, all of ring 1, and no receipt ever comes: all tracks are alive when it goes down.
fn silent_grids() -> Setup {
    Setup {
        layout: Layout { grids: 3, must_move_every: 1, fragile_every: 0, ..Layout::default() },
        vices: Vices { receipt_missing: 1.0, ..Vices::default() },
        ..Setup::default()
    }
}

#[tokio::test]
async fn a_process_down_for_three_hours_resumes_and_does_not_avalanche() {
    on_both(silent_grids(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(7).await;
        let deputies = [0, 1, 2].map(|grid| leader(grid) + 1);
        assert_eq!((offers(&town, leader(0)), offers(&town, deputies[0])), (1, 0));
        let (before, planned) = (town.taken().len(), tracks(&town).await);
        town.down_minutes(180);
        town.settle().await;
        town.check().await;
        let woken = town.now();
        for (number, texts) in since(&town, before) {
            assert!(texts.len() <= 1, "{number} got an avalanche: {texts:?}");
        }
        // Of each track one rung at most has fired, and the next is not due yet.
        let mut fired = 0;
        for (track, (step, due)) in tracks(&town).await {
            assert!(due > woken, "{track:?} is due again in the moment of waking");
            if let Some((was, was_due)) = planned.get(&track) {
                assert!(step <= was + 1, "{track:?}: from step {was} to {step} at once");
                fired += usize::from((step, due) != (*was, *was_due));
            }
        }
        assert!(fired >= 6, "lists and waves without evidence of three grids: {fired}");
        assert_eq!(deputies.map(|deputy| offers(&town, deputy)), [1, 1, 1]);
        assert_eq!(offers(&town, COMMUNITY_HEAD), 0);
        // The gaps between the rungs are kept from here on: 2 min, then 5, then 10 each.
        town.minutes(31).await;
        for deputy in deputies {
            assert_eq!(called_at(&town, deputy, woken), [0]);
        }
        for (human, minutes) in [(COMMUNITY_HEAD, 2), (STREET_DUTY, 2), (DUTY_ROOM, 7)] {
            let first = called_at(&town, human, woken)[0];
            assert!((minutes * 60..minutes * 60 + 10).contains(&first), "{human}: {first} s");
        }
        // Nobody is called twice in a minute, all night long.
        let all = [leader(0), leader(1), leader(2), COMMUNITY_HEAD, STREET_DUTY, DUTY_ROOM];
        for human in all.into_iter().chain(deputies) {
            let calls = called_at(&town, human, NIGHT);
            assert!(calls.windows(2).all(|two| two[1] - two[0] >= 60), "{human}: {calls:?}");
        }
        // Homes without evidence are sent to once at the waking and once half an hour later.
        for n in 1..=town.homes {
            let number = home_number(HOME + n);
            let heard = town.taken().into_iter().filter(|e| e.to == number && e.at_ms >= woken);
            let at: Vec<i64> = heard.map(|e| (e.at_ms - woken) / 1_000).collect();
            assert!(at.len() == 2 && at[0] == 0, "home {n}: {at:?}");
            assert!((1_800..1_810).contains(&at[1]), "home {n}: {at:?}");
        }
        let custody = town.custody(alert).await;
        assert_eq!(custody.open_system, custody.open, "{custody:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn tries_of_an_old_wave_are_not_made_after_three_hours() {
    let setup =
        Setup { vices: Vices { timeout_not_taken: 1.0, ..Vices::default() }, ..silent_grids() };
    on_both(setup, async |town| {
        town.flood_order().await;
        // No call is answered: tries of the first wave wait when the process goes down, and the
        // second wave is due before it comes up.
        town.seconds(100).await;
        let waiting = "SELECT count(*) FROM batch WHERE kind = 1 AND wave = 1 AND state = 0";
        assert!(town.count(waiting).await > 0, "no try of the first wave waits");
        let before = town.taken().len();
        town.down_minutes(180);
        town.sim.set_vices(Vices { receipt_missing: 1.0, ..Vices::default() });
        town.settle().await;
        town.minutes(5).await;
        let waves = waves_since(&town, before).await;
        assert!(!waves.is_empty(), "nobody was sent to");
        for (batch, wave, last) in waves {
            assert_eq!(wave, last, "batch {batch} is of a wave that had ended");
        }
        let heard = since(&town, before);
        for n in 1..=town.homes {
            let orders = heard.get(&home_number(HOME + n)).map_or(0, Vec::len);
            assert_eq!(orders, 1, "home {n}");
        }
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
    let setup = Setup {
        layout: Layout { grids: 3, ..Layout::default() },
        broker: Some(BrokerWish { under: Under::Room, ..BrokerWish::default() }),
        ..Setup::default()
    };
    on_both(setup, async |town| {
        let broker = town.broker.clone().unwrap();
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
        let broker = BrokerWish { seed, faults: Faults::rough(), under: Under::Room };
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

/// Steps of the machine's clock alone, and of both, while calls hang in a process that is alive.
#[tokio::test]
async fn a_clock_stepped_while_calls_hang_and_timers_run_doubles_nothing() {
    for step_ms in [3_600_000, -3_600_000] {
        on_both(silent_grids(), async |town| {
            let line = Line { gateway: town.sim.clone(), clock: town.clock.clone() };
            let hung = Arc::new(Hung { line, go: Notify::new(), inside: Notify::new() });
            let setup = silent_grids();
            let (_, alert) = town.flood_order().await;
            let slow = town.another("slow", 11, hung.clone(), &setup).await;
            let sending = settle(&slow);
            let meanwhile = async {
                hung.inside.notified().await;
                town.settle().await;
                let timers = tracks(&town).await;
                // It is alive and renews its leases, on whatever its clock says.
                town.clock.advance_machine_ms(step_ms);
                slow.renew_leases().await.unwrap();
                town.settle().await;
                town.clock.advance_machine_ms(-step_ms);
                slow.renew_leases().await.unwrap();
                town.settle().await;
                assert_eq!(tracks(&town).await, timers, "timers are the story's");
                hung.go.notify_waiters();
                hung.go.notify_one();
            };
            tokio::join!(sending, meanwhile);
            town.minutes(2).await;
            let mut heard: BTreeMap<String, usize> = BTreeMap::new();
            for entry in town.taken().iter().filter(|e| e.reference.starts_with('b')) {
                *heard.entry(entry.to.clone()).or_default() += 1;
            }
            assert_eq!(heard.len() as i64, town.homes, "{step_ms}: nobody is lost");
            assert!(heard.values().all(|n| *n == 1), "{step_ms}: {heard:?}");
            // The ladder goes on by its gaps.
            town.minutes(5).await;
            assert_eq!(offers(&town, leader(0)), 1, "{step_ms}");
            assert_eq!(town.custody(alert).await.orphans, 0);
            town
        })
        .await;
    }
}

/// The first call waits until it is let go; the others are as the line is.
struct Hung {
    line: Line,
    go: Notify,
    inside: Notify,
}

#[async_trait]
impl Transport for Hung {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        self.inside.notify_one();
        self.go.notified().await;
        self.go.notify_one();
        self.line.call(request).await
    }
}
