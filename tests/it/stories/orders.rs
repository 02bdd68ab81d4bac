//! What stands around an order: who no longer belongs to it, the second signature, exercises and
//! the real thing, helpers, and an expiry that nobody answers.

use tongluo::domain::access::Role;
use tongluo::engine::exercise::RollFill;
use tongluo::engine::issue::{Actor, OrderForm};
use tongluo::engine::narrow::Farewell;
use tongluo::store::{order, situation};

use crate::plant::{DUTY_ROOM, GRID, HOME, Layout, home_number, human_number, second_number};
use crate::town::{NIGHT, Setup, Town, on_both, refusal};

const HOUR_MS: i64 = 3_600_000;
pub const HELPER: i64 = 700;

pub fn two_grids() -> Setup {
    Setup { layout: Layout { grids: 2, ..Layout::default() }, ..Setup::default() }
}

pub async fn leave_out_the_second_grid(town: &Town, uid: &str, form: &OrderForm) {
    let form = OrderForm { places: vec![format!("p{GRID}")], ..form.clone() };
    town.engine.update(&town.author, uid, &form).await.unwrap();
    town.engine.submit(&town.author, uid).await.unwrap();
    town.engine.approve(&town.approver, uid, false).await.unwrap();
}

#[tokio::test]
async fn who_no_longer_belongs_hears_only_what_the_author_chooses_and_once() {
    on_both(two_grids(), async |town| {
        let form = town.flood_form();
        let (uid, alert) = town.release(&form).await;
        town.minutes(1).await;
        leave_out_the_second_grid(&town, &uid, &form).await;
        town.minutes(2).await;
        let (engine, store) = (&town.engine, &town.engine.store);
        assert!(town.asked("范围更正").is_empty());
        let purposes = Farewell::purposes();
        assert_eq!(situation::dropped(store, alert, &purposes).await.unwrap(), (10, 0));
        let second = vec![format!("p{}", GRID + 1)];
        let correct = Farewell::RangeCorrection;
        let told = engine.tell_dropped(&town.author, &uid, correct, &second).await.unwrap();
        assert_eq!(told, 10);
        town.minutes(1).await;
        let homes = (11..=20).map(|n| home_number(HOME + n)).collect();
        assert_eq!(town.asked("范围更正"), homes);
        assert_eq!(situation::dropped(store, alert, &purposes).await.unwrap(), (10, 10));
        let again = engine.tell_dropped(&town.author, &uid, correct, &second).await;
        assert!(refusal(again).contains("were told"));
        // Sending people home takes a signature.
        let home = Farewell::ReturnNotice;
        let writer = Actor { rights: vec![(Role::Author, 1)], ..town.author.clone() };
        let denied = engine.tell_dropped(&writer, &uid, home, &second).await;
        assert!(refusal(denied).contains("alert.end"));
        engine.tell_dropped(&town.approver, &uid, home, &second).await.unwrap();
        town.minutes(1).await;
        assert_eq!(town.asked("返回通知"), homes);
        town
    })
    .await;
}

#[tokio::test]
async fn a_bypass_is_countersigned_by_the_end_of_the_shift_or_the_duty_room_hears_of_it() {
    on_both(Setup::default(), async |town| {
        let uid = town.engine.send_now(&town.author, &town.flood_form()).await.unwrap();
        town.minutes(1).await;
        let row = order::by_uid(&town.engine.store, &uid).await.unwrap().unwrap();
        let version = order::version(&town.engine.store, row.id, 1).await.unwrap().unwrap();
        assert_eq!(version.countersign_due, Some(NIGHT + 10 * HOUR_MS), "8 in the morning");
        let asked = |town: &Town| {
            let texts = town.leader_heard(DUTY_ROOM).into_iter();
            texts.filter(|text| text.contains("补签")).count()
        };
        town.down_minutes(9 * 60);
        town.minutes(1).await;
        assert_eq!(asked(&town), 0, "the shift has not ended");
        town.down_minutes(60);
        town.minutes(1).await;
        assert_eq!(asked(&town), 1);
        town.down_minutes(61);
        town.minutes(1).await;
        assert_eq!(asked(&town), 2, "every hour");
        let own = Actor { rights: vec![(Role::Approver, 1)], ..town.author.clone() };
        let own = town.engine.countersign(&own, &uid).await;
        assert!(refusal(own).contains("another person must"));
        assert_eq!(town.engine.countersign(&town.approver, &uid).await.unwrap(), 1);
        let twice = town.engine.countersign(&town.approver, &uid).await;
        assert!(refusal(twice).contains("nothing waits"));
        town.down_minutes(61);
        town.minutes(1).await;
        assert_eq!(asked(&town), 2);
        let late = "SELECT count(*) FROM journal WHERE act = 'alert.uncountersigned'";
        assert_eq!(town.count(late).await, 2);
        town
    })
    .await;
}

