//! What a watched board costs where much happens: 20,000 households and 2,000 answers a minute. The
//! work of a minute is done without waiting, and only its processor time is counted.

use tongluo::base::clock::{CarriedClock, Clock};
use tongluo::channel::Inbound;
use tongluo::store::custody;

use super::{Faces, let_in};
use crate::plant::{HOME, Layout, home_number};
use crate::town::{Setup, Town, on_both};

/// Boards are asked for every three seconds, the store every second.
const ROUNDS: i64 = 20;
const ROUND_MS: i64 = 3_000;
const ANSWERS_ROUND: i64 = 100;
const VIEWERS: usize = 3;

/// Processor time of this process so far, in milliseconds (ticks of ten).
fn cpu_ms() -> i64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|field| field.parse::<i64>().unwrap()).sum::<i64>() * 10
}

#[tokio::test]
async fn a_board_of_twenty_thousand_households_costs_little() {
    let layout = Layout { grids: 67, buildings: 10, homes: 30, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (uid, alert) = town.flood_order().await;
        town.settle().await;
        town.clock.advance_ms(60_000);
        let mut viewers = Vec::new();
        for _ in 0..VIEWERS {
            viewers.push(faces.signed("李签发").await);
        }
        let path = format!("/alerts/{uid}/fragment?node=p105");
        let (mut cost, mut wall, mut largest) = (0, 0, 0);
        let watch = CarriedClock::new(0, 0, 1.0);
        for round in 0..ROUNDS {
            let replies: Vec<Inbound> = (1..=ANSWERS_ROUND)
                .map(|n| {
                    let home = HOME + round * ANSWERS_ROUND + n;
                    let key = format!("SM{home}");
                    Town::reply(&key, &home_number(home), "1", None)
                })
                .collect();
            town.engine.take_replies("practice", &replies).await.unwrap();
            town.clock.advance_ms(ROUND_MS);
            let open = town.custody(alert).await.open;
            let (before, from) = (cpu_ms(), watch.machine_ms());
            for _ in 0..3 {
                town.engine.board_mark(alert).await.unwrap();
            }
            for viewer in &mut viewers {
                let got = viewer.get(&path).await;
                let figure = format!("{open} <small>户未应答");
                assert!(got.body.contains(&figure), "fresh in every round: {}", got.body);
                largest = largest.max(got.body.len());
            }
            cost += cpu_ms() - before;
            wall += watch.machine_ms() - from;
        }
        let minute = ROUNDS * ROUND_MS;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds, to be read")]
        let share = cost as f64 / minute as f64 * 100.0;
        println!("{cost} ms of processor time a minute: {share:.1} % of a core, {largest} bytes");
        println!("{wall} ms of a minute gone by, the database's own work included");
        assert!(share < 10.0, "{share:.1} % of a core for {VIEWERS} viewers");
        assert!(largest < 60 * 1024, "{largest} bytes");
        let heard = custody::tallied(&town.engine.store, alert).await.unwrap().3;
        assert_eq!(heard, ROUNDS * ANSWERS_ROUND);
        town
    })
    .await;
}
