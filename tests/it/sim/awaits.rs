//! Each await of each step of one small dispatch, stopped once: a kill at the first, the second,
//! the third … until the step comes through. Another process does the step again and goes on, and
//! all must come out as if nothing had been.

use tongluo::domain::list::ListState;
use tongluo::domain::notice::Purpose;
use tongluo::domain::roster::{HumanRow, Row};
use tongluo::domain::statement::Claim;

use super::acts::{Act, Callback, Hands};
use super::books;
use super::wire::Slow;
use super::world::{Ran, World};
use crate::own_queue::BrokerWish;
use crate::plant::{COMMUNITY_HEAD, DUTY_ROOM, HOME, Layout, STREET_DUTY, home_number, leader};
use crate::town::{Setup, Town, on_both};

/// No step has more awaits than this.
const MOST: usize = 250;
/// An answer that is there before it is waited for is no await, so a step has now one more, now
/// one less of them: it is through when it came through so many times before its n-th.
const THROUGH: usize = 3;

fn setup() -> Setup {
    let layout = Layout { buildings: 1, homes: 4, ..Layout::default() };
    let broker = Some(BrokerWish { seed: 1, ..BrokerWish::default() });
    Setup { layout, broker, calls_open: 2, ..Setup::default() }
}

/// For every n: a fresh order, `prepare`, the act killed at its n-th await, the same act by
/// another process, a minute and a half, and everything is checked; then `came_out`.
async fn each_await(
    least: usize,
    prepare: impl AsyncFn(&Town, &str) -> Act,
    came_out: impl AsyncFn(&Town, i64),
) {
    each_nth_await(1, least, prepare, came_out).await;
}

/// The same with only every `stride`-th await, for steps that have very many.
async fn each_nth_await(
    stride: usize,
    least: usize,
    prepare: impl AsyncFn(&Town, &str) -> Act,
    came_out: impl AsyncFn(&Town, i64),
) {
    on_both(setup(), async |town| {
        let mut world = World::open(town, setup(), 1, 2).await;
        let hands = Hands::of(&world.town);
        let (mut n, mut through) = (1, 0);
        while n <= MOST * stride {
            let form = world.town.flood_form();
            let (uid, alert) = world.town.draft_order(&form).await;
            let act = prepare(&world.town, &uid).await;
            world.processes[0].wire.begin(Slow::No, 0);
            let step = hands.step(&world.processes[0].engine, act.clone());
            let ran = world.run(0, step, Some(n)).await;
            if ran == Ran::Killed {
                let step = hands.step(&world.processes[1].engine, act);
                world.processes[1].wire.begin(Slow::No, 0);
                world.run(1, step, None).await;
            }
            world.town.clock.advance_ms(95_000);
            world.town.settle().await;
            world.check().await;
            books::check_nobody_lost(&world.town).await;
            came_out(&world.town, alert).await;
            books::check_chain(&world.town).await;
            world.town.forget(alert).await;
            match ran {
                Ran::Done => through += 1,
                Ran::Killed => (n, through) = (n + stride, 0),
                Ran::Failed | Ran::Hangs => panic!("{ran:?} at await {n}"),
            }
            if through == THROUGH {
                println!("{} awaits", n - 1);
                assert!(n > least, "only {} awaits", n - 1);
                return world.town;
            }
        }
        panic!("more than {} awaits", MOST * stride);
    })
    .await;
}

async fn ids(town: &Town, sql: &str) -> Vec<i64> {
    let rows: Vec<(i64,)> = town.rows(sql).await;
    rows.into_iter().map(|row| row.0).collect()
}

async fn approve(town: &Town, uid: &str) {
    town.engine.approve(&town.approver, uid, false).await.unwrap();
}

async fn expand(town: &Town) {
    let pending = ids(town, "SELECT id FROM expansion WHERE state = 0").await;
    assert_eq!(town.engine.expand_once(&pending).await.unwrap(), 1);
}

