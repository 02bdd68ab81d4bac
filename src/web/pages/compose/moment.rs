//! An instant in a form: a day out of a list and the time as four digits. Both read the same in
//! every browser, whatever its language. Beijing time, 24 hours. It judges only what can't be read.

use std::ops::RangeInclusive;

use crate::base::instant;
use crate::render::pages::{Value, context};
use crate::render::say_date;
use crate::web::pages::fields::Fields;

const DAY_MS: i64 = 86_400_000;

/// What stands in the two fields, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// `2026-07-25`, out of the list.
    day: String,
    time: String,
}

impl Moment {
    pub fn read(form: &Fields, name: &str) -> Moment {
        let text = |name: &str| form.maybe(name).unwrap_or_default().to_owned();
        Moment { day: text(&format!("{name}.day")), time: text(name) }
    }

    pub fn of(at: Option<i64>) -> Moment {
        let words = at.map_or_else(String::new, instant::words);
        let (day, time) = words.split_once(' ').unwrap_or_default();
        Moment { day: day.into(), time: time.into() }
    }

    /// The instant; none where no time is written, whatever the day. Else what is wrong.
    pub fn instant(&self) -> Result<Option<i64>, String> {
        if self.time.is_empty() {
            return Ok(None);
        }
        let Some(clock) = clock(&self.time) else {
            let said =
                "不是时刻：请写24小时制的四个数字，如 1500 就是下午3点；午夜是第二天的 0000。";
            return Err(format!("“{}”{said}", self.time));
        };
        match instant::parse(&format!("{} {clock}", self.day)) {
            Some(at) => Ok(Some(at)),
            None => Err(format!("“{}”不是日期：请在列表里选一天。", self.day)),
        }
    }

    /// The fields with the days to choose from, counted from today; a day that is chosen already
    /// stands there as well.
    pub fn shown(&self, days: RangeInclusive<i64>, now: i64) -> Value {
        let day = |at: i64| instant::words(at).split(' ').next().unwrap_or_default().to_owned();
        let today = day(now);
        let chosen = if self.day.is_empty() { &today } else { &self.day };
        let mut all: Vec<(String, i64)> =
            days.map(|n| now + n * DAY_MS).map(|at| (day(at), at)).collect();
        if !all.iter().any(|(known, _)| known == chosen) {
            all.extend(instant::parse(&format!("{chosen} 12:00")).map(|at| (chosen.clone(), at)));
            all.sort();
        }
        let days: Vec<Value> = all
            .into_iter()
            .map(|(word, at)| {
                let title = say_date(at, now);
                context! { here => word == *chosen, word, title }
            })
            .collect();
        context! { days, time => self.time.as_str() }
    }
}

/// `15:00` from what people type: 1500, 15:00, 15：00, 15点, 9点30分, １５００.
fn clock(text: &str) -> Option<String> {
    let text: String = text.chars().map(half_width).filter(|c| !c.is_whitespace()).collect();
    let text = text.trim_end_matches('分');
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    let (hour, minute) = match text.split_once([':', '：', '点', '时']) {
        Some((hour, "")) => (hour, "0"),
        Some((hour, minute)) => (hour, minute),
        None if digits(text) && text.len() > 2 => text.split_at(text.len() - 2),
        None => (text, "0"),
    };
    let number = |part: &str, most: u8| {
        let fits = (1..=2).contains(&part.len()) && digits(part);
        part.parse::<u8>().ok().filter(|n| fits && n <= &most)
    };
    Some(format!("{:02}:{:02}", number(hour, 23)?, number(minute, 59)?))
}

fn half_width(c: char) -> char {
    match c {
        '０'..='９' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-07-25 15:00 in Beijing.
    const AT: i64 = 1_784_962_800_000;

    #[test]
    fn a_time_is_read_as_people_type_it() {
        for (text, read) in [
            ("1500", "15:00"),
            ("15:00", "15:00"),
            ("15：05", "15:05"),
            (" １５００ ", "15:00"),
            ("15点", "15:00"),
            ("9点30分", "09:30"),
            ("930", "09:30"),
            ("0000", "00:00"),
            ("3", "03:00"),
            ("23时59", "23:59"),
        ] {
            assert_eq!(clock(text).as_deref(), Some(read), "{text}");
        }
        for text in ["2400", "15:60", "下午3点", "3pm", "12345", "15:00:00", "-1", "点", ":30"]
        {
            assert_eq!(clock(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_comes_back_as_it_was_and_what_cannot_be_read_is_said() {
        let moment = Moment::of(Some(AT));
        assert_eq!(moment, Moment { day: "2026-07-25".into(), time: "15:00".into() });
        assert_eq!(moment.instant(), Ok(Some(AT)));
        assert_eq!(Moment::of(None).instant(), Ok(None));
        let typed = |day: &str, time: &str| Moment { day: day.into(), time: time.into() }.instant();
        assert_eq!(typed("2026-07-25", ""), Ok(None), "a day alone is nothing");
        assert!(typed("2026-07-25", "3pm").unwrap_err().contains("“3pm”不是时刻"));
        assert!(typed("", "1500").unwrap_err().contains("请在列表里选一天"));
    }

    #[test]
    fn the_list_has_the_days_asked_for_and_the_one_chosen() {
        let days = |moment: &Moment| -> Vec<String> {
            let shown = moment.shown(0..=2, AT);
            let list = shown.get_attr("days").unwrap();
            let one = |day: Value| {
                let here = day.get_attr("here").unwrap().is_true();
                format!("{}{}", day.get_attr("title").unwrap(), if here { " ←" } else { "" })
            };
            list.try_iter().unwrap().map(one).collect()
        };
        let week = ["今天 7月25日 周六 ←", "明天 7月26日 周日", "后天 7月27日 周一"];
        assert_eq!(days(&Moment::default()), week);
        let late = days(&Moment::of(Some(AT + 5 * DAY_MS)));
        assert_eq!(late.last().unwrap(), "7月30日 周四 ←");
        assert_eq!(days(&Moment::of(Some(AT - DAY_MS)))[0], "昨天 7月24日 周五 ←");
    }
}
