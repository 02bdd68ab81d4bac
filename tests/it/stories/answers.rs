//! Answers that come up: a cry among three hundred, and facts in any order.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tongluo::channel::Inbound;
use tongluo::store::desk;

use crate::engines::rooms;
use crate::plant::{HOME, Layout, home_number};
use crate::town::{Setup, Town, on_both};

#[tokio::test]
async fn a_cry_for_help_is_found_among_three_hundred() {
    let setup = Setup {
        layout: Layout { buildings: 10, homes: 30, ..Layout::default() },
        ..Setup::default()
    };
    on_both(setup, async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        let replies: Vec<Inbound> = (1..=300)
            .map(|n| {
                let text = if n == 173 { "水进屋了" } else { "收到" };
                let key = format!("SM{n:04}");
                Town::reply(&key, &home_number(HOME + n), text, None)
            })
            .collect();
        assert_eq!(town.engine.take_replies("practice", &replies).await.unwrap(), 300);
        let again = town.engine.take_replies("practice", &replies).await.unwrap();
        assert_eq!(again, 0, "the same group again changes nothing");
        town.settle().await;
        town.check().await;
        let tasks = desk::tasks(&town.engine.store, alert, 100).await.unwrap();
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        assert_eq!((tasks[0].class, tasks[0].household_id), (1, Some(HOME + 173)));
        assert_eq!(tasks[0].text, "水进屋了");
        let confirmed = town.heard(&home_number(HOME + 173)).pop().unwrap();
        assert!(confirmed.contains("收到了") && confirmed.contains("119"), "{confirmed}");
        let custody = town.custody(alert).await;
        assert_eq!((custody.heard, custody.help), (300, 1), "{custody:?}");
        // Untaken, it goes to the duty room by itself.
        town.minutes(2).await;
        let room = town.leader_heard(crate::plant::DUTY_ROOM);
        assert!(room.iter().any(|t| t.contains("求助")), "{room:?}");
        town
    })
    .await;
}

/// What ten homes said, each reply with the time at which its phone sent it.
fn facts(night: i64) -> Vec<Inbound> {
    let said: [&[&str]; 10] = [
        &["1"],
        &["1", "3", "3"],
        &["3", "2"],
        &["2", "3", "3"],
        &["收到", "走不动，要人背"],
        &["3", "3"],
        &["我们不走"],
        &["1", "2", "1"],
        &["水进屋了", "全家都走了", "3"],
        &["打错了"],
    ];
    let mut replies = Vec::new();
    for (n, texts) in (1..).zip(said) {
        for (nth, text) in (0..).zip(texts) {
            let key = format!("SM{n:02}{nth}");
            let at = night + 120_000 + n * 1_000 + nth * 70_000;
            let from = home_number(HOME + n);
            replies.push(Town::reply(&key, &from, text, Some(at)));
        }
    }
    replies
}

type Standing = (i64, Option<i64>, i64, i64, i64, i64, Option<i64>);

async fn standings_after(
    setup: &Setup,
    room: crate::engines::EngineRoom,
    seed: u64,
) -> Vec<Standing> {
    let town = Town::open(room, setup).await;
    town.flood_order().await;
    let mut replies = facts(town.now());
    town.minutes(10).await;
    replies.shuffle(&mut StdRng::seed_from_u64(seed));
    let cut = replies.len() / 2;
    for part in [&replies[..cut], &replies[cut..]] {
        town.engine.take_replies("practice", part).await.unwrap();
        town.check().await;
    }
    town.settle().await;
    let sql = "SELECT household_id, heard_at, whereabouts, refused, helps, verify, closed_at \
               FROM standing ORDER BY household_id";
    let standings = town.rows(sql).await;
    town.close().await;
    standings
}

#[tokio::test]
async fn the_same_facts_in_any_order_give_the_same_standings() {
    let setup = Setup {
        layout: Layout { must_move_every: 1, fragile_every: 4, ..Layout::default() },
        ..Setup::default()
    };
    let mut known: Option<Vec<Standing>> = None;
    for seed in 0..6 {
        for room in rooms().await {
            let name = room.name;
            let standings = standings_after(&setup, room, seed).await;
            let first = known.get_or_insert_with(|| standings.clone());
            assert_eq!(&standings, first, "seed {seed} on {name}");
        }
    }
    let known = known.unwrap();
    assert!(known.iter().any(|s| s.6.is_some()), "somebody closed: {known:?}");
    assert!(known.iter().any(|s| s.4 > 0), "somebody needs help: {known:?}");
    assert!(known.iter().any(|s| s.3 > 0), "somebody refused: {known:?}");
}