/// Every home was written to, each by one batch of the first wave.
async fn everybody_once(town: &Town, alert: i64) {
    let asked = books::asked(town).await;
    assert_eq!(asked[&(alert, 1)].len() as i64, town.homes);
    let open = town.custody(alert).await;
    assert_eq!(open.open_system, open.open, "{open:?}");
}

#[tokio::test]
async fn an_approval() {
    each_await(
        5,
        async |_, uid| Act::Approve(uid.into()),
        async |town, alert| {
            everybody_once(town, alert).await;
            let sql = format!(
                "SELECT count(*) FROM journal WHERE alert_id = {alert} AND act = 'alert.approve'"
            );
            assert_eq!(town.count(&sql).await, 1);
        },
    )
    .await;
}

#[tokio::test]
async fn a_round_of_the_feeder() {
    each_await(
        1,
        async |town, uid| {
            approve(town, uid).await;
            Act::Feed
        },
        everybody_once,
    )
    .await;
}

#[tokio::test]
async fn an_expansion() {
    each_await(
        5,
        async |town, uid| {
            approve(town, uid).await;
            Act::Expand(ids(town, "SELECT id FROM expansion WHERE state = 0").await)
        },
        everybody_once,
    )
    .await;
}

#[tokio::test]
async fn a_dispatch() {
    each_await(
        10,
        async |town, uid| {
            approve(town, uid).await;
            expand(town).await;
            Act::Send(ids(town, "SELECT id FROM batch WHERE state = 0 AND kind = 1").await)
        },
        everybody_once,
    )
    .await;
}

