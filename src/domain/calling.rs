//! Whom something that waits at the duty room calls, and when again: the first one every time and
//! with him the next, round and round until somebody takes it. Pure; who stands on the round, and
//! whether it was taken, is the store's.

use super::triage::Triage;

/// Numbers on one round at most: the duty room's, then those who answer for the place.
pub const ROUND_MAX: usize = 12;
/// Of these, numbers of the duty room.
pub const DUTY_MAX: i64 = 8;

const MINUTE_MS: i64 = 60_000;

/// Who is called for the time after `times` in vain; at most two.
pub fn called<T: Copy>(round: &[T], times: i64) -> Vec<T> {
    let round = &round[..round.len().min(ROUND_MAX)];
    let Some(first) = round.first() else {
        return Vec::new();
    };
    let next = usize::try_from(times).unwrap_or(0) % round.len();
    let others = (next > 0).then(|| round[next]);
    std::iter::once(*first).chain(others).collect()
}

/// When a cry that nobody took is called out again: on whole minutes, so that those that wait
/// together are told together.
pub fn again_at(class: Triage, now: i64) -> i64 {
    let wait_min = match class {
        Triage::A => 2,
        Triage::B | Triage::C => 5,
    };
    (now / MINUTE_MS + wait_min) * MINUTE_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_called_every_time_and_each_time_another_with_him() {
        let calls: Vec<Vec<char>> =
            (0..5).map(|times| called(&['甲', '乙', '丙'], times)).collect();
        let both = |other| vec!['甲', other];
        assert_eq!(calls, [vec!['甲'], both('乙'), both('丙'), vec!['甲'], both('乙')]);
        assert_eq!(called(&['甲'], 7), ['甲']);
        assert!(called::<char>(&[], 3).is_empty());
    }

    #[test]
    fn a_round_is_bounded() {
        let many: Vec<usize> = (0..100).collect();
        let all = (0..100).flat_map(|times| called(&many, times));
        assert_eq!(all.max(), Some(ROUND_MAX - 1));
    }

    #[test]
    fn a_cry_for_life_is_called_out_sooner() {
        let at = 1_381_154_430_000;
        assert_eq!(again_at(Triage::A, at), 1_381_154_520_000);
        assert_eq!(again_at(Triage::B, at), 1_381_154_700_000);
        assert_eq!(again_at(Triage::C, at), again_at(Triage::B, at));
    }
}