fn exercise(town: &Town) -> OrderForm {
    OrderForm { kind: "exercise".into(), ..town.flood_form() }
}

#[tokio::test]
async fn an_exercise_reaches_only_who_was_confirmed_by_name_and_the_real_thing_stops_it() {
    on_both(Setup::default(), async |town| {
        let engine = &town.engine;
        let form = exercise(&town);
        let uid = engine.draft(&town.author, &form).await.unwrap();
        assert!(refusal(engine.submit(&town.author, &uid).await).contains("empty-roll"));
        let lines = [(format!("c{}", HOME + 2), ""), (home_number(HOME + 4), "王家4")];
        let lines = lines.map(|(what, name)| (what, name.to_owned())).to_vec();
        let wrong = RollFill { lines: vec![("c7".into(), String::new())], places: vec![] };
        let fault = engine.fill_roll(&town.author, &uid, &wrong).await;
        assert!(refusal(fault).contains("\"c7\""));
        let fill = RollFill { lines, places: vec![] };
        assert_eq!(engine.fill_roll(&town.author, &uid, &fill).await.unwrap(), 2);
        engine.submit(&town.author, &uid).await.unwrap();
        let early = engine.approve(&town.approver, &uid, false).await;
        assert!(refusal(early).contains("unconfirmed-roll"));
        let both = [Role::Author, Role::Approver].map(|role| (role, 1)).to_vec();
        let own = Actor { rights: both, ..town.author.clone() };
        let own = engine.confirm_roll(&own, &uid, None).await;
        assert!(refusal(own).contains("does not confirm"));
        let names = ["王家2", "王家4"].map(str::to_owned);
        let confirm = |n: usize| engine.confirm_roll(&town.approver, &uid, Some(&names[n..=n]));
        assert_eq!(confirm(0).await.unwrap(), (1, 1));
        let half = engine.approve(&town.approver, &uid, false).await;
        assert!(refusal(half).contains("unconfirmed-roll"));
        assert_eq!(confirm(1).await.unwrap(), (1, 0));
        engine.approve(&town.approver, &uid, false).await.unwrap();
        town.minutes(1).await;
        let texts = town.taken();
        assert!(!texts.is_empty() && texts.iter().all(|e| e.text.contains("】【演练】")));
        let two = [2, 4].map(|n| home_number(HOME + n)).into();
        assert_eq!(town.asked("【演练】"), two);
        town.says(&home_number(HOME + 2), "水进屋了").await;
        let (_, real) = town.flood_order().await;
        town.minutes(1).await;
        assert_eq!(town.asked("演练停止"), two);
        assert!(town.heard(&home_number(HOME + 2)).iter().any(|t| t.contains("】转移指令：")));
        let row = order::by_uid(&engine.store, &uid).await.unwrap().unwrap();
        let custody = town.custody(row.id).await;
        assert_eq!((custody.help, custody.open, custody.orphans), (1, 1, 0), "help stays real");
        assert!(town.custody(real).await.open > 0);
        town
    })
    .await;
}

