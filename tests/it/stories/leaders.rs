//! The ladder of people: asleep, declining, silent after taking. One phone each, one SMS for
//! everything he answers for.

use crate::plant::{
    COMMUNITY_HEAD, DUTY_ROOM, GRID, Layout, SHELTER_HEAD, STREET_DUTY, UNIT_HEAD, ZONE_HEAD,
    leader,
};
use crate::town::{Setup, Town, apart, on_both};
use tongluo::domain::link::Kind;

fn heard_with(town: &Town, human: i64, words: &str) -> Vec<String> {
    let heard = town.leader_heard(human).into_iter();
    heard.filter(|text| text.contains(words)).collect()
}

fn offers(town: &Town, human: i64) -> usize {
    heard_with(town, human, "接手回1").len()
}

#[tokio::test]
async fn two_leaders_asleep_and_one_on_three_grids() {
    let setup = Setup {
        layout: Layout { grids: 3, one_leader: true, ..Layout::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        let (_, alert) = town.flood_order().await;
        town.seconds(30).await;
        let deputies = [0, 1, 2].map(|grid| leader(grid) + 1);
        // He answers for three grids and is called by one SMS.
        let called = heard_with(&town, leader(0), "醒着请回1");
        assert_eq!(called.len(), 1);
        assert!(called[0].contains("第1网格、第2网格、第3网格共18户要落实"), "{called:?}");
        assert_eq!(called[0].matches("https://").count(), 1, "{called:?}");
        let awake = [COMMUNITY_HEAD, STREET_DUTY, deputies[1], deputies[2]];
        for human in awake {
            town.leader_says(human, "1").await;
        }
        town.seconds(285).await;
        assert_eq!(heard_with(&town, leader(0), "醒着请回1").len(), 3);
        assert_eq!(heard_with(&town, deputies[1], "醒着请回1").len(), 1);
        let unwoken = heard_with(&town, COMMUNITY_HEAD, "未叫醒");
        assert_eq!(unwoken.len(), 1, "{unwoken:?}");
        assert!(unwoken[0].contains("未叫醒2人"), "{unwoken:?}");
        // Six minutes: three lists in one message; eight: the deputies'.
        town.seconds(50).await;
        let lists = heard_with(&town, leader(0), "接手");
        assert_eq!(lists.len(), 1, "{lists:?}");
        assert!(lists[0].contains("3处"), "{lists:?}");
        // One link, the same in both texts, for all three.
        assert_eq!(lists[0].matches("https://").count(), 1, "{lists:?}");
        assert_eq!(apart(&lists[0]).1, apart(&called[0]).1);
        let links = format!(
            "SELECT count(*) FROM link WHERE alert_id = {alert} AND subject_id = {} AND kind = {}",
            leader(0),
            Kind::Leader.code()
        );
        assert_eq!(town.count(&links).await, 1);
        town.minutes(2).await;
        town.leader_says(deputies[1], "1").await;
        town.leader_says(deputies[2], "1").await;
        town.minutes(2).await;
        assert_eq!((offers(&town, COMMUNITY_HEAD), offers(&town, STREET_DUTY)), (1, 1));
        let third = town.custody(alert).await;
        assert_eq!(third.open_system * 3, third.open, "one grid of three: {third:?}");
        town.leader_says(COMMUNITY_HEAD, "1").await;
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        town
    })
    .await;
}

