//! How often somebody may guess: a bounded table of failures and a delay that grows with them. It
//! knows neither clock nor password, and what is counted under a key is the caller's.

use std::collections::HashMap;

/// How patient one kind of key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Failures that cost nothing.
    pub free: u32,
    /// The delay after the first that does; each one more doubles it.
    pub first_ms: i64,
    pub most_ms: i64,
}

/// A name from one place: a person who mistypes, or somebody who guesses.
pub const PAIR: Patience = Patience { free: 5, first_ms: 2_000, most_ms: 900_000 };
/// One place, whatever names it tries.
pub const SOURCE: Patience = Patience { free: 20, first_ms: 2_000, most_ms: 900_000 };
/// A name, wherever from. Short at most: whoever guesses from everywhere must not be able to keep
/// the duty officer out for the night.
pub const NAME: Patience = Patience { free: 30, first_ms: 2_000, most_ms: 30_000 };

/// Failures are forgotten after so long without another.
pub const FORGOTTEN_MS: i64 = 3_600_000;

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last_at: i64,
}

/// The failures of one process.
#[derive(Debug)]
pub struct Attempts {
    rows: HashMap<String, Failures>,
    most: usize,
}

impl Attempts {
    /// A table of at most `most` keys; the key that failed longest ago makes room.
    pub fn new(most: usize) -> Attempts {
        Attempts { rows: HashMap::new(), most: most.max(1) }
    }

    /// How long this key still has to wait; 0: it may try.
    pub fn wait_ms(&self, key: &str, patience: Patience, now: i64) -> i64 {
        let Some(row) = self.rows.get(key).filter(|row| now - row.last_at < FORGOTTEN_MS) else {
            return 0;
        };
        (row.last_at + delay_ms(row.count, patience) - now).max(0)
    }

    /// Notes a failure; whether it was the first that costs a delay.
    pub fn failed(&mut self, key: &str, patience: Patience, now: i64) -> bool {
        if !self.rows.contains_key(key) && self.rows.len() >= self.most {
            self.make_room(now);
        }
        let row = self.rows.entry(key.to_owned()).or_insert(Failures { count: 0, last_at: now });
        if now - row.last_at >= FORGOTTEN_MS {
            row.count = 0;
        }
        row.count = row.count.saturating_add(1);
        row.last_at = now;
        row.count == patience.free + 1
    }

    /// It was the right person after all.
    pub fn forget(&mut self, key: &str) {
        self.rows.remove(key);
    }

    /// One attempt was none; earlier failures stay.
    pub fn take_back(&mut self, key: &str) {
        if let Some(row) = self.rows.get_mut(key) {
            row.count = row.count.saturating_sub(1);
        }
    }

    fn make_room(&mut self, now: i64) {
        self.rows.retain(|_, row| now - row.last_at < FORGOTTEN_MS);
        if self.rows.len() < self.most {
            return;
        }
        let oldest = self.rows.iter().min_by_key(|(_, row)| (row.last_at, row.count));
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.rows.remove(&key);
        }
    }
}

fn delay_ms(count: u32, patience: Patience) -> i64 {
    let beyond = count.saturating_sub(patience.free);
    match beyond {
        0 => 0,
        1..=20 => (patience.first_ms << (beyond - 1)).min(patience.most_ms),
        _ => patience.most_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_and_is_bounded() {
        let mut table = Attempts::new(100);
        let mut firsts = 0;
        for _ in 0..PAIR.free {
            firsts += u32::from(table.failed("甲", PAIR, 0));
            assert_eq!(table.wait_ms("甲", PAIR, 0), 0);
        }
        assert_eq!(firsts, 0);
        assert!(table.failed("甲", PAIR, 0));
        assert_eq!(table.wait_ms("甲", PAIR, 0), 2_000);
        assert_eq!(table.wait_ms("甲", PAIR, 1_500), 500);
        assert_eq!(table.wait_ms("甲", PAIR, 2_000), 0);
        assert!(!table.failed("甲", PAIR, 2_000));
        assert_eq!(table.wait_ms("甲", PAIR, 2_000), 4_000);
        for _ in 0..100 {
            table.failed("甲", PAIR, 2_000);
        }
        assert_eq!(table.wait_ms("甲", PAIR, 2_000), PAIR.most_ms);
        assert_eq!(table.wait_ms("乙", PAIR, 2_000), 0);
    }

    #[test]
    fn failures_are_forgotten_in_time_or_by_success() {
        let mut table = Attempts::new(100);
        for _ in 0..=PAIR.free {
            table.failed("甲", PAIR, 0);
            table.failed("乙", PAIR, 0);
        }
        table.take_back("甲");
        assert_eq!(table.wait_ms("甲", PAIR, 1), 0);
        table.forget("甲");
        assert_eq!(table.wait_ms("甲", PAIR, 1), 0);
        assert_ne!(table.wait_ms("乙", PAIR, 1), 0);
        assert!(!table.failed("乙", PAIR, FORGOTTEN_MS));
        assert_eq!(table.wait_ms("乙", PAIR, FORGOTTEN_MS), 0);
    }

    #[test]
    fn a_flood_of_keys_does_not_grow_the_table() {
        let mut table = Attempts::new(10);
        for n in 0..1_000 {
            table.failed(&n.to_string(), PAIR, n);
            assert!(table.rows.len() <= 10);
        }
        assert!(table.rows.contains_key("999") && table.rows.contains_key("990"));
    }
}
