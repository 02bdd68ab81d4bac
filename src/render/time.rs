//! Instants as people say them: 3点前, 下午3点半, 明天凌晨3点. Always Beijing time (+08:00), and
//! never a word that a reader half an hour later could take for another day.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

fn civil(at_ms: i64) -> DateTime {
    let end = if at_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let zone = TimeZone::fixed(Offset::constant(8));
    Timestamp::from_millisecond(at_ms).unwrap_or(end).to_zoned(zone).datetime()
}

/// `22:10`, the clock face of an instant.
pub fn say_clock(at_ms: i64) -> String {
    let at = civil(at_ms);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// `10月7日 22:10`, for tables.
pub fn say_moment(at_ms: i64) -> String {
    let at = civil(at_ms);
    format!("{}月{}日 {:02}:{:02}", at.month(), at.day(), at.hour(), at.minute())
}

/// `今天 7月25日 周六`, for a list of days: whoever reads it before dawn has the date as well.
pub fn say_date(at_ms: i64, now_ms: i64) -> String {
    let (at, now) = (civil(at_ms).date(), civil(now_ms).date());
    let near = [(-1, "昨天 "), (0, "今天 "), (1, "明天 "), (2, "后天 ")];
    let is = |days: i32| now.checked_add(days.days()).is_ok_and(|day| day == at);
    let near = near.into_iter().find(|(days, _)| is(*days)).map_or("", |(_, word)| word);
    let week = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
    let weekday = usize::try_from(at.weekday().to_monday_zero_offset()).map_or("", |n| week[n]);
    format!("{near}{}月{}日 {weekday}", at.month(), at.day())
}

/// How long, to the two words that matter: `45秒`, `3分钟`, `2小时5分`, `3天4小时`.
pub fn say_span(span_ms: i64) -> String {
    let seconds = span_ms.max(0) / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}秒"),
        (0, 0, _) => format!("{minutes}分钟"),
        (0, _, _) if minutes % 60 == 0 => format!("{hours}小时"),
        (0, _, _) => format!("{hours}小时{}分", minutes % 60),
        (_, _, _) if hours % 24 == 0 => format!("{days}天"),
        (_, _, _) => format!("{days}天{}小时", hours % 24),
    }
}

/// The instant `at_ms` as said at `now_ms`. The part of the day is left out only inside the same
/// part of the same day, so "3点" said at 01:40 is the coming 3 o'clock and nothing else.
pub fn say_time(at_ms: i64, now_ms: i64) -> String {
    let (at, now) = (civil(at_ms), civil(now_ms));
    if at.hour() == 0 && at.minute() == 0 {
        return say_midnight(at.date(), now);
    }
    let clock = format!("{}{}", face(at.hour()), minutes(at.minute()));
    let part = part_of_day(at.hour());
    if at.date() == now.date() {
        if part == part_of_day(now.hour()) {
            return clock;
        }
        // Before dawn many still feel the evening: the day is named.
        let day = if now.hour() < DAWN { "今天" } else { "" };
        return format!("{day}{part}{clock}");
    }
    format!("{}{part}{clock}", say_day(at.date(), now))
}

const DAWN: i8 = 5;

fn say_midnight(midnight: Date, now: DateTime) -> String {
    let evening_of = midnight.yesterday().unwrap_or(midnight);
    if evening_of == now.date() && now.hour() >= DAWN {
        return "今晚12点".into();
    }
    let tomorrow = now.date().tomorrow().unwrap_or(now.date());
    if evening_of == tomorrow && now.hour() >= DAWN {
        return "明晚12点".into();
    }
    format!("{}月{}日晚上12点", evening_of.month(), evening_of.day())
}

fn say_day(day: Date, now: DateTime) -> String {
    let away = |days: i32| now.date().checked_add(days.days()).ok();
    // "明天" said before dawn is taken by some for the day that has already begun.
    if now.hour() >= DAWN {
        if Some(day) == away(1) {
            return "明天".into();
        }
        if Some(day) == away(2) {
            return "后天".into();
        }
    }
    if Some(day) == away(-1) {
        return "昨天".into();
    }
    format!("{}月{}日", day.month(), day.day())
}

fn part_of_day(hour: i8) -> &'static str {
    match hour {
        0..5 => "凌晨",
        5..8 => "早上",
        8..12 => "上午",
        12 => "中午",
        13..18 => "下午",
        _ => "晚上",
    }
}

