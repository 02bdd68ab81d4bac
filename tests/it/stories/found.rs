//! What the simulation found, told as stories, each with as little night as it takes.

use tongluo::base::clock::Clock;
use tongluo::store::batch;
use tongluo::store::notice::{self, Post, SettleRow};

use crate::plant::{HOME, Layout, second_number};
use crate::sim::acts::{Act, Hands, wrong};
use crate::sim::wire::Slow;
use crate::sim::world::{Ran, World};
use crate::town::{Setup, Town, on_both};
use tongluo::practice::gateway::{DeadNumbers, Vices};

async fn open_batches(town: &Town) -> Vec<i64> {
    let sql = "SELECT id FROM batch WHERE state = 0 AND kind = 1 ORDER BY id";
    town.rows::<(i64,)>(sql).await.into_iter().map(|row| row.0).collect()
}

#[tokio::test]
async fn a_batch_in_nobodys_hands_at_the_withdrawal_is_taken_up_by_nobody() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = town.flood_order().await;
        town.engine.feed_once().await.unwrap();
        town.engine.work_waiting().await.unwrap();
        let batches = open_batches(&town).await;
        assert!(batches.len() > 2 && town.taken().is_empty(), "only expanded so far");
        town.engine.withdraw(&town.author, &uid, &wrong()).await.unwrap();
        // A process with an old hint comes too late, and dies.
        let machine = town.clock.machine_ms();
        let late = batch::lease(&town.engine.store, &batches, "late", machine).await.unwrap();
        assert_eq!(late.len(), 0, "{late:?}");
        town.minutes(3).await;
        assert!(town.asked("更正").is_empty(), "nobody had the text of {alert}");
        town
    })
    .await;
}

#[tokio::test]
async fn a_process_that_slept_through_its_lease_begins_no_further_call() {
    let setup = || Setup {
        layout: Layout { must_move_every: 0, fragile_every: 0, ..Layout::default() },
        calls_open: 2,
        ..Setup::default()
    };
    on_both(setup(), async |town| {
        let mut world = World::open(town, setup(), 1, 2).await;
        world.town.flood_order().await;
        world.town.engine.feed_once().await.unwrap();
        world.town.engine.work_waiting().await.unwrap();
        let hands = Hands::of(&world.town);
        let batches = open_batches(&world.town).await;
        world.processes[0].wire.begin(Slow::AfterTaken, 0);
        let step = hands.step(&world.processes[0].engine, Act::Send(batches.clone()));
        assert_eq!(world.run(0, step, None).await, Ran::Hangs);
        assert_eq!(world.town.taken().len(), 2, "both calls hang");
        world.town.clock.advance_machine_ms(31_000);
        // The other process hangs as well, so that there are members left to call.
        world.processes[1].wire.begin(Slow::AfterTaken, 0);
        let step = hands.step(&world.processes[1].engine, Act::Send(batches));
        assert_eq!(world.run(1, step, None).await, Ran::Hangs);
        let before = world.town.taken().len();
        world.let_go(0, None).await;
        assert_eq!(world.town.taken().len(), before, "it began another call");
        world.let_go(1, None).await;
        world.rest(2).await;
        crate::sim::books::check_nobody_lost(&world.town).await;
        world.town
    })
    .await;
}

#[tokio::test]
async fn a_notice_that_was_tried_again_is_not_posted_twice() {
    on_both(Setup::default(), async |town| {
        let store = &town.engine.store;
        let addresses = "SELECT min(id) FROM address WHERE human_id IS NOT NULL";
        let post = Post {
            address: town.count(addresses).await,
            purpose: 1,
            n: 1,
            human: Some(1),
            household: None,
            text: "醒着请回1".into(),
        };
        for nonce in [1, 2] {
            let mut tx = store.begin().await.unwrap();
            let posts = std::slice::from_ref(&post);
            let written = notice::post(&mut tx, 0, 1, 1, posts, town.now(), nonce).await.unwrap();
            assert_eq!(written, u64::from(nonce == 1));
            tx.commit().await.unwrap();
            let id = town.count("SELECT max(id) FROM notice").await;
            let again = SettleRow { id, kind: 4, due: Some(town.now()), x: None, c: None };
            let mut tx = store.begin().await.unwrap();
            notice::settle(&mut tx, &[&again], "practice", town.now()).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(town.count("SELECT attempt FROM notice").await, 3);
        town.settle().await;
        town
    })
    .await;
}

/// One number of a household is refused for now, the other one's answer never comes: each is
/// followed up by a batch of its own, and neither stands in the other's way.
#[tokio::test]
async fn both_numbers_of_a_household_are_corrected_whatever_each_call_met() {
    let setup = Setup {
        layout: Layout { second_phone_every: 1, must_move_every: 1, ..Layout::default() },
        vices: Vices { receipt_missing: 1.0, ..Vices::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        let (uid, _) = town.flood_order().await;
        // The second wave goes to the second number.
        town.minutes(5).await;
        assert_eq!(town.heard(&second_number(HOME + 1)).len(), 1);
        town.sim.set_vices(Vices {
            fail_5xx: 0.5,
            timeout_not_taken: 0.3,
            dead_numbers: DeadNumbers::default(),
            ..Vices::default()
        });
        town.engine.withdraw(&town.author, &uid, &wrong()).await.unwrap();
        town.settle().await;
        town.sim.set_vices(Vices::default());
        town.minutes(4).await;
        let corrected = town.taken().into_iter().filter(|e| e.text.contains("更正：前面短信说"));
        let corrected: std::collections::BTreeSet<String> = corrected.map(|e| e.to).collect();
        assert_eq!(corrected.len() as i64, 2 * town.homes);
        town
    })
    .await;
}
