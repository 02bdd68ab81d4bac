//! Lists in somebody's hands: what is said of doors nobody could be messaged at, a holder's words,
//! too many doors for one, a part taken out of a list that would end too late.

use tongluo::domain::statement::Claim;
use tongluo::engine::hands::Tick;
use tongluo::store::view;

use crate::plant::{
    COMMUNITY_HEAD, GRID, HOME, Layout, STREET_DUTY, building_leader, home_number, leader,
};
use crate::town::{Setup, Town, apart, on_both, refusal, without_links};

fn heard_with(town: &Town, human: i64, words: &str) -> Vec<String> {
    let heard = town.leader_heard(human).into_iter();
    heard.filter(|text| text.contains(words)).collect()
}

/// The outside id of somebody's list at a place.
async fn list_of(town: &Town, human: i64, place: i64) -> String {
    let sql = format!("SELECT uid FROM list WHERE human_id = {human} AND place_id = {place}");
    let rows: Vec<(String,)> = town.rows(&sql).await;
    rows[0].0.clone()
}

async fn tick(town: &Town, list: &str, home: i64, claim: Claim) {
    let tick = Tick { household: format!("c{}", HOME + home), claim, persons: None };
    town.engine.tick_list(&town.approver, list, &tick).await.unwrap();
    town.settle().await;
}

/// Everybody who holds any doors, with the number of lists.
async fn holders(town: &Town) -> Vec<(i64, i64)> {
    town.rows("SELECT human_id, count(*) FROM list WHERE state = 2 GROUP BY human_id ORDER BY 1")
        .await
}

#[tokio::test]
async fn who_was_never_messaged_is_not_called_silent() {
    let setup = Setup {
        layout: Layout {
            buildings: 4,
            homes: 25,
            must_move_every: 1,
            fragile_every: 0,
            no_phone_every: 10,
            ..Layout::default()
        },
        rate_per_second: Some(0.05),
        ..Setup::default()
    };
    on_both(setup, async |town| {
        let (_, alert) = town.flood_order().await;
        // The clock starts after ten minutes at the latest; the list comes six later.
        town.minutes(17).await;
        let offers = heard_with(&town, leader(0), "接手回1");
        assert_eq!(offers.len(), 1, "{offers:?}");
        let reach = view::reach_of_alert(&town.engine.store, alert).await.unwrap();
        assert_eq!((reach.doors, reach.no_phone), (100, 10));
        assert_eq!(reach.silent + reach.unsent, 90);
        let orders = town.taken().into_iter().filter(|e| e.reference.starts_with('b')).count();
        assert_eq!(reach.silent as usize, orders, "silent is who was messaged");
        let number = |word: &str| -> i64 {
            let rest = offers[0].split(word).nth(1).unwrap_or("0");
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap()
        };
        assert_eq!(number("无电话"), 10, "{offers:?}");
        assert_eq!(number("未应答") + number("未发出"), 90, "{offers:?}");
        assert!(number("未发出") > 30 && number("未应答") <= reach.silent, "{offers:?}");
        let list = list_of(&town, leader(0), GRID).await;
        let (_, of_list, doors) = town.engine.show_list(&town.approver, &list).await.unwrap();
        assert_eq!(of_list, reach);
        let without = doors.iter().filter(|d| d.reach == 2).count();
        assert_eq!((doors.len(), without), (100, 10));
        town
    })
    .await;
}

#[tokio::test]
async fn a_holders_word_is_an_act_and_his_yes_keeps_the_list() {
    on_both(Setup::default(), async |town| {
        let form = town.due_in(12 * 3_600_000);
        let (_, alert) = town.release(&form).await;
        town.seconds(370).await;
        let (first, deputy) = (leader(0), leader(0) + 1);
        town.leader_says(first, "1").await;
        town.minutes(20).await;
        town.leader_says(first, "在路上了，一家家敲").await;
        town.minutes(20).await;
        assert!(heard_with(&town, first, "您还好吗").is_empty(), "he said a word");
        let list = list_of(&town, first, GRID).await;
        tick(&town, &list, 2, Claim::Evacuated).await;
        town.minutes(29).await;
        assert!(heard_with(&town, first, "您还好吗").is_empty(), "he ticked a door");
        town.minutes(2).await;
        assert_eq!(heard_with(&town, first, "您还好吗").len(), 1);
        assert_eq!(heard_with(&town, deputy, "接手回1").len(), 1, "offered onwards");
        town.leader_says(first, "1").await;
        let again = heard_with(&town, first, "还由您负责");
        assert_eq!(again.len(), 1);
        assert_eq!(
            apart(&again[0]).0,
            "【余姚市防指】南雷社区第1网格5户还由您负责，谢谢，注意安全。去不了随时回0"
        );
        assert_eq!(holders(&town).await, [(first, 1)]);
        town.minutes(10).await;
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        assert!(heard_with(&town, COMMUNITY_HEAD, "接手回1").is_empty(), "it climbs no further");
        // Hands over: his no more, and the next are asked at once.
        town.leader_says(first, "0").await;
        assert_eq!(holders(&town).await, []);
        let waiting = town.custody(alert).await;
        assert_eq!(waiting.open_system, waiting.open, "{waiting:?}");
        town.minutes(3).await;
        assert_eq!(heard_with(&town, COMMUNITY_HEAD, "接手回1").len(), 1);
        town
    })
    .await;
}