fn face(hour: i8) -> String {
    let hour = if hour > 12 { hour - 12 } else { hour };
    format!("{hour}点")
}

fn minutes(minute: i8) -> String {
    match minute {
        0 => String::new(),
        30 => "半".into(),
        _ => format!("{minute:02}分"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::alert::ClockSaid;

    /// `"2026-07-25 22:10"` in Beijing as milliseconds UTC.
    pub fn ms(text: &str) -> i64 {
        let at = DateTime::strptime("%Y-%m-%d %H:%M", text).expect("a time of the test");
        at.to_zoned(TimeZone::fixed(Offset::constant(8)))
            .expect("in range")
            .timestamp()
            .as_millisecond()
    }

    #[test]
    fn instants_as_people_say_them() {
        let cases = [
            ("2026-07-25 01:40", "2026-07-25 03:00", "3点"),
            ("2026-07-25 09:00", "2026-07-25 15:30", "下午3点半"),
            ("2026-07-25 13:10", "2026-07-25 15:30", "3点半"),
            ("2026-07-24 22:10", "2026-07-25 03:00", "明天凌晨3点"),
            ("2026-07-25 01:40", "2026-07-25 15:00", "今天下午3点"),
            ("2026-07-25 01:40", "2026-07-26 03:00", "7月26日凌晨3点"),
            ("2026-07-25 10:00", "2026-07-25 12:00", "中午12点"),
            ("2026-07-25 10:00", "2026-07-25 12:05", "中午12点05分"),
            ("2026-07-25 10:00", "2026-07-25 11:15", "11点15分"),
            ("2026-07-25 10:00", "2026-07-26 18:00", "明天晚上6点"),
            ("2026-07-25 10:00", "2026-07-27 07:00", "后天早上7点"),
            ("2026-07-25 10:00", "2026-07-28 17:00", "7月28日下午5点"),
            ("2026-07-25 10:00", "2026-07-24 22:00", "昨天晚上10点"),
            ("2026-07-25 10:00", "2026-07-26 00:00", "今晚12点"),
            ("2026-07-25 10:00", "2026-07-27 00:00", "明晚12点"),
            ("2026-07-25 00:20", "2026-07-25 00:00", "7月24日晚上12点"),
            ("2026-07-25 22:00", "2026-07-26 00:30", "明天凌晨0点半"),
            ("2026-12-31 22:00", "2027-01-01 03:00", "明天凌晨3点"),
            ("2026-12-31 22:00", "2027-01-03 03:00", "1月3日凌晨3点"),
        ];
        for (now, at, said) in cases {
            assert_eq!(say_time(ms(at), ms(now)), said, "{at} said at {now}");
        }
    }

    #[test]
    fn a_time_as_we_say_it_is_read_back() {
        let start = ms("2026-07-24 00:00");
        for now in [start, start + 9 * 3_600_000, start + 22 * 3_600_000] {
            for minute in (0..3 * 24 * 60).step_by(5) {
                let at = start + minute * 60_000;
                let words = say_time(at, now);
                let said = ClockSaid::read(&words).unwrap_or_else(|| panic!("{words}"));
                assert!(said.fits(at) && !said.fits(at + 300_000), "{words} said at {now}");
            }
        }
    }

    #[test]
    fn spans_are_said_to_two_words() {
        let said = |seconds: i64| say_span(seconds * 1_000);
        assert_eq!([said(-5), said(59), said(60), said(3_599)], ["0秒", "59秒", "1分钟", "59分钟"]);
        assert_eq!([said(3_600), said(7_500), said(86_400)], ["1小时", "2小时5分", "1天"]);
        assert_eq!(said(3 * 86_400 + 4 * 3_600 + 59), "3天4小时");
        assert_eq!(say_moment(ms("2026-07-25 22:10")), "7月25日 22:10");
    }

    #[test]
    fn clock_face_is_beijings() {
        assert_eq!(say_clock(0), "08:00");
        assert_eq!(say_clock(ms("2026-07-25 22:10")), "22:10");
    }

    #[test]
    fn instants_out_of_any_calendar_are_still_said() {
        for (at, now) in [(i64::MAX, 0), (i64::MIN, 0), (i64::MAX, i64::MAX), (0, i64::MIN)] {
            assert!(say_time(at, now).contains('点'));
        }
    }
}
