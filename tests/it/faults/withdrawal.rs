//! A withdrawal while 64 calls hang for three seconds and one of the two processes is killed in
//! that moment: everyone who may have had the old text is corrected, and nobody else. By the
//! gateway's own log.

use std::collections::{BTreeMap, BTreeSet};

use tongluo::args;
use tongluo::base::clock::calendar_ms;
use tongluo::domain::plan::TimerKind;
use tongluo::practice::gateway::{Entry, Vices};

use super::ground::{Ground, NO_HOOK, author};
use super::processes::{GatewayProcess, Process, to_homes};
use super::{seen, until};
use crate::plant::{Layout, home_number};

/// Households in batches that the killed process had leased: what they were sent nobody knows.
const LOST: &str = "SELECT DISTINCT s.household_id FROM batch b JOIN standing s \
    ON s.alert_id = b.alert_id AND s.grid_id = b.grid_id AND s.seq BETWEEN b.seq_from \
    AND b.seq_to AND s.ring = b.ring WHERE b.kind = 1 AND b.version = 1 AND b.state = 0 \
    AND b.lease_until IS NOT NULL AND b.lease_owner LIKE $1";

/// Nothing of the withdrawal is left to do.
async fn corrected_all(ground: &Ground, alert: i64, survivor: &mut Process) {
    until("the correction is out", 150, async || {
        survivor.assert_alive();
        let left: Vec<(i64, i64, i64)> = ground
            .rows(
                "SELECT (SELECT count(*) FROM expansion WHERE alert_id = $1 AND state = 0), \
                 (SELECT count(*) FROM batch WHERE alert_id = $1 AND kind = 1 AND state = 0), \
                 (SELECT count(*) FROM timer WHERE alert_id = $1 AND kind = $2)",
                args![alert, TimerKind::Correction.code()],
            )
            .await;
        seen(left[0] == (0, 0, 0), left)
    })
    .await;
}

/// When each number was sent the old text and its correction, by place in the log.
fn texts(log: &[Entry]) -> (BTreeMap<&str, usize>, BTreeMap<&str, usize>) {
    let (mut old, mut corrections) = (BTreeMap::new(), BTreeMap::new());
    for (place, entry) in to_homes(log).enumerate() {
        if entry.text.contains("更正") {
            corrections.entry(entry.to.as_str()).or_insert(place);
        } else {
            assert!(entry.text.contains("转移指令："), "{}", entry.text);
            old.insert(entry.to.as_str(), place);
        }
    }
    (old, corrections)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_while_64_calls_hang_and_a_process_is_killed() {
    let layout = Layout { grids: 8, buildings: 5, homes: 20, ..Layout::default() };
    let Some(ground) = Ground::open(&layout).await else { return };
    let slow = Vices { latency_ms: (3_000, 3_000), receipt_missing: 1.0, ..Vices::default() };
    let gateway = GatewayProcess::start(&ground.directory, &["gateway"], NO_HOOK, &slow).await;
    ground.write_settings(&gateway, 32);
    let (mut killed, mut survivor) = (ground.serve("serve-a"), ground.serve("serve-b"));
    for process in [&mut killed, &mut survivor] {
        process.serves().await;
    }
    let (uid, alert) = ground.order().await;
    until("64 calls hang", 60, async || {
        let taken = to_homes(&gateway.taken().await).count();
        seen(taken >= 64, taken)
    })
    .await;
    let vars = [("wrong", "到四明小学"), ("right", "不用转移，在家等通知")]
        .map(|(name, words)| (name.to_string(), words.to_string()));
    ground.engine.withdraw(&author(), &uid, &vars.into()).await.unwrap();
    let withdrawn_at = calendar_ms();
    // All of its calls still hang.
    killed.kill();
    ground.has_let_go(&killed.name).await;
    let lost: Vec<(i64,)> = ground.rows(LOST, args![format!("{}-%", killed.id())]).await;
    assert!(!lost.is_empty(), "the killed process was calling");
    corrected_all(&ground, alert, &mut survivor).await;

    let log = gateway.taken().await;
    let (old, corrections) = texts(&log);
    let in_doubt: BTreeSet<String> = lost.iter().map(|row| home_number(row.0)).collect();
    let late = to_homes(&log).filter(|e| !e.text.contains("更正"));
    let late_ms = late.map(|entry| entry.at_ms - withdrawn_at).max().unwrap();
    assert!(late_ms < 5_000, "the old text was begun {late_ms} ms after the withdrawal");
    println!(
        "{} of {} had the old text, {} were in the killed process's hands; {} corrected",
        old.len(),
        ground.homes,
        in_doubt.len(),
        corrections.len()
    );
    for (number, place) in &old {
        let corrected = corrections.get(number);
        assert!(corrected.is_some_and(|at| at > place), "{number}: {place} {corrected:?}");
    }
    let strangers: Vec<&&str> =
        corrections.keys().filter(|n| !old.contains_key(*n) && !in_doubt.contains(**n)).collect();
    assert!(strangers.is_empty(), "never in doubt, yet corrected: {strangers:?}");
    let all: BTreeSet<&str> = in_doubt.iter().map(String::as_str).chain(old.into_keys()).collect();
    assert_eq!(corrections.len(), all.len(), "who may have had it, and nobody else");
    assert!((all.len() as i64) < ground.homes, "somebody was never in doubt");
    drop((killed, survivor));
    ground.close().await;
}
