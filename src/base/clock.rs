//! Time as a value: story time (plans, timers, matching, rates; moved by stories, scaled by
//! `--speed`) and machine time (leases, hint age, time-outs; never scaled). The only file that
//! asks the machine for the time. It does not sleep and does not know the store's clock; whoever
//! measured an offset against it hands it in.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

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

/// Milliseconds of a clock that nobody sets and that goes on while the machine sleeps: a laptop
/// that was shut for two hours must not be two hours late.
#[cfg(target_os = "linux")]
fn passing_ms() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000)
}

/// Milliseconds of a clock that nobody sets. Whether it goes on while the machine sleeps is the
/// system's own matter.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
fn passing_ms() -> i64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let passed = BEGUN.get_or_init(Instant::now).elapsed().as_millis();
    i64::try_from(passed).unwrap_or(i64::MAX)
}

/// Production's clock: an instant measured (the store's), carried by a clock that nobody sets.
/// This machine's calendar, stepped by an hour, moves nothing here.
pub struct CarriedClock {
    measured_ms: i64,
    machine_base_ms: AtomicI64,
    story_base_ms: AtomicI64,
    speed: f64,
}

impl CarriedClock {
    /// `now_ms` is the store's time at this moment; `speed` scales story time only.
    pub fn new(now_ms: i64, story_ms: i64, speed: f64) -> CarriedClock {
        CarriedClock {
            measured_ms: passing_ms(),
            machine_base_ms: AtomicI64::new(now_ms),
            story_base_ms: AtomicI64::new(story_ms),
            speed,
        }
    }

    fn carried_ms(&self) -> i64 {
        passing_ms() - self.measured_ms
    }

    /// Takes a new measure of the store's clock; gives how far it was off, in ms. Where the story
    /// goes at the world's pace it follows too, so that processes begun at different times tell
    /// the same; a night that is played faster has a time of its own.
    pub fn correct(&self, now_ms: i64) -> i64 {
        let off_ms = now_ms - self.machine_ms();
        self.machine_base_ms.fetch_add(off_ms, Ordering::Relaxed);
        if self.speed == 1.0 {
            self.story_base_ms.fetch_add(off_ms, Ordering::Relaxed);
        }
        off_ms
    }
}

impl Clock for CarriedClock {
    fn story_ms(&self) -> i64 {
        let passed = self.carried_ms() as f64 * self.speed;
        self.story_base_ms.load(Ordering::Relaxed) + passed as i64
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
    fn processes_begun_at_different_times_come_to_tell_the_same() {
        let one = CarriedClock::new(1_000_000, 1_000_000, 1.0);
        // Begun after the store's clock was set an hour on.
        let other = CarriedClock::new(4_600_000, 4_600_000, 1.0);
        assert!(one.correct(4_600_000) >= 3_599_000);
        let apart = other.story_ms() - one.story_ms();
        assert!(apart.abs() < 1_000, "{apart}");
        assert_eq!(one.story_ms() - one.machine_ms(), 0);
        // And set back.
        assert!(one.correct(1_000_000) <= -3_599_000);
        assert!(one.story_ms() < 1_060_000);
    }

    #[test]
    fn a_carried_clock_of_a_faster_night_is_corrected_without_touching_the_story() {
        let clock = CarriedClock::new(1_000_000, 5_000, 60.0);
        let story = clock.story_ms();
        assert!(clock.correct(1_003_000) >= 2_000);
        assert!(clock.machine_ms() >= 1_003_000);
        assert!(clock.story_ms() - story < 60_000);
    }
}
