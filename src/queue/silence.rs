//! How long the broker has owed an answer: the clock behind "direct mode".
//!
//! Machine time only (never story time), and no decisions: the engine reads the figure.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The state of the debt; cheap to ask.
#[derive(Debug, Default)]
pub struct Silence(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: usize,
    since: Option<Instant>,
    last_confirm: Option<Instant>,
}

/// One publish on its way; dropping it unconfirmed leaves the clock running.
#[derive(Debug)]
pub struct Waiting<'a>(&'a Silence);

impl Silence {
    /// A publish begins.
    pub fn begin(&self, now: Instant) -> Waiting<'_> {
        self.with(|state| {
            state.waiting += 1;
            state.since.get_or_insert(now);
        });
        Waiting(self)
    }

    /// The connection is gone: the clock runs although nobody is publishing.
    pub fn lost(&self, now: Instant) {
        self.with(|state| {
            state.since.get_or_insert(now);
        });
    }

    /// The broker has confirmed something.
    pub fn confirmed(&self, now: Instant) {
        self.with(|state| {
            state.last_confirm = Some(now);
            state.since = (state.waiting > 0).then_some(now);
        });
    }

    /// Somebody is publishing at this moment.
    pub fn is_waited_for(&self) -> bool {
        self.with(|state| state.waiting > 0)
    }

    /// Milliseconds the broker has owed an answer; None when it owes none.
    pub fn since_ms(&self, now: Instant) -> Option<u64> {
        self.with(|state| state.since.map(|at| whole_ms(now - at)))
    }

    /// Milliseconds since the last confirmation; None before the first.
    pub fn last_confirm_age_ms(&self, now: Instant) -> Option<u64> {
        self.with(|state| state.last_confirm.map(|at| whole_ms(now - at)))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Waiting<'_> {
    /// All of this publish is confirmed (or refused: that is an answer too).
    pub fn answered(self, now: Instant) {
        let silence = self.0;
        drop(self);
        silence.confirmed(now);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.waiting = state.waiting.saturating_sub(1));
    }
}

fn whole_ms(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "instants to count from")]
mod tests {
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn an_unanswered_publish_keeps_the_clock_running() {
        let (silence, start) = (Silence::default(), Instant::now());
        assert_eq!(silence.since_ms(start), None);
        drop(silence.begin(start));
        let second = silence.begin(at(start, 3_400));
        assert_eq!(silence.since_ms(at(start, 3_500)), Some(3_500));
        second.answered(at(start, 3_500));
        assert_eq!(silence.since_ms(at(start, 9_000)), None);
        assert_eq!(silence.last_confirm_age_ms(at(start, 3_600)), Some(100));
    }

    #[test]
    fn progress_restarts_it_for_those_who_still_wait() {
        let (silence, start) = (Silence::default(), Instant::now());
        let slow = silence.begin(start);
        silence.begin(at(start, 800)).answered(at(start, 900));
        assert_eq!(silence.since_ms(at(start, 1_600)), Some(700));
        slow.answered(at(start, 1_700));
        assert_eq!(silence.since_ms(at(start, 1_800)), None);
    }

    #[test]
    fn a_lost_connection_is_silence_without_a_publish() {
        let (silence, start) = (Silence::default(), Instant::now());
        silence.lost(start);
        silence.lost(at(start, 10));
        assert_eq!(silence.since_ms(at(start, 30)), Some(30));
        silence.confirmed(at(start, 40));
        assert_eq!(silence.since_ms(at(start, 50)), None);
    }
}
