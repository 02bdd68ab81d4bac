//! What the RabbitMQ queue alone must do: give back, reconnect, be heard again after a silence,
//! refuse what has no queue, put aside what is no hint.
//!
//! Connections are broken by a wire of our own, not by stopping the server.

#![expect(clippy::disallowed_methods, reason = "a real broker is waited for in real time")]

use lapin::BasicProperties;
use lapin::options::{BasicGetOptions, BasicPublishOptions};
use tongluo::queue::RabbitQueue;

use super::wire::{State, Wire};
use super::*;

async fn publish_raw(url: &str, queue: &str, body: &[u8]) {
    let (channel, properties) = (raw_channel(url).await, BasicProperties::default());
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), queue.into(), options, body, properties).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsettled_hints_come_back_after_the_consumer_dies() {
    on_rabbit("unsettled_hints_come_back", |settings| async move {
        let first = connect(&settings).await.unwrap();
        first.publish(&hints(1..=4)).await.unwrap();
        let mut got = collect(&*first, 4).await;
        first.settle(got.drain(1..2).collect()).await.unwrap();
        // Dropped without a goodbye, hints in hand.
        drop(first);
        let second = connect(&settings).await.unwrap();
        let back = collect(&*second, 3).await;
        assert_eq!(ids(&back).into_iter().collect::<BTreeSet<_>>(), [1, 3, 4].into());
        assert!(back.iter().all(|delivery| delivery.redelivered));
        // Of another life: passed over.
        second.settle(got).await.unwrap();
        second.settle(back).await.unwrap();
        assert!(second.receive(SMS, FLASH, 9, 300).await.unwrap().is_empty());
        second.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_survives_reconnection() {
    on_rabbit("a_hint_survives_reconnection", |settings| async move {
        let wire = Wire::to(&settings.url);
        let queue = connect(&wire.through(&settings)).await.unwrap();
        queue.publish(&hints(1..=3)).await.unwrap();
        let got = collect(&*queue, 3).await;
        wire.set(State::Cut);
        eventually("the loss is seen", async || !queue.health().connected).await;
        assert!(queue.health().silent_since_ms.is_some() && queue.health().trouble.is_some());
        wire.set(State::Open);
        eventually("all consumers live again", async || queue.health().is_well()).await;
        assert_eq!(queue.health().trouble, None);
        let back = collect(&*queue, 3).await;
        assert_eq!(ids(&back).into_iter().collect::<BTreeSet<_>>(), [1, 2, 3].into());
        assert!(back.iter().all(|delivery| delivery.redelivered));
        // Numbers of the old connection must not settle hints of the new one.
        queue.settle(got).await.unwrap();
        let health = queue.health();
        assert_eq!((health.stale_settles, health.reconnects), (3, 1));
        queue.settle(back).await.unwrap();
        queue.publish(&hints(5..=5)).await.unwrap();
        assert_eq!(ids(&collect(&*queue, 1).await), [5]);
        queue.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_broker_is_told_in_time_and_heard_again() {
    on_rabbit("a_silent_broker", |settings| async move {
        let wire = Wire::to(&settings.url);
        let queue = connect(&wire.through(&settings)).await.unwrap();
        queue.publish(&hints(1..=1)).await.unwrap();
        wire.set(State::Frozen);
        let started = Instant::now();
        let fault = queue.publish(&hints(2..=3)).await.unwrap_err();
        assert_eq!(fault, QueueFault::NotConfirmed { waited_ms: 1_000 });
        assert!(started.elapsed() < Duration::from_millis(2_500), "{:?}", started.elapsed());
        eventually("direct mode is called for", async || queue.health().is_silent()).await;
        wire.set(State::Open);
        eventually("the silence ends by itself", async || queue.health().is_well()).await;
        queue.publish(&hints(4..=4)).await.unwrap();
        let mut seen = BTreeSet::new();
        while !seen.contains(&4) {
            let got = collect(&*queue, 1).await;
            seen.extend(ids(&got));
            queue.settle(got).await.unwrap();
        }
        queue.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_comes_late_is_found() {
    on_rabbit("a_broker_that_comes_late", |settings| async move {
        let wire = Wire::to(&settings.url);
        wire.set(State::Cut);
        let queue = connect(&wire.through(&settings)).await.unwrap();
        assert!(!queue.health().connected && queue.health().consumers.len() == 4);
        let received = queue.receive(SMS, FLASH, 1, 100).await.unwrap_err();
        assert_eq!(received, QueueFault::Disconnected);
        let refused = queue.publish(&hints(1..=1)).await.unwrap_err();
        assert!(matches!(refused, QueueFault::NotConfirmed { .. }), "{refused:?}");
        assert_eq!((queue.depth().await, queue.dead_letters().await), (Vec::new(), None));
        let started = Instant::now();
        let refused = queue.publish(&hints(1..=1)).await.unwrap_err();
        assert_eq!(refused, QueueFault::NotConfirmed { waited_ms: 0 });
        assert!(started.elapsed() < Duration::from_millis(500), "known to be away: no wait");
        wire.set(State::Open);
        eventually("it is found", async || queue.health().is_well()).await;
        queue.publish(&hints(1..=1)).await.unwrap();
        assert_eq!(ids(&collect(&*queue, 1).await), [1]);
        queue.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unroutable_hint_is_an_error_and_the_queue_is_declared_again() {
    on_rabbit("an_unroutable_hint", |settings| async move {
        let publisher = QueueSettings { consume: Vec::new(), ..settings.clone() };
        let queue = connect(&publisher).await.unwrap();
        let name = settings.queue_name(SMS, FLASH);
        let channel = raw_channel(&settings.url).await;
        let gone = channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await;
        gone.unwrap();
        let fault = queue.publish(&hints(1..=3)).await.unwrap_err();
        assert_eq!(fault, QueueFault::Unroutable { queue: name });
        eventually("a later publish is confirmed", async || {
            queue.publish(&hints(4..=4)).await.is_ok()
        })
        .await;
        queue.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_whose_queue_is_deleted_comes_back() {
    on_rabbit("a_consumer_whose_queue_is_deleted", |settings| async move {
        let queue = connect(&settings).await.unwrap();
        let channel = raw_channel(&settings.url).await;
        let name = settings.queue_name(SMS, FLASH);
        channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.unwrap();
        eventually("a new link", async || queue.health().reconnects == 1).await;
        eventually("all is well", async || queue.health().is_well()).await;
        queue.publish(&hints(1..=1)).await.unwrap();
        assert_eq!(ids(&collect(&*queue, 1).await), [1]);
        queue.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_bytes_are_put_aside_and_the_consumer_lives() {
    on_rabbit("unknown_bytes", |settings| async move {
        let queue = connect(&settings).await.unwrap();
        let name = settings.queue_name(SMS, FLASH);
        let foreign: [&[u8]; 4] =
            [b"", "水进屋了".as_bytes(), &[0xff; 5_000], b"h1 expand flash 1 2"];
        for (body, id) in foreign.into_iter().zip(1..) {
            publish_raw(&settings.url, &name, body).await;
            queue.publish(&hints(id..=id)).await.unwrap();
        }
        let got = collect(&*queue, 4).await;
        assert_eq!(ids(&got), [1, 2, 3, 4]);
        queue.settle(got).await.unwrap();
        eventually("four are put aside", async || queue.dead_letters().await == Some(4)).await;
        assert!(queue.health().is_well());
        assert_eq!(queue.health().reconnects, 0);
        queue.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_arguments_ask_for_another_version() {
    on_rabbit("changed_arguments", |settings| async move {
        connect(&settings).await.unwrap().close().await;
        let changed = QueueSettings { depth_max: 401, ..settings.clone() };
        let fault = connect(&changed).await.err().expect("other arguments under the same name");
        assert!(matches!(fault, QueueFault::Mismatch { .. }), "{fault:?}");
        let words = fault.to_string();
        assert!(words.contains("x-max-length") && words.contains("raise queue.version"), "{words}");
        let next = QueueSettings { version: 2, ..changed };
        let queue = RabbitQueue::connect(&next).await.unwrap();
        assert!(queue.health().is_well());
        queue.close_and_delete().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_on_the_wire_is_small_and_kept_on_disk() {
    on_rabbit("a_hint_on_the_wire", |settings| async move {
        let publisher = QueueSettings { consume: Vec::new(), ..settings.clone() };
        let queue = connect(&publisher).await.unwrap();
        let longest = Hint { topic: SMS, class: FLASH, id: i64::MIN, alert: i64::MIN };
        queue.publish(&[longest]).await.unwrap();
        let channel = raw_channel(&settings.url).await;
        let name = settings.queue_name(SMS, FLASH);
        let got = channel.basic_get(name.into(), BasicGetOptions::default()).await.unwrap();
        let message = got.expect("a confirmed hint is in its queue").delivery;
        assert!(message.data.len() < 100, "{} bytes", message.data.len());
        assert_eq!(Hint::decode(&message.data), Ok(longest));
        assert_eq!(message.properties.delivery_mode(), &Some(2));
        queue.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_is_pipelined() {
    on_rabbit("publishing_is_pipelined", |settings| async move {
        let roomy = QueueSettings { depth_max: 100_000, consume: Vec::new(), ..settings };
        let queue = connect(&roomy).await.unwrap();
        let started = Instant::now();
        for hint in hints(1..=200) {
            queue.publish(&[hint]).await.unwrap();
        }
        let single = 200.0 / started.elapsed().as_secs_f64();
        let started = Instant::now();
        queue.publish(&hints(1..=5_000)).await.unwrap();
        let pipelined = 5_000.0 / started.elapsed().as_secs_f64();
        println!("publishes/s: one by one {single:.0}, pipelined {pipelined:.0}");
        assert!(pipelined > 3.0 * single, "one by one {single:.0}/s, pipelined {pipelined:.0}/s");
        queue.close().await;
    })
    .await;
}
