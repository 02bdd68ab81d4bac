//! The negative control: the same town, the same seed, the same people, and nothing but one plain
//! SMS to the first mobile of each home. Whoever could not be written to or did not answer by the
//! hour stands in nobody's hands. It is generous: every word that comes back counts as taken care
//! of, a gateway never fails, and a relative's answer is the home's.

use std::collections::HashMap;

use crate::practice::cast::Cast;
use crate::practice::residents::{Residents, Shares, Town};
use crate::practice::roster::DEAD_ENDING;

/// How the other night went, in households.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    pub pursued: usize,
    /// No mobile, or one out of service.
    pub unreached: usize,
    /// Got the text and did not answer.
    pub silent: usize,
}

impl Control {
    pub fn in_nobodys_hands(&self) -> usize {
        self.unreached + self.silent
    }
}

/// What the other night is made of.
pub struct PlainNight<'a> {
    pub cast: &'a Cast,
    pub town: Town,
    /// Codes and rings of the households that are pursued.
    pub pursued: &'a [(String, i64, i64)],
    /// The first mobile of each household, by code.
    pub numbers: &'a HashMap<String, String>,
    /// What each ring is told.
    pub texts: &'a HashMap<i64, String>,
    /// Story time: from when on it is sent, and until when answers count.
    pub from: i64,
    pub until: i64,
    pub per_second: f64,
}

/// The people of the real night: the same seed, shares and sleepers.
pub fn same_town(seed: u64, cast: &Cast) -> Town {
    Town::new(seed, Shares::default(), cast.asleep.clone())
}

impl PlainNight<'_> {
    pub fn run(self) -> Control {
        let mut people = self.cast.play(self.town);
        let mut answered: HashMap<&str, bool> = HashMap::new();
        let mut control = Control { pursued: self.pursued.len(), unreached: 0, silent: 0 };
        let mut sent = 0_u32;
        for (code, ring, _) in self.pursued {
            let number = self.numbers.get(code).filter(|number| !number.ends_with(DEAD_ENDING));
            let Some(number) = number else {
                control.unreached += 1;
                continue;
            };
            let came = answered.entry(number.as_str()).or_insert_with(|| {
                let at = self.from + (f64::from(sent) * 1_000.0 / self.per_second) as i64;
                sent += 1;
                let text = self.texts.get(ring).map_or("", String::as_str);
                people.hear(at, number, text).iter().any(|said| at + said.after_ms <= self.until)
            });
            control.silent += usize::from(!*came);
        }
        control
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "【余姚市防指】转移指令：2点半前请离家到东风小学。收到回1，要人帮回2";

    fn night(until: i64, seed: u64) -> Control {
        let code = |n: usize| format!("H{n:04}");
        let pursued: Vec<_> = (0..1_000).map(|n| (code(n), 1, 0)).collect();
        let live = |n: usize| format!("+86127{n:06}{:02}", n % 90);
        let mut numbers: HashMap<String, String> = (0..900).map(|n| (code(n), live(n))).collect();
        numbers.insert(code(0), "+8612700000099".into());
        let texts = HashMap::from([(1, ORDER.to_owned())]);
        let cast = Cast::default();
        let night = PlainNight {
            cast: &cast,
            town: same_town(seed, &cast),
            pursued: &pursued,
            numbers: &numbers,
            texts: &texts,
            from: 0,
            until,
            per_second: 40.0,
        };
        night.run()
    }

    #[test]
    fn who_has_no_phone_or_says_nothing_is_in_nobodys_hands() {
        let hours = night(3 * 3_600_000, 1);
        assert_eq!((hours.pursued, hours.unreached), (1_000, 101));
        // 18 in 100 never answer, and of the others 30 in 100 not this text.
        assert!((340..430).contains(&hours.silent), "{hours:?}");
        assert_eq!(hours.in_nobodys_hands(), 101 + hours.silent);
        assert_eq!(hours, night(3 * 3_600_000, 1), "the same seed, the same night");
        assert!(night(60_000, 1).silent > hours.silent, "answers take their time");
    }
}
