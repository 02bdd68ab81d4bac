//! Quiet hours: what may wait until morning, and until when. It plans nothing and reads no clock.

use super::alert::Urgency;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Asia/Shanghai, which has kept no summer time since 1991.
const ZONE_OFFSET_MS: i64 = 8 * HOUR_MS;
/// From 22:00 …
const FROM_MS: i64 = 22 * HOUR_MS;
/// … to 6:00.
const UNTIL_MS: i64 = 6 * HOUR_MS;
/// The ring that is only told.
const TOLD_RING: i64 = 3;

/// When a message of this urgency to this ring may be sent, where that is not now: 提示, and
/// 紧急 to ring 3, let people sleep.
pub fn quiet_until(urgency: Urgency, ring: i64, now: i64) -> Option<i64> {
    let may_wait = match urgency {
        Urgency::Notice => true,
        Urgency::Urgent => ring >= TOLD_RING,
        Urgency::Flash => false,
    };
    let clock = now.saturating_add(ZONE_OFFSET_MS).rem_euclid(DAY_MS);
    if !may_wait || (UNTIL_MS..FROM_MS).contains(&clock) {
        return None;
    }
    Some(now + (UNTIL_MS - clock).rem_euclid(DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2013-10-07 22:00 +08:00.
    const NIGHT: i64 = 1_381_154_400_000;

    #[test]
    fn a_notice_waits_from_ten_at_night_to_six_and_flash_never() {
        let six = NIGHT + 8 * HOUR_MS;
        for at in [NIGHT, NIGHT + 3 * HOUR_MS, six - 1] {
            assert_eq!(quiet_until(Urgency::Notice, 1, at), Some(six));
            assert_eq!(quiet_until(Urgency::Urgent, 3, at), Some(six));
            assert_eq!(quiet_until(Urgency::Urgent, 2, at), None);
            assert_eq!(quiet_until(Urgency::Flash, 3, at), None);
        }
        for at in [NIGHT - 1, six, six + 12 * HOUR_MS] {
            assert_eq!(quiet_until(Urgency::Notice, 3, at), None);
        }
    }
}
