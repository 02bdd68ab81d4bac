//! What is in somebody's hands stays there: a task is not taken from its holder unnoticed, a help
//! outlives an order that was wrong, and a database whose file is gone says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tongluo::engine::issue::Actor;

use crate::plant::{HOME, home_number};
use crate::town::{Setup, Town, on_both, refusal};

async fn one_help(town: &Town) -> String {
    let rows: Vec<(String,)> = town.rows("SELECT uid FROM task WHERE kind = 1").await;
    assert_eq!(rows.len(), 1);
    rows[0].0.clone()
}

#[tokio::test]
async fn a_task_is_taken_from_its_holder_only_by_his_name() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 1), "要人帮").await;
        let task = one_help(&town).await;
        let (engine, first) = (&town.engine, &town.approver);
        let second =
            Actor { account_id: 3, name: "周受理".into(), rights: first.rights.clone() };
        engine.take_task(first, &task, None).await.unwrap();
        let said = refusal(engine.take_task(&second, &task, None).await);
        assert!(said.contains("在李签发手里") && said.contains("--from"), "{said}");
        let wrong = engine.take_task(&second, &task, Some("王丽")).await;
        assert!(refusal(wrong).contains("在李签发手里"));
        let again = engine.take_task(first, &task, None).await.unwrap();
        assert_eq!(again.owner.as_deref(), Some("李签发"), "his own he takes for longer");
        let taken = engine.take_task(&second, &task, Some("李签发")).await.unwrap();
        assert_eq!(taken.owner.as_deref(), Some("周受理"));
        engine.close_task(&second, &task, "已接走").await.unwrap();
        let said = refusal(engine.take_task(first, &task, Some("周受理")).await);
        assert!(said.contains("办结"), "{said}");
        town
    })
    .await;
}

#[tokio::test]
async fn a_help_under_an_order_that_was_wrong_is_audited_as_any() {
    on_both(Setup::default(), async |town| {
        let (uid, _) = town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 1), "要人帮").await;
        let vars = [("wrong", "到四明小学"), ("right", "不用转移，在家等通知")];
        let vars: BTreeMap<String, String> =
            vars.map(|(name, words)| (name.to_string(), words.to_string())).into();
        town.engine.withdraw(&town.approver, &uid, &vars).await.unwrap();
        assert_eq!(town.engine.audit_once().await.unwrap(), 0, "nobody has to move any more");
        town.minutes(2).await;
        assert_eq!(town.engine.audit_once().await.unwrap(), 0, "the help waits at the desk");
        // Its reminder is lost, whoever lost it: that home is in nobody's hands now.
        assert_eq!(town.break_in("DELETE FROM timer WHERE kind = 7").await, 1);
        assert_eq!(town.engine.audit_once().await.unwrap(), 1);
        let named = "SELECT count(*) FROM task WHERE kind = 3 AND text LIKE '无人负责%'";
        assert_eq!(town.count(named).await, 1);
        assert_eq!(town.engine.audit_once().await.unwrap(), 0);
        town
    })
    .await;
}

#[tokio::test]
async fn an_order_that_ended_long_ago_is_audited_once_an_hour() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = town.flood_order().await;
        town.minutes(2).await;
        town.engine.end(&town.approver, &uid).await.unwrap();
        let open = town.custody(alert).await;
        assert!(open.pursued > open.answered, "somebody is still searched for");
        town.break_in("DELETE FROM timer").await;
        town.break_in("UPDATE alert SET ended_at = ended_at - 90000000").await;
        // Its minute of the hour has not come.
        let minute = (town.now() / 60_000) % 60;
        let wait = (alert % 60 - minute + 60) % 60;
        let wait = if wait == 0 { 60 } else { wait };
        town.clock.advance_ms(60_000);
        let mut found = Vec::new();
        for _ in 1..=wait {
            found.push(town.engine.audit_once().await.unwrap());
            town.clock.advance_ms(60_000);
        }
        let (last, before) = found.split_last().unwrap();
        assert!(*last > 0 && before.iter().all(|n| *n == 0), "{wait}: {found:?}");
        town
    })
    .await;
}

/// The database's file, where it is one.
async fn file_of(town: &Town) -> Option<PathBuf> {
    if !town.is_sqlite() {
        return None;
    }
    let rows: Vec<(String,)> =
        town.rows("SELECT file FROM pragma_database_list WHERE name = 'main'").await;
    Some(PathBuf::from(&rows[0].0))
}

#[tokio::test]
async fn a_database_whose_file_is_moved_away_or_replaced_says_so() {
    on_both(Setup::default(), async |town| {
        let file = file_of(&town).await;
        let alarms = "SELECT count(*) FROM task WHERE kind = 4 AND text LIKE '数据库文件%'";
        town.engine.audit_once().await.unwrap();
        assert_eq!(town.engine.takes_writes().await, Ok(()));
        assert_eq!(town.count(alarms).await, 0);
        let Some(file) = file else { return town };
        let aside = file.with_extension("aside");
        std::fs::rename(&file, &aside).unwrap();
        town.clock.advance_ms(10_000);
        let said = town.engine.takes_writes().await.unwrap_err();
        assert!(said.contains("put the file back"), "{said}");
        for _ in 0..20 {
            // A connection that is opened anew finds no file, and the audit comes again.
            drop(town.engine.audit_once().await);
        }
        assert_eq!(town.count(alarms).await, 1, "once, not every minute");
        assert!(!file.exists(), "nobody has made an empty one in its place");
        std::fs::write(&file, "").unwrap();
        town.clock.advance_ms(10_000);
        assert!(town.engine.takes_writes().await.is_err(), "another file");
        std::fs::remove_file(&file).unwrap();
        std::fs::rename(&aside, &file).unwrap();
        town.clock.advance_ms(10_000);
        assert_eq!(town.engine.takes_writes().await, Ok(()));
        town
    })
    .await;
}
