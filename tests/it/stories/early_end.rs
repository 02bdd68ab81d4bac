//! An order that ends before all its grids were expanded: whoever it would have pursued is on the
//! search list with the others, and nobody is told of an order that is over.

use tongluo::domain::list::SEARCH;
use tongluo::store::order;

use crate::plant::{DUTY_ROOM, GRID, Layout, leader};
use crate::town::{Setup, Town, on_both};

fn setup() -> Setup {
    Setup { layout: Layout { grids: 3, ..Layout::default() }, ..Setup::default() }
}

async fn expansions(town: &Town, filter: &str) -> Vec<i64> {
    let sql = format!("SELECT id FROM expansion WHERE state = 0 AND {filter} ORDER BY ord");
    town.rows::<(i64,)>(&sql).await.into_iter().map(|row| row.0).collect()
}

fn homes_asked(town: &Town) -> usize {
    town.sim.log().iter().filter(|entry| entry.reference.starts_with('b')).count()
}

#[tokio::test]
async fn whoever_it_would_have_pursued_is_searched_for() {
    on_both(setup(), async |town| {
        let (uid, alert) = town.flood_order().await;
        let first = expansions(&town, &format!("grid_id = {GRID}")).await;
        assert_eq!(town.engine.expand_once(&first).await.unwrap(), 1);
        let before = town.custody(alert).await;
        assert_eq!((before.audience, before.pursued), (30, 18), "{before:?}");
        let open = town.engine.end(&town.approver, &uid).await.unwrap();
        assert_eq!(open, 18, "two grids by their head-counts");
        assert_eq!(town.custody(alert).await, before, "nobody drops out");
        town.settle().await;
        town.check().await;
        let after = town.custody(alert).await;
        assert_eq!((after.audience, after.pursued, after.open), (30, 18, 18), "{after:?}");
        assert_eq!(homes_asked(&town), 0, "nobody is told of an order that is over");
        let asked = town.leader_heard(DUTY_ROOM);
        assert!(asked.iter().any(|text| text.contains("还有18户")), "{asked:?}");
        let sql = format!("SELECT uid FROM list WHERE rung = {SEARCH}");
        let list: Vec<(String,)> = town.rows(&sql).await;
        let doors = town.engine.show_list(&town.approver, &list[0].0).await.unwrap().2;
        assert_eq!(doors.len(), 18);
        // The night goes on without waves, lists or clocks of theirs.
        town.minutes(15).await;
        assert_eq!(homes_asked(&town), 0);
        for grid in 0..3 {
            assert!(town.leader_heard(leader(grid)).is_empty(), "leader {grid}");
        }
        let timers = "SELECT count(*) FROM timer WHERE kind IN (1, 2, 3, 6)";
        assert_eq!(town.count(timers).await, 0);
        town
    })
    .await;
}

#[tokio::test]
async fn an_order_of_which_nothing_was_expanded_is_searched_for_as_well() {
    on_both(setup(), async |town| {
        let (uid, alert) = town.flood_order().await;
        assert_eq!(town.engine.end(&town.approver, &uid).await.unwrap(), 18);
        // The search is asked for before the first grid is expanded, and goes on.
        town.engine.fire_due().await.unwrap();
        town.check().await;
        town.minutes(11).await;
        let custody = town.custody(alert).await;
        assert_eq!((custody.open, custody.open_system, custody.orphans), (18, 18, 0));
        let asked = town.leader_heard(DUTY_ROOM).into_iter();
        let asked: Vec<String> = asked.filter(|text| text.contains("清点名单")).collect();
        assert_eq!(asked.len(), 2, "{asked:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn an_order_taken_back_before_it_was_expanded_reaches_and_pursues_nobody() {
    on_both(setup(), async |town| {
        let (uid, alert) = town.flood_order().await;
        let vars = crate::sim::acts::wrong();
        town.engine.withdraw(&town.author, &uid, &vars).await.unwrap();
        town.minutes(2).await;
        assert_eq!(homes_asked(&town), 0);
        assert_eq!(town.custody(alert).await.audience, 0);
        town
    })
    .await;
}

#[tokio::test]
async fn a_rung_left_behind_by_an_order_that_ended_meanwhile_is_not_climbed() {
    on_both(setup(), async |town| {
        let (uid, alert) = town.flood_order().await;
        town.minutes(2).await;
        town.engine.end(&town.approver, &uid).await.unwrap();
        // As a step would that was firing in the moment of the end.
        town.break_in(&format!(
            "INSERT INTO timer (alert_id, kind, place_id, subject_id, step, due_at) \
             VALUES ({alert}, 3, {GRID}, 0, 2, {})",
            town.now()
        ))
        .await;
        town.minutes(1).await;
        let heard = town.leader_heard(leader(0));
        assert!(!heard.iter().any(|text| text.contains("接手回1")), "{heard:?}");
        let left = format!("SELECT count(*) FROM timer WHERE alert_id = {alert} AND kind = 3");
        assert_eq!(town.count(&left).await, 0);
        let head = order::by_id(&town.engine.store, alert).await.unwrap().unwrap();
        assert_eq!(head.state, 5);
        assert_eq!(town.count("SELECT count(*) FROM batch WHERE state = 0").await, 0);
        town
    })
    .await;
}
