//! Two serving processes, one order to 100,000 households, SIGKILL at twenty random moments. Nobody
//! is lost, and by the gateway's own log at most those are messaged twice whose chunk was being
//! called when its process died.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tongluo::args;
use tongluo::base::clock::calendar_ms;
use tongluo::practice::gateway::{Entry, Vices};

use super::ground::{Ground, NO_HOOK};
use super::processes::{GatewayProcess, Process, batch_of, counted, to_homes};
use super::{seen, until};
use crate::plant::{HOME, Layout, home_number};

const KILLS: usize = 20;
const NO_PHONE_EVERY: i64 = 50;
/// Members of batches that a process had leased and not yet noted an outcome of.
const IN_HAND: &str = "SELECT s.household_id FROM batch b JOIN standing s \
    ON s.alert_id = b.alert_id AND s.grid_id = b.grid_id \
    AND s.seq BETWEEN b.seq_from AND b.seq_to AND s.ring = b.ring \
    WHERE b.kind = 1 AND b.state = 0 AND b.lease_owner LIKE $1 AND b.lease_until IS NOT NULL \
    AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.alert_id = s.alert_id \
    AND o.grid_id = s.grid_id AND o.seq = s.seq AND o.version = b.version AND o.wave = b.wave \
    AND o.attempt = b.attempt)";

/// How far a dispatch is: a fifth is expanding, the rest is sending. Between 0 and 1.
async fn progress(ground: &Ground, alert: i64, gateway: &GatewayProcess) -> f64 {
    let grids: Vec<(i64, i64)> = ground
        .rows("SELECT count(*), count(done_at) FROM expansion WHERE alert_id = $1", args![alert])
        .await;
    let expanded = grids[0].1 as f64 / grids[0].0.max(1) as f64;
    let sent = gateway.stats().await.taken as f64 / ground.homes as f64;
    (expanded + 4.0 * sent.min(1.0)) / 5.0
}

/// Kills one of them, gives the homes it had in hand, and starts another in its place.
async fn kill_one(ground: &Ground, process: &mut Process, turn: usize) -> Vec<i64> {
    process.kill();
    ground.has_let_go(&process.name).await;
    let in_hand: Vec<(i64,)> = ground.rows(IN_HAND, args![format!("{}-%", process.id())]).await;
    *process = ground.serve(&format!("serve-{turn}"));
    in_hand.into_iter().map(|row| row.0).collect()
}

/// Messages to a number beyond the first in the same wave, retries of attempts included.
async fn doubled(ground: &Ground, alert: i64, log: &[Entry]) -> BTreeMap<String, usize> {
    let waves: Vec<(i64, i64)> =
        ground.rows("SELECT id, wave FROM batch WHERE alert_id = $1", args![alert]).await;
    let waves: BTreeMap<i64, i64> = waves.into_iter().collect();
    let keys = to_homes(log).map(|entry| (waves[&batch_of(entry)], &entry.to));
    let mut doubled = BTreeMap::new();
    for ((_, number), times) in counted(keys).into_iter().filter(|(_, times)| *times > 1) {
        *doubled.entry(number.clone()).or_default() += times - 1;
    }
    doubled
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_twenty_moments_of_100_000_nobody_is_lost() {
    let layout = Layout {
        grids: 250,
        buildings: 10,
        homes: 40,
        must_move_every: 10,
        fragile_every: 20,
        no_phone_every: NO_PHONE_EVERY,
        ..Layout::default()
    };
    let Some(ground) = Ground::open(&layout).await else { return };
    let seed = std::env::var("TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| calendar_ms().unsigned_abs() % 1_000_000);
    println!("seed {seed} (TEST_SEED={seed} repeats it)");
    let mut random = StdRng::seed_from_u64(seed);
    let vices = Vices { receipt_missing: 1.0, ..Vices::default() };
    let gateway = GatewayProcess::start(&ground.directory, &["gateway"], NO_HOOK, &vices).await;
    ground.write_settings(&gateway, 64);
    let mut serving = [ground.serve("serve-a"), ground.serve("serve-b")];
    let began = calendar_ms();
    let (_, alert) = ground.order().await;
    let mut moments: Vec<f64> = (0..KILLS).map(|_| random.random_range(0.01..0.9)).collect();
    moments.sort_by(f64::total_cmp);
    let (mut in_hand_of, mut in_hand_each) = (BTreeMap::<String, usize>::new(), Vec::new());
    for (turn, moment) in moments.into_iter().enumerate() {
        until(&format!("{moment:.2} of the way"), 150, async || {
            serving.iter_mut().for_each(Process::assert_alive);
            let at = progress(&ground, alert, &gateway).await;
            seen(at >= moment, at)
        })
        .await;
        let victim = random.random_range(0..serving.len());
        serving[victim].serves().await;
        let in_hand = kill_one(&ground, &mut serving[victim], turn).await;
        let count = in_hand.len();
        println!("{:>6} ms: kill {turn} at {moment:.2}, {count} in hand", calendar_ms() - began);
        in_hand_each.push(count);
        for home in in_hand {
            *in_hand_of.entry(home_number(home)).or_default() += 1;
        }
        if turn % 5 == 4 {
            ground.check_custody(alert).await;
        }
    }
    ground.first_wave_is_out(alert, 200, &mut serving).await;
    println!("{:>6} ms: all out", calendar_ms() - began);
    ground.check_custody(alert).await;
    let log = gateway.taken().await;
    let heard: BTreeSet<&str> = to_homes(&log).map(|entry| entry.to.as_str()).collect();
    let has_phone = |n: &i64| n % NO_PHONE_EVERY != 0;
    let lost: Vec<i64> = (1..=ground.homes)
        .filter(has_phone)
        .filter(|n| !heard.contains(home_number(HOME + n).as_str()))
        .collect();
    assert!(lost.is_empty(), "{} lost: {:?}", lost.len(), &lost[..lost.len().min(10)]);
    let doubled = doubled(&ground, alert, &log).await;
    let (count, bound): (usize, usize) = (doubled.values().sum(), in_hand_each.iter().sum());
    println!("{KILLS} kills: {count} doubled, at most {bound} in hand ({in_hand_each:?})");
    let unknown = "SELECT count(*) FROM outcome WHERE kind = 5";
    assert_eq!(ground.count(unknown, args![]).await, 0, "no call may have timed out here");
    assert!(in_hand_each.iter().any(|count| *count > 0), "no kill met a call: {in_hand_each:?}");
    // Number by number: nobody else's message was repeated, and his not more often.
    for (number, times) in doubled {
        let most = in_hand_of.get(&number).copied().unwrap_or(0);
        assert!(times <= most, "{number}: {times} times more, {most} times in hand at a kill");
    }
    drop(serving);
    ground.close().await;
}
