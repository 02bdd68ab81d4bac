//! Absent relatives: a text of their own, a word that eases a door and closes none of somebody who
//! lives alone, and a cry for help that counts in full.

use tongluo::base::phone::Phone;
use tongluo::domain::statement::Claim;
use tongluo::engine::hands::Tick;
use tongluo::store::desk;

use crate::plant::{GRID, HOME, Layout, home_number, leader, plant_relative};
use crate::town::{Setup, Town, on_both};

fn daughter(n: u32) -> String {
    Phone::practice_mobile(60_000_000 + n).e164().to_owned()
}

async fn with_daughter(town: &Town, home: i64) -> String {
    let number = daughter(u32::try_from(home).unwrap());
    let (store, sealer) = (&town.engine.store, &town.engine.sealer);
    plant_relative(store, sealer, HOME + home, "女儿", &number).await;
    number
}

/// Heard, whereabouts, closed, helps, eased.
async fn standing(town: &Town, home: i64) -> (Option<i64>, i64, Option<i64>, i64, i64) {
    let sql = format!(
        "SELECT heard_at, whereabouts, closed_at, helps, eased FROM standing \
         WHERE household_id = {}",
        HOME + home
    );
    town.rows(&sql).await[0]
}

#[tokio::test]
async fn a_relative_has_his_own_text_and_closes_nothing_for_who_lives_alone() {
    // Home 6 lives alone and must move; home 12 has no number of its own.
    let layout = Layout { buildings: 3, no_phone_every: 12, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let (one, two) = (with_daughter(&town, 6).await, with_daughter(&town, 12).await);
        let (_, alert) = town.flood_order().await;
        town.seconds(30).await;
        assert_eq!(town.heard(&home_number(HOME + 6)).len(), 1);
        assert!(town.heard(&one).is_empty(), "who lives there is asked first");
        let text = town.heard(&two);
        assert_eq!(text.len(), 1, "nobody else can be asked: {text:?}");
        assert!(text[0].contains("王家12家需"), "{text:?}");
        assert!(text[0].contains("请马上打电话去叫"), "{text:?}");
        assert!(text[0].contains("回1") && text[0].contains("回2"), "{text:?}");
        assert!(!text[0].contains("回3"), "he is not there: {text:?}");
        // Silence: the second wave takes the next address, which is the daughter's.
        town.minutes(4).await;
        assert_eq!(town.heard(&one).len(), 1, "{:?}", town.heard(&one));
        assert!(town.heard(&one)[0].contains("王家6家需"), "{:?}", town.heard(&one));
        let before = town.custody(alert).await;
        town.minutes(1).await;
        town.says(&one, "1").await;
        let (heard, _, closed, _, eased) = standing(&town, 6).await;
        assert_eq!((heard, closed, eased), (None, None, 1), "her word is not the household's");
        town.minutes(1).await;
        town.says(&one, "全家都走了").await;
        let (heard, _, closed, ..) = standing(&town, 6).await;
        assert_eq!((heard, closed), (None, None), "she is not there and can't have seen it");
        let after = town.custody(alert).await;
        assert_eq!((after.answered, after.open), (before.answered, before.open), "{after:?}");
        // The leader has the door on his list still, a step later than it was.
        town.minutes(1).await;
        let sql =
            format!("SELECT uid FROM list WHERE human_id = {} AND place_id = {GRID}", leader(0));
        let list = town.rows::<(String,)>(&sql).await[0].0.clone();
        let (_, _, doors) = town.engine.show_list(&town.approver, &list).await.unwrap();
        let at = doors.iter().position(|d| d.household_id == HOME + 6).unwrap();
        assert_eq!(at, doors.len() - 1, "all others are before her: {doors:?}");
        assert_eq!(doors[at].eased, 1);
        let unasked = doors.iter().filter(|d| d.vulnerable == 0 && d.eased == 0).count();
        assert!(unasked > 0, "or the order proves nothing");
        town.leader_says(leader(0), "1").await;
        let household = format!("c{}", HOME + 6);
        let tick = Tick { household, claim: Claim::Evacuated, persons: None };
        assert!(town.engine.tick_list(&town.approver, &list, &tick).await.unwrap());
        assert!(standing(&town, 6).await.2.is_some(), "seen at the door");
        town
    })
    .await;
}

#[tokio::test]
async fn a_relatives_cry_for_help_counts_in_full_and_she_hears_who_goes() {
    on_both(Setup::default(), async |town| {
        let number = with_daughter(&town, 6).await;
        let (_, alert) = town.flood_order().await;
        town.minutes(5).await;
        town.says(&number, "我妈一个人在家，走不动，要人背").await;
        let (_, _, closed, helps, _) = standing(&town, 6).await;
        assert_eq!((closed, helps), (None, 1));
        let tasks = desk::tasks(&town.engine.store, alert, 10).await.unwrap();
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        assert_eq!((tasks[0].household_id, tasks[0].class), (Some(HOME + 6), 2));
        let told = town.heard(&number).pop().unwrap();
        assert!(told.contains("119"), "she hears that it arrived: {told}");
        assert_eq!(town.custody(alert).await.help, 1);
        let task = town.engine.take_task(&town.approver, &tasks[0].uid, None).await.unwrap();
        town.settle().await;
        let told = town.heard(&number).pop().unwrap();
        assert!(told.contains("李签发"), "{told}");
        // Her word does not end it; who went there does.
        town.minutes(2).await;
        town.says(&number, "1").await;
        assert_eq!(standing(&town, 6).await.3, 1);
        town.engine.close_task(&town.approver, &task.uid, "已背到避灾点").await.unwrap();
        let (_, _, closed, helps, _) = standing(&town, 6).await;
        assert_eq!((closed, helps), (None, 0), "the help is over, the door is not");
        town
    })
    .await;
}