/// Gives the fragile homes 5 and 10 a helper with a number.
pub async fn plant_helper(town: &Town) {
    let seal = &town.engine.sealer;
    let number = human_number(HELPER);
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
    let blob = |bytes: &[u8]| match town.is_sqlite() {
        true => format!("X'{}'", hex(bytes)),
        false => format!("decode('{}', 'hex')", hex(bytes)),
    };
    town.break_in(&format!(
        "INSERT INTO human (id, code, name) VALUES ({HELPER}, 'h{HELPER}', '陈结对')"
    ))
    .await;
    town.break_in(&format!(
        "INSERT INTO address (human_id, lane, realm, sealed, hash, last4, ord) VALUES \
         ({HELPER}, 1, 2, {}, {}, '0000', 1)",
        blob(&seal.seal(&number)),
        blob(&seal.hash(&number))
    ))
    .await;
    town.break_in(&format!(
        "UPDATE household SET helper_id = {HELPER} WHERE id IN ({}, {}, {})",
        HOME + 1,
        HOME + 5,
        HOME + 10
    ))
    .await;
}

#[tokio::test]
async fn a_helper_gets_one_text_for_all_his_homes_and_his_one_takes_them() {
    on_both(Setup::default(), async |town| {
        plant_helper(&town).await;
        let (_, alert) = town.flood_order().await;
        town.minutes(1).await;
        let helper = human_number(HELPER);
        let texts = town.heard(&helper);
        assert_eq!(texts.len(), 1, "{texts:?}");
        let first = texts[0].clone();
        assert!(first.contains("王家5") && first.contains("王家10"), "{first}");
        assert!(!first.contains("王家1（"), "home 1 needs nobody: {first}");
        assert!(!first.contains("轮椅"), "{first}");
        let before = town.custody(alert).await;
        town.says(&helper, "1").await;
        let custody = town.custody(alert).await;
        assert_eq!(custody.open_desk, before.open_desk + 2, "{custody:?}");
        assert_eq!(custody.answered, before.answered, "going there closes nothing");
        assert!(town.heard(&helper)[1].contains("2户由您去"));
        let named = format!("SELECT name FROM human WHERE id = {HELPER}");
        let owners: Vec<(Option<String>,)> =
            town.rows("SELECT DISTINCT owner FROM task WHERE kind = 5 AND state = 1").await;
        let name: Vec<(Option<String>,)> = town.rows(&named).await;
        assert_eq!(owners, name, "the desk reads a name");
        // Home 5 answers; home 10 has to leave and stays his until half an hour has gone by.
        town.minutes(2).await;
        town.says(&home_number(HOME + 5), "1").await;
        town.minutes(30).await;
        let open = "SELECT count(*) FROM task WHERE kind = 5 AND state = 0";
        assert_eq!(town.count(open).await, 1);
        town.says(&helper, "0").await;
        assert!(town.heard(&helper).last().unwrap().contains("另请人去"));
        town.check().await;
        town
    })
    .await;
}

