//! What a batch picks when it looks at the store, and in which order batches are due.
//! No SQL and no rates: the store obeys these words, the engine asks for them.

use crate::base::limits::{
    ATTEMPTS, ATTEMPTS_NUMBERED, RECEIPT_WINDOW_MS, RETRY_WAITS_MS, SLOW_WAITS_MS,
};

/// Which members of its range a batch takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// Everyone of the range and ring, by the household's first good address.
    First,
    /// Those still open, by the next address, or the same one where no handset receipt came.
    Again,
    /// Those whose last attempt was refused for now.
    Retry,
    /// Those whose last attempt is unknown after the receipt window, and without a receipt.
    Unknown,
    /// Those whose last address was refused for good: the next address at once.
    Next,
    /// Those the gateway throttled: the attempt is numbered, not counted.
    Throttled,
    /// Every number that may have had the older text: corrections.
    Told,
    /// Those whom this version never told, by a number that was called dead and lives again.
    Revived,
    /// Those refused for now as often as counts: by another address at once, else by the same one
    /// again and ever more slowly, until the order is over.
    Slow,
    /// A household of which a receipt said for good that its number can't be reached: the next
    /// address at once.
    Elsewhere,
}

impl Pick {
    /// Every pick.
    pub const ALL: [Pick; 10] = [
        Pick::First,
        Pick::Again,
        Pick::Retry,
        Pick::Unknown,
        Pick::Next,
        Pick::Throttled,
        Pick::Told,
        Pick::Revived,
        Pick::Slow,
        Pick::Elsewhere,
    ];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Pick::First => 1,
            Pick::Again => 2,
            Pick::Retry => 3,
            Pick::Unknown => 4,
            Pick::Next => 5,
            Pick::Throttled => 6,
            Pick::Told => 7,
            Pick::Revived => 8,
            Pick::Slow => 9,
            Pick::Elsewhere => 10,
        }
    }

    /// The inverse of [`Pick::code`].
    pub fn from_code(code: i64) -> Option<Pick> {
        Pick::ALL.into_iter().find(|pick| pick.code() == code)
    }

    /// The outcome code of the attempt before that this pick follows, where it follows one.
    pub fn follows(self) -> Option<i64> {
        match self {
            Pick::First | Pick::Again | Pick::Told | Pick::Revived | Pick::Elsewhere => None,
            Pick::Next => Some(2),
            Pick::Retry | Pick::Slow => Some(3),
            Pick::Throttled => Some(4),
            Pick::Unknown => Some(5),
        }
    }
}

/// What is sent again to revived numbers is a wave of its own: so far above the one in which they
/// were called dead that no plan comes near.
pub const REVIVED_WAVES: i64 = 100;

/// A batch that follows another one, for the members with one kind of outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follow {
    pub pick: Pick,
    pub tries: i64,
    pub wait_ms: i64,
}

/// What follows an attempt that ended with outcome code `kind`; none: nothing more in this wave.
/// `after_ms` is what the gateway asked for. `repeat_unknown`: life safety is repeated, routine
/// is not.
pub fn follow(
    kind: i64,
    attempt: i64,
    tries: i64,
    after_ms: Option<i64>,
    repeat_unknown: bool,
) -> Option<Follow> {
    if attempt >= ATTEMPTS_NUMBERED {
        return None;
    }
    let counted = |pick: Pick| {
        let slot = usize::try_from(tries - 1).unwrap_or(0).min(RETRY_WAITS_MS.len() - 1);
        let wait_ms = after_ms.unwrap_or(RETRY_WAITS_MS[slot]).max(RETRY_WAITS_MS[slot]);
        (tries < ATTEMPTS).then_some(Follow { pick, tries: tries + 1, wait_ms })
    };
    match kind {
        2 => Some(Follow { pick: Pick::Next, tries: 1, wait_ms: 0 }),
        3 => counted(Pick::Retry).or_else(|| {
            // Nobody is given up: rings 2 and 3 have no later wave, and gateways come back.
            let slot = usize::try_from(tries - ATTEMPTS).unwrap_or(0).min(SLOW_WAITS_MS.len() - 1);
            let wait_ms = after_ms.unwrap_or(0).max(SLOW_WAITS_MS[slot]);
            Some(Follow { pick: Pick::Slow, tries: tries + 1, wait_ms })
        }),
        4 => {
            // What is not counted is still limited: waits grow, so that the numbers last.
            let slot = usize::try_from(attempt / 10).unwrap_or(0);
            let least_ms = RETRY_WAITS_MS[slot.min(RETRY_WAITS_MS.len() - 1)];
            let wait_ms = after_ms.unwrap_or(least_ms).max(least_ms);
            Some(Follow { pick: Pick::Throttled, tries, wait_ms })
        }
        5 if repeat_unknown && tries < ATTEMPTS => {
            Some(Follow { pick: Pick::Unknown, tries: tries + 1, wait_ms: RECEIPT_WINDOW_MS })
        }
        _ => None,
    }
}

