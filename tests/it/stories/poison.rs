//! Replies that nobody meant to send: strangers, forgeries, repetitions, empty and poisoned texts.
//! None of them is lost, and none of them stops its neighbours.

use bytes::Bytes;
use tongluo::channel::{Event, HookFault, Inbound};
use tongluo::store::desk;

use crate::plant::{HOME, Layout, home_number};
use crate::town::{Setup, Town, on_both};

async fn kept(town: &Town) -> i64 {
    town.count("SELECT count(*) FROM inbound").await
}

#[tokio::test]
async fn a_stranger_is_heard_at_the_desk() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        let before = town.custody(alert).await;
        let stranger = home_number(HOME + 4_000_000);
        town.says(&stranger, "我妈妈一个人在四明路12号，水进屋了").await;
        town.says("10086", "1").await;
        assert_eq!(town.custody(alert).await, before);
        let tasks = desk::tasks(&town.engine.store, 0, 10).await.unwrap();
        assert_eq!(tasks.len(), 2, "{tasks:?}");
        let cry = tasks.iter().find(|t| t.text.contains("四明路")).unwrap();
        assert_eq!((cry.kind, cry.class, cry.household_id), (1, 1, None));
        assert_eq!(kept(&town).await, 2);
        town
    })
    .await;
}

#[tokio::test]
async fn a_hook_replayed_or_forged_changes_nothing() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        town.sim.write_in(town.now(), &home_number(HOME + 2), "3");
        let requests = town.sim.due(town.now());
        let hook = requests.last().unwrap().clone();
        let read = |request: &http::Request<Bytes>| match town
            .provider
            .http()
            .unwrap()
            .callback(request)
        {
            Ok(events) => events,
            Err(fault) => panic!("{fault}"),
        };
        let mut taken = 0;
        for _ in 0..3 {
            for event in read(&hook) {
                let Event::Reply(reply) = event else {
                    panic!("not a reply");
                };
                taken += town.engine.take_replies("practice", &[reply]).await.unwrap();
            }
            town.settle().await;
        }
        assert_eq!(taken, 1);
        // Three copies of one "3" are one "3": a home of several persons is asked back once.
        let asked = town.heard(&home_number(HOME + 2));
        assert_eq!(asked.iter().filter(|t| t.contains("再回3")).count(), 1, "{asked:?}");
        assert_eq!(town.custody(alert).await.answered, 0);

        let (mut parts, body) = hook.clone().into_parts();
        let mut forged = body.to_vec();
        forged.extend_from_slice(b"&Body=2");
        let request = http::Request::from_parts(parts.clone(), Bytes::from(forged));
        assert_eq!(town.provider.http().unwrap().callback(&request), Err(HookFault::Forged));
        parts.headers.clear();
        let request = http::Request::from_parts(parts, body);
        assert_eq!(town.provider.http().unwrap().callback(&request), Err(HookFault::Forged));
        // A megabyte is not read at all.
        town.sim.write_in(town.now(), &home_number(HOME + 3), &"x".repeat(1 << 20));
        let huge = town.sim.due(town.now()).pop().unwrap();
        assert_eq!(town.provider.http().unwrap().callback(&huge), Err(HookFault::TooLarge));
        assert_eq!(kept(&town).await, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn empty_and_broken_texts_are_kept_and_seen_by_a_person() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        let odd = ["", "\u{0}", "救\u{0}命", "  \u{3000} ", "😱😱", &"水".repeat(5_000)];
        for (n, text) in (1..).zip(odd) {
            town.says(&home_number(HOME + n), text).await;
            town.check().await;
        }
        assert_eq!(kept(&town).await, 6);
        let tasks = desk::tasks(&town.engine.store, 0, 10).await.unwrap();
        let of = |n: i64| tasks.iter().find(|t| t.household_id == Some(HOME + n));
        assert_eq!(of(3).map(|t| t.kind), Some(1), "U+0000 hides no cry for help");
        for n in [1, 2, 4, 5, 6] {
            assert!(of(n).is_some(), "home {n} is at nobody's desk: {tasks:?}");
        }
        assert_eq!(town.custody(alert).await.help, 1);
        town
    })
    .await;
}

/// Makes the store refuse every statement whose key says poison.
async fn lay_poison(town: &Town) {
    let sqlite = "CREATE TRIGGER poison BEFORE INSERT ON statement \
                  WHEN NEW.source_key LIKE '%poison%' BEGIN SELECT RAISE(ABORT, 'poison'); END";
    let postgres = "ALTER TABLE statement ADD CONSTRAINT poison \
                    CHECK (source_key NOT LIKE '%poison%')";
    let sql = if town.is_sqlite() { sqlite } else { postgres };
    town.break_in(sql).await;
}

fn many() -> Setup {
    Setup { layout: Layout { buildings: 10, homes: 20, ..Layout::default() }, ..Setup::default() }
}

fn group(poison: &str) -> Vec<Inbound> {
    (1..=200)
        .map(|n| {
            let key = if n == 77 { poison.into() } else { format!("SM{n:03}") };
            Town::reply(&key, &home_number(HOME + n), "收到", None)
        })
        .collect()
}

#[tokio::test]
async fn a_poison_row_in_a_group_of_200_stands_alone() {
    on_both(many(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        lay_poison(&town).await;
        let new = town.engine.take_replies("practice", &group("poison")).await;
        assert_eq!(new.unwrap(), 200);
        town.settle().await;
        assert_eq!(town.custody(alert).await.heard, 199);
        let tasks = desk::tasks(&town.engine.store, 0, 10).await.unwrap();
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        assert_eq!(tasks[0].text, "收到");
        assert_eq!(kept(&town).await, 200);
        town
    })
    .await;
}

#[tokio::test]
async fn a_row_that_cannot_even_be_kept_does_not_take_its_neighbours_with_it() {
    on_both(many(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        let refuse = if town.is_sqlite() {
            "CREATE TRIGGER bad BEFORE INSERT ON inbound WHEN NEW.source_key LIKE '%bad%' \
             BEGIN SELECT RAISE(ABORT, 'bad'); END"
        } else {
            "ALTER TABLE inbound ADD CONSTRAINT bad CHECK (source_key NOT LIKE '%bad%')"
        };
        town.break_in(refuse).await;
        // The provider is not told that all were taken, and every other one was.
        let taken = town.engine.take_replies("practice", &group("bad")).await;
        assert!(taken.is_err(), "{taken:?}");
        assert_eq!(kept(&town).await, 199);
        assert_eq!(town.custody(alert).await.heard, 199);
        let again = town.engine.take_replies("practice", &group("bad")).await;
        assert!(again.is_err());
        assert_eq!(town.custody(alert).await.heard, 199);
        town
    })
    .await;
}