#[tokio::test]
async fn nobody_is_offered_more_than_forty_while_another_can_be_asked() {
    let setup = Setup {
        layout: Layout {
            grids: 3,
            buildings: 3,
            homes: 10,
            must_move_every: 1,
            one_leader: true,
            ..Layout::default()
        },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        // The third grid has a second leader: the deputy of the first.
        let (all, second) = (leader(0), leader(0) + 1);
        let third = GRID + 2;
        let sql = format!(
            "INSERT INTO duty (place_id, human_id, role, ord) VALUES ({third}, {second}, 2, 2)"
        );
        town.break_in(&sql).await;
        town.flood_order().await;
        town.seconds(370).await;
        let offered: Vec<(i64, i64)> =
            town.rows("SELECT place_id, human_id FROM list WHERE rung = 2 ORDER BY 1, 2").await;
        assert_eq!(offered, [(GRID, all), (GRID + 1, all), (third, second)]);
        let merged = heard_with(&town, all, "接手回1");
        assert!(merged[0].contains("2处共60户未应答"), "the second has nobody else: {merged:?}");
        town
    })
    .await;
}

fn thirty_doors() -> Setup {
    Setup {
        layout: Layout {
            buildings: 3,
            homes: 10,
            must_move_every: 1,
            fragile_every: 0,
            ..Layout::default()
        },
        ..Setup::default()
    }
}

#[tokio::test]
async fn a_list_that_would_end_too_late_is_split_by_building() {
    on_both(thirty_doors(), async |town| {
        let form = town.due_in(130 * 60_000);
        let (_, alert) = town.release(&form).await;
        town.seconds(370).await;
        let holder = leader(0);
        town.leader_says(holder, "1").await;
        let list = list_of(&town, holder, GRID).await;
        tick(&town, &list, 1, Claim::Evacuated).await;
        tick(&town, &list, 2, Claim::Evacuated).await;
        assert!(heard_with(&town, COMMUNITY_HEAD, "请分走").is_empty());
        town.minutes(21).await;
        // Two doors in twenty minutes, 28 to go, 104 minutes left: 17 are too many for him.
        let split = heard_with(&town, COMMUNITY_HEAD, "请分走");
        assert_eq!(
            without_links(&split),
            ["【余姚市防指】网格长1在南雷社区第1网格还有28户，照现在的速度明天凌晨3点06分才\
              办完（明天凌晨0点10分前要办完）。请分走第1网格2幢、第1网格3幢共20户。接手回1，去不了回0"]
        );
        assert!(heard_with(&town, STREET_DUTY, "请分走").is_empty(), "one after the other");
        town.leader_says(COMMUNITY_HEAD, "1").await;
        let shared = heard_with(&town, holder, "其余还是您的");
        assert_eq!(shared, ["【余姚市防指】第1网格2幢等2处20户由王书记接手了，其余还是您的"]);
        assert_eq!(holders(&town).await, [(COMMUNITY_HEAD, 2), (holder, 1)]);
        let (head, _, doors) = town.engine.show_list(&town.approver, &list).await.unwrap();
        assert_eq!((head.doors, doors.len()), (8, 8), "the rest is his");
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        // The taker falls silent: his part is the holder's again.
        town.minutes(25).await;
        town.leader_says(holder, "还在敲门").await;
        town.minutes(6).await;
        assert_eq!(heard_with(&town, COMMUNITY_HEAD, "您还好吗").len(), 1);
        let back = heard_with(&town, holder, "还由您负责");
        assert_eq!(back.len(), 2, "{back:?}");
        assert!(back[0].contains("王书记没有办完第1网格2幢，剩下10户还由您负责"), "{back:?}");
        assert_eq!(holders(&town).await, [(holder, 1)]);
        town
    })
    .await;
}

