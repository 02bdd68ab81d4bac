//! Instants as people write them in forms and read them in output: Beijing time (+08:00), to the
//! minute. How they are said in messages is `render`'s.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

const FORM: &str = "%Y-%m-%d %H:%M";

fn zone() -> TimeZone {
    TimeZone::fixed(Offset::constant(8))
}

/// `2026-07-25 15:00` in Beijing, or RFC 3339 with its own offset, as ms UTC.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_millisecond());
    }
    let civil = DateTime::strptime(FORM, text).ok()?;
    let zoned: Zoned = civil.to_zoned(zone()).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

/// `2026-07-25 15:00`, Beijing time.
pub fn words(at_ms: i64) -> String {
    match Timestamp::from_millisecond(at_ms) {
        Ok(instant) => instant.to_zoned(zone()).strftime(FORM).to_string(),
        Err(_) => at_ms.to_string(),
    }
}

/// An instant of a form.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Ms(i64),
    Words(String),
    Other(serde_json::Value),
}

/// Reads a field that is an instant in words, milliseconds UTC, or nothing; a fault names it.
pub fn field<'de, D: Deserializer<'de>>(
    from: D,
    name: &'static str,
) -> Result<Option<i64>, D::Error> {
    let written: Option<Written> = Option::deserialize(from)?;
    let shown = match written {
        None => return Ok(None),
        Some(Written::Ms(ms)) => return Ok(Some(ms)),
        Some(Written::Words(text)) => match parse(&text) {
            Some(ms) => return Ok(Some(ms)),
            None => format!("{text:?}"),
        },
        Some(Written::Other(value)) => value.to_string(),
    };
    Err(D::Error::custom(format!("{name}: {shown} is no time: write it as 2026-07-25 15:00")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Form {
        #[serde(default, deserialize_with = "act_by")]
        act_by: Option<i64>,
    }

    fn act_by<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
        field(from, "act_by")
    }

    #[test]
    fn what_is_written_is_read_and_said_again() {
        let at = 1_784_962_800_000;
        for text in ["2026-07-25 15:00", " 2026-07-25T15:00:00+08:00", "2026-07-25T07:00:00Z"] {
            assert_eq!(parse(text), Some(at), "{text}");
        }
        assert_eq!(words(at), "2026-07-25 15:00");
        for text in ["", "15:00", "2026-07-25", "2026-13-01 00:00", "明天3点"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(words(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_field_is_words_or_milliseconds_and_a_fault_names_it() {
        let read = |text: &str| serde_json::from_str::<Form>(text).map(|form| form.act_by);
        assert_eq!(read(r#"{"act_by": "2026-07-25 15:00"}"#).unwrap(), Some(1_784_962_800_000));
        assert_eq!(read(r#"{"act_by": 1784962800000}"#).unwrap(), Some(1_784_962_800_000));
        assert_eq!(read(r#"{"act_by": null}"#).unwrap(), None);
        assert_eq!(read("{}").unwrap(), None);
        for (text, shown) in [(r#"{"act_by": "3点"}"#, "\"3点\""), (r#"{"act_by": [1]}"#, "[1]")]
        {
            let fault = read(text).unwrap_err().to_string();
            assert!(fault.contains("act_by") && fault.contains(shown), "{fault}");
        }
    }
}
