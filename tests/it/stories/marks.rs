//! What is not meant says so in every text, in answers as well: 【演练】 for an exercise, 【推演】 for
//! a rehearsal. Help during an exercise is real, and so is what is said about it.

use tongluo::engine::exercise::RollFill;
use tongluo::engine::issue::OrderForm;

use crate::plant::{DUTY_ROOM, HOME, Layout, home_number, leader, second_number};
use crate::town::{Setup, Town, on_both};

async fn exercise(town: &Town) -> (String, i64) {
    let form = OrderForm { kind: "exercise".into(), ..town.flood_form() };
    let uid = town.engine.draft(&town.author, &form).await.unwrap();
    // All homes of the street by their first numbers, and whoever answers for them.
    let fill = RollFill { places: vec!["p2".into()], lines: vec![] };
    town.engine.fill_roll(&town.author, &uid, &fill).await.unwrap();
    let second = format!(
        "DELETE FROM alert_roll WHERE hash IN (SELECT hash FROM address WHERE household_id = {} \
         AND ord = 2)",
        HOME + 2
    );
    town.break_in(&second).await;
    town.engine.submit(&town.author, &uid).await.unwrap();
    town.engine.confirm_roll(&town.approver, &uid, None).await.unwrap();
    town.engine.approve(&town.approver, &uid, false).await.unwrap();
    let alert = town.count("SELECT max(id) FROM alert").await;
    (uid, alert)
}

fn last(town: &Town, number: &str) -> String {
    town.heard(number).pop().unwrap_or_default()
}

#[tokio::test]
async fn every_answer_in_an_exercise_is_marked_and_help_is_real() {
    let layout = Layout { second_phone_every: 2, building_leaders: true, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let (_, alert) = exercise(&town).await;
        town.minutes(7).await;
        // Woken, then the list taken; the deputy has nothing yet.
        let leads = leader(0);
        town.leader_says(leads + 1, "1").await;
        let woken = town.leader_heard(leads + 1).pop().unwrap();
        assert!(woken.starts_with("【余姚市防指】【演练】收到，您已应答叫应"), "{woken}");
        town.leader_says(leads, "1").await;
        let taken = town.leader_heard(leads).pop().unwrap();
        assert!(taken.starts_with("【余姚市防指】【演练】") && taken.contains("接手了"), "{taken}");
        // Who holds the whole hears of its parts.
        town.leader_says(crate::plant::building_leader(0, 0), "1").await;
        let shared = town.leader_heard(leads).pop().unwrap();
        assert!(shared.starts_with("【余姚市防指】【演练】"), "{shared}");
        assert!(shared.contains("其余还是您的"), "{shared}");
        // Home 4 has two persons and is asked back.
        town.says(&home_number(HOME + 4), "3").await;
        let asked = last(&town, &home_number(HOME + 4));
        assert!(asked.starts_with("【余姚市防指】【演练】登记2人"), "{asked}");
        // A cry is real, from a number that is on no roll as well.
        let second = second_number(HOME + 2);
        assert!(town.heard(&second).is_empty());
        town.says(&second, "水进屋了，救命").await;
        let received = last(&town, &second);
        assert!(received.starts_with("【余姚市防指】您的求救收到了"), "{received}");
        let tasks: Vec<(String,)> = town.rows("SELECT uid FROM task WHERE kind = 1").await;
        town.engine.take_task(&town.approver, &tasks[0].0, None).await.unwrap();
        town.settle().await;
        let named = last(&town, &second);
        assert!(named.starts_with("【余姚市防指】您要人帮的事，李签发接手了"), "{named}");
        // Whatever else was said is marked, and the gate had nothing to refuse but for a number
        // that is on no roll.
        let about_help =
            |text: &str| ["求救", "要人帮的事", "件求助"].iter().any(|w| text.contains(w));
        for entry in town.taken().iter().filter(|entry| !about_help(&entry.text)) {
            assert!(entry.text.contains("】【演练】"), "{}", entry.text);
        }
        let refused = format!(
            "SELECT count(*) FROM notice n JOIN address a ON a.id = n.address_id \
             JOIN alert_roll r ON r.hash = a.hash AND r.alert_id = {alert} WHERE n.code = 'gate'"
        );
        assert_eq!(town.count(&refused).await, 0);
        town
    })
    .await;
}

/// In an installation with real gateways a rehearsal still goes by the practice gateway only.
#[tokio::test]
async fn every_answer_in_a_rehearsal_is_marked_and_stays_on_the_practice_gateway() {
    on_both(Setup { practice: false, ..Setup::default() }, async |town| {
        let form = OrderForm { kind: "rehearsal".into(), ..town.flood_form() };
        town.release(&form).await;
        town.minutes(7).await;
        town.leader_says(leader(0), "1").await;
        let taken = town.leader_heard(leader(0)).pop().unwrap();
        assert!(taken.starts_with("【余姚市防指】【推演】") && taken.contains("接手了"), "{taken}");
        town.says(&home_number(HOME + 4), "3").await;
        let asked = last(&town, &home_number(HOME + 4));
        assert!(asked.starts_with("【余姚市防指】【推演】登记2人"), "{asked}");
        town.says(&home_number(HOME + 3), "水进屋了").await;
        let received = last(&town, &home_number(HOME + 3));
        assert!(received.starts_with("【余姚市防指】【推演】您的求救收到了"), "{received}");
        town.minutes(6).await;
        let reminded = town.leader_heard(DUTY_ROOM);
        assert!(
            reminded.iter().any(|text| text.contains("【推演】值班室：1件求助")),
            "{reminded:?}"
        );
        for entry in town.taken() {
            assert!(entry.text.starts_with("【余姚市防指】【推演】"), "{}", entry.text);
        }
        let waiting = "SELECT count(*) FROM batch WHERE state = 0 AND kind = 2";
        assert_eq!(town.count(waiting).await, 0, "nothing waits for a gateway that is not there");
        town
    })
    .await;
}

#[tokio::test]
async fn a_summons_of_an_order_that_is_over_takes_no_answer_from_a_leaders_own_home() {
    on_both(Setup::default(), async |town| {
        // The leader lives in home 6, which has one person.
        let own = format!(
            "UPDATE address SET hash = (SELECT hash FROM address WHERE human_id = {0}), \
             sealed = (SELECT sealed FROM address WHERE human_id = {0}) WHERE household_id = {1}",
            leader(0),
            HOME + 6
        );
        town.break_in(&own).await;
        let (uid, _) = town.flood_order().await;
        town.minutes(1).await;
        town.engine.end(&town.approver, &uid).await.unwrap();
        town.minutes(60).await;
        // The next order summons nobody by itself: it is only told.
        let form = OrderForm { urgency: Some("notice".into()), ..town.flood_form() };
        let ring = |ring: i64| tongluo::store::order::RingRow { ring, demand: 0, pursued: 0 };
        let form = OrderForm {
            template: "return_notice".into(),
            vars: [("place".into(), "朗霞街道".into())].into(),
            rings: Some(vec![ring(1), ring(2), ring(3)]),
            act_by: None,
            ..form
        };
        town.down_minutes(10 * 60);
        let (_, alert) = town.release(&form).await;
        town.minutes(2).await;
        town.leader_says(leader(0), "1").await;
        assert_eq!(town.custody(alert).await.heard, 1, "{:?}", town.leader_heard(leader(0)));
        let said = town.leader_heard(leader(0)).pop().unwrap();
        assert!(said.contains("您自己家"), "{said}");
        town
    })
    .await;
}
