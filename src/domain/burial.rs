//! Whether a gateway that says "this number does not exist" is believed. A town has some dead
//! numbers; a gateway that finds them everywhere is broken, and what it says buries nobody.

use std::collections::VecDeque;

/// How long an outcome counts, story ms.
pub const WINDOW_MS: i64 = 10 * 60_000;
/// Fewer outcomes than this say nothing about a gateway.
pub const SAMPLE_MIN: usize = 50;
/// More dead numbers in a hundred outcomes than this are not believed. A made-up town has 4, the
/// worst roster that was never called may have 15.
pub const SHARE_PERCENT: usize = 30;

const MINUTE_MS: i64 = 60_000;

/// What to do about the dead numbers of a chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// These do not exist: no later order counts on them.
    pub bury: Vec<i64>,
    /// The gateway is not believed: these are tried again by a later wave, those included that it
    /// had buried within the window.
    pub doubt: Vec<i64>,
    /// Outcomes of the window.
    pub outcomes: usize,
    /// Of these, dead numbers.
    pub dead: usize,
}

struct Minute {
    at: i64,
    outcomes: usize,
    dead: usize,
    buried: Vec<i64>,
}

/// One gateway's outcomes of the last minutes, as one process saw them.
#[derive(Default)]
pub struct Window(VecDeque<Minute>);

impl Window {
    /// Adds the outcomes of a chunk; `dead` are its addresses that were refused for good.
    pub fn judge(&mut self, now: i64, outcomes: usize, dead: &[i64]) -> Verdict {
        let at = now / MINUTE_MS * MINUTE_MS;
        self.0.retain(|minute| minute.at > now - WINDOW_MS && minute.at <= at);
        if self.0.back().is_none_or(|minute| minute.at != at) {
            self.0.push_back(Minute { at, outcomes: 0, dead: 0, buried: Vec::new() });
        }
        if let Some(minute) = self.0.back_mut() {
            minute.outcomes += outcomes;
            minute.dead += dead.len();
        }
        let outcomes: usize = self.0.iter().map(|minute| minute.outcomes).sum();
        let all_dead: usize = self.0.iter().map(|minute| minute.dead).sum();
        let mut verdict = Verdict { outcomes, dead: all_dead, ..Verdict::default() };
        if dead.is_empty() {
            return verdict;
        }
        if is_doubtful(outcomes, all_dead) {
            verdict.doubt = self.0.iter_mut().flat_map(|m| std::mem::take(&mut m.buried)).collect();
            verdict.doubt.extend(dead);
        } else {
            verdict.bury = dead.to_vec();
            if let Some(minute) = self.0.back_mut() {
                minute.buried.extend(dead);
            }
        }
        verdict
    }
}

fn is_doubtful(outcomes: usize, dead: usize) -> bool {
    outcomes >= SAMPLE_MIN && dead * 100 > outcomes * SHARE_PERCENT
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_381_154_400_000;

    fn ids(range: std::ops::Range<i64>) -> Vec<i64> {
        range.collect()
    }

    #[test]
    fn a_few_dead_numbers_are_buried() {
        let mut window = Window::default();
        let verdict = window.judge(T, 200, &ids(0..30));
        assert_eq!((verdict.bury.len(), verdict.doubt.len()), (30, 0));
    }

    #[test]
    fn a_gateway_that_finds_nobody_is_not_believed_and_gives_back_what_it_took() {
        let mut window = Window::default();
        let first = window.judge(T, 40, &ids(0..40));
        assert_eq!(first.bury, ids(0..40), "forty say nothing yet");
        let second = window.judge(T + MINUTE_MS, 40, &ids(40..80));
        assert_eq!(second.doubt, ids(0..80));
        assert_eq!((second.bury.len(), second.outcomes, second.dead), (0, 80, 80));
        let third = window.judge(T + MINUTE_MS, 10, &[80]);
        assert_eq!(third.doubt, [80], "each is given back once");
    }

    #[test]
    fn the_window_moves_on() {
        let mut window = Window::default();
        window.judge(T, 200, &ids(0..200));
        let later = window.judge(T + WINDOW_MS, 100, &[1, 2]);
        assert_eq!((later.bury, later.outcomes), (vec![1, 2], 100));
        assert!(!is_doubtful(100, SHARE_PERCENT));
        assert!(is_doubtful(100, SHARE_PERCENT + 1));
        assert!(!is_doubtful(SAMPLE_MIN - 1, SAMPLE_MIN - 1));
    }

    #[test]
    fn a_clock_set_back_leaves_no_minute_of_the_future() {
        let mut window = Window::default();
        window.judge(T + 5 * MINUTE_MS, 200, &ids(0..200));
        let verdict = window.judge(T, 100, &[7]);
        assert_eq!((verdict.bury, verdict.outcomes), (vec![7], 100));
    }
}
