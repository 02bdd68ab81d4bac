//! After the end: whoever is still open stands on the search list until somebody found them, knows
//! them safe elsewhere, or reported them missing.

use tongluo::domain::list::SEARCH;
use tongluo::domain::statement::Claim;
use tongluo::engine::hands::Tick;

use crate::plant::{COMMUNITY_HEAD, DUTY_ROOM, GRID, HOME, STREET_DUTY, home_number, leader};
use crate::town::{Setup, Town, apart, on_both, refusal, without_links};

fn heard_with(town: &Town, human: i64, words: &str) -> Vec<String> {
    let heard = town.leader_heard(human).into_iter();
    heard.filter(|text| text.contains(words)).collect()
}

/// Ended while the grid leader holds his list and one household has called for help. Gives the
/// alert and the search list.
async fn ended(town: &Town) -> (i64, String) {
    let (uid, alert) = town.flood_order().await;
    town.seconds(370).await;
    town.leader_says(leader(0), "1").await;
    town.says(&home_number(HOME + 1), "水进屋了").await;
    town.engine.end(&town.approver, &uid).await.unwrap();
    town.settle().await;
    town.check().await;
    let sql = format!("SELECT uid FROM list WHERE rung = {SEARCH}");
    let rows: Vec<(String,)> = town.rows(&sql).await;
    assert_eq!(rows.len(), 1, "one search list");
    (alert, rows[0].0.clone())
}

async fn tick(town: &Town, list: &str, home: i64, claim: Claim) -> bool {
    let tick = Tick { household: format!("c{home}"), claim, persons: None };
    let closed = town.engine.tick_list(&town.approver, list, &tick).await.unwrap();
    town.settle().await;
    town.check().await;
    closed
}

#[tokio::test]
async fn nobody_is_left_without_a_whereabouts() {
    on_both(Setup::default(), async |town| {
        let (alert, list) = ended(&town).await;
        let withdrawn = heard_with(&town, leader(0), "不用跑了");
        assert_eq!(
            withdrawn,
            ["【余姚市防指】南雷社区第1网格的名单不用跑了：转移指令已解除，没找到的人转入清点，\
              有消息请告诉值班室。谢谢，注意安全"]
        );
        let open = town.custody(alert).await;
        assert_eq!((open.open, open.open_system), (7, 7), "offered, not taken: {open:?}");
        let asked = heard_with(&town, DUTY_ROOM, "清点名单");
        assert_eq!(
            without_links(&asked),
            ["【余姚市防指】转移指令已解除，还有7户16人没有下落，清点名单请您接手。接手回1，\
              去不了回0"]
        );
        town.minutes(21).await;
        let asked = heard_with(&town, DUTY_ROOM, "清点名单");
        assert_eq!(asked.len(), 3, "until somebody takes it: {asked:?}");
        assert!(asked[2].contains("已20分钟没人接手"), "{asked:?}");
        town.leader_says(DUTY_ROOM, "1").await;
        let taken = heard_with(&town, DUTY_ROOM, "由您接手了");
        let (said, token) = apart(&taken[0]);
        assert_eq!(said, "【余姚市防指】清点名单7户由您接手了，谢谢，注意安全。去不了随时回0");
        assert_eq!((taken.len(), token.len()), (1, 13));
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        town.minutes(15).await;
        assert_eq!(heard_with(&town, DUTY_ROOM, "没人接手").len(), 2, "taken: no more reminders");

        let (shown, reach, doors) = town.engine.show_list(&town.approver, &list).await.unwrap();
        assert_eq!((shown.doors, reach.doors, doors.len()), (7, 7, 7), "help included");
        let wrong = Tick { household: doors[0].code.clone(), claim: Claim::Seen, persons: None };
        let said = refusal(town.engine.tick_list(&town.approver, &list, &wrong).await);
        assert!(said.contains("found, elsewhere, missing"), "{said}");
        let ends = [Claim::Found, Claim::SafeElsewhere, Claim::ReportedMissing];
        for (n, door) in doors.iter().enumerate().filter(|(_, door)| door.helps == 0) {
            assert!(tick(&town, &list, door.household_id, ends[n % 3]).await, "{door:?}");
        }
        // The help is closed at the desk; then the household may leave the list as well.
        let help = doors.iter().find(|door| door.helps > 0).unwrap();
        assert!(!tick(&town, &list, help.household_id, Claim::Found).await);
        let tasks: Vec<(String,)> = town.rows("SELECT uid FROM task WHERE kind = 1").await;
        town.engine.take_task(&town.approver, &tasks[0].0, None).await.unwrap();
        town.settle().await;
        let named = town.heard(&home_number(HOME + 1)).into_iter();
        let named: Vec<String> = named.filter(|t| t.contains("李签发接手了")).collect();
        assert_eq!(named.len(), 1, "a name only after somebody took it");
        town.engine.close_task(&town.approver, &tasks[0].0, "已接走").await.unwrap();
        let after = town.custody(alert).await;
        assert_eq!((after.open, after.answered, after.orphans), (0, 6, 0), "{after:?}");
        town.steps(120, 30).await;
        let timers = town.count("SELECT count(*) FROM timer WHERE kind = 9").await;
        assert_eq!(timers, 0, "nobody is open, nobody is asked");
        town
    })
    .await;
}

