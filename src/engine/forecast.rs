//! The first wave foretold grid by grid: when it is through where, and in how many grids somebody
//! must go to doors because there is no telephone. Pure sums over head-counts; what others send
//! meanwhile, and who answers, it does not know.

use std::collections::BTreeMap;

use crate::store::expand::sketch::GridCount;

/// Head-counts of one ring.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RingCount {
    pub ring: i64,
    pub households: i64,
    pub persons: i64,
    /// Households without any number.
    pub no_phone: i64,
    /// Messages of the first wave by SMS: one a household, one for a number shared by many.
    pub messages: i64,
}

/// One grid as it would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GridForecast {
    pub code: String,
    /// With the place above it.
    pub name: String,
    pub households: i64,
    pub messages: i64,
    /// Households that are pursued and have no number: on the grid's list from the beginning.
    pub doors: i64,
    /// Until its last household is sent to; none: nobody there is, or the rate is not known.
    pub last_ms: Option<i64>,
}

/// All grids, the one that is through last first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    pub grids: Vec<GridForecast>,
}

impl Forecast {
    /// The grid whose first wave is through last; none: nobody is sent anything.
    pub fn last(&self) -> Option<&GridForecast> {
        self.grids.first().filter(|grid| grid.messages > 0)
    }

    /// Grids with a door that no message reaches: so many lists are needed whoever answers.
    pub fn lists(&self) -> usize {
        self.grids.iter().filter(|grid| grid.doors > 0).count()
    }

    /// Those doors.
    pub fn doors(&self) -> i64 {
        self.grids.iter().map(|grid| grid.doors).sum()
    }
}

/// How long so many messages take; none: the gateway has no rate that we know.
pub(super) fn span_ms(messages: i64, rate_per_second: Option<f64>) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a span")]
    let span = |rate: f64| (messages as f64 / rate * 1_000.0).ceil() as i64;
    rate_per_second.filter(|rate| *rate > 0.0).map(span)
}

/// The head-counts of each ring, whatever the grid.
pub(super) fn by_ring(counts: &[GridCount]) -> Vec<RingCount> {
    let mut rings: BTreeMap<i64, RingCount> = BTreeMap::new();
    for count in counts {
        let ring = rings.entry(count.ring).or_default();
        ring.ring = count.ring;
        ring.households += count.households;
        ring.persons += count.persons;
        ring.no_phone += count.no_phone;
        ring.messages += count.messages;
    }
    rings.into_values().collect()
}

/// Foretells from counts in the order of sending; `pursued`: the rings whose doors are gone to.
pub(super) fn foretell(counts: &[GridCount], pursued: &[i64], rate: Option<f64>) -> Forecast {
    // By code, with the number of messages sent when its last one is.
    let mut grids: BTreeMap<&str, (i64, GridForecast)> = BTreeMap::new();
    let mut sent = 0;
    for count in counts {
        sent += count.messages;
        let blank = || {
            let (code, name) = (count.code.clone(), count.name.clone());
            let (households, messages, doors) = (0, 0, 0);
            (0, GridForecast { code, name, households, messages, doors, last_ms: None })
        };
        let (last, grid) = grids.entry(&count.code).or_insert_with(blank);
        grid.households += count.households;
        grid.messages += count.messages;
        if pursued.contains(&count.ring) {
            grid.doors += count.no_phone;
        }
        if count.messages > 0 {
            *last = sent;
            grid.last_ms = span_ms(sent, rate);
        }
    }
    let mut grids: Vec<(i64, GridForecast)> = grids.into_values().collect();
    grids.sort_by_key(|(last, _)| std::cmp::Reverse(*last));
    Forecast { grids: grids.into_iter().map(|(_, grid)| grid).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(code: &str, ring: i64, households: i64, no_phone: i64) -> GridCount {
        let name = format!("梨洲{code}");
        let messages = households - no_phone;
        let persons = households * 3;
        GridCount { code: code.into(), name, ring, households, persons, no_phone, messages }
    }

    #[test]
    fn the_last_grid_is_the_one_whose_last_message_comes_last() {
        // The fragile of all grids first, then the danger zone, then the others.
        let counts = [
            count("g1", 1, 2, 1),
            count("g2", 2, 3, 1),
            count("g1", 3, 10, 2),
            count("g3", 3, 4, 4),
        ];
        let forecast = foretell(&counts, &[1, 2], Some(2.0));
        let seen: Vec<(&str, i64, i64, Option<i64>)> = forecast
            .grids
            .iter()
            .map(|g| (g.code.as_str(), g.messages, g.doors, g.last_ms))
            .collect();
        assert_eq!(
            seen,
            [("g1", 9, 1, Some(5_500)), ("g2", 2, 1, Some(1_500)), ("g3", 0, 0, None)]
        );
        assert_eq!(forecast.last().map(|grid| grid.name.as_str()), Some("梨洲g1"));
        assert_eq!((forecast.lists(), forecast.doors()), (2, 2));
        let all: i64 = by_ring(&counts).iter().map(|ring| ring.households).sum();
        assert_eq!(all, 19);
    }

    #[test]
    fn without_a_rate_or_a_telephone_nothing_is_promised() {
        let unknown = foretell(&[count("g1", 1, 2, 0)], &[1], None);
        assert_eq!(unknown.last().map(|grid| grid.last_ms), Some(None));
        let silent = foretell(&[count("g1", 1, 2, 2)], &[1], Some(1.0));
        assert_eq!(silent.last(), None);
        assert_eq!((silent.lists(), silent.doors()), (1, 2));
        assert_eq!(span_ms(10, Some(0.0)), None);
    }
}
