//! Messages to single persons on their way: an order taken back in the middle of a chunk, a store
//! that loses the transaction in which they were noted. What they say is told elsewhere.

use crate::plant::{Layout, STREET_DUTY, leader};
use crate::sim::acts::{Act, Hands, wrong};
use crate::sim::wire::Slow;
use crate::sim::world::{Ran, World};
use crate::town::{Setup, Town, on_both};

fn setup() -> Setup {
    let layout = Layout { grids: 4, ..Layout::default() };
    Setup { layout, calls_open: 2, ..Setup::default() }
}

async fn summoned(town: &Town) -> usize {
    town.taken().into_iter().filter(|entry| entry.text.contains("叫应")).count()
}

/// Batches that wait to tell single persons something.
async fn waiting(town: &Town) -> Vec<i64> {
    let sql = "SELECT id FROM batch WHERE state = 0 AND kind = 2 ORDER BY id";
    town.rows::<(i64,)>(sql).await.into_iter().map(|row| row.0).collect()
}

#[tokio::test]
async fn an_order_taken_back_in_mid_chunk_wakes_nobody_else() {
    on_both(setup(), async |town| {
        let mut world = World::open(town, setup(), 1, 2).await;
        let (uid, _) = world.town.flood_order().await;
        world.town.engine.fire_due().await.unwrap();
        let batches = waiting(&world.town).await;
        assert_eq!(batches.len(), 1, "one batch of summonses");
        let hands = Hands::of(&world.town);
        world.processes[0].wire.begin(Slow::AfterTaken, 0);
        let step = hands.step(&world.processes[0].engine, Act::Send(batches));
        assert_eq!(world.run(0, step, None).await, Ran::Hangs);
        assert_eq!(summoned(&world.town).await, 2, "two calls hang");
        world.town.engine.withdraw(&world.town.author, &uid, &wrong()).await.unwrap();
        world.town.clock.advance_machine_ms(2_000);
        assert_eq!(world.let_go(0, None).await, Ran::Done);
        assert_eq!(summoned(&world.town).await, 2, "ten are responsible");
        let noted = "SELECT count(*) FROM notice WHERE purpose = 1 AND kind = 1";
        assert_eq!(world.town.count(noted).await, 2, "what was called is known all the same");
        world.rest(3).await;
        assert_eq!(summoned(&world.town).await, 2);
        world.town
    })
    .await;
}

#[tokio::test]
async fn an_order_lifted_before_its_leaders_were_told_sends_none_of_them_out() {
    on_both(Setup::default(), async |town| {
        let (uid, _) = town.flood_order().await;
        town.minutes(5).await;
        town.clock.advance_ms(62_000);
        town.engine.fire_due().await.unwrap();
        assert!(!waiting(&town).await.is_empty(), "the offer is written and not sent");
        town.engine.end(&town.approver, &uid).await.unwrap();
        town.minutes(1).await;
        let heard = town.leader_heard(leader(0));
        assert!(!heard.iter().any(|text| text.contains("接手回1")), "{heard:?}");
        assert!(heard.last().unwrap().contains("不用跑了"), "{heard:?}");
        town
    })
    .await;
}

/// Lets the store lose the next two transactions that note what came of a notice. SQLite loses
/// none in this way: there the story only goes its way.
async fn lose_two(town: &Town) {
    if town.is_sqlite() {
        return;
    }
    for sql in [
        "CREATE SEQUENCE lost",
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('lost') <= 2 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF; \
         RETURN NULL; END $$",
        "CREATE TRIGGER lose AFTER UPDATE ON notice FOR EACH STATEMENT EXECUTE FUNCTION lose()",
    ] {
        town.break_in(sql).await;
    }
}

#[tokio::test]
async fn a_notice_whose_outcome_the_store_lost_is_noted_again_and_not_sent_again() {
    on_both(Setup::default(), async |town| {
        lose_two(&town).await;
        town.flood_order().await;
        town.seconds(10).await;
        for human in [leader(0), STREET_DUTY] {
            assert_eq!(town.leader_heard(human).len(), 1, "{:?}", town.leader_heard(human));
        }
        let open = "SELECT count(*) FROM notice WHERE kind IS NULL";
        assert_eq!(town.count(open).await, 0);
        if !town.is_sqlite() {
            let tries = "SELECT CAST(last_value AS bigint) FROM lost";
            assert!(town.count(tries).await > 2, "nothing was lost");
        }
        town
    })
    .await;
}
