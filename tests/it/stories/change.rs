//! When the order itself changes: withdrawn, updated, ended. Who had the old text decides.

use std::collections::{BTreeMap, BTreeSet};

use tongluo::base::clock::Clock;
use tongluo::practice::gateway::Vices;
use tongluo::store::batch;

use crate::plant::{DUTY_ROOM, GRID, HOME, Layout, home_number};
use crate::town::{Setup, Town, on_both};

fn wrong() -> BTreeMap<String, String> {
    [("wrong", "到四明小学"), ("right", "不用转移，在家等通知")]
        .map(|(name, words)| (name.to_string(), words.to_string()))
        .into()
}

fn numbers(homes: &[(i64,)]) -> BTreeSet<String> {
    homes.iter().map(|row| home_number(row.0)).collect()
}

/// Open first-wave batches of a grid.
async fn batches(town: &Town, grid: i64, ring: &str) -> Vec<i64> {
    let sql = format!("SELECT id FROM batch WHERE grid_id = {grid} AND state = 0 AND ring {ring}");
    let rows: Vec<(i64,)> = town.rows(&sql).await;
    rows.into_iter().map(|row| row.0).collect()
}

/// Three grids: the first is sent to, ring 1 of the second is in the hands of a process that dies,
/// the third is only expanded. Then the order is withdrawn. Gives who must be corrected.
async fn withdrawn_in_mid_dispatch(town: &Town) -> BTreeSet<String> {
    let (uid, _) = town.flood_order().await;
    town.engine.feed_once().await.unwrap();
    town.engine.work_waiting().await.unwrap();
    assert_eq!(town.taken().len(), 0, "only expanded so far");
    let first = batches(town, GRID, "> 0").await;
    town.engine.send_once(&first).await.unwrap();
    let ring1 = batches(town, GRID + 1, "= 1").await;
    assert!(!ring1.is_empty());
    let machine = town.clock.machine_ms();
    let leased = batch::lease(&town.engine.store, &ring1, "another process", machine).await;
    assert_eq!(leased.unwrap().len(), ring1.len());
    town.engine.withdraw(&town.author, &uid, &wrong()).await.unwrap();
    let sql = format!(
        "SELECT household_id FROM standing WHERE grid_id = {GRID} \
         OR (grid_id = {} AND ring = 1)",
        GRID + 1
    );
    let may: Vec<(i64,)> = town.rows(&sql).await;
    numbers(&may)
}

fn three_grids() -> Layout {
    Layout { grids: 3, ..Layout::default() }
}

#[tokio::test]
async fn a_withdrawal_reaches_everyone_who_may_have_had_the_old_text_and_nobody_else() {
    let setup = Setup {
        layout: three_grids(),
        vices: Vices { timeout_taken: 0.2, timeout_not_taken: 0.2, ..Vices::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        let may = withdrawn_in_mid_dispatch(&town).await;
        town.settle().await;
        let at_once = town.asked("更正");
        assert_eq!(at_once.len(), 10, "grid 1 is told at once");
        assert!(at_once.is_subset(&may));
        town.seconds(60).await;
        assert_eq!(town.asked("更正"), may);
        town.minutes(10).await;
        assert_eq!(town.asked("更正"), may);
        let order = town.asked("转移指令：");
        assert_eq!(order, at_once, "the old text goes to nobody any more");
        town
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_runs_out_before_the_correction_looks_again_is_not_forgotten() {
    let setup = Setup { layout: three_grids(), ..Setup::default() };
    on_both(setup, async |town| {
        let may = withdrawn_in_mid_dispatch(&town).await;
        town.settle().await;
        // The story stands still, so no timer fires; the feeder finds the expired lease first.
        town.clock.advance_machine_ms(95_000);
        town.settle().await;
        town.seconds(30).await;
        assert_eq!(town.asked("更正"), may);
        let doubled = town.taken().len() - (10 + may.len());
        assert_eq!(doubled, 0, "{:?}", town.sim.stats());
        town
    })
    .await;
}

#[tokio::test]
async fn an_update_names_its_time_and_goes_to_its_own_audience_only() {
    let setup = Setup { layout: three_grids(), ..Setup::default() };
    on_both(setup, async |town| {
        let mut form = town.flood_form();
        let (uid, alert) = town.release(&form).await;
        town.minutes(4).await;
        town.says(&home_number(HOME + 1), "1").await;
        // Home 3 has one person: her 3 closes at once.
        let before = town.custody(alert).await;
        form.vars.insert("shelter".into(), "东风小学".into());
        form.places = vec![format!("p{GRID}"), format!("p{}", GRID + 1)];
        town.engine.update(&town.author, &uid, &form).await.unwrap();
        town.engine.submit(&town.author, &uid).await.unwrap();
        let sent = town.taken().len();
        town.settle().await;
        assert_eq!(town.taken().len(), sent, "a draft sends nothing");
        town.engine.approve(&town.approver, &uid, false).await.unwrap();
        town.minutes(5).await;
        let taken = town.taken().split_off(sent);
        let to_homes = taken.iter().filter(|e| e.reference.starts_with('b'));
        let mut told = BTreeSet::new();
        for entry in to_homes {
            assert!(entry.text.contains("更新："), "{}", entry.text);
            assert!(!entry.text.contains("四明小学"), "{}", entry.text);
            told.insert(entry.to.clone());
        }
        let movers = (1..=20).filter(|n| n % 2 == 0).map(|n| home_number(HOME + n));
        let movers: BTreeSet<String> = movers.collect();
        assert_eq!(told, movers, "who need not go there, and the third grid, hear nothing");
        let after = town.custody(alert).await;
        assert_eq!(after.audience, before.audience);
        assert_eq!(after.heard, before.heard, "what was said stays said");
        town
    })
    .await;
}

#[tokio::test]
async fn nothing_ends_with_open_people() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 1), "水进屋了").await;
        let open = town.custody(alert).await.open;
        let ended = town.engine.end(&town.approver, &uid).await.unwrap();
        assert_eq!(ended, open);
        town.check().await;
        let sent = town.taken().len();
        town.minutes(25).await;
        let custody = town.custody(alert).await;
        assert_eq!((custody.open, custody.orphans), (open, 0), "{custody:?}");
        let later = town.taken().split_off(sent);
        assert!(later.iter().all(|e| !e.reference.starts_with('b')), "{later:?}");
        let search = town.leader_heard(DUTY_ROOM).into_iter();
        let search = search.filter(|t| t.contains("清点名单")).count();
        assert!((2..=3).contains(&search), "{search} reminders in 25 minutes");
        town
    })
    .await;
}
