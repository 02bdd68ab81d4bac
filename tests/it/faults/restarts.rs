//! The servers under a dispatch go and come back: RabbitMQ stopped (sending goes on from the store)
//! and started, PostgreSQL killed and started. The processes live through both, and nobody is
//! lost. The scripts of `tests/servers.sh` control the servers (`TEST_RABBIT_CTL`, `TEST_PG_CTL`).

use std::collections::BTreeSet;
use std::process::Command;

use tongluo::base::clock::calendar_ms;
use tongluo::practice::gateway::Vices;

use super::ground::{Ground, NO_HOOK};
use super::processes::{GatewayProcess, Process, counted, to_homes};
use super::{seen, until};
use crate::engines::server;
use crate::plant::{HOME, Layout, home_number};

async fn control(script: &str, act: &str) {
    let (script, act) = (script.to_owned(), act.to_owned());
    let done = tokio::task::spawn_blocking(move || Command::new(script).arg(act).status()).await;
    assert!(done.unwrap().unwrap().success());
}

/// Waits until so many messages more were taken than `since`; the processes live.
async fn goes_on(gateway: &GatewayProcess, since: u64, more: u64, serving: &mut [Process]) {
    until(&format!("{more} messages more than {since}"), 90, async || {
        serving.iter_mut().for_each(Process::assert_alive);
        let taken = gateway.stats().await.taken;
        seen(taken >= since + more, taken)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_and_database_restarted_in_mid_dispatch() {
    let (Some(rabbit), Some(postgres)) = (server("TEST_RABBIT_CTL"), server("TEST_PG_CTL")) else {
        return;
    };
    let layout = Layout {
        grids: 50,
        buildings: 10,
        homes: 40,
        must_move_every: 10,
        fragile_every: 20,
        ..Layout::default()
    };
    let Some(ground) = Ground::open(&layout).await else { return };
    // Some 600 a second: the dispatch outlasts the restarts.
    let vices = Vices { latency_ms: (200, 200), receipt_missing: 1.0, ..Vices::default() };
    let gateway = GatewayProcess::start(&ground.directory, &["gateway"], NO_HOOK, &vices).await;
    ground.write_settings(&gateway, 64);
    let mut serving = [ground.serve("serve-a"), ground.serve("serve-b")];
    let began = calendar_ms();
    let passed_ms = || calendar_ms() - began;
    let (_, alert) = ground.order().await;
    goes_on(&gateway, 0, 1_000, &mut serving).await;

    control(&rabbit, "stop").await;
    let at_stop = gateway.stats().await.taken;
    // More than the hints in hand: these come from the store.
    goes_on(&gateway, at_stop, 5_000, &mut serving).await;
    control(&rabbit, "start").await;
    let with_broker = gateway.stats().await.taken;
    println!(
        "{} ms: {at_stop} taken when the broker stopped, {with_broker} when it was there again",
        passed_ms()
    );
    goes_on(&gateway, with_broker, 1_000, &mut serving).await;

    // Killed, not stopped: what was being committed is undone.
    control(&postgres, "kill").await;
    control(&postgres, "start").await;
    let with_database = gateway.stats().await.taken;
    println!("{} ms: {with_database} taken when the database was there again", passed_ms());
    ground.first_wave_is_out(alert, 150, &mut serving).await;
    ground.check_custody(alert).await;
    let log = gateway.taken().await;
    let heard: BTreeSet<&str> = to_homes(&log).map(|entry| entry.to.as_str()).collect();
    let all: BTreeSet<String> = (1..=ground.homes).map(|n| home_number(HOME + n)).collect();
    let lost = all.iter().filter(|number| !heard.contains(number.as_str())).count();
    assert_eq!(lost, 0, "of {}", all.len());
    let doubled: usize =
        counted(to_homes(&log).map(|e| (&e.to, &e.reference))).values().map(|n| n - 1).sum();
    println!("{} ms: all out, {doubled} doubled", passed_ms());
    assert_eq!(doubled, 0, "what was called is noted as soon as the database is there again");
    for process in &mut serving {
        assert!(process.end(30).await.success(), "{}", process.name);
    }
    ground.close().await;
}
