//! The rungs of the plan, row by row, that no other story tells of: who hears what after how long.

use crate::plant::{COMMUNITY_HEAD, DUTY_ROOM, HOME, Layout, STREET_DUTY, home_number, leader};
use crate::town::{NIGHT, Setup, Town, on_both, without_links};
use tongluo::practice::gateway::Vices;

const MIN: i64 = 60_000;

fn heard_with(town: &Town, human: i64, words: &str) -> Vec<String> {
    let heard = town.leader_heard(human).into_iter();
    heard.filter(|text| text.contains(words)).collect()
}

/// The minute at which each of these was first offered a list.
fn offered_at(town: &Town, humans: &[i64]) -> Vec<Option<i64>> {
    let taken = town.taken();
    let first = |human: &i64| {
        let number = crate::plant::human_number(*human);
        let offer = taken.iter().find(|e| e.to == number && e.text.contains("接手回1"))?;
        Some((offer.at_ms - NIGHT) / MIN)
    };
    humans.iter().map(first).collect()
}

const LADDER: [i64; 5] = [10, 11, COMMUNITY_HEAD, STREET_DUTY, DUTY_ROOM];

#[tokio::test]
async fn an_urgent_order_climbs_three_times_as_slowly() {
    on_both(Setup::default(), async |town| {
        let mut form = town.flood_form();
        form.urgency = Some("urgent".into());
        town.release(&form).await;
        town.minutes(46).await;
        let minutes: Vec<i64> = offered_at(&town, &LADDER).into_iter().flatten().collect();
        assert_eq!(minutes, [18, 24, 30, 30, 45]);
        assert_eq!(heard_with(&town, leader(0), "叫应").len(), 3, "persons are never scaled");
        town
    })
    .await;
}

#[tokio::test]
async fn with_one_hour_left_the_lists_come_in_half_the_time() {
    on_both(Setup::default(), async |town| {
        let form = town.due_in(60 * MIN);
        town.release(&form).await;
        town.minutes(12).await;
        let minutes: Vec<i64> = offered_at(&town, &LADDER).into_iter().flatten().collect();
        assert_eq!(minutes, [3, 5, 7, 7, 9], "two minutes between rungs at least");
        assert_eq!(heard_with(&town, leader(0), "叫应").len(), 3, "persons are never scaled");
        assert!(heard_with(&town, COMMUNITY_HEAD, "未叫醒").len() <= 1);
        town
    })
    .await;
}

#[tokio::test]
async fn the_duty_room_is_told_how_long_nobody_came_and_may_call_up() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(36).await;
        let asked = heard_with(&town, DUTY_ROOM, "没人接手");
        let says = |waited: i64| {
            format!(
                "【余姚市防指】值班室：南雷社区第1网格6户已{waited}分钟没人接手，明天凌晨3点前要办完。\
                 接手回1，人手不够请发集结"
            )
        };
        assert_eq!(without_links(&asked), [says(15), says(25), says(35)]);
        let waiting = town.custody(alert).await;
        assert_eq!(waiting.open_system, waiting.open, "{waiting:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn a_place_whose_people_cannot_be_reached_goes_up_at_once() {
    on_both(Setup::default(), async |town| {
        let dead = format!("UPDATE address SET state = 1 WHERE human_id = {}", leader(0));
        town.break_in(&dead).await;
        let away = format!(
            "INSERT INTO absence (human_id, from_at, until_at) VALUES ({}, 0, {})",
            leader(0) + 1,
            NIGHT * 2
        );
        town.break_in(&away).await;
        town.flood_order().await;
        town.minutes(7).await;
        let asked = offered_at(&town, &LADDER);
        assert_eq!(asked, [None, None, Some(6), Some(6), None]);
        // Who can't be reached is un-woken from the beginning; who is on leave is not called.
        let unwoken = heard_with(&town, DUTY_ROOM, "未叫醒");
        assert_eq!(unwoken.len(), 1, "{unwoken:?}");
        assert!(unwoken[0].contains("网格长1（第1网格）"), "{unwoken:?}");
        assert!(!unwoken[0].contains("副网格长1"), "{unwoken:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn who_left_no_trace_is_tried_every_half_hour_four_times() {
    let setup = Setup {
        layout: Layout { must_move_every: 1, fragile_every: 0, ..Layout::default() },
        vices: Vices { receipt_missing: 0.5, ..Vices::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 1), "1").await;
        town.steps(400, 30).await;
        let delivered: Vec<(i64,)> = town
            .rows(
                "SELECT DISTINCT a.household_id FROM receipt r JOIN address a \
                 ON a.id = r.address_id WHERE r.class = 1 AND a.household_id IS NOT NULL",
            )
            .await;
        let mut most = 0;
        for n in 2..=town.homes {
            let heard = town.heard(&home_number(HOME + n)).len();
            let traced = delivered.contains(&(HOME + n,));
            assert!(traced || heard == 6, "home {n}: {heard}, two waves and four more");
            assert!(!traced || heard < 6, "home {n}: {heard}, and yet it was delivered");
            most = most.max(heard);
        }
        let answered = town.heard(&home_number(HOME + 1)).len();
        assert!(answered <= 2, "{answered}: a word is a trace");
        assert!(most <= 6);
        town
    })
    .await;
}

#[tokio::test]
async fn nobody_counts_as_reported_of_whom_nobody_could_be_told() {
    on_both(Setup::default(), async |town| {
        let above = [COMMUNITY_HEAD, STREET_DUTY, DUTY_ROOM].map(|human| human.to_string());
        let (uid, alert) = town.flood_order().await;
        town.minutes(1).await;
        // The community head can't be reached any more: who is above him hears of the others.
        let head = format!("UPDATE address SET state = 3 WHERE human_id = {COMMUNITY_HEAD}");
        town.break_in(&head).await;
        town.leader_says(STREET_DUTY, "1").await;
        town.minutes(5).await;
        let street = heard_with(&town, STREET_DUTY, "未叫醒");
        assert!(street.len() == 1 && street[0].contains("未叫醒3人"), "{street:?}");
        let reported =
            |alert: i64| format!("SELECT count(reported_at) FROM summons WHERE alert_id = {alert}");
        assert_eq!(town.count(&reported(alert)).await, 3);
        town.engine.end(&town.approver, &uid).await.unwrap();
        // Now nobody above can be told at all.
        let none = format!("UPDATE address SET state = 3 WHERE human_id IN ({})", above.join(", "));
        town.break_in(&none).await;
        let uid = town.engine.send_now(&town.author, &town.flood_form()).await.unwrap();
        let alert = town.count("SELECT max(id) FROM alert").await;
        town.minutes(6).await;
        assert_eq!(town.count(&reported(alert)).await, 0, "{uid}");
        let tasks: Vec<(String,)> =
            town.rows("SELECT text FROM task WHERE kind = 4 AND text LIKE '未叫醒%'").await;
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        assert!(tasks[0].0.contains("网格长1（第1网格）"), "{tasks:?}");
        assert!(tasks[0].0.starts_with("未叫醒4人，上级也都没有能用的号码"), "{tasks:?}");
        town
    })
    .await;
}
