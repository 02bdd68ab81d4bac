//! A gateway that can't be reached: how long it rests before it is tried again, and from when on
//! the desk must know. Nothing is counted against an address meanwhile. Knows no gateway.

/// Rests between tries, story ms: an outage of a minute costs seconds, one of hours few calls.
pub const RESTS_MS: [i64; 4] = [5_000, 10_000, 20_000, 30_000];
/// An outage shorter than this is nobody's alarm.
pub const TOLD_AFTER_MS: i64 = 30_000;

/// One outage of one gateway, as one process sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// The first call that did not go through, story ms.
    pub since: i64,
    /// Not tried before this, story ms.
    pub until: i64,
    /// Tries since.
    pub rounds: usize,
}

impl Outage {
    /// The first call that did not go through.
    pub fn begin(now: i64) -> Outage {
        Outage { since: now, until: now + RESTS_MS[0], rounds: 1 }
    }

    /// Another call that did not go through. Those that were under way together count once.
    pub fn again(&mut self, now: i64) {
        if now < self.until {
            return;
        }
        self.until = now + RESTS_MS[self.rounds.min(RESTS_MS.len() - 1)];
        self.rounds += 1;
    }

    /// Whether it has lasted long enough to be an alarm.
    pub fn is_alarming(&self, now: i64) -> bool {
        now - self.since >= TOLD_AFTER_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_and_calls_made_together_count_once() {
        let mut outage = Outage::begin(1_000);
        for _ in 0..64 {
            outage.again(1_010);
        }
        assert_eq!((outage.until, outage.rounds), (6_000, 1));
        let mut untils = Vec::new();
        for _ in 0..5 {
            let now = outage.until;
            outage.again(now);
            untils.push(outage.until - now);
        }
        assert_eq!(untils, [10_000, 20_000, 30_000, 30_000, 30_000]);
        assert_eq!(outage.since, 1_000);
    }

    #[test]
    fn half_a_minute_is_an_alarm() {
        let outage = Outage::begin(0);
        assert!(!outage.is_alarming(TOLD_AFTER_MS - 1));
        assert!(outage.is_alarming(TOLD_AFTER_MS));
    }
}
