//! The pace of whoever took a list: when he ends, whether that is in time, and which part another
//! should take (rules §5). Pure; who that other is, the engine finds on the ladder.

const MIN_MS: i64 = 60_000;
/// Nobody is judged by his first minutes.
const FIRST_LOOK_MS: (i64, i64) = (5 * MIN_MS, 20 * MIN_MS);

/// When a list just taken is first looked at: after a quarter of what is left, five to twenty
/// minutes. None: nothing has to be done by any time.
pub fn first_look_at(act_by: Option<i64>, now: i64) -> Option<i64> {
    let quarter_ms = (act_by? - now) / 4;
    Some(now + quarter_ms.clamp(FIRST_LOOK_MS.0, FIRST_LOOK_MS.1))
}

/// A building of a list, in walking order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub building_id: i64,
    pub open: i64,
}

/// How far somebody got with a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    pub taken_at: i64,
    /// Doors closed since then.
    pub done: i64,
    /// Its buildings with open doors.
    pub parts: Vec<Part>,
}

impl Pace {
    /// Open doors.
    pub fn open(&self) -> i64 {
        self.parts.iter().map(|part| part.open).sum()
    }

    /// When the last door is done if it goes on like this; none: never.
    pub fn ends_at(&self, now: i64) -> Option<i64> {
        let took_ms = (now - self.taken_at).max(1);
        match (self.open(), self.done) {
            (0, _) => Some(now),
            (_, 0) => None,
            (open, done) => Some(now.saturating_add(open.saturating_mul(took_ms) / done)),
        }
    }

    /// Whether it ends too late. Who has done nothing yet is judged as if he had just done his
    /// first door.
    pub fn is_late(&self, act_by: i64, now: i64) -> bool {
        let started = Pace { done: self.done.max(1), ..self.clone() };
        self.open() > 0 && started.ends_at(now).is_none_or(|at| at > act_by)
    }

    /// The buildings that another should take: from the end of the walk, as many doors as the
    /// holder won't reach in time (half of them where nothing is known). He keeps his first one,
    /// unless there is no other.
    pub fn share(&self, act_by: i64, now: i64) -> Vec<Part> {
        let took_ms = (now - self.taken_at).max(1);
        let left_ms = (act_by - now).max(0);
        let own = match self.done {
            0 => self.open() / 2,
            done => done.saturating_mul(left_ms) / took_ms,
        };
        let too_many = (self.open() - own).max(1);
        let mut share = Vec::new();
        let mut doors = 0;
        let kept = usize::from(self.parts.len() > 1);
        for part in self.parts.iter().skip(kept).rev() {
            if doors >= too_many {
                break;
            }
            doors += part.open;
            share.push(*part);
        }
        share.reverse();
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(done: i64, open: &[i64]) -> Pace {
        let part = |(n, open): (usize, &i64)| Part { building_id: n as i64 + 1, open: *open };
        Pace { taken_at: 0, done, parts: open.iter().enumerate().map(part).collect() }
    }

    fn buildings(parts: &[Part]) -> Vec<i64> {
        parts.iter().map(|part| part.building_id).collect()
    }

    #[test]
    fn a_list_is_first_looked_at_after_a_quarter_of_the_time() {
        assert_eq!(first_look_at(None, 0), None);
        assert_eq!(first_look_at(Some(40 * MIN_MS), 0), Some(10 * MIN_MS));
        assert_eq!(first_look_at(Some(300 * MIN_MS), 0), Some(20 * MIN_MS));
        assert_eq!(first_look_at(Some(-MIN_MS), 0), Some(5 * MIN_MS), "past it already");
    }

    #[test]
    fn the_end_is_what_is_open_at_the_pace_so_far() {
        let ten_in_twenty = pace(10, &[5, 5]);
        assert_eq!(ten_in_twenty.ends_at(20 * MIN_MS), Some(40 * MIN_MS));
        assert!(!ten_in_twenty.is_late(40 * MIN_MS, 20 * MIN_MS));
        assert!(ten_in_twenty.is_late(40 * MIN_MS - 1, 20 * MIN_MS));
        assert_eq!(pace(0, &[5]).ends_at(20 * MIN_MS), None);
        assert!(!pace(0, &[5]).is_late(120 * MIN_MS, 20 * MIN_MS), "five such doors still fit");
        assert!(pace(0, &[5]).is_late(119 * MIN_MS, 20 * MIN_MS));
        assert!(!pace(0, &[]).is_late(0, 20 * MIN_MS), "nothing is open");
    }

    #[test]
    fn what_he_won_t_reach_is_shared_from_the_end_of_his_walk() {
        // Five in twenty minutes, twenty minutes left: five more; fifteen are too many.
        let slow = pace(5, &[5, 5, 5, 5]);
        assert_eq!(buildings(&slow.share(40 * MIN_MS, 20 * MIN_MS)), [2, 3, 4]);
        let nearly = pace(5, &[3, 2, 2]);
        assert_eq!(buildings(&nearly.share(40 * MIN_MS, 20 * MIN_MS)), [3]);
        let never = pace(0, &[4, 2, 2]);
        assert_eq!(buildings(&never.share(40 * MIN_MS, 20 * MIN_MS)), [2, 3], "half of eight");
        assert_eq!(buildings(&pace(0, &[9]).share(40 * MIN_MS, 20 * MIN_MS)), [1], "all there is");
        let past = pace(5, &[3, 9]);
        assert_eq!(buildings(&past.share(10 * MIN_MS, 20 * MIN_MS)), [2], "he keeps his first");
    }
}
