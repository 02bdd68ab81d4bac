//! An update that asks less: who has answered that much already is closed by it, at once, and is
//! not asked again; who has not stays open.

use tongluo::domain::statement::Claim;
use tongluo::engine::hands::Tick;
use tongluo::engine::issue::OrderForm;
use tongluo::store::order::RingRow;

use crate::plant::{HOME, home_number, leader};
use crate::town::{Setup, Town, on_both};

const RECEIPT: i64 = 1;
const EVACUATION: i64 = 4;

/// What is asked of who must move.
fn asking(town: &Town, demand: i64) -> OrderForm {
    let ring = |ring: i64, demand: i64, pursued: i64| RingRow { ring, demand, pursued };
    let rings = vec![ring(1, demand, 1), ring(2, RECEIPT, 1), ring(3, 0, 0)];
    OrderForm { rings: Some(rings), ..town.flood_form() }
}

async fn update(town: &Town, uid: &str, demand: i64) {
    town.engine.update(&town.author, uid, &asking(town, demand)).await.unwrap();
    town.engine.submit(&town.author, uid).await.unwrap();
    town.engine.approve(&town.approver, uid, false).await.unwrap();
    town.settle().await;
    town.check().await;
}

#[tokio::test]
async fn who_has_said_that_much_is_closed_by_the_update() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = town.release(&asking(&town, EVACUATION)).await;
        town.minutes(2).await;
        // Homes 2, 4, 6, 8 and 10 must move. Two say that they have heard.
        town.says(&home_number(HOME + 2), "1").await;
        town.says(&home_number(HOME + 4), "收到").await;
        let before = town.custody(alert).await;
        assert_eq!((before.answered, before.heard), (0, 2));
        update(&town, &uid, RECEIPT).await;
        let after = town.custody(alert).await;
        assert_eq!((after.answered, after.open), (2, before.open - 2), "{after:?}");
        assert_eq!((after.audience, after.heard), (before.audience, 2));
        let tally: Vec<(i64,)> = town.rows("SELECT CAST(sum(closed) AS bigint) FROM tally").await;
        assert_eq!(tally[0].0, 2);
        // Who answers only now is closed as well.
        town.minutes(2).await;
        town.says(&home_number(HOME + 6), "1").await;
        assert_eq!(town.custody(alert).await.answered, 3);
        town
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_before_and_is_asked_again_is_answered_by_the_first_answer() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = town.release(&asking(&town, RECEIPT)).await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 2), "1").await;
        assert_eq!(town.custody(alert).await.answered, 1);
        update(&town, &uid, EVACUATION).await;
        assert_eq!(town.custody(alert).await.answered, 0, "asked for more");
        update(&town, &uid, RECEIPT).await;
        assert_eq!(town.custody(alert).await.answered, 1, "no more than that is asked now");
        let since = format!("SELECT since FROM standing WHERE household_id = {}", HOME + 2);
        assert_eq!(town.count(&since).await, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn whoever_was_seen_leaving_before_it_was_asked_of_them_is_not_asked_again() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = town.release(&asking(&town, RECEIPT)).await;
        town.minutes(7).await;
        town.leader_says(leader(0), "1").await;
        let lists: Vec<(String,)> = town.rows("SELECT uid FROM list WHERE state = 2").await;
        let (household, claim) = (format!("c{}", HOME + 4), Claim::Evacuated);
        let tick = Tick { household, claim, persons: None };
        town.engine.tick_list(&town.approver, &lists[0].0, &tick).await.unwrap();
        town.says(&home_number(HOME + 2), "1").await;
        assert_eq!(town.custody(alert).await.answered, 2);
        update(&town, &uid, EVACUATION).await;
        assert_eq!(town.custody(alert).await.answered, 1, "home 2 has to leave, home 4 has left");
        town
    })
    .await;
}