#[tokio::test]
async fn a_dispatch_of_notices() {
    each_await(
        5,
        async |town, uid| {
            approve(town, uid).await;
            town.engine.fire_due().await.unwrap();
            Act::Send(ids(town, "SELECT id FROM batch WHERE state = 0 AND kind = 2").await)
        },
        async |town, alert| {
            let sql = format!(
                "SELECT count(*) FROM notice WHERE alert_id = {alert} AND purpose = 1 \
                 AND n % 100 = 1"
            );
            assert!(town.count(&sql).await >= 4);
            let sql =
                format!("SELECT count(*) FROM notice WHERE alert_id = {alert} AND kind IS NULL");
            assert_eq!(town.count(&sql).await, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn a_look_at_the_timers() {
    each_await(
        5,
        async |town, uid| {
            approve(town, uid).await;
            expand(town).await;
            let all = ids(town, "SELECT id FROM batch WHERE state = 0").await;
            town.engine.send_once(&all).await.unwrap();
            town.clock.advance_ms(370_000);
            Act::Fire
        },
        everybody_once,
    )
    .await;
}

#[tokio::test]
async fn receipts_and_replies() {
    each_await(
        5,
        async |town, uid| {
            approve(town, uid).await;
            town.seconds(70).await;
            for (number, text) in [(1, "1"), (2, "水进屋了"), (3, "知道了")] {
                town.sim.write_in(town.now(), &home_number(HOME + number), text);
            }
            town.sim.write_in(town.now(), &crate::plant::human_number(leader(0)), "1");
            town.clock.advance_ms(10_000);
            Act::Callbacks(town.sim.due(town.now()).iter().map(Callback::of).collect())
        },
        async |town, alert| {
            let custody = town.custody(alert).await;
            assert_eq!((custody.heard, custody.help), (3, 1), "{custody:?}");
            let tasks = format!("SELECT count(*) FROM task WHERE alert_id = {alert} AND kind = 1");
            assert_eq!(town.count(&tasks).await, 1);
        },
    )
    .await;
}

#[tokio::test]
async fn a_withdrawal() {
    each_await(
        5,
        async |town, uid| {
            approve(town, uid).await;
            town.settle().await;
            Act::Withdraw(uid.into())
        },
        async |town, alert| {
            let asked = books::asked(town).await;
            assert_eq!(asked[&(alert, 2)].len() as i64, town.homes);
            assert!(!asked.contains_key(&(alert, 3)), "corrected twice");
        },
    )
    .await;
}

#[tokio::test]
async fn the_end_of_an_order() {
    each_await(
        5,
        async |town, uid| {
            approve(town, uid).await;
            town.settle().await;
            Act::End(uid.into())
        },
        async |town, alert| {
            let custody = town.custody(alert).await;
            assert_eq!((custody.open_system, custody.orphans), (custody.open, 0));
        },
    )
    .await;
}

#[tokio::test]
async fn the_chain_and_the_audit() {
    for act in [Act::Chain, Act::Audit] {
        each_await(
            1,
            async |town, uid| {
                approve(town, uid).await;
                act.clone()
            },
            everybody_once,
        )
        .await;
    }
}

/// The list that the grid's leader is offered after six minutes.
async fn offered(town: &Town, uid: &str) -> String {
    approve(town, uid).await;
    town.settle().await;
    town.clock.advance_ms(370_000);
    town.settle().await;
    let sql = format!("SELECT uid FROM list WHERE human_id = {} ORDER BY id DESC", leader(0));
    town.rows::<(String,)>(&sql).await[0].0.clone()
}

/// Lists of an alert that a human has, in a state.
async fn lists_of(town: &Town, alert: i64, human: i64, state: ListState) -> i64 {
    let sql = format!(
        "SELECT count(*) FROM list WHERE alert_id = {alert} AND human_id = {human} \
         AND state = {}",
        state.code()
    );
    town.count(&sql).await
}

/// Texts for a purpose that a human got under an alert.
async fn told(town: &Town, alert: i64, human: i64, purpose: Purpose) -> i64 {
    let sql = format!(
        "SELECT count(*) FROM notice WHERE alert_id = {alert} AND human_id = {human} \
         AND purpose = {}",
        purpose.code()
    );
    town.count(&sql).await
}

#[tokio::test]
async fn a_list_that_is_taken() {
    each_await(
        5,
        async |town, uid| Act::TakeList(offered(town, uid).await),
        async |town, alert| {
            assert_eq!(lists_of(town, alert, leader(0), ListState::Taken).await, 1);
            let custody = town.custody(alert).await;
            assert_eq!(custody.open_list, custody.open, "{custody:?}");
            assert_eq!(told(town, alert, leader(0) + 1, Purpose::Offer).await, 0, "it climbs");
        },
    )
    .await;
}

#[tokio::test]
async fn a_list_that_is_given_to_another() {
    each_await(
        5,
        async |town, uid| Act::GiveList(offered(town, uid).await, format!("h{STREET_DUTY}")),
        async |town, alert| {
            assert_eq!(lists_of(town, alert, STREET_DUTY, ListState::Offered).await, 1);
            assert_eq!(told(town, alert, STREET_DUTY, Purpose::Offer).await, 1);
        },
    )
    .await;
}

#[tokio::test]
async fn a_tick_at_a_door() {
    each_await(
        5,
        async |town, uid| {
            let list = offered(town, uid).await;
            Act::Tick(list, format!("c{}", HOME + 2), Claim::Evacuated)
        },
        async |town, alert| {
            let sql = format!(
                "SELECT count(*) FROM statement WHERE alert_id = {alert} AND claim = {}",
                Claim::Evacuated.code()
            );
            assert_eq!(town.count(&sql).await, 1);
            assert_eq!(town.custody(alert).await.answered, 1);
        },
    )
    .await;
}

/// A home cries for help; gives the task of it.
async fn cried(town: &Town, uid: &str) -> String {
    approve(town, uid).await;
    town.settle().await;
    town.clock.advance_ms(70_000);
    town.settle().await;
    town.sim.write_in(town.now(), &home_number(HOME + 2), "水进屋了");
    town.clock.advance_ms(10_000);
    town.settle().await;
    let sql = "SELECT uid FROM task WHERE kind = 1 ORDER BY id DESC";
    town.rows::<(String,)>(sql).await[0].0.clone()
}

#[tokio::test]
async fn a_task_that_the_desk_takes() {
    each_await(
        5,
        async |town, uid| Act::TakeTask(cried(town, uid).await),
        async |town, alert| {
            let sql = format!(
                "SELECT count(*) FROM task WHERE alert_id = {alert} AND kind = 1 AND state = 1 \
                 AND owner = '李签发'"
            );
            assert_eq!(town.count(&sql).await, 1);
            let sql = format!(
                "SELECT count(*) FROM notice WHERE alert_id = {alert} AND purpose = {}",
                Purpose::HelpTaken.code()
            );
            assert_eq!(town.count(&sql).await, 1, "who cried hears it once");
        },
    )
    .await;
}

#[tokio::test]
async fn a_task_that_the_desk_closes() {
    each_await(
        5,
        async |town, uid| {
            let task = cried(town, uid).await;
            town.engine.take_task(&town.approver, &task, None).await.unwrap();
            Act::CloseTask(task)
        },
        async |town, alert| {
            let sql = format!(
                "SELECT count(*) FROM statement WHERE alert_id = {alert} AND claim = {}",
                Claim::HelpClosed.code()
            );
            assert_eq!(town.count(&sql).await, 1, "closed once");
            assert_eq!(town.custody(alert).await.help, 0);
            let sql = format!("SELECT count(*) FROM task WHERE alert_id = {alert} AND state < 2");
            assert_eq!(town.count(&sql).await, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn a_list_that_climbs_to_the_deputy() {
    each_await(
        5,
        async |town, uid| {
            offered(town, uid).await;
            town.clock.advance_ms(125_000);
            Act::Fire
        },
        async |town, alert| {
            let deputy = leader(0) + 1;
            assert_eq!(lists_of(town, alert, deputy, ListState::Offered).await, 1);
            assert_eq!(told(town, alert, deputy, Purpose::Offer).await, 1, "one text");
            assert_eq!(lists_of(town, alert, COMMUNITY_HEAD, ListState::Offered).await, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn the_list_of_the_unwoken() {
    each_await(
        5,
        async |town, uid| {
            approve(town, uid).await;
            for _ in 0..2 {
                town.settle().await;
                town.clock.advance_ms(121_000);
            }
            town.settle().await;
            town.clock.advance_ms(60_000);
            Act::Fire
        },
        async |town, alert| {
            let sql = format!(
                "SELECT count(*) FROM summons WHERE alert_id = {alert} AND reported_at IS NULL \
                 AND woken_at IS NULL AND human_id IN ({}, {})",
                leader(0),
                leader(0) + 1
            );
            assert_eq!(town.count(&sql).await, 0, "both sleep and are reported");
            for above in [COMMUNITY_HEAD, STREET_DUTY, DUTY_ROOM] {
                assert!(told(town, alert, above, Purpose::Unwoken).await <= 1, "human {above}");
            }
            let sql = format!(
                "SELECT count(*) FROM notice WHERE alert_id = {alert} AND purpose = {}",
                Purpose::Unwoken.code()
            );
            assert!(town.count(&sql).await >= 1);
        },
    )
    .await;
}

/// Two new persons, both called by the order's id.
fn two_called(uid: &str) -> Act {
    let human = |code: &str| {
        Row::Human(HumanRow { code: code.into(), name: uid.into(), phones: Vec::new() })
    };
    Act::Import(vec![human("new-1"), human("new-2")])
}

#[tokio::test]
async fn an_import_of_the_roster() {
    each_nth_await(
        13,
        5,
        async |_, uid| two_called(uid),
        async |town, alert| {
            let names = "SELECT name FROM human WHERE code IN ('new-1', 'new-2')";
            let now: Vec<(String,)> = town.rows(names).await;
            assert!(now.is_empty() || (now.len() == 2 && now[0] == now[1]), "half: {now:?}");
            // What died holds nobody up for longer than two minutes.
            town.clock.advance_ms(121_000);
            town.settle().await;
            let uid: Vec<(String,)> =
                town.rows(&format!("SELECT uid FROM alert WHERE id = {alert}")).await;
            let act = two_called(&uid[0].0);
            Hands::of(town).step(&town.engine, act).await.unwrap();
            let now: Vec<(String,)> = town.rows(names).await;
            assert_eq!(now, [uid[0].clone(), uid[0].clone()]);
        },
    )
    .await;
}
