//! Who no longer belongs, while calls of the old version still hang: they hear the farewell once
//! it is known that they may have had the old text, and nobody else does.

use std::collections::BTreeSet;

use tongluo::engine::narrow::Farewell;

use crate::plant::{GRID, HOME, Layout, home_number};
use crate::sim::acts::{Act, Hands};
use crate::sim::wire::Slow;
use crate::sim::world::{Ran, World};
use crate::town::{Setup, Town, on_both, refusal};

const WORDS: &str = "范围更正";

fn setup() -> Setup {
    let layout = Layout { grids: 2, fragile_every: 0, ..Layout::default() };
    Setup { layout, calls_open: 2, ..Setup::default() }
}

fn second() -> Vec<String> {
    vec![format!("p{}", GRID + 1)]
}

/// The second grid's movers are being called, two of them, when an update leaves that grid out.
/// Gives the order and who was called.
async fn dropped_in_mid_call(world: &mut World) -> (String, BTreeSet<String>) {
    let town = &world.town;
    let (uid, _) = town.flood_order().await;
    town.engine.feed_once().await.unwrap();
    town.engine.work_waiting().await.unwrap();
    let sql =
        format!("SELECT id FROM batch WHERE grid_id = {} AND state = 0 AND ring = 1", GRID + 1);
    let batches: Vec<i64> = town.rows::<(i64,)>(&sql).await.into_iter().map(|r| r.0).collect();
    assert_eq!(batches.len(), 1);
    let hands = Hands::of(town);
    world.processes[0].wire.begin(Slow::AfterTaken, 0);
    let step = hands.step(&world.processes[0].engine, Act::Send(batches));
    assert_eq!(world.run(0, step, None).await, Ran::Hangs);
    let town = &world.town;
    let called: BTreeSet<String> = town.taken().into_iter().map(|entry| entry.to).collect();
    assert_eq!(called.len(), 2, "of five movers");
    let mut form = town.flood_form();
    form.places = vec![format!("p{GRID}")];
    town.engine.update(&town.author, &uid, &form).await.unwrap();
    town.engine.submit(&town.author, &uid).await.unwrap();
    town.engine.approve(&town.approver, &uid, false).await.unwrap();
    (uid, called)
}

async fn narrow(town: &Town, uid: &str) -> Result<u64, tongluo::engine::EngineFault> {
    let correct = Farewell::RangeCorrection;
    town.engine.tell_dropped(&town.author, uid, correct, &second()).await
}

#[tokio::test]
async fn who_was_being_called_when_the_place_was_left_out_hears_it_when_the_call_has_ended() {
    on_both(setup(), async |town| {
        let mut world = World::open(town, setup(), 1, 2).await;
        let (uid, called) = dropped_in_mid_call(&mut world).await;
        assert_eq!(narrow(&world.town, &uid).await.unwrap(), 0, "nothing is known yet");
        world.town.seconds(10).await;
        assert!(world.town.asked(WORDS).is_empty());
        world.town.clock.advance_machine_ms(2_000);
        assert_eq!(world.let_go(0, None).await, Ran::Done);
        world.town.seconds(10).await;
        assert_eq!(world.town.asked(WORDS), called);
        world.town.minutes(2).await;
        assert_eq!(world.town.asked(WORDS), called);
        for number in &called {
            let heard = world.town.heard(number);
            assert_eq!(heard.iter().filter(|t| t.contains(WORDS)).count(), 1, "{heard:?}");
        }
        let timers = "SELECT count(*) FROM timer WHERE kind = 14";
        assert_eq!(world.town.count(timers).await, 0, "no lease is left");
        let said = refusal(narrow(&world.town, &uid).await);
        assert!(said.contains("all were told"), "{said}");
        world.town
    })
    .await;
}

#[tokio::test]
async fn who_may_have_been_called_by_a_process_that_died_hears_it_too() {
    on_both(setup(), async |town| {
        let mut world = World::open(town, setup(), 1, 2).await;
        let (uid, called) = dropped_in_mid_call(&mut world).await;
        narrow(&world.town, &uid).await.unwrap();
        world.kill(0).await;
        world.town.clock.advance_machine_ms(95_000);
        world.town.seconds(20).await;
        // Nobody knows which of the batch were called.
        let batch: BTreeSet<String> =
            (11..=20).filter(|n| n % 2 == 0).map(|n| home_number(HOME + n)).collect();
        assert_eq!(world.town.asked(WORDS), batch);
        assert!(batch.is_superset(&called));
        world.town
    })
    .await;
}

#[tokio::test]
async fn the_end_of_the_order_does_not_end_its_corrections() {
    on_both(setup(), async |town| {
        let mut world = World::open(town, setup(), 1, 2).await;
        let (uid, called) = dropped_in_mid_call(&mut world).await;
        narrow(&world.town, &uid).await.unwrap();
        world.town.engine.end(&world.town.approver, &uid).await.unwrap();
        world.town.clock.advance_machine_ms(2_000);
        assert_eq!(world.let_go(0, None).await, Ran::Done);
        world.town.seconds(10).await;
        assert_eq!(world.town.asked(WORDS), called);
        world.town
    })
    .await;
}
