//! Orders that must not go out: a ring in which people live is left out, codes mean nothing, or no
//! gateway would carry a message. What an emergency may overlook is asserted as well.

use tongluo::engine::EngineFault;
use tongluo::engine::issue::OrderForm;
use tongluo::store::order::RingRow;

use crate::town::{Setup, Town, on_both};

/// Ring, demand, pursued.
type Asked = (i64, i64, i64);

fn asking(town: &Town, rings: &[Asked]) -> OrderForm {
    let ring = |(ring, demand, pursued): &Asked| RingRow {
        ring: *ring,
        demand: *demand,
        pursued: *pursued,
    };
    OrderForm { rings: Some(rings.iter().map(ring).collect()), ..town.flood_form() }
}

fn refused<T: std::fmt::Debug>(done: Result<T, EngineFault>, words: &[&str]) {
    let Err(EngineFault::Refused(said)) = &done else {
        panic!("not refused: {done:?}");
    };
    for word in words {
        assert!(said.contains(word), "{said:?} lacks {word:?}");
    }
}

#[tokio::test]
async fn nobody_who_must_move_is_left_out_of_an_order_unnoticed() {
    on_both(Setup::default(), async |town| {
        let movers = town.flood_form();
        let sketched = town.engine.sketch(&town.author, &movers, tongluo::engine::sketch::Of::NEW);
        let sketched = sketched.await.unwrap();
        assert!(sketched.faults.is_empty(), "{:?}", sketched.faults);
        let first = sketched.rings.iter().find(|ring| ring.text.ring == 1).unwrap();
        let counted = format!("{} households", first.count.households);
        assert!(first.count.households > 0);
        // What is wrong in each, and whether it is named to be mended.
        let cases: [(&[Asked], &[&str]); 4] = [
            (&[(3, 0, 0)], &["ring-left-out", "ring 1", "ring 2", &counted]),
            (&[(1, 4, 1), (3, 0, 0)], &["ring-left-out", "ring 2", "exclude"]),
            (&[(1, 4, 0), (2, 1, 1), (3, 0, 0)], &["move-not-pursued", "ring 1"]),
            (&[(1, 0, 0), (2, 0, 0), (3, 0, 0)], &["move-not-pursued", "ring 1"]),
        ];
        for (rings, words) in cases {
            let form = asking(&town, rings);
            let uid = town.engine.draft(&town.author, &form).await.unwrap();
            refused(town.engine.submit(&town.author, &uid).await, words);
            // No emergency makes good for it.
            refused(town.engine.send_now(&town.author, &form).await, words);
            let sketch =
                town.engine.sketch(&town.author, &form, tongluo::engine::sketch::Of::NEW).await;
            let faults = sketch.unwrap().faults;
            assert!(faults.iter().any(|fault| fault.field == "rings"), "{faults:?}");
        }
        // Codes that mean nothing are not taken for others, in a first version and in a later one.
        let (uid, _) = town.flood_order().await;
        for (rings, word) in [([(1, 4, 7)], "pursued 7"), ([(1, 9, 1)], "demand 9")] {
            let form = asking(&town, &rings);
            refused(town.engine.draft(&town.author, &form).await, &["rings", "ring 1", word]);
            refused(town.engine.update(&town.author, &uid, &form).await, &["rings", word]);
        }
        assert_eq!(town.count("SELECT count(*) FROM alert WHERE version > 0").await, 1);
        town.minutes(1).await;
        town
    })
    .await;
}

/// An installation that is not marked practice, with the practice gateway alone.
#[tokio::test]
async fn a_live_order_without_a_real_gateway_is_not_signed_by_an_oversight() {
    on_both(Setup { practice: false, ..Setup::default() }, async |town| {
        let (uid, _) = town.draft_order(&town.flood_form()).await;
        let words = ["no-gateway", "[[provider]]", "realm"];
        refused(town.engine.approve(&town.approver, &uid, false).await, &words);
        assert_eq!(town.count("SELECT count(*) FROM alert WHERE version > 0").await, 0);
        let said = town.engine.gateway_faults();
        assert!(said.iter().any(|one| one.remedy.contains("[[provider]]")), "{said:?}");
        // The emergency may: lists and telephones are left.
        town.engine.approve(&town.author, &uid, true).await.unwrap();
        assert_eq!(town.count("SELECT count(*) FROM alert WHERE version > 0").await, 1);
        // A rehearsal has its gateway.
        let form = OrderForm { kind: "rehearsal".into(), ..town.flood_form() };
        town.release(&form).await;
        town.minutes(1).await;
        town
    })
    .await;
}
