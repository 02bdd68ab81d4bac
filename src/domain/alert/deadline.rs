//! The time of day in an author's words ("3点", "明早5点半", "15:30") beside the instant that the
//! ladders go by. Words without a time, or with several, say nothing that could be compared; nor
//! does the day in them.

use unicode_normalization::UnicodeNormalization;

use super::{DAY_MS, ZONE_OFFSET_MS};

const MINUTE_MS: i64 = 60_000;
const HALF_DAY: i64 = 12 * 60;

/// A time of day as people say it: 3点 may be the one at night or the one by day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSaid {
    /// Of the day; of half a day where it is not known which.
    minute: i64,
    half_known: bool,
}

impl ClockSaid {
    /// The one time that these words name.
    pub fn read(words: &str) -> Option<ClockSaid> {
        let text: Vec<char> = words.nfkc().collect();
        let (mut at, mut found) = (0, None);
        while at < text.len() {
            let Some((hour, after)) = number(&text, at) else {
                at += 1;
                continue;
            };
            at = after;
            let Some((minutes, after)) = minutes(&text, after).filter(|_| hour <= 24) else {
                continue;
            };
            if found.is_some() {
                return None;
            }
            found = Some((hour, minutes));
            at = after;
        }
        let (hour, minutes) = found?;
        let said: String = text.into_iter().collect();
        let (hour, half_known) = hour_of_day(hour, &said);
        let minute = hour * 60 + minutes;
        let minute = if half_known { minute } else { minute % HALF_DAY };
        Some(ClockSaid { minute, half_known })
    }

    /// Whether it can be the time of this instant, in Asia/Shanghai.
    pub fn fits(self, at: i64) -> bool {
        let minute = at.saturating_add(ZONE_OFFSET_MS).rem_euclid(DAY_MS) / MINUTE_MS;
        self.minute == if self.half_known { minute } else { minute % HALF_DAY }
    }
}

/// The hour of the day that these words mean, or of half a day where they leave that open.
fn hour_of_day(hour: i64, words: &str) -> (i64, bool) {
    let has = |marks: &[&str]| marks.iter().any(|mark| words.contains(mark));
    if hour == 0 || hour > 12 {
        return (hour % 24, true);
    }
    if has(&["中午", "正午"]) {
        return (if hour <= 3 { hour + 12 } else { hour }, true);
    }
    if has(&["下午", "午后", "傍晚"]) {
        return (if hour == 12 { 12 } else { hour + 12 }, true);
    }
    // 夜里2点 is tomorrow's, 晚上8点 today's.
    if has(&["凌晨", "半夜", "零晨"]) || (has(&["晚", "夜"]) && (hour < 6 || hour == 12)) {
        return (hour % 12, true);
    }
    if has(&["晚", "夜"]) {
        return (hour + 12, true);
    }
    (hour, has(&["早", "晨", "上午"]))
}

/// The minutes behind an hour, and where they end; none: the number before was no hour.
fn minutes(text: &[char], at: usize) -> Option<(i64, usize)> {
    let (mark, next) = (text.get(at)?, at + 1);
    match mark {
        ':' => number(text, next).filter(|(minutes, _)| *minutes < 60),
        '点' | '时' => Some(match (text.get(next), number(text, next)) {
            (Some('半'), _) => (30, next + 1),
            (_, Some((quarters, after)))
                if text.get(after) == Some(&'刻') && (1..4).contains(&quarters) =>
            {
                (quarters * 15, after + 1)
            }
            (_, Some((minutes, after))) if minutes < 60 => (minutes, after),
            (Some(_) | None, _) => (0, next),
        }),
        _ => None,
    }
}

/// The number that begins here, in digits or as 三 and 十五, and where it ends.
fn number(text: &[char], at: usize) -> Option<(i64, usize)> {
    let run = |is: fn(&char) -> bool| text.iter().skip(at).take_while(|c| is(c)).count();
    let digits = run(char::is_ascii_digit);
    if digits > 0 {
        let value: String = text[at..at + digits].iter().collect();
        return Some((value.parse().unwrap_or(i64::MAX), at + digits));
    }
    let words = run(|c| HAN.contains(*c));
    if words == 1 && text[at] == '零' && text.get(at + 1).is_some_and(char::is_ascii_digit) {
        return number(text, at + 1);
    }
    let value = match text.get(at..at + words)? {
        ['十'] => 10,
        [one] => han(*one),
        ['十', ones] => 10 + han(*ones),
        [tens, '十'] => 10 * han(*tens),
        [tens, '十', ones] => 10 * han(*tens) + han(*ones),
        ['零', ones] => han(*ones),
        _ => return None,
    };
    Some((value, at + words))
}

const HAN: &str = "零一二三四五六七八九十两";

fn han(c: char) -> i64 {
    let place = HAN.chars().position(|known| known == c).unwrap_or(0);
    if c == '两' { 2 } else { i64::try_from(place).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2013-10-08 03:00 in Yuyao.
    const THREE: i64 = 1_381_172_400_000;
    const HOUR: i64 = 60 * MINUTE_MS;

    #[test]
    fn one_time_is_read_however_it_is_said() {
        for (words, hour, minute) in [
            ("凌晨3点", 3, 0),
            ("下午三点", 15, 0),
            ("明天凌晨３点半", 3, 30),
            ("15:30", 15, 30),
            ("１５：３０", 15, 30),
            ("15时", 15, 0),
            ("今晚8点", 20, 0),
            ("夜里2点", 2, 0),
            ("晚上12点", 0, 0),
            ("中午12点", 12, 0),
            ("中午1点", 13, 0),
            ("明早5点一刻", 5, 15),
            ("下午2点20分", 14, 20),
            ("下午2点零5分", 14, 5),
            ("二十点", 20, 0),
            ("8日15点前", 15, 0),
        ] {
            let said = ClockSaid::read(words).unwrap_or_else(|| panic!("{words}"));
            let at = THREE + (hour - 3) * HOUR + minute * MINUTE_MS;
            assert!(said.fits(at) && said.fits(at + DAY_MS), "{words}: {said:?}");
            assert!(!said.fits(at + 12 * HOUR), "{words}: it is known which half of the day");
            assert!(!said.fits(at + MINUTE_MS), "{words}");
        }
        for words in ["3点", "三点钟", "三点以前都要走到", "3点整"] {
            let said = ClockSaid::read(words).unwrap();
            assert!(said.fits(THREE) && said.fits(THREE + 12 * HOUR), "{words}: day or night");
            assert!(!said.fits(THREE + 2 * HOUR), "{words}");
        }
        assert!(ClockSaid::read("12点").unwrap().fits(THREE - 3 * HOUR));
        assert!(ClockSaid::read("3点").unwrap().fits(THREE + 59_999), "seconds are not said");
    }

    #[test]
    fn words_without_one_time_say_nothing_to_compare() {
        for words in
            ["马上", "天黑前", "2小时内", "8点到10点", "半点", "2026年", "99点", "十十十十点", ""]
        {
            assert_eq!(ClockSaid::read(words), None, "{words}");
        }
    }
}
