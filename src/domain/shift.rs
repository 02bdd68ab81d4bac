//! Shifts of the duty room: when the present one ends. By then a bypass must be countersigned.
//! It keeps no roster of who is on duty.

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Asia/Shanghai, which has kept no summer time since 1991.
const ZONE_OFFSET_MS: i64 = 8 * 60 * MINUTE_MS;
/// Where none is set: the morning and the evening change.
pub const DEFAULT_ENDS: [&str; 2] = ["08:00", "20:00"];

/// Reads `HH:MM` as minutes of the day.
pub fn minute_of_day(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}

/// The end of the shift that `now` falls into; `ends` are minutes of the day.
pub fn shift_end(ends: &[i64], now: i64) -> i64 {
    let clock = now.saturating_add(ZONE_OFFSET_MS).rem_euclid(DAY_MS);
    let waits = ends.iter().map(|end| (end * MINUTE_MS - clock).rem_euclid(DAY_MS));
    now + waits.map(|wait| if wait == 0 { DAY_MS } else { wait }).min().unwrap_or(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shift_ends_at_the_next_change() {
        /// 2013-10-07 22:00 +08:00.
        const NIGHT: i64 = 1_381_154_400_000;
        let ends: Vec<i64> = DEFAULT_ENDS.iter().filter_map(|e| minute_of_day(e)).collect();
        assert_eq!(shift_end(&ends, NIGHT), NIGHT + 10 * 60 * MINUTE_MS);
        assert_eq!(shift_end(&ends, NIGHT - 3 * 60 * MINUTE_MS), NIGHT - 2 * 60 * MINUTE_MS);
        assert_eq!(shift_end(&[22 * 60], NIGHT), NIGHT + DAY_MS, "this moment is the next one's");
        assert_eq!(minute_of_day("24:00"), None);
        assert_eq!(minute_of_day("8点"), None);
    }
}
