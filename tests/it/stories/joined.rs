//! One human, one call: lists that fall to him one after the other are told in one text, a rung
//! whose people were called already is not waited for; and lists end with their last door.

use tongluo::domain::list::ListState;
use tongluo::domain::statement::Claim;
use tongluo::engine::hands::Tick;

use crate::plant::{
    COMMUNITY_HEAD, DUTY_ROOM, GRID, HOME, Layout, STREET_DUTY, home_number, leader,
};
use crate::town::{Setup, Town, on_both, refusal};

fn heard_with(town: &Town, human: i64, words: &str) -> Vec<String> {
    let heard = town.leader_heard(human).into_iter();
    heard.filter(|text| text.contains(words)).collect()
}

fn three_grids(one_leader: bool) -> Setup {
    Setup { layout: Layout { grids: 3, one_leader, ..Layout::default() }, ..Setup::default() }
}

/// Lets the ladder of a grid be so much later than those of the others.
async fn later(town: &Town, grid: i64, seconds: i64) {
    let sql = format!(
        "UPDATE timer SET due_at = due_at + {} WHERE kind = 3 AND place_id = {}",
        seconds * 1_000,
        GRID + grid
    );
    assert_eq!(town.break_in(&sql).await, 1);
}

/// How many lists are in this state.
async fn in_state(town: &Town, state: ListState) -> i64 {
    town.count(&format!("SELECT count(*) FROM list WHERE state = {}", state.code())).await
}

#[tokio::test]
async fn what_falls_to_a_leader_later_is_told_with_his_open_offers() {
    on_both(three_grids(true), async |town| {
        let (_, alert) = town.flood_order().await;
        town.seconds(30).await;
        later(&town, 1, 20).await;
        later(&town, 2, 40).await;
        let chief = leader(0);
        town.seconds(375).await;
        // All three are his by now, and his phone has rung once.
        assert_eq!(in_state(&town, ListState::Offered).await, 3);
        let first = heard_with(&town, chief, "接手回1");
        assert_eq!(first.len(), 1, "{first:?}");
        assert!(first[0].contains("第1网格：6户"), "{first:?}");
        town.seconds(30).await;
        let texts = heard_with(&town, chief, "接手回1");
        assert_eq!(texts.len(), 2, "{texts:?}");
        let says = "又加南雷社区第2网格等2处，现在3处共18户未应答：";
        assert!(texts[1].contains(says), "{texts:?}");
        // One answer for all of them.
        town.leader_says(chief, "1").await;
        assert_eq!(in_state(&town, ListState::Taken).await, 3);
        let taken = heard_with(&town, chief, "由您接手了");
        assert!(taken[0].contains("南雷社区第1网格等3处18户"), "{taken:?}");
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        town.minutes(5).await;
        assert_eq!(heard_with(&town, chief, "接手回1").len(), 2, "and that was all");
        town
    })
    .await;
}

#[tokio::test]
async fn a_yes_takes_what_was_told_and_the_rest_follows_beside_it() {
    on_both(three_grids(true), async |town| {
        let (_, alert) = town.flood_order().await;
        town.seconds(30).await;
        later(&town, 1, 20).await;
        later(&town, 2, 40).await;
        let (chief, deputy) = (leader(0), leader(2) + 1);
        town.seconds(365).await;
        // He says yes to the first, while the others are his and he doesn't know it.
        town.leader_says(chief, "1").await;
        let taken: Vec<(i64,)> = town.rows("SELECT place_id FROM list WHERE state = 2").await;
        assert_eq!(taken, [(GRID,)], "he can't have meant more");
        town.seconds(40).await;
        let texts = heard_with(&town, chief, "接手回1");
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[1].contains("您手上6户之外，另有2处共12户未应答："), "{texts:?}");
        assert!(texts[1].contains("都接手回1，去不了回0（手上的照旧）"), "{texts:?}");
        // His yes within a minute of the first one is no repetition: it answers the later text.
        town.leader_says(chief, "1").await;
        assert_eq!(in_state(&town, ListState::Taken).await, 3);
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        assert!(heard_with(&town, deputy, "接手回1").is_empty());
        town
    })
    .await;
}

#[tokio::test]
async fn a_no_to_what_came_later_leaves_what_is_held() {
    on_both(three_grids(true), async |town| {
        town.flood_order().await;
        town.seconds(30).await;
        later(&town, 1, 90).await;
        later(&town, 2, 600).await;
        let (chief, deputy) = (leader(0), leader(1) + 1);
        town.seconds(345).await;
        town.leader_says(chief, "1").await;
        town.seconds(90).await;
        let texts = heard_with(&town, chief, "接手回1");
        assert!(texts[1].contains("您手上6户之外，另有南雷社区第2网格：6户"), "{texts:?}");
        town.leader_says(chief, "0").await;
        let held: Vec<(i64, i64)> =
            town.rows("SELECT place_id, human_id FROM list WHERE state = 2").await;
        assert_eq!(held, [(GRID, chief)], "the one in hand stays");
        assert_eq!(heard_with(&town, deputy, "接手回1").len(), 1, "asked at once");
        town
    })
    .await;
}

