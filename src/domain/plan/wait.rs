//! Waits as words: "20 s", "3 min", "2 h" in files and in the store, milliseconds in the program.

const MIN_MS: i64 = 60_000;

pub(super) fn read_wait(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no wait; write \"20 s\", \"3 min\" or \"2 h\"");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let unit_ms = match unit.trim() {
        "ms" => 1,
        "s" => 1000,
        "min" => MIN_MS,
        "h" => 60 * MIN_MS,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit_ms).ok_or_else(wrong)
}

pub(super) fn write_wait(wait_ms: i64) -> String {
    let units = [(60 * MIN_MS, "h"), (MIN_MS, "min"), (1000, "s")];
    let fits = units.into_iter().find(|(unit_ms, _)| wait_ms != 0 && wait_ms % unit_ms == 0);
    match fits {
        Some((unit_ms, unit)) => format!("{} {unit}", wait_ms / unit_ms),
        None if wait_ms == 0 => "0 s".into(),
        None => format!("{wait_ms} ms"),
    }
}

pub(super) mod one {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(wait_ms: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::write_wait(*wait_ms))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        super::read_wait(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

pub(super) mod many {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(waits_ms: &[i64], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(waits_ms.iter().map(|wait_ms| super::write_wait(*wait_ms)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<i64>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| super::read_wait(text).map_err(D::Error::custom)).collect()
    }
}

pub(super) mod maybe {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(wait_ms: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
        match wait_ms {
            Some(wait_ms) => to.serialize_some(&super::write_wait(*wait_ms)),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| super::read_wait(&text).map_err(D::Error::custom)).transpose()
    }
}