#[tokio::test]
async fn a_superior_who_cannot_take_a_part_is_followed_by_the_next() {
    on_both(thirty_doors(), async |town| {
        let form = town.due_in(130 * 60_000);
        town.release(&form).await;
        town.seconds(370).await;
        town.leader_says(leader(0), "1").await;
        let list = list_of(&town, leader(0), GRID).await;
        tick(&town, &list, 1, Claim::Evacuated).await;
        town.minutes(21).await;
        assert_eq!(heard_with(&town, COMMUNITY_HEAD, "请分走").len(), 1);
        town.leader_says(COMMUNITY_HEAD, "0").await;
        assert_eq!(holders(&town).await, [(leader(0), 1)], "the whole stays in hand");
        tick(&town, &list, 2, Claim::Evacuated).await;
        town.minutes(10).await;
        assert_eq!(heard_with(&town, STREET_DUTY, "请分走").len(), 1);
        assert_eq!(heard_with(&town, COMMUNITY_HEAD, "请分走").len(), 1, "asked once");
        // He is fast from here on: nobody else is troubled.
        for home in 3..=28 {
            tick(&town, &list, home, Claim::Evacuated).await;
        }
        let asked = town.taken().iter().filter(|e| e.text.contains("请分走")).count();
        town.minutes(20).await;
        assert_eq!(town.taken().iter().filter(|e| e.text.contains("请分走")).count(), asked);
        town
    })
    .await;
}

#[tokio::test]
async fn building_leaders_take_their_part_and_the_grid_leader_the_rest() {
    let setup = Setup {
        layout: Layout { building_leaders: true, buildings: 3, ..Layout::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        let (_, alert) = town.flood_order().await;
        town.seconds(370).await;
        let builder = building_leader(0, 1);
        let offer = heard_with(&town, builder, "接手回1");
        assert_eq!(offer.len(), 1);
        let (said, token) = apart(&offer[0]);
        assert_eq!(
            said,
            "【余姚市防指】第1网格2幢：3户未应答，其中1户需帮扶，明天凌晨3点前办完。接手回1，\
             去不了回0"
        );
        assert_eq!(token.len(), 13, "{offer:?}");
        assert_eq!(heard_with(&town, leader(0), "接手回1").len(), 1, "both at six minutes");
        town.leader_says(leader(0), "1").await;
        town.leader_says(builder, "1").await;
        let shared = heard_with(&town, leader(0), "其余还是您的");
        assert_eq!(shared, ["【余姚市防指】第1网格2幢3户由楼长1-2接手了，其余还是您的"]);
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        // He can't after all: the grid's holder has them again, and nobody else is asked.
        town.leader_says(builder, "0").await;
        let back = heard_with(&town, leader(0), "还由您负责");
        assert_eq!(back.len(), 1, "{back:?}");
        assert!(back[0].contains("楼长1-2没有办完第1网格2幢，剩下3户"), "{back:?}");
        town.minutes(5).await;
        assert!(heard_with(&town, leader(0) + 1, "接手回1").is_empty());
        town
    })
    .await;
}

#[tokio::test]
async fn a_place_that_an_update_leaves_out_is_let_go() {
    let setup = Setup { layout: Layout { grids: 3, ..Layout::default() }, ..Setup::default() };
    on_both(setup, async |town| {
        let (uid, alert) = town.flood_order().await;
        town.seconds(370).await;
        town.leader_says(leader(1), "1").await;
        town.says(&home_number(HOME + 21), "水进屋了").await;
        let before = town.custody(alert).await;
        let mut form = town.flood_form();
        form.places = vec![format!("p{GRID}")];
        town.engine.update(&town.author, &uid, &form).await.unwrap();
        town.engine.submit(&town.author, &uid).await.unwrap();
        let sent = town.taken().len();
        town.engine.approve(&town.approver, &uid, false).await.unwrap();
        town.minutes(30).await;
        for (grid, words) in [(1, "第2网格的名单不用跑了"), (2, "第3网格的名单不用跑了")]
        {
            let told = heard_with(&town, leader(grid), words);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains("转移指令不再包括这里"), "{told:?}");
        }
        assert!(heard_with(&town, leader(0), "不用跑了").is_empty());
        let later = town.taken().split_off(sent);
        let gone: Vec<String> = (11..=30).map(|n| home_number(HOME + n)).collect();
        let to_gone = later.iter().filter(|e| e.reference.starts_with('b') && gone.contains(&e.to));
        assert_eq!(to_gone.count(), 0, "they get nothing until somebody decides");
        assert_eq!(heard_with(&town, leader(2) + 1, "接手回1").len(), 0, "nothing climbs there");
        let after = town.custody(alert).await;
        assert_eq!(after.audience, before.audience);
        assert_eq!(after.pursued, before.pursued / 3 + 1, "one grid, and the help: {after:?}");
        assert_eq!(after.help, 1);
        let list = list_of(&town, leader(1), GRID + 1).await;
        let said = refusal(town.engine.take_list(&town.approver, &list).await);
        assert!(said.contains("done or with another"), "{said}");
        town
    })
    .await;
}