#[tokio::test]
async fn whoever_is_called_and_silent_is_not_waited_for_again() {
    on_both(three_grids(false), async |town| {
        town.flood_order().await;
        town.seconds(30).await;
        later(&town, 1, 240).await;
        town.minutes(10).await;
        // Grid 1 has gone up to community and street at ten minutes; grid 2 begins at ten.
        let above = [COMMUNITY_HEAD, STREET_DUTY];
        assert_eq!(above.map(|h| heard_with(&town, h, "接手回1").len()), [1, 1]);
        town.minutes(4).await;
        // At fourteen the same two: told beside the open ones, and given no time of their own
        // beyond the five minutes that run for the first grid.
        let texts = heard_with(&town, COMMUNITY_HEAD, "接手回1");
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[1].contains("又加南雷社区第2网格，现在3处共18户"), "{texts:?}");
        assert!(heard_with(&town, DUTY_ROOM, "没人接手").is_empty());
        town.seconds(60).await;
        let room = heard_with(&town, DUTY_ROOM, "没人接手");
        assert_eq!(room.len(), 1, "one text for all three: {room:?}");
        assert!(room[0].contains("等3处18户"), "{room:?}");
        town
    })
    .await;
}

async fn list_at(town: &Town, human: i64, place: i64) -> (String, i64) {
    let sql =
        format!("SELECT uid, state FROM list WHERE human_id = {human} AND place_id = {place}");
    town.rows::<(String, i64)>(&sql).await[0].clone()
}

async fn tick_all(town: &Town, list: &str, homes: impl Iterator<Item = i64>) {
    for home in homes {
        let household = format!("c{}", HOME + home);
        let tick = Tick { household, claim: Claim::Evacuated, persons: None };
        town.engine.tick_list(&town.approver, list, &tick).await.unwrap();
    }
    town.settle().await;
}

#[tokio::test]
async fn an_offered_list_ends_with_its_last_door_and_begins_anew_with_one_that_opens() {
    let layout = Layout { must_move_every: 1, fragile_every: 0, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let (_, alert) = town.flood_order().await;
        town.seconds(370).await;
        let (chief, deputy) = (leader(0), leader(0) + 1);
        let (list, _) = list_at(&town, chief, GRID).await;
        assert_eq!(heard_with(&town, chief, "接手回1").len(), 1);
        // Everybody has gone, by the desk's book, before he said a word.
        tick_all(&town, &list, 1..=town.homes).await;
        let closed = town.custody(alert).await;
        assert_eq!((closed.open, closed.answered), (0, 10), "{closed:?}");
        let ended = heard_with(&town, chief, "都有着落了");
        assert_eq!(ended, ["【余姚市防指】南雷社区第1网格的户都有着落了，您不用去了，谢谢"]);
        assert_eq!(list_at(&town, chief, GRID).await.1, ListState::Finished.code());
        let timers = "SELECT count(*) FROM timer WHERE kind IN (3, 14, 15)";
        assert_eq!(town.count(timers).await, 0, "nothing climbs any more");
        let said = refusal(town.engine.take_list(&town.approver, &list).await);
        assert!(said.contains("all doors"), "{said}");
        town.steps(80, 30).await;
        assert_eq!(heard_with(&town, chief, "都有着落了").len(), 1, "told once");
        assert!(heard_with(&town, deputy, "接手回1").is_empty());
        // Water, after all: the desk first, then the leader, from the first rung on.
        town.says(&home_number(HOME + 3), "水进屋了，我又回来了").await;
        let again = town.custody(alert).await;
        assert_eq!((again.open, again.orphans), (1, 0), "{again:?}");
        town.minutes(3).await;
        let offers = heard_with(&town, chief, "接手回1");
        assert_eq!(offers.len(), 2, "{offers:?}");
        assert!(offers[1].contains("第1网格：1户"), "{offers:?}");
        town.leader_says(chief, "1").await;
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, 1, "{held:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn who_walked_all_doors_is_thanked_and_left_alone() {
    let setup = three_grids(true);
    on_both(setup, async |town| {
        town.flood_order().await;
        town.seconds(370).await;
        let chief = leader(0);
        town.leader_says(chief, "1").await;
        for grid in 0..3 {
            let (list, _) = list_at(&town, chief, GRID + grid).await;
            tick_all(&town, &list, grid * 10 + 1..=grid * 10 + 10).await;
        }
        let thanks = heard_with(&town, chief, "都有着落了");
        assert_eq!(thanks.len(), 3, "each as its last door was closed: {thanks:?}");
        assert!(thanks[0].contains("辛苦了，请先休息"), "{thanks:?}");
        assert_eq!(in_state(&town, ListState::Finished).await, 3);
        let texts = town.leader_heard(chief).len();
        town.steps(120, 30).await;
        assert_eq!(town.leader_heard(chief).len(), texts, "nobody asks how he is");
        town
    })
    .await;
}