/// Three grids are one leader's, who is awake; those of the other two sleep.
#[tokio::test]
async fn one_who_is_awake_takes_three_lists_by_one_word_while_two_sleep() {
    let setup = Setup { layout: Layout { grids: 5, ..Layout::default() }, ..Setup::default() };
    on_both(setup, async |town| {
        let his = format!(
            "UPDATE duty SET human_id = {} WHERE role = 2 AND place_id IN ({}, {})",
            leader(0),
            GRID + 1,
            GRID + 2
        );
        assert_eq!(town.break_in(&his).await, 2);
        let (_, alert) = town.flood_order().await;
        town.seconds(30).await;
        let deputies = [0, 1, 2, 3, 4].map(|grid| leader(grid) + 1);
        for human in [leader(0), COMMUNITY_HEAD, STREET_DUTY].into_iter().chain(deputies) {
            town.leader_says(human, "1").await;
        }
        town.seconds(285).await;
        let calls = |human: i64| heard_with(&town, human, "醒着请回1").len();
        assert_eq!([leader(0), leader(3), leader(4)].map(calls), [1, 3, 3]);
        let unwoken = heard_with(&town, COMMUNITY_HEAD, "未叫醒");
        assert_eq!(unwoken.len(), 1, "{unwoken:?}");
        assert!(unwoken[0].contains("未叫醒2人"), "{unwoken:?}");
        for name in ["网格长4", "网格长5"] {
            assert!(unwoken[0].contains(name), "{unwoken:?}");
        }
        town.seconds(50).await;
        let offered = heard_with(&town, leader(0), "接手回1");
        assert_eq!(offered.len(), 1, "{offered:?}");
        assert!(offered[0].contains("3处"), "{offered:?}");
        town.leader_says(leader(0), "1").await;
        let held = "SELECT place_id FROM list WHERE state = 2 ORDER BY place_id";
        let places: Vec<(i64,)> = town.rows(held).await;
        assert_eq!(places, [(GRID,), (GRID + 1,), (GRID + 2,)], "one word, three lists");
        let said = heard_with(&town, leader(0), "接手了").pop().unwrap_or_default();
        assert!(said.contains("等3处"), "{said}");
        let custody = town.custody(alert).await;
        assert_eq!(custody.open_list * 5, custody.open * 3, "{custody:?}");
        // The lists of those who sleep climb to their deputies, his do not.
        town.minutes(3).await;
        assert_eq!(deputies.map(|human| offers(&town, human)), [0, 0, 0, 1, 1]);
        for human in [deputies[3], deputies[4]] {
            town.leader_says(human, "1").await;
        }
        let all = town.custody(alert).await;
        assert_eq!(all.open_list, all.open, "{all:?}");
        assert_eq!((offers(&town, COMMUNITY_HEAD), offers(&town, DUTY_ROOM)), (0, 0));
        town
    })
    .await;
}

#[tokio::test]
async fn a_leader_who_cannot_go_brings_the_deputy_at_once() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.seconds(370).await;
        let deputy = leader(0) + 1;
        assert_eq!((offers(&town, leader(0)), offers(&town, deputy)), (1, 0));
        town.leader_says(leader(0), "0").await;
        assert_eq!(offers(&town, deputy), 1, "at once");
        assert_eq!(heard_with(&town, leader(0), "转给别人").len(), 1);
        // Nobody takes it: community and street, then the duty room, which is never left alone.
        town.minutes(3).await;
        assert_eq!((offers(&town, COMMUNITY_HEAD), offers(&town, STREET_DUTY)), (1, 1));
        assert_eq!(offers(&town, DUTY_ROOM), 0);
        town.minutes(5).await;
        assert_eq!(offers(&town, DUTY_ROOM), 1);
        for reminder in 1..=3 {
            town.minutes(10).await;
            assert_eq!(offers(&town, DUTY_ROOM), 1 + reminder, "every ten minutes");
        }
        assert_eq!(offers(&town, leader(0)), 1, "who can't go is not asked again");
        let waiting = town.custody(alert).await;
        assert_eq!(waiting.open_system, waiting.open, "{waiting:?}");
        town.leader_says(DUTY_ROOM, "1").await;
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        let reminded = offers(&town, DUTY_ROOM);
        town.minutes(15).await;
        assert_eq!(offers(&town, DUTY_ROOM), reminded, "taken: no more reminders");
        town
    })
    .await;
}

