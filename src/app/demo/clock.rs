//! The demo's clock: fast while the story is told, at its natural pace for whoever looks around
//! afterwards. It never stands still and never goes back by more than a moment.

use std::sync::OnceLock;

use crate::base::clock::{CarriedClock, Clock};

pub struct StoryClock {
    fast: CarriedClock,
    natural: OnceLock<CarriedClock>,
}

impl StoryClock {
    /// `now_ms` is the store's time, `story_ms` the story's at this moment.
    pub fn new(now_ms: i64, story_ms: i64, speed: f64) -> StoryClock {
        StoryClock { fast: CarriedClock::new(now_ms, story_ms, speed), natural: OnceLock::new() }
    }

    /// From now on a story second takes a second.
    pub fn slow_down(&self) {
        let (machine, story) = (self.fast.machine_ms(), self.fast.story_ms());
        let _ = self.natural.set(CarriedClock::new(machine, story, 1.0));
    }
}

impl Clock for StoryClock {
    fn story_ms(&self) -> i64 {
        self.natural.get().map_or_else(|| self.fast.story_ms(), Clock::story_ms)
    }

    fn machine_ms(&self) -> i64 {
        self.fast.machine_ms()
    }

    fn speed(&self) -> f64 {
        self.natural.get().map_or_else(|| self.fast.speed(), Clock::speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slowed_clock_goes_on_from_where_it_was() {
        let clock = StoryClock::new(1_000, 5_000, 10_000.0);
        while clock.story_ms() < 15_000 {
            std::hint::spin_loop();
        }
        clock.slow_down();
        let at = clock.story_ms();
        assert!(at >= 15_000);
        assert!(clock.story_ms() - at < 10_000, "ten seconds would be a millisecond of the story");
    }
}
