//! A gateway that can't be reached: nothing is lost, nobody's attempts are spent, the desk is told,
//! and when it is back everybody gets what was written for them, also those for whom no second wave
//! comes. And one that refuses everybody for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};

use tongluo::base::clock::HandClock;
use tongluo::channel::{CallFault, Transport};
use tongluo::engine::Engine;
use tongluo::practice::gateway::{GatewaySim, Line};

use super::dead::settle;
use crate::plant::{HOME, Layout, home_number, human_number};
use crate::town::{Setup, Town, on_both};

/// What the gateway does while it is not itself.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    /// No connection.
    Away,
    /// Every call is answered with a code that may pass.
    Refusing,
}

/// The practice gateway behind a line that can be cut.
struct Cut {
    line: Line,
    trouble: Trouble,
    cut: AtomicBool,
    calls: AtomicI64,
}

impl Cut {
    fn new(sim: &Arc<GatewaySim>, clock: &Arc<HandClock>, trouble: Trouble) -> Arc<Cut> {
        let line = Line { gateway: sim.clone(), clock: clock.clone() };
        Arc::new(Cut { line, trouble, cut: AtomicBool::new(true), calls: AtomicI64::new(0) })
    }
}

#[async_trait]
impl Transport for Cut {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        if !self.cut.load(Ordering::Relaxed) {
            return self.line.call(request).await;
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        match self.trouble {
            Trouble::Away => Err(CallFault::NotSent("connection refused".into())),
            Trouble::Refusing => {
                let body = r#"{"code": 20503, "message": "unavailable", "status": 503}"#;
                let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                Ok(answer)
            }
        }
    }
}

/// `minutes` of the story, worked by this process alone, custody asserted every minute.
async fn live(town: &Town, engine: &Engine, minutes: i64) {
    settle(engine).await;
    for step in 1..=minutes * 12 {
        town.clock.advance_ms(5_000);
        settle(engine).await;
        town.callbacks().await;
        if step % 12 == 0 {
            town.check().await;
        }
    }
}

fn layout() -> Layout {
    Layout { grids: 2, homes: 20, ..Layout::default() }
}

fn setup() -> Setup {
    Setup { layout: layout(), ..Setup::default() }
}

/// Homes, by number in the town, that have had no text.
fn untold(town: &Town) -> Vec<i64> {
    (1..=town.homes).filter(|n| town.heard(&home_number(HOME + n)).is_empty()).collect()
}

async fn of_attempts(town: &Town) -> (i64, i64) {
    let sql = "SELECT COALESCE(max(attempt), 0) FROM outcome";
    (town.count(sql).await, town.count("SELECT count(*) FROM outcome").await)
}

#[tokio::test]
async fn a_gateway_away_for_two_or_twenty_minutes_loses_nobody() {
    for away in [2, 20] {
        on_both(setup(), async |town| {
            let line = Cut::new(&town.sim, &town.clock, Trouble::Away);
            let engine = town.another("cut", 9, line.clone(), &setup()).await;
            let (_, alert) = town.flood_order().await;
            live(&town, &engine, away).await;
            assert_eq!(untold(&town).len(), 80, "nobody can have it");
            assert_eq!(of_attempts(&town).await, (0, 0), "a call that never left is no attempt");
            assert_eq!(town.count("SELECT count(*) FROM notice WHERE kind IS NOT NULL").await, 0);
            // Few calls: it is not asked for every home again and again.
            let calls = line.calls.load(Ordering::Relaxed);
            assert!(calls <= 200 * away, "{calls} calls in {away} minutes");
            let alarms: Vec<(String,)> =
                town.rows("SELECT text FROM task WHERE kind = 4 AND text LIKE '%连不上%'").await;
            assert_eq!(alarms.len(), 1, "{alarms:?}");
            assert!(alarms[0].0.starts_with("通道practice连不上"), "{alarms:?}");
            assert_eq!(engine.outages().len(), 1);
            let custody = town.custody(alert).await;
            assert_eq!((custody.orphans, custody.audience), (0, 80));
            line.cut.store(false, Ordering::Relaxed);
            let since = town.now();
            live(&town, &engine, 1).await;
            assert_eq!(untold(&town), [] as [i64; 0], "after {away} minutes away");
            let twice = (1..=town.homes).filter(|n| {
                let heard = town.heard(&home_number(HOME + n));
                heard.len() > 2
            });
            assert_eq!(twice.count(), 0);
            assert!(engine.outages().is_empty());
            let back: Vec<(i64, String)> =
                town.rows("SELECT at, detail FROM journal WHERE act = 'gateway.back'").await;
            assert!(back.len() == 1 && back[0].0 <= since + 60_000, "{back:?}");
            let leaders = (1..=2).filter(|n| !town.leader_heard(*n).is_empty()).count();
            assert!(leaders > 0, "{}", human_number(1));
            town
        })
        .await;
    }
}

#[tokio::test]
async fn who_was_refused_three_times_is_tried_again_ever_more_slowly() {
    on_both(setup(), async |town| {
        let line = Cut::new(&town.sim, &town.clock, Trouble::Refusing);
        let engine = town.another("cut", 9, line.clone(), &setup()).await;
        town.flood_order().await;
        live(&town, &engine, 12).await;
        assert_eq!(untold(&town).len(), 80);
        let (attempts, rows) = of_attempts(&town).await;
        assert!((6..=12).contains(&attempts), "{attempts} attempts in twelve minutes");
        assert!(rows < 80 * 20, "{rows}");
        line.cut.store(false, Ordering::Relaxed);
        live(&town, &engine, 11).await;
        assert_eq!(untold(&town), [] as [i64; 0], "no second wave comes for those who may stay");
        let stay: Vec<usize> =
            (1..=town.homes).step_by(2).map(|n| town.heard(&home_number(HOME + n)).len()).collect();
        assert!(stay.iter().all(|heard| *heard == 1), "{stay:?}");
        town
    })
    .await;
}