#[tokio::test]
async fn a_search_list_is_never_left_lying() {
    on_both(Setup::default(), async |town| {
        let (alert, list) = ended(&town).await;
        let said = town.engine.take_list(&town.approver, &list).await.unwrap();
        assert_eq!((said.rung, said.state), (SEARCH, 2));
        town.minutes(31).await;
        assert_eq!(heard_with(&town, DUTY_ROOM, "您还好吗").len(), 1);
        town.minutes(10).await;
        let street = heard_with(&town, STREET_DUTY, "清点名单");
        assert_eq!(street.len(), 1, "silent: the next is asked: {street:?}");
        let silent = town.custody(alert).await;
        assert_eq!(silent.open_list, silent.open, "his until another takes it: {silent:?}");
        town.leader_says(DUTY_ROOM, "0").await;
        let street = heard_with(&town, STREET_DUTY, "清点名单");
        assert_eq!(street.len(), 2, "handed over: at once: {street:?}");
        let waiting = town.custody(alert).await;
        assert_eq!(waiting.open_system, waiting.open, "{waiting:?}");
        // Somebody by name, by hand.
        let theirs =
            format!("SELECT uid FROM list WHERE rung = {SEARCH} AND human_id = {STREET_DUTY}");
        let rows: Vec<(String,)> = town.rows(&theirs).await;
        let code = format!("h{}", leader(0));
        let given = town.engine.give_list(&town.approver, &rows[0].0, &code).await.unwrap();
        assert_eq!((given.human_id, given.rung, given.state), (leader(0), SEARCH, 1));
        town.settle().await;
        assert_eq!(heard_with(&town, leader(0), "清点名单").len(), 1, "he is asked");
        let waiting = town.custody(alert).await;
        assert_eq!(waiting.open_system, waiting.open, "nobody takes it for him: {waiting:?}");
        town.minutes(10).await;
        assert_eq!(heard_with(&town, leader(0), "清点名单").len(), 2, "and again");
        town.leader_says(leader(0), "1").await;
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        let sql = format!("SELECT count(*) FROM list WHERE place_id = {GRID} AND state <> 6");
        assert_eq!(town.count(&sql).await, 0, "the ladder's lists are over");
        town
    })
    .await;
}

#[tokio::test]
async fn a_search_list_asks_one_more_every_ten_minutes_until_somebody_takes_it() {
    on_both(Setup::default(), async |town| {
        let (alert, _) = ended(&town).await;
        town.minutes(21).await;
        let asked = |human| heard_with(&town, human, "没有下落，清点名单");
        assert_eq!(asked(DUTY_ROOM).len(), 3, "asked again with every other");
        for (human, waited) in [(STREET_DUTY, "已10分钟"), (COMMUNITY_HEAD, "已20分钟")] {
            let texts = asked(human);
            assert!(texts.len() == 1 && texts[0].contains(waited), "{texts:?}");
        }
        town.leader_says(COMMUNITY_HEAD, "1").await;
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        for human in [DUTY_ROOM, STREET_DUTY] {
            let passed = heard_with(&town, human, "清点名单的名单王书记接手了");
            assert_eq!(passed.len(), 1, "{:?}", town.leader_heard(human));
        }
        town.minutes(25).await;
        assert_eq!(asked(DUTY_ROOM).len(), 3, "taken: nobody is asked any more");
        town
    })
    .await;
}
