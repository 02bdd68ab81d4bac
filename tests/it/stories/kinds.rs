//! What an answer is about: an exercise or the real thing, this order or that one.

use tongluo::engine::exercise::RollFill;
use tongluo::engine::issue::OrderForm;
use tongluo::store::order::RingRow;

use crate::plant::{HOME, home_number, human_number, leader};
use crate::town::{Setup, Town, on_both};

const DAYLIGHT_MINUTES: i64 = 10 * 60;

/// A real order of which everybody is only told.
fn told(town: &Town) -> OrderForm {
    let ring = |ring: i64| RingRow { ring, demand: 0, pursued: 0 };
    OrderForm {
        urgency: Some("notice".into()),
        template: "return_notice".into(),
        vars: [("place".into(), "朗霞街道".into())].into(),
        rings: Some(vec![ring(1), ring(2), ring(3)]),
        act_by: None,
        ..town.flood_form()
    }
}

async fn exercise(town: &Town) -> i64 {
    let form = OrderForm { kind: "exercise".into(), ..town.flood_form() };
    let uid = town.engine.draft(&town.author, &form).await.unwrap();
    let fill = RollFill { places: vec!["p2".into()], lines: vec![] };
    town.engine.fill_roll(&town.author, &uid, &fill).await.unwrap();
    town.engine.submit(&town.author, &uid).await.unwrap();
    town.engine.confirm_roll(&town.approver, &uid, None).await.unwrap();
    town.engine.approve(&town.approver, &uid, false).await.unwrap();
    town.count("SELECT max(id) FROM alert").await
}

/// The alerts under which a home has said something.
async fn spoken(town: &Town, home: i64) -> Vec<i64> {
    let home = HOME + home;
    let sql = format!(
        "SELECT DISTINCT alert_id, CAST(0 AS bigint) FROM statement WHERE household_id = {home} \
         ORDER BY alert_id"
    );
    town.rows::<(i64, i64)>(&sql).await.into_iter().map(|row| row.0).collect()
}

async fn woken(town: &Town, alert: i64, human: i64) -> bool {
    let sql = format!(
        "SELECT count(*) FROM summons WHERE alert_id = {alert} AND human_id = {human} \
         AND woken_at IS NOT NULL"
    );
    town.count(&sql).await == 1
}

#[tokio::test]
async fn a_digit_after_an_exercises_text_does_not_count_under_a_live_order() {
    on_both(Setup::default(), async |town| {
        town.down_minutes(DAYLIGHT_MINUTES);
        let (_, live) = town.release(&told(&town)).await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 4), "1").await;
        let drill = exercise(&town).await;
        town.minutes(2).await;
        for home in [2, 4] {
            town.says(&home_number(HOME + home), "1").await;
        }
        assert_eq!(spoken(&town, 2).await, [drill]);
        assert_eq!(spoken(&town, 4).await, [live, drill], "each to its own text");
        // A cry for help needs no text: it counts wherever the home is asked something.
        town.says(&home_number(HOME + 6), "救命，水进屋了").await;
        assert_eq!(spoken(&town, 6).await, [live, drill]);
        town
    })
    .await;
}

#[tokio::test]
async fn a_one_wakes_only_under_the_orders_that_told_him() {
    on_both(Setup::default(), async |town| {
        let (_, first) = town.flood_order().await;
        town.minutes(1).await;
        // The second order's summons is written and has not left yet.
        let (_, second) = town.flood_order().await;
        town.engine.fire_due().await.unwrap();
        let human = leader(0);
        let reply = Town::reply("wakes", &human_number(human), "1", Some(town.now()));
        town.engine.take_replies("practice", &[reply]).await.unwrap();
        assert!(woken(&town, first, human).await);
        assert!(!woken(&town, second, human).await, "he has heard nothing of it");
        town.seconds(70).await;
        town.leader_says(human, "1").await;
        assert!(woken(&town, second, human).await);
        town
    })
    .await;
}

#[tokio::test]
async fn a_one_wakes_under_the_kind_of_order_that_was_told_last() {
    on_both(Setup::default(), async |town| {
        let (_, live) = town.flood_order().await;
        town.seconds(30).await;
        let form = OrderForm { kind: "rehearsal".into(), ..town.flood_form() };
        let (_, played) = town.release(&form).await;
        town.seconds(10).await;
        let human = leader(0);
        town.leader_says(human, "1").await;
        let both = (woken(&town, live, human).await, woken(&town, played, human).await);
        assert_eq!(both, (false, true), "nobody is up because he played along");
        town.seconds(85).await;
        town.leader_says(human, "1").await;
        assert!(woken(&town, live, human).await);
        // Lists as well: the one that he was told of last is taken, the other is not.
        town.minutes(5).await;
        let texts = town.leader_heard(human);
        let last = texts.iter().rfind(|text| text.contains("接手回1")).unwrap();
        let (taken, other) =
            if last.contains("【推演】") { (played, live) } else { (live, played) };
        town.leader_says(human, "1").await;
        let held = |alert: i64| {
            format!(
                "SELECT count(*) FROM list WHERE alert_id = {alert} AND human_id = {human} \
                 AND state = 2"
            )
        };
        assert_eq!(town.count(&held(taken)).await, 1, "{texts:?}");
        assert_eq!(town.count(&held(other)).await, 0, "{texts:?}");
        town
    })
    .await;
}