/// The order among due batches: help answers, leaders, 特急, 紧急, others; inside an urgency the
/// fragile of all grids first (band 0), then ring 1, then the rest. Inside a band the store adds 0
/// to 98 by when the water comes, in steps of five minutes, and 99 where no zone of the order says.
pub fn rank_residents(urgency: i64, band: i64) -> i64 {
    (5 - urgency.clamp(1, 3)) * 1_000 + band * 100
}

/// The rank of a notice that answers a call for help.
pub const RANK_HELP: i64 = 0;
/// The rank of a notice to a leader.
pub const RANK_LEADER: i64 = 1_000;
/// The rank of any other confirmation.
pub const RANK_CONFIRMATION: i64 = 3_500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttled_attempt_takes_a_number_but_is_not_counted() {
        let next = follow(4, 7, 1, Some(9_000), true);
        assert_eq!(next, Some(Follow { pick: Pick::Throttled, tries: 1, wait_ms: 9_000 }));
        assert_eq!(follow(3, 1, 1, None, true).map(|f| f.wait_ms), Some(5_000));
        assert_eq!(follow(3, 2, 2, None, true).map(|f| f.wait_ms), Some(20_000));
        assert_eq!(follow(4, ATTEMPTS_NUMBERED, 1, None, true), None);
    }

    #[test]
    fn after_the_counted_attempts_nobody_is_given_up() {
        let waits: Vec<(Pick, i64)> = (3..=9)
            .filter_map(|tries| follow(3, tries, tries, None, true))
            .map(|next| (next.pick, next.wait_ms))
            .collect();
        let slow = [5_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 1_800_000];
        assert_eq!(waits, slow.map(|wait_ms| (Pick::Slow, wait_ms)));
        assert_eq!(follow(3, ATTEMPTS_NUMBERED, 20, None, true), None, "a limit on every retry");
        // All of them together outlast a night.
        let all: i64 = (3..ATTEMPTS_NUMBERED)
            .filter_map(|tries| follow(3, tries, tries, None, true))
            .map(|next| next.wait_ms)
            .sum();
        assert!(all > 15 * 3_600_000, "{all}");
    }

    #[test]
    fn a_dead_number_leads_to_the_next_one_at_once_and_unknown_waits_for_its_receipt() {
        assert_eq!(follow(2, 1, 1, None, false).map(|f| f.wait_ms), Some(0));
        assert_eq!(follow(5, 1, 1, None, true).map(|f| f.wait_ms), Some(90_000));
        assert_eq!(follow(5, 1, 1, None, false), None);
        assert_eq!(follow(1, 1, 1, None, true), None);
    }

    #[test]
    fn the_fragile_of_a_lesser_urgency_do_not_overtake_a_greater_one() {
        assert!(RANK_HELP < RANK_LEADER && RANK_LEADER < rank_residents(3, 0));
        assert!(rank_residents(3, 2) < rank_residents(2, 0));
        assert!(rank_residents(3, 0) < rank_residents(3, 1));
    }
}
