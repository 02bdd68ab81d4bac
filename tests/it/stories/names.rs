//! Names that may not stand in a message, and a row that can't be worked: nobody goes without a
//! message for it, and the others' night goes on.

use tongluo::domain::roster::full_name;
use tongluo::store::{climb, desk};

use crate::plant::{
    COMMUNITY_HEAD, DUTY_ROOM, GRID, HOME, Layout, STREET_DUTY, human_number, leader, second_number,
};
use crate::town::{Setup, Town, on_both, refusal};

fn three_grids() -> Setup {
    Setup { layout: Layout { grids: 3, ..Layout::default() }, ..Setup::default() }
}

async fn offered(town: &Town, human: i64) -> Vec<String> {
    town.leader_heard(human).into_iter().filter(|text| text.contains("接手回1")).collect()
}

/// What an import refuses today, and a store may hold all the same.
async fn spoil_names(town: &Town) {
    let long = "很长的社区名称".repeat(9);
    for sql in [
        format!("UPDATE place SET name = '第1网格🏠' WHERE id = {GRID}"),
        format!("UPDATE place SET name = '{long}' WHERE id = 3"),
        format!("UPDATE human SET name = '' WHERE id = {}", leader(0)),
        format!("UPDATE human SET name = '看a.cn' WHERE id = {}", leader(1)),
        format!(
            "UPDATE household SET name = '【】', helper_id = {STREET_DUTY} WHERE id = {}",
            HOME + 5
        ),
        format!("UPDATE household SET name = '回3' WHERE id = {}", HOME + 2),
        "UPDATE address SET relative = '女儿' WHERE household_id = 1000002 AND ord = 2".into(),
    ] {
        assert_eq!(town.break_in(&sql).await, 1, "{sql}");
    }
}

#[tokio::test]
async fn a_name_that_may_not_stand_in_a_message_keeps_nobody_from_his_list() {
    let layout = Layout { grids: 3, second_phone_every: 2, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        spoil_names(&town).await;
        let (_, alert) = town.flood_order().await;
        town.minutes(12).await;
        for grid in 0..3 {
            let offers = offered(&town, leader(grid)).await;
            assert!(!offers.is_empty(), "leader {grid}: {:?}", town.leader_heard(leader(grid)));
        }
        let first = &offered(&town, leader(0)).await[0];
        assert!(first.contains("第1网格："), "{first}");
        // His summons, the helper's text, the un-woken list and the lists further up.
        let summons = town.leader_heard(leader(0));
        assert!(summons[0].contains("叫应：已发转移指令，第1网格共"), "{summons:?}");
        let street = town.leader_heard(STREET_DUTY);
        assert!(street.iter().any(|text| text.contains("您结对的一户（1幢501）")), "{street:?}");
        let room = town.leader_heard(DUTY_ROOM);
        assert!(room.iter().any(|t| t.contains("未叫醒") && t.contains("看a cn")), "{room:?}");
        assert!(!offered(&town, COMMUNITY_HEAD).await.is_empty());
        // A relative is told of a home whose name says nothing.
        let daughter = town.heard(&second_number(HOME + 2));
        assert!(daughter.iter().any(|text| text.contains("您亲属家需3点前")), "{daughter:?}");
        // He says that he takes it, and the deputy, who has no name either, hears who did.
        town.leader_says(leader(0), "1").await;
        let taken = town.leader_heard(leader(0));
        assert!(taken.last().unwrap().contains("由您接手了"), "{taken:?}");
        let deputy = town.leader_heard(leader(0) + 1);
        assert!(deputy.last().unwrap().contains("工作人员接手了"), "{deputy:?}");
        assert_eq!(town.custody(alert).await.orphans, 0);
        town
    })
    .await;
}

#[tokio::test]
async fn a_name_that_was_mended_is_journaled_once() {
    on_both(three_grids(), async |town| {
        let sql = format!("UPDATE place SET name = '第1网格🏠' WHERE id = {GRID}");
        town.break_in(&sql).await;
        town.flood_order().await;
        town.minutes(12).await;
        let rows: Vec<(String,)> =
            town.rows("SELECT detail FROM journal WHERE act = 'wording.mended'").await;
        let told: String = rows.into_iter().map(|row| row.0).collect();
        // As the summons has it, and with the community before it: two names, each told once.
        assert_eq!(told.matches("\"field\":\"place\"").count(), 2, "{told}");
        assert!(told.contains("U+1F3E0") && !told.contains("第1网格"), "{told}");
        town
    })
    .await;
}

