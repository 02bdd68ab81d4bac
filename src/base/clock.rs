//! Time as a value: story time (plans, timers, matching, rates; moved by stories, scaled by
//! `--speed`) and machine time (leases, hint age, time-outs; never scaled). The only file that
//! asks the machine for the time. It does not sleep and does not know the store's clock; whoever
//! measured an offset against it hands it in.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Both times of one process. Instants are ms UTC.
pub trait Clock: Send + Sync {
    /// What the plan goes by.
    fn story_ms(&self) -> i64;
    /// What leases and time-outs go by.
    fn machine_ms(&self) -> i64;
    /// Story milliseconds in one of the machine's: 1 but where a night is played faster.
    fn speed(&self) -> f64 {
        1.0
    }
}

/// Milliseconds UTC by the machine's own calendar clock.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
pub fn calendar_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Production's clock: an instant measured once (the store's), carried by the monotonic clock.
/// A calendar that is stepped by an hour moves nothing here.
pub struct CarriedClock {
    measured: Instant,
    machine_base_ms: AtomicI64,
    story_base_ms: i64,
    speed: f64,
}

impl CarriedClock {
    /// `now_ms` is the store's time at this moment; `speed` scales story time only.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    pub fn new(now_ms: i64, story_ms: i64, speed: f64) -> CarriedClock {
        CarriedClock {
            measured: Instant::now(),
            machine_base_ms: AtomicI64::new(now_ms),
            story_base_ms: story_ms,
            speed,
        }
    }

    fn carried_ms(&self) -> i64 {
        i64::try_from(self.measured.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Takes a new measure of the store's clock; gives how far it was off, in ms.
    pub fn correct(&self, now_ms: i64) -> i64 {
        let off_ms = now_ms - self.machine_ms();
        self.machine_base_ms.fetch_add(off_ms, Ordering::Relaxed);
        off_ms
    }
}

impl Clock for CarriedClock {
    fn story_ms(&self) -> i64 {
        let passed = self.carried_ms() as f64 * self.speed;
        self.story_base_ms + passed as i64
    }

    fn machine_ms(&self) -> i64 {
        self.machine_base_ms.load(Ordering::Relaxed) + self.carried_ms()
    }

    fn speed(&self) -> f64 {
        self.speed
    }
}

/// A clock that is moved, not slept: both times together, or one alone.
pub struct HandClock {
    story: AtomicI64,
    machine: AtomicI64,
}

impl HandClock {
    /// Starts both times at `now_ms`.
    pub fn new(now_ms: i64) -> HandClock {
        HandClock { story: AtomicI64::new(now_ms), machine: AtomicI64::new(now_ms) }
    }

    /// Moves both times on.
    pub fn advance_ms(&self, ms: i64) {
        self.story.fetch_add(ms, Ordering::Relaxed);
        self.machine.fetch_add(ms, Ordering::Relaxed);
    }

    /// Moves machine time alone, as when a lease runs out while the story stands still.
    pub fn advance_machine_ms(&self, ms: i64) {
        self.machine.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn story_ms(&self) -> i64 {
        self.story.load(Ordering::Relaxed)
    }

    fn machine_ms(&self) -> i64 {
        self.machine.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carried_clock_is_corrected_without_touching_the_story() {
        let clock = CarriedClock::new(1_000_000, 5_000, 60.0);
        let story = clock.story_ms();
        assert!(clock.correct(1_003_000) >= 2_000);
        assert!(clock.machine_ms() >= 1_003_000);
        assert!(clock.story_ms() - story < 60_000);
    }
}