#[tokio::test]
async fn a_helper_who_spoke_to_his_homes_says_so_by_another_one() {
    on_both(Setup::default(), async |town| {
        plant_helper(&town).await;
        let (_, alert) = town.flood_order().await;
        town.minutes(1).await;
        let helper = human_number(HELPER);
        town.says(&helper, "1").await;
        let taken = town.custody(alert).await;
        // The same again within a minute is one word.
        town.seconds(30).await;
        town.says(&helper, "1").await;
        assert_eq!(town.custody(alert).await.heard, 0);
        town.seconds(90).await;
        town.says(&helper, "1").await;
        let spoke = town.custody(alert).await;
        assert_eq!((spoke.heard, spoke.answered), (2, 1), "home 5 only had to hear it: {spoke:?}");
        assert_eq!(spoke.open_desk, taken.open_desk - 1, "home 10 must leave and is still his");
        let said = town.heard(&helper).pop().unwrap();
        assert!(said.contains("2户都说到了。还有1户要走"), "{said}");
        let facts = "SELECT count(*) FROM statement WHERE giver = 30 AND claim = 1";
        assert_eq!(town.count(facts).await, 2);
        let noted = "SELECT count(*) FROM journal WHERE act = 'helper.spoke'";
        assert_eq!(town.count(noted).await, 1);
        // His word was an act: the half hour begins anew, and nobody is called for his homes.
        town.minutes(29).await;
        let open = "SELECT count(*) FROM task WHERE kind = 5 AND state = 0";
        assert_eq!(town.count(open).await, 0);
        town.minutes(2).await;
        assert_eq!(town.count(open).await, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn an_expiry_is_called_three_times_and_unanswered_goes_on_for_two_hours() {
    on_both(Setup::default(), async |town| {
        let form =
            OrderForm { expires_at: Some(town.now() + 3 * HOUR_MS), ..town.due_in(2 * HOUR_MS) };
        let (uid, alert) = town.release(&form).await;
        let called = |town: &Town, words: &str| {
            let texts = town.leader_heard(DUTY_ROOM).into_iter();
            texts.filter(|text| text.contains(words)).count()
        };
        town.down_minutes(118);
        town.minutes(3).await;
        assert_eq!(called(&town, "还有60分钟到期"), 1);
        town.minutes(30).await;
        assert_eq!(called(&town, "还有30分钟到期"), 1);
        town.minutes(20).await;
        assert_eq!(called(&town, "还有10分钟到期"), 1);
        town.minutes(10).await;
        let noted = "SELECT count(*) FROM journal WHERE act = 'alert.extended'";
        assert_eq!(town.count(noted).await, 1);
        let row = order::by_uid(&town.engine.store, &uid).await.unwrap().unwrap();
        assert_eq!(row.extended_to, Some(NIGHT + 5 * HOUR_MS));
        let custody = town.custody(alert).await;
        assert!(custody.open > 0 && custody.orphans == 0, "{custody:?}");
        // The duty room decides for itself: the next call is an hour before its own time.
        let until = town.engine.extend(&town.approver, &uid, 4).await.unwrap();
        assert_eq!(until, NIGHT + 9 * HOUR_MS);
        let bad = town.engine.extend(&town.approver, &uid, 0).await;
        assert!(refusal(bad).contains("hours"));
        let next = "SELECT due_at FROM timer WHERE kind = 8";
        assert_eq!(town.count(next).await, until - HOUR_MS);
        town
    })
    .await;
}

#[tokio::test]
async fn a_household_with_two_open_orders_reads_its_whole_situation_in_the_newer_text() {
    let layout = Layout { second_phone_every: 2, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let (_, moving) = town.flood_order().await;
        town.minutes(2).await;
        let mut water = town.flood_form();
        water.template = "dam_release".into();
        water.title = "放水预警".into();
        water.vars = [("source", "四明湖水库"), ("at", "下午3点"), ("river", "姚江")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let receipt = |ring: i64| tongluo::store::order::RingRow { ring, demand: 1, pursued: 1 };
        water.rings = Some(vec![receipt(1), receipt(2), receipt(3)]);
        let (_, release) = town.release(&water).await;
        town.seconds(30).await;
        let newest = town.heard(&home_number(HOME + 2)).pop().unwrap();
        assert!(newest.contains("放水预警：") && newest.contains("另：转移指令："), "{newest}");
        assert!(newest.contains("回3"), "the highest demand is asked: {newest}");
        let plain = town.heard(&home_number(HOME + 1)).pop().unwrap();
        assert!(!plain.contains("另："), "who was only told of the other: {plain}");
        // One answer is an answer to all of it.
        town.minutes(2).await;
        town.says(&home_number(HOME + 6), "3").await;
        let closed = |alert: i64| {
            format!(
                "SELECT count(*) FROM standing WHERE alert_id = {alert} \
                 AND household_id = {} AND closed_at IS NOT NULL",
                HOME + 6
            )
        };
        assert_eq!(town.count(&closed(moving)).await, 1);
        assert_eq!(town.count(&closed(release)).await, 1);
        assert!(town.heard(&second_number(HOME + 2)).len() < 3);
        town
    })
    .await;
}
