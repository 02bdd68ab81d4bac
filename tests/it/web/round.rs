//! The leader's page: taking, the five answers, handing over, two who walk side by side, the order
//! of doors, the end. Custody is asserted after each press.

use tongluo::domain::standing::Whereabouts;

use super::Faces;
use super::phone::{Phone, code, offered, standing};
use crate::plant::{DUTY_ROOM, GRID, HOME, Layout, building_leader, home_number, leader};
use crate::town::{Setup, on_both};

#[tokio::test]
async fn a_leader_takes_his_list_and_ticks_all_five() {
    on_both(Setup::default(), async |town| {
        let (_, alert, _faces, mut phone) = offered(&town).await;
        let before = town.custody(alert).await;
        let page = phone.looks().await;
        assert!(page.contains("我来接手") && page.contains("去不了，转交"), "{page}");
        assert!(page.contains("<b>6</b>户未应答") && page.contains("需帮扶<b>2</b>"), "{page}");
        assert_eq!(town.custody(alert).await, before, "a look takes nothing");
        let page = phone.presses(&town, "take", &[]).await;
        assert!(page.contains("由您接手了") && !page.contains("我来接手"), "{page}");
        let held = town.custody(alert).await;
        assert_eq!((held.open_list, held.open), (6, 6));

        // 4 and 8 must move, 5 is fragile, 10 both; 2 and 6 must move.
        let page = phone.presses(&town, "told", &[("door", &code(2))]).await;
        assert!(page.contains("已记下“已当面讲到”，这一户还没落实"), "{page}");
        assert_eq!(standing(&town, 2).await, (false, Whereabouts::Unknown, 0, 0));
        let page = phone.presses(&town, "told", &[("door", &code(5))]).await;
        assert!(page.contains("办好了"), "to be told was all that was asked: {page}");
        assert!(standing(&town, 5).await.0);
        phone.presses(&town, "moved-kin", &[("door", &code(4))]).await;
        assert_eq!(standing(&town, 4).await, (true, Whereabouts::Evacuated, 0, 0));
        let none = [("door", &*code(8)), ("persons", "0")];
        let page = phone.presses(&town, "moved-kin", &none).await;
        assert!(page.contains("没有记"), "nobody moved is no answer: {page}");
        assert_eq!(standing(&town, 8).await, (false, Whereabouts::Unknown, 0, 0));
        let some = [("door", &*code(8)), ("persons", "1")];
        phone.presses(&town, "moved-shelter", &some).await;
        assert_eq!(standing(&town, 8).await, (false, Whereabouts::Partly, 0, 0));
        phone.presses(&town, "moved-upstairs", &[("door", &code(8))]).await;
        assert!(!standing(&town, 8).await.0, "upstairs is not where they were sent");
        phone.presses(&town, "nobody", &[("door", &code(6))]).await;
        assert_eq!(standing(&town, 6).await, (false, Whereabouts::NobodyHome, 0, 0));
        phone.presses(&town, "refused-disbelief", &[("door", &code(6))]).await;
        assert_eq!(standing(&town, 6).await, (false, Whereabouts::Home, 1, 0));
        let page = phone.presses(&town, "help-a", &[("door", &code(10))]).await;
        assert!(page.contains("求救已报值班室"), "{page}");
        assert_eq!(standing(&town, 10).await.3, 1);
        assert!(page.contains("先去：有人求助"), "{page}");
        let details = "SELECT count(*) FROM statement WHERE detail IN ('kin', 'disbelief') \
                       AND source = 'page'";
        assert_eq!(town.count(details).await, 2, "where to and why not are kept");
        let at_desk = "SELECT count(*) FROM task WHERE kind = 1 AND class = 1 AND state = 0";
        assert_eq!(town.count(at_desk).await, 1);
        let held = town.custody(alert).await;
        assert_eq!((held.answered, held.open, held.open_list), (2, 4, 4), "{held:?}");
        assert_eq!(held.help, 1);

        let page = phone.presses(&town, "help-done", &[("door", &code(10))]).await;
        assert!(!page.contains("先去：有人求助"), "{page}");
        assert_eq!(standing(&town, 10).await.3, 0);
        assert_eq!(town.count("SELECT count(*) FROM task WHERE kind = 1 AND state = 2").await, 1);
        // Done doors fold away and can be taken back there.
        let (_, done) = page.split_once("已办好（2户）").expect("done doors");
        let (_, undo) = done.split_once("name=\"statement\" value=\"").unwrap();
        let statement = undo.split('"').next().unwrap().to_owned();
        let page = phone.presses(&town, "undo", &[("statement", &statement)]).await;
        assert!(page.contains("收回了") && page.contains("已办好（1户）"), "{page}");
        assert_eq!(town.custody(alert).await.answered, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_vulnerable_household_that_says_it_left_is_closed_at_the_door() {
    on_both(Setup::default(), async |town| {
        let (_, alert, _faces, mut phone) = offered(&town).await;
        town.says(&home_number(HOME + 10), "3").await;
        let verify = format!("SELECT verify FROM standing WHERE household_id = {}", HOME + 10);
        assert_eq!(town.count(&verify).await, 1);
        let page = phone.looks().await;
        assert!(page.contains("报过已走，要核实"), "{page}");
        let page = phone.presses(&town, "moved-shelter", &[("door", &code(10))]).await;
        assert!(page.contains("由您负责") || page.contains("去不了，转交"), "{page}");
        assert!(standing(&town, 10).await.0);
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "a tick took the list: {held:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn who_can_not_go_hands_over_and_may_come_back() {
    on_both(Setup::default(), async |town| {
        let (_, alert, faces, mut phone) = offered(&town).await;
        let page = phone.presses(&town, "pass", &[]).await;
        assert!(page.contains("转交了，您不用去了"), "{page}");
        let waiting = town.custody(alert).await;
        assert_eq!(waiting.open_system, waiting.open, "{waiting:?}");
        let asked = town.leader_heard(leader(0) + 1);
        assert!(asked.iter().any(|t| t.contains("接手回1")), "the deputy is asked at once");
        assert!(page.contains("又能去了，我来接手"), "{page}");
        let mut deputy = Phone::new(&faces, &town, leader(0) + 1);
        let opened = deputy.browser.get(&deputy.path).await;
        let list = format!("SELECT uid FROM list WHERE human_id = {}", leader(0));
        let rows: Vec<(String,)> = town.rows(&list).await;
        let page = phone.presses(&town, "take", &[("list", &rows[0].0)]).await;
        assert!(page.contains("由您接手了"), "{page}");
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        // The deputy finds that it was taken, and takes nothing.
        let page = deputy.presses_on(&opened, &town, "take", &[]).await;
        assert!(page.contains("已由别人接手，您不用去了"), "{page}");
        let holder = "SELECT human_id FROM list WHERE state = 2";
        assert_eq!(town.count(holder).await, leader(0));
        // What he sees at a door counts all the same.
        let door = code(4);
        deputy.presses_on(&opened, &town, "moved-shelter", &[("door", &door)]).await;
        assert!(standing(&town, 4).await.0);
        assert_eq!(town.count(holder).await, leader(0));
        // Handing over what he holds is told to nobody but the next.
        let page = phone.presses(&town, "pass", &[]).await;
        assert!(page.contains("转交了"), "{page}");
        let waiting = town.custody(alert).await;
        assert_eq!(waiting.open_system, waiting.open, "{waiting:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn two_who_walk_side_by_side_see_each_other() {
    let setup = Setup {
        layout: Layout { building_leaders: true, ..Layout::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        let (_, alert, faces, mut whole) = offered(&town).await;
        let mut part = Phone::new(&faces, &town, building_leader(0, 1));
        whole.presses(&town, "take", &[]).await;
        let page = whole.looks().await;
        assert!(page.contains("2幢1001") || page.contains("2幢101"), "{page}");
        part.presses(&town, "take", &[]).await;
        let page = whole.looks().await;
        assert!(page.contains("楼长1-2</b>：第1网格2幢，还有3户"), "{page}");
        assert!(!page.contains(&code(10)), "those doors are the other's now: {page}");
        let page = part.looks().await;
        assert!(page.contains("网格长1</b>：南雷社区第1网格"), "{page}");
        part.presses(&town, "nobody", &[("door", &code(10))]).await;
        // He gives it back: the whole's holder sees who stood there.
        part.presses(&town, "pass", &[]).await;
        let page = whole.looks().await;
        assert!(page.contains("楼长1-2：家中无人"), "{page}");
        assert!(page.contains("去过了，还没落实"), "{page}");
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn the_order_of_doors_is_help_then_the_fragile_then_the_walk() {
    on_both(Setup::default(), async |town| {
        let (_, alert, _faces, mut phone) = offered(&town).await;
        town.says(&home_number(HOME + 8), "水进屋了，救命").await;
        phone.presses(&town, "nobody", &[("door", &code(5))]).await;
        let page = phone.looks().await;
        let order: Vec<&str> = page
            .split("<li class=\"door")
            .skip(1)
            .map(|part| part.split("id=\"d-").nth(1).unwrap().split('"').next().unwrap())
            .collect();
        let expected: Vec<String> = [8, 10, 2, 4, 6, 5].map(code).to_vec();
        assert_eq!(order, expected, "help, fragile, walking order, gone to already");
        let custody = town.custody(alert).await;
        assert_eq!(custody.open, 6, "{custody:?}");
        town
    })
    .await;
}

#[tokio::test]
async fn after_the_end_a_list_is_over_and_a_search_has_three_answers() {
    on_both(Setup::default(), async |town| {
        let (uid, alert, faces, mut phone) = offered(&town).await;
        phone.presses(&town, "take", &[]).await;
        town.engine.end(&town.approver, &uid).await.unwrap();
        town.settle().await;
        let page = phone.looks().await;
        assert!(page.contains("已解除") && page.contains("名单不用跑了"), "{page}");
        assert!(!page.contains("我来接手") && !page.contains("已转移"), "{page}");
        // Who was at a door without network says so later.
        let mut search = Phone::new(&faces, &town, DUTY_ROOM);
        let page = search.presses(&town, "take", &[]).await;
        assert!(page.contains("没有下落") && page.contains("找到了，平安"), "{page}");
        let held = town.custody(alert).await;
        assert_eq!(held.open_list, held.open, "{held:?}");
        let got = search.presses(&town, "told", &[("door", &code(2))]).await;
        assert!(got.contains("没有记"), "{got}");
        search.presses(&town, "found", &[("door", &code(2))]).await;
        search.presses(&town, "missing", &[("door", &code(4))]).await;
        assert_eq!(town.custody(alert).await.open, 4);
        town
    })
    .await;
}

#[tokio::test]
async fn who_has_no_list_yet_can_say_that_he_is_awake() {
    on_both(Setup::default(), async |town| {
        let (_, _) = town.flood_order().await;
        town.seconds(30).await;
        let faces = Faces::open(&town);
        let mut phone = Phone::new(&faces, &town, leader(0));
        let page = phone.looks().await;
        assert!(page.contains("现在没有要您接的名单") && page.contains("我醒着"), "{page}");
        let asleep = format!(
            "SELECT count(*) FROM summons WHERE human_id = {} AND woken_at IS NULL",
            leader(0)
        );
        assert_eq!(town.count(&asleep).await, 1);
        let page = phone.presses(&town, "awake", &[]).await;
        assert!(page.contains("收到，您醒着") && !page.contains("我醒着<"), "{page}");
        assert_eq!(town.count(&asleep).await, 0);
        let taken = format!("SELECT count(*) FROM list WHERE place_id = {GRID}");
        assert_eq!(town.count(&taken).await, 0);
        town
    })
    .await;
}
