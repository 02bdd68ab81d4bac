//! Figures on a board that are not what the doors say: the auditor counts them again, once.

use tongluo::store::{custody, recount};

use crate::plant::{GRID, HOME, Layout, home_number};
use crate::town::{Setup, Town, on_both};

/// The tallies' sums are custody's.
async fn is_right(town: &Town, alert: i64) -> bool {
    let sums = custody::tallied(&town.engine.store, alert).await.unwrap();
    let is = town.custody(alert).await;
    sums == (is.audience, is.pursued, is.answered, is.heard, is.help)
}

#[tokio::test]
async fn a_tally_that_is_wrong_is_counted_again_and_journaled() {
    let layout = Layout { grids: 3, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 5), "1").await;
        town.says(&home_number(HOME + 6), "水进屋了").await;
        let noted = "SELECT count(*) FROM journal WHERE act = 'audit.tallies'";
        town.engine.audit_once().await.unwrap();
        assert!(is_right(&town, alert).await);
        assert_eq!(town.count(noted).await, 0, "nothing was wrong");
        // Sums that cancel each other out are wrong as well.
        for (grid, closed) in [(GRID, "+ 1"), (GRID + 1, "- 1")] {
            let sql = format!("UPDATE tally SET closed = closed {closed} WHERE grid_id = {grid}");
            town.break_in(&sql).await;
        }
        let gone = format!("DELETE FROM tally WHERE grid_id = {} AND ring = 3", GRID + 2);
        assert!(town.break_in(&gone).await > 0);
        let wrong = recount::wrong_grids(&town.engine.store, alert).await.unwrap();
        assert_eq!(wrong, [GRID, GRID + 1, GRID + 2]);
        for _ in 0..2 {
            town.engine.audit_once().await.unwrap();
            assert!(is_right(&town, alert).await);
            assert!(recount::wrong_grids(&town.engine.store, alert).await.unwrap().is_empty());
            assert_eq!(town.count(noted).await, 1, "once");
        }
        // Answers move the new rows on.
        town.says(&home_number(HOME + 15), "1").await;
        assert!(is_right(&town, alert).await);
        town
    })
    .await;
}

/// An answer that is on its way while the auditor looks is not a difference.
#[tokio::test]
async fn answers_in_the_midst_of_an_audit_are_no_difference() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        let audits = async {
            for _ in 0..20 {
                town.engine.audit_once().await.unwrap();
            }
        };
        let answers = async {
            for home in 1..=10 {
                let from = home_number(HOME + home);
                let reply = Town::reply(&format!("a{home}"), &from, "1", Some(town.now()));
                town.engine.take_replies("practice", &[reply]).await.unwrap();
            }
        };
        tokio::join!(audits, answers);
        assert!(is_right(&town, alert).await);
        assert_eq!(town.custody(alert).await.heard, 10);
        let noted = "SELECT count(*) FROM journal WHERE act = 'audit.tallies'";
        assert_eq!(town.count(noted).await, 0);
        town
    })
    .await;
}
