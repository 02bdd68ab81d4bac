//! Calendar jobs on both engines: a slot is worked once however many processes wake, late once
//! where all were down; retention leaves the journal's proof; what is wrong stands at the desk.

use tongluo::base::clock::Clock;
use tongluo::domain::calendar::Job;
use tongluo::engine::calendar::Calendar;
use tongluo::engine::chain;
use tongluo::store::{calendar, desk};

use crate::plant::{HOME, home_number};
use crate::town::{Setup, Town, on_both};

const DAY_MINUTES: i64 = 24 * 60;

fn county() -> Calendar {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    Calendar { zone, retention_days: 30 }
}

async fn chained(town: &Town) {
    let machine = || town.clock.machine_ms();
    while chain::chain_once(&town.engine.store, "story", machine()).await.unwrap()
        != chain::Chained::Idle
    {}
}

async fn acts(town: &Town, act: &str) -> i64 {
    town.count(&format!("SELECT count(*) FROM journal WHERE act = '{act}'")).await
}

#[tokio::test]
async fn two_processes_work_a_slot_once_and_a_missed_one_late_once() {
    on_both(Setup::default(), async |town| {
        // 22:00, and nothing was ever done: each job's last slot is due, late, once.
        let (days, engine) = (county(), &town.engine);
        let (one, two) = tokio::join!(engine.calendar_once(&days), engine.calendar_once(&days));
        let worked = [one.unwrap(), two.unwrap()].concat();
        assert_eq!(worked.len(), Job::ALL.len(), "{worked:?}");
        assert_eq!(engine.calendar_once(&days).await.unwrap(), []);
        // Down over three nights.
        town.down_minutes(3 * DAY_MINUTES);
        let late = engine.calendar_once(&days).await.unwrap();
        assert_eq!(late.len(), Job::ALL.len(), "{late:?}");
        assert!(late.iter().all(|slot| town.now() - slot.at < 24 * 3_600_000));
        assert_eq!(engine.calendar_once(&days).await.unwrap(), []);
        assert_eq!(acts(&town, "upkeep.done").await, 2);
        town
    })
    .await;
}

#[tokio::test]
async fn a_slot_whose_process_died_is_anothers_after_its_lease() {
    on_both(Setup::default(), async |town| {
        let (days, engine) = (county(), &town.engine);
        let due = engine.calendar_once(&days).await.unwrap();
        town.down_minutes(DAY_MINUTES);
        let slot = due[0].at + DAY_MINUTES * 60_000;
        let (machine, word) = (town.clock.machine_ms(), due[0].job.word());
        assert!(
            calendar::claim(&engine.store, word, slot, machine, machine + 60_000).await.unwrap()
        );
        let others = engine.calendar_once(&days).await.unwrap();
        assert_eq!(others.len(), Job::ALL.len() - 1, "{others:?}");
        town.down_minutes(2);
        let taken_over = engine.calendar_once(&days).await.unwrap();
        assert_eq!(taken_over.len(), 1, "{taken_over:?}");
        assert_eq!((taken_over[0].job, taken_over[0].at), (due[0].job, slot));
        town
    })
    .await;
}

#[tokio::test]
async fn retention_erases_texts_and_the_journal_still_holds() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 1), "水进屋了，快来人").await;
        let texts = "SELECT (SELECT count(*) FROM inbound WHERE text <> '' OR raw IS NOT NULL \
                     OR from_sealed IS NOT NULL), (SELECT count(*) FROM notice WHERE text <> '' \
                     AND kind IS NOT NULL), (SELECT count(*) FROM statement)";
        let before: Vec<(i64, i64, i64)> = town.rows(texts).await;
        assert!(before[0].0 > 0 && before[0].2 > 0, "{before:?}");
        let days = county();
        town.engine.calendar_once(&days).await.unwrap();
        assert_eq!(town.rows::<(i64, i64, i64)>(texts).await, before, "not before its time");
        town.down_minutes(31 * DAY_MINUTES);
        town.engine.calendar_once(&days).await.unwrap();
        let after: Vec<(i64, i64, i64)> = town.rows(texts).await;
        assert_eq!(after, [(0, 0, before[0].2)]);
        chained(&town).await;
        let found = chain::verify(&town.engine.store, &town.engine.sealer).await.unwrap();
        assert!(found.verified.entries > 0 && found.unchained == 0);
        assert!(found.rows.erased > 0 && found.rows.proved > 0, "{:?}", found.rows);
        town
    })
    .await;
}

#[tokio::test]
async fn a_journal_that_was_touched_or_cut_off_stands_at_the_desk() {
    for touch in [
        "UPDATE journal SET at = at + 1 WHERE pos = (SELECT max(pos) FROM journal)",
        "DELETE FROM journal WHERE pos >= 2",
    ] {
        on_both(Setup::default(), async |town| {
            let (days, engine) = (county(), &town.engine);
            town.flood_order().await;
            town.settle().await;
            chained(&town).await;
            engine.calendar_once(&days).await.unwrap();
            assert_eq!(
                (acts(&town, "check.passed").await, acts(&town, "check.failed").await),
                (1, 0)
            );
            // What was written since is not verified yet.
            chained(&town).await;
            town.break_in(touch).await;
            town.down_minutes(DAY_MINUTES);
            engine.calendar_once(&days).await.unwrap();
            assert_eq!(acts(&town, "check.failed").await, 1);
            let tasks = desk::tasks(&engine.store, 0, 100).await.unwrap();
            let alarm = tasks.iter().find(|task| task.kind == 4).unwrap();
            assert!(alarm.text.contains("日志链"), "{}", alarm.text);
            town
        })
        .await;
    }
}
