//! Tokens that open nothing, counted by where they come from: who tries too many waits a minute.
//! With 65 bits nobody guesses one; this makes the trying dear and seen, and never stands before a
//! link that opens. It knows no token.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::limits::{LINK_MISSES_MINUTE, LINK_SOURCES};

const WINDOW_MS: i64 = 60_000;

#[derive(Default)]
struct Window {
    index: i64,
    misses: HashMap<String, u32>,
}

/// The misses of this process in the present minute, and of all its life.
#[derive(Default)]
pub(super) struct Guesses {
    window: Mutex<Window>,
    missed: AtomicU64,
}

impl Guesses {
    /// Whether this source has missed too often in this minute (machine time).
    pub(super) fn is_too_many(&self, source: &str, machine_ms: i64) -> bool {
        let window = self.window.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let current = window.index == machine_ms.div_euclid(WINDOW_MS);
        current && window.misses.get(source).is_some_and(|n| *n >= LINK_MISSES_MINUTE)
    }

    /// Notes a miss.
    pub(super) fn miss(&self, source: &str, machine_ms: i64) {
        self.missed.fetch_add(1, Ordering::Relaxed);
        let index = machine_ms.div_euclid(WINDOW_MS);
        let mut window = self.window.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if window.index != index {
            *window = Window { index, misses: HashMap::new() };
        }
        // From so many places at once it is no longer worth telling them apart.
        if window.misses.len() >= LINK_SOURCES && !window.misses.contains_key(source) {
            return;
        }
        let misses = window.misses.entry(source.to_owned()).or_default();
        *misses += 1;
        if *misses == LINK_MISSES_MINUTE {
            tracing::warn!(source, "tries one token after the other and waits for a minute");
        }
    }

    /// Tokens that opened nothing since this process began.
    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_tries_too_many_waits_alone_and_for_a_minute() {
        let guesses = Guesses::default();
        for _ in 0..LINK_MISSES_MINUTE {
            assert!(!guesses.is_too_many("10.0.0.9", 1_000));
            guesses.miss("10.0.0.9", 1_000);
        }
        assert!(guesses.is_too_many("10.0.0.9", WINDOW_MS - 1));
        assert!(!guesses.is_too_many("10.0.0.8", 1_000));
        assert!(!guesses.is_too_many("10.0.0.9", WINDOW_MS));
        guesses.miss("10.0.0.9", WINDOW_MS);
        assert!(!guesses.is_too_many("10.0.0.9", WINDOW_MS));
        assert_eq!(guesses.missed(), u64::from(LINK_MISSES_MINUTE) + 1);
    }
}