#[tokio::test]
async fn the_duty_room_that_says_no_is_asked_again_and_its_yes_counts() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(16).await;
        assert_eq!(offers(&town, DUTY_ROOM), 1);
        town.leader_says(DUTY_ROOM, "0").await;
        town.minutes(9).await;
        assert_eq!(offers(&town, DUTY_ROOM), 1, "not in the breath in which it said so");
        town.minutes(12).await;
        assert_eq!(offers(&town, DUTY_ROOM), 2, "there is nobody else");
        town.leader_says(DUTY_ROOM, "1").await;
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn a_silent_holder_keeps_the_list_until_another_takes_it() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.seconds(370).await;
        town.leader_says(leader(0), "1").await;
        town.minutes(29).await;
        let deputy = leader(0) + 1;
        assert_eq!(offers(&town, deputy), 0);
        town.minutes(2).await;
        assert_eq!(offers(&town, deputy), 1, "half an hour without an act");
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "his until another takes it: {held:?}");
        let check = heard_with(&town, leader(0), "您还好吗");
        assert_eq!(check, ["【余姚市防指】30分钟没有消息，您还好吗？回1继续，回0转交"]);
        town.leader_says(deputy, "1").await;
        let passed = heard_with(&town, leader(0), "您不用去了");
        assert_eq!(
            passed,
            ["【余姚市防指】南雷社区第1网格的名单副网格长1接手了，您不用去了，谢谢"]
        );
        let holder = "SELECT human_id FROM list WHERE state = 2";
        assert_eq!(town.count(holder).await, deputy);
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        town.minutes(5).await;
        assert_eq!(offers(&town, COMMUNITY_HEAD), 0, "it climbs no further");
        town
    })
    .await;
}

#[tokio::test]
async fn heads_of_units_shelters_and_zones_are_woken_as_well_and_offered_no_list() {
    let setup = Setup { layout: Layout { heads: true, ..Layout::default() }, ..Setup::default() };
    on_both(setup, async |town| {
        let (_, alert) = town.flood_order().await;
        town.seconds(30).await;
        let called = |human: i64| heard_with(&town, human, "醒着请回1");
        for (head, what) in [
            (UNIT_HEAD, "崇文工地宿舍请做好准备"),
            (SHELTER_HEAD, "南雷社区避灾点请做好准备"),
            (ZONE_HEAD, "姚江沿岸共5户要落实"),
        ] {
            let called = called(head);
            let says = format!(
                "【余姚市防指】叫应：已发转移指令，{what}。醒着请回1，去不了回0。名单 https://"
            );
            assert_eq!(called.len(), 1, "{called:?}");
            assert!(called[0].starts_with(&says), "{called:?}");
        }
        town.leader_says(SHELTER_HEAD, "1").await;
        let thanks = town.leader_heard(SHELTER_HEAD).pop().unwrap();
        assert!(!thanks.contains("由您接手"), "{thanks}");
        town.seconds(280).await;
        assert_eq!((called(SHELTER_HEAD).len(), called(UNIT_HEAD).len()), (1, 3));
        // Who does not wake stands on the list of whoever is above him.
        let unwoken: Vec<String> = [COMMUNITY_HEAD, STREET_DUTY, DUTY_ROOM]
            .iter()
            .flat_map(|human| heard_with(&town, *human, "未叫醒"))
            .collect();
        assert!(unwoken.iter().any(|text| text.contains("工地负责人（1幢）")), "{unwoken:?}");
        assert!(unwoken.iter().any(|text| text.contains("片区责任人")), "{unwoken:?}");
        assert!(unwoken.iter().all(|text| !text.contains("避灾点管理员")), "{unwoken:?}");
        town.minutes(30).await;
        for human in [UNIT_HEAD, SHELTER_HEAD, ZONE_HEAD] {
            assert_eq!(offers(&town, human), 0, "it is not their list");
        }
        let persons = tongluo::store::climb::persons(&town.engine.store, alert).await.unwrap();
        assert_eq!((persons.0, persons.1), (7, 1), "four of the places, and three heads");
        town
    })
    .await;
}

#[tokio::test]
async fn a_notice_to_places_without_units_wakes_no_heads_of_theirs() {
    let layout = Layout { grids: 2, heads: true, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let mut form = town.flood_form();
        form.places = vec![format!("p{}", GRID + 1)];
        town.release(&form).await;
        town.minutes(1).await;
        for human in [UNIT_HEAD, ZONE_HEAD] {
            assert!(town.leader_heard(human).is_empty(), "his people are not meant");
        }
        assert_eq!(heard_with(&town, SHELTER_HEAD, "避灾点").len(), 1, "they come to him");
        town
    })
    .await;
}
