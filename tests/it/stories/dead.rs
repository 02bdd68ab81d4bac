//! Numbers that a gateway calls dead: a gateway that finds nobody is not believed, and a number
//! that was buried lives again by any sign of life, or by an official's word.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};

use tongluo::channel::{CallFault, ReceiptEvent, Transport};
use tongluo::domain::access::Role;
use tongluo::domain::outcome::ReceiptClass;
use tongluo::engine::Engine;
use tongluo::engine::burial::Revival;
use tongluo::engine::issue::Actor;

use crate::plant::{HOME, Layout, home_number};
use crate::town::{Setup, Town, on_both, refusal};

/// A gateway that knows no number.
struct Liar;

#[async_trait]
impl Transport for Liar {
    async fn call(&self, _: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        let body = r#"{"code": 21211, "message": "The 'To' number is not valid", "status": 400}"#;
        let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        Ok(answer)
    }
}

/// Everything that is due now, by this process.
pub(super) async fn settle(engine: &Engine) {
    for _ in 0..1_000 {
        let mut busy = engine.fire_due().await.unwrap();
        let fed = engine.feed_once().await.unwrap();
        for hint in &fed.direct {
            engine.work(hint).await.unwrap();
        }
        busy += fed.hinted + fed.direct.len() + engine.work_waiting().await.unwrap();
        if busy == 0 {
            return;
        }
    }
    panic!("never at rest");
}

/// The first wave of an order goes through the liar. Gives the alert.
async fn lied_to(town: &Town, setup: &Setup) -> i64 {
    let liar = town.another("liar", 9, Arc::new(Liar), setup).await;
    let (_, alert) = town.flood_order().await;
    settle(&liar).await;
    town.check().await;
    assert!(town.taken().is_empty());
    alert
}

async fn dead(town: &Town) -> i64 {
    let sql = "SELECT count(*) FROM address WHERE state = 1 AND household_id IS NOT NULL";
    town.count(sql).await
}

async fn state_of(town: &Town, home: i64) -> i64 {
    let home = HOME + home;
    let sql = format!("SELECT CAST(state AS bigint) FROM address WHERE household_id = {home}");
    town.count(&sql).await
}

fn admin() -> Actor {
    Actor { account_id: 3, name: "孙管理".into(), rights: vec![(Role::Admin, 1)] }
}

#[tokio::test]
async fn a_gateway_that_finds_nobody_buries_nobody_and_the_next_wave_goes_out() {
    let layout = || Layout { grids: 2, homes: 20, ..Layout::default() };
    on_both(Setup { layout: layout(), ..Setup::default() }, async |town| {
        let setup = Setup { layout: layout(), ..Setup::default() };
        let alert = lied_to(&town, &setup).await;
        // Refused for good while the gateway was believed, for now from then on.
        let refused = format!(
            "SELECT count(*) FROM outcome WHERE alert_id = {alert} AND attempt = 1 \
             AND wave = 1 AND kind IN (2, 3)"
        );
        assert_eq!((town.count(&refused).await, dead(&town).await), (80, 0));
        let alarms: Vec<(String,)> =
            town.rows("SELECT text FROM task WHERE kind = 4 AND text LIKE '%空号%'").await;
        assert_eq!(alarms.len(), 1, "{alarms:?}");
        assert!(alarms[0].0.contains("通道practice：10分钟内"), "{alarms:?}");
        assert!(alarms[0].0.contains("这些号码没有停用"), "{alarms:?}");
        let noted = "SELECT count(*) FROM journal WHERE act = 'gateway.doubted'";
        assert_eq!(town.count(noted).await, 1);
        // The gateway is well again: all are reached, also those who need not move, for whom no
        // second wave comes.
        town.minutes(4).await;
        for n in 1..=town.homes {
            let heard = town.heard(&home_number(HOME + n));
            assert_eq!(heard.len(), 1, "home {n}: {heard:?}");
        }
        assert_eq!(town.count(&refused).await, 80, "an outcome is never overwritten");
        town
    })
    .await;
}

#[tokio::test]
async fn a_buried_number_lives_again_by_a_word_a_receipt_or_an_official() {
    on_both(Setup::default(), async |town| {
        lied_to(&town, &Setup::default()).await;
        assert_eq!(dead(&town).await, 10, "ten say nothing about a gateway");
        // A word from the number itself.
        town.says(&home_number(HOME + 6), "1").await;
        assert_eq!((state_of(&town, 6).await, dead(&town).await), (0, 9));
        // A message that reached its handset, but not one from before it was called dead.
        let address = format!("SELECT id FROM address WHERE household_id = {}", HOME + 4);
        let reference = format!("b1.{}", town.count(&address).await);
        let receipt = |key: &str, at: i64| ReceiptEvent {
            external_id: None,
            reference: Some(town.engine.sealer.sign(&reference)),
            callee: None,
            class: ReceiptClass::Delivered,
            code: "delivered".into(),
            at: Some(at),
            source_key: key.into(),
        };
        for (key, at, state) in [("a", town.now() - 60_000, 1), ("b", town.now(), 0)] {
            town.engine.take_receipts("practice", &[receipt(key, at)]).await.unwrap();
            assert_eq!(state_of(&town, 4).await, state);
        }
        let noted = "SELECT count(*) FROM journal WHERE act = 'number.revived'";
        assert_eq!(town.count(noted).await, 2);
        // An official's word.
        let two = Revival::Numbers(vec![home_number(HOME + 2), home_number(HOME + 3)]);
        assert!(town.engine.revive_numbers(&town.author, &two).await.is_err(), "no right");
        let wrong = Revival::Numbers(vec![home_number(HOME + 2), "王".into()]);
        let said = refusal(town.engine.revive_numbers(&admin(), &wrong).await);
        assert!(said.starts_with("numbers: the one at place 2"), "{said}");
        assert_eq!(town.engine.revive_numbers(&admin(), &two).await.unwrap(), 2);
        assert_eq!((state_of(&town, 2).await, dead(&town).await), (0, 6));
        // The order is sent to them at once, not to who is still dead; a home that need not move
        // (3) would else never hear of it.
        let heard = |n: i64| town.heard(&home_number(HOME + n)).len();
        town.minutes(1).await;
        let told = [2, 3, 4, 6, 8].map(heard);
        assert_eq!(told, [1, 1, 1, 1, 0]);
        town.minutes(4).await;
        let since = Revival::Since(town.now() - 3_600_000);
        assert_eq!(town.engine.revive_numbers(&admin(), &since).await.unwrap(), 6);
        assert_eq!((dead(&town).await, town.count(noted).await), (0, 4));
        town.minutes(1).await;
        let told: Vec<i64> = (1..=town.homes).filter(|n| heard(*n) == 0).collect();
        assert_eq!(told, [] as [i64; 0], "who was dead at first has been told");
        town
    })
    .await;
}
