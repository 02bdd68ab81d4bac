//! Two officials act on one order in the same moment, or on one that is over: one act counts, the
//! other is refused, and what is kept is what was said.

use tongluo::domain::alert::State;
use tongluo::engine::exercise::RollFill;
use tongluo::engine::issue::OrderForm;
use tongluo::store::order;

use crate::plant::Layout;
use crate::town::{Setup, Town, on_both, refusal};

fn small() -> Setup {
    Setup { layout: Layout { grids: 2, ..Layout::default() }, ..Setup::default() }
}

async fn state(town: &Town, uid: &str) -> State {
    let row = order::by_uid(&town.engine.store, uid).await.unwrap().unwrap();
    State::from_code(row.state).unwrap()
}

#[tokio::test]
async fn what_is_over_does_not_come_back_by_a_signature() {
    on_both(small(), async |town| {
        let form = town.flood_form();
        let (uid, _) = town.release(&form).await;
        town.minutes(1).await;
        town.engine.update(&town.author, &uid, &form).await.unwrap();
        town.engine.submit(&town.author, &uid).await.unwrap();
        town.engine.end(&town.approver, &uid).await.unwrap();
        town.minutes(1).await;
        let texts = town.taken().len();
        let late = refusal(town.engine.approve(&town.approver, &uid, false).await);
        assert!(late.contains("is over"), "{late}");
        assert!(refusal(town.engine.submit(&town.author, &uid).await).contains("is over"));
        town.seconds(20).await;
        assert_eq!(state(&town, &uid).await, State::Ended);
        assert_eq!(town.taken().len(), texts, "nobody is told to go any more");
        town
    })
    .await;
}

#[tokio::test]
async fn of_two_acts_in_one_moment_one_counts_and_is_kept() {
    on_both(small(), async |town| {
        let engine = &town.engine;
        for _ in 0..6 {
            let (uid, _) = town.draft_order(&town.flood_form()).await;
            let (signed, returned) = tokio::join!(
                engine.approve(&town.approver, &uid, false),
                engine.give_back(&town.approver, &uid, "地点写错了"),
            );
            assert!(signed.is_ok() != returned.is_ok(), "{signed:?} {returned:?}");
            let kept = state(&town, &uid).await;
            assert_eq!(kept, if signed.is_ok() { State::Live } else { State::Returned });
            town.seconds(20).await;
        }
        town
    })
    .await;
}

#[tokio::test]
async fn no_exercise_beside_a_real_order() {
    on_both(small(), async |town| {
        let real = town.flood_form();
        town.release(&real).await;
        let form = OrderForm { kind: "exercise".into(), ..real };
        let uid = town.engine.draft(&town.author, &form).await.unwrap();
        let fill = RollFill { places: form.places.clone(), lines: Vec::new() };
        town.engine.fill_roll(&town.author, &uid, &fill).await.unwrap();
        town.engine.submit(&town.author, &uid).await.unwrap();
        town.engine.confirm_roll(&town.approver, &uid, None).await.unwrap();
        let refused = refusal(town.engine.approve(&town.approver, &uid, false).await);
        assert!(refused.contains("no exercise while"), "{refused}");
        town.minutes(1).await;
        town
    })
    .await;
}

#[tokio::test]
async fn an_exercise_and_a_real_order_released_in_one_moment_never_stand_side_by_side() {
    on_both(small(), async |town| {
        let engine = &town.engine;
        for turn in 0..6 {
            let form = OrderForm { kind: "exercise".into(), ..town.flood_form() };
            let drill = engine.draft(&town.author, &form).await.unwrap();
            let fill = RollFill { places: form.places.clone(), lines: Vec::new() };
            engine.fill_roll(&town.author, &drill, &fill).await.unwrap();
            engine.submit(&town.author, &drill).await.unwrap();
            engine.confirm_roll(&town.approver, &drill, None).await.unwrap();
            let (real, alert) = town.draft_order(&town.flood_form()).await;
            let (exercised, ordered) = tokio::join!(
                engine.approve(&town.approver, &drill, false),
                engine.approve(&town.approver, &real, false),
            );
            ordered.unwrap();
            // It was refused, or it was stopped by the real one: never anything else.
            let kept = state(&town, &drill).await;
            let expected = if exercised.is_ok() { State::Ended } else { State::Submitted };
            assert_eq!(kept, expected, "turn {turn}: {exercised:?}");
            town.forget(alert).await;
        }
        town
    })
    .await;
}