#[tokio::test]
async fn a_title_that_no_notice_could_say_is_refused_at_the_draft() {
    on_both(Setup::default(), async |town| {
        let mut form = town.flood_form();
        for title in ["【紧急】转移指令", &"转移".repeat(30), "转移\n指令"] {
            form.title = title.into();
            let said = refusal(town.engine.draft(&town.author, &form).await);
            assert!(said.contains("title: "), "{said}");
        }
        town
    })
    .await;
}

/// Makes the store refuse lists of the second grid.
async fn lay_poison(town: &Town) {
    let second = GRID + 1;
    let sql = match town.is_sqlite() {
        true => format!(
            "CREATE TRIGGER poison BEFORE INSERT ON list WHEN NEW.place_id = {second} \
             BEGIN SELECT RAISE(ABORT, 'poison'); END"
        ),
        false => format!("ALTER TABLE list ADD CONSTRAINT poison CHECK (place_id <> {second})"),
    };
    town.break_in(&sql).await;
}

async fn lift_poison(town: &Town) {
    let sql = match town.is_sqlite() {
        true => "DROP TRIGGER poison",
        false => "ALTER TABLE list DROP CONSTRAINT poison",
    };
    town.break_in(sql).await;
}

#[tokio::test]
async fn a_timer_that_cannot_act_stands_alone_and_is_a_persons_work() {
    on_both(three_grids(), async |town| {
        lay_poison(&town).await;
        let (_, alert) = town.flood_order().await;
        town.minutes(8).await;
        for grid in [0, 2] {
            assert_eq!(offered(&town, leader(grid)).await.len(), 1, "leader {grid}");
        }
        assert!(offered(&town, leader(1)).await.is_empty());
        let waves = format!("SELECT count(*) FROM batch WHERE grid_id = {} AND wave = 2", GRID + 1);
        assert!(town.count(&waves).await > 0, "the waves of that grid go on");
        let tasks = desk::tasks(&town.engine.store, alert, 10).await.unwrap();
        let texts: Vec<&str> = tasks.iter().map(|task| task.text.as_str()).collect();
        assert_eq!(texts, ["南雷社区第2网格：入户名单自动执行出错，请人工办理"]);
        assert_eq!((tasks[0].kind, tasks[0].state), (4, 0));
        let failed = "SELECT count(*) FROM journal WHERE act = 'timer.failed'";
        assert_eq!(town.count(failed).await, 1, "tried each minute, told once");
        lift_poison(&town).await;
        town.minutes(1).await;
        assert_eq!(offered(&town, leader(1)).await.len(), 1, "it was tried again");
        assert!(town.heard(&human_number(leader(1))).len() > 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_name_that_begins_with_the_place_above_is_said_once() {
    on_both(three_grids(), async |town| {
        let community = 3;
        for (place, name) in [
            (community, "南雷社区居委会"),
            (GRID, "南雷社区第1网格"),
            (GRID + 1, "南雷社区居委会第2网格"),
        ] {
            let sql = format!("UPDATE place SET name = '{name}' WHERE id = {place}");
            assert_eq!(town.break_in(&sql).await, 1, "{sql}");
        }
        let mut tx = town.engine.store.begin().await.unwrap();
        let grids = [GRID, GRID + 1, GRID + 2, community];
        let mut said = climb::place_names(&mut tx, &grids).await.unwrap();
        drop(tx);
        said.sort_by_key(|row| grids.iter().position(|id| *id == row.0));
        let said: Vec<String> = said.into_iter().map(|row| row.1).collect();
        let whole =
            ["南雷社区第1网格", "南雷社区居委会第2网格", "南雷社区居委会第3网格", "南雷社区居委会"];
        assert_eq!(said, whole);
        let above = whole[3];
        for (name, said) in [whole[0], whole[1], "第3网格"].into_iter().zip(whole) {
            assert_eq!(full_name(above, name), said, "the same in Rust");
        }
        town.flood_order().await;
        town.minutes(12).await;
        for grid in 0..3 {
            let offers = offered(&town, leader(grid)).await;
            let at = whole[usize::try_from(grid).unwrap()];
            assert!(offers[0].contains(&format!("】{at}：")), "{offers:?}");
        }
        town
    })
    .await;
}
