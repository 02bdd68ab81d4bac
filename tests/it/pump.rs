//! The pump on a town: an order goes down by itself, timers fire, a broker that is silent is gone
//! round, what panics is begun again, and a stop leaves nothing leased.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tongluo::engine::pump::{self, Pulse, Roles};
use tongluo::store::custody;

use crate::own_queue::{BrokerWish, Under};
use crate::plant::{HOME, home_number, human_number, leader};
use crate::town::{Setup, Town, on_both};

const ALL: Roles = Roles { dispatch: true, clock: true };

struct Running {
    end: watch::Sender<bool>,
    pulse: Arc<Pulse>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(town: &Town) -> Running {
        Running::start_with(town, Arc::new(Pulse::default()))
    }

    fn start_with(town: &Town, pulse: Arc<Pulse>) -> Running {
        let (end, stop) = watch::channel(false);
        let task = tokio::spawn(pump::run_with(town.engine.clone(), ALL, pulse.clone(), stop));
        Running { end, pulse, task }
    }

    async fn stop(self) {
        self.end.send(true).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(12), self.task).await;
        ended.expect("the pump ends").unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "the pump runs on real time")]
/// Moves the town's clock while the pump runs, until it is as it should be.
async fn until(town: &Town, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..1_800 {
        if is_so().await {
            return;
        }
        town.clock.advance_ms(1_000);
        beat.tick().await;
    }
    panic!("never: {what}");
}

fn heard_all(town: &Town) -> bool {
    (1..=town.homes).all(|n| !town.heard(&home_number(HOME + n)).is_empty())
}

#[tokio::test]
async fn an_order_goes_down_by_itself_and_climbs() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        let pump = Running::start(&town);
        until(&town, "all homes hear", async || heard_all(&town)).await;
        let offer = human_number(leader(0));
        let offered = || town.heard(&offer).iter().any(|t| t.contains("接手"));
        until(&town, "the leader is offered his list", async || offered()).await;
        assert_eq!(town.custody(alert).await.orphans, 0);
        assert_eq!(pump.pulse.failed.load(Ordering::Relaxed), 0);
        pump.stop().await;
        let leased = custody::leased(&town.engine.store, alert).await.unwrap();
        assert_eq!(leased, 0);
        town
    })
    .await;
}

#[tokio::test]
async fn while_the_clocks_disagree_nothing_is_dispatched() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        let pulse = Arc::new(Pulse::default());
        pulse.hold.store(true, Ordering::Relaxed);
        let pump = Running::start_with(&town, pulse);
        let mut looks = 0;
        let waited = async || {
            looks += 1;
            looks > 20
        };
        until(&town, "a second on hold", waited).await;
        assert_eq!(town.taken().len(), 0);
        assert_eq!(pump.pulse.fed_at.load(Ordering::Relaxed), 0);
        pump.pulse.hold.store(false, Ordering::Relaxed);
        until(&town, "all homes hear", async || heard_all(&town)).await;
        pump.stop().await;
        town
    })
    .await;
}

#[tokio::test]
async fn a_silent_broker_is_gone_round() {
    let wish = BrokerWish { under: Under::Room, ..BrokerWish::default() };
    let setup = Setup { broker: Some(wish), ..Setup::default() };
    on_both(setup, async |town| {
        town.broker.as_ref().unwrap().die();
        town.flood_order().await;
        let pump = Running::start(&town);
        until(&town, "all homes hear", async || heard_all(&town)).await;
        assert!(pump.pulse.direct.load(Ordering::Relaxed) > 0);
        pump.end.send(true).unwrap();
        let _ = tokio::time::timeout(Duration::from_secs(12), pump.task).await;
        town
    })
    .await;
}
