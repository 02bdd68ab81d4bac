//! Real processes and real servers that die: the built program as it runs, a practice gateway with
//! a log of its own, PostgreSQL and RabbitMQ. These tests run alone (`.config/nextest.toml`) and
//! wait for conditions in real time, each with a bound. No engine is stepped here.
#![expect(clippy::disallowed_methods, reason = "real processes live in real time")]

mod bench;
mod ground;
mod kills;
mod peers;
pub mod processes;
mod restarts;
mod withdrawal;

use std::time::Duration;

use tokio::time::{Instant, interval};

/// Waits until it is so; panics after so many seconds, saying how it stood.
pub async fn until<T: std::fmt::Debug>(
    what: &str,
    seconds: u64,
    mut look: impl AsyncFnMut() -> Seen<T>,
) {
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut tick = interval(Duration::from_millis(50));
    loop {
        tick.tick().await;
        let stands = match look().await {
            Seen::Yes => return,
            Seen::NotYet(stands) => stands,
        };
        assert!(Instant::now() < end, "not within {seconds} s: {what}; it stands at {stands:?}");
    }
}

/// What a look found.
pub enum Seen<T> {
    Yes,
    NotYet(T),
}

/// So, or how it stands.
pub fn seen<T>(is_so: bool, stands: T) -> Seen<T> {
    if is_so { Seen::Yes } else { Seen::NotYet(stands) }
}
