//! Parts of residents' longer messages, held until all are there or their time is up. Nothing held
//! here is acknowledged: a part that waited in vain is handed on alone, and one that is lost with
//! the connection is given again by the peer.

use std::collections::BTreeMap;

use super::{PartOf, Words};

/// Messages that wait for their parts at once; the oldest makes room.
const WAITING: usize = 32;

/// Repetitions of one part that are answered.
const REPEATED: usize = 8;

/// What is owed to the peer for a part: its acknowledgement and the request to come again.
pub(super) type Owed = (Vec<u8>, Vec<u8>);

/// Words with what is owed for them: one message.
pub(super) type Whole = (Words, Vec<Owed>);

#[derive(Debug)]
struct Waiting {
    from: String,
    to: String,
    reference: u16,
    total: u8,
    since_ms: i64,
    parts: BTreeMap<u8, (Words, Vec<Owed>)>,
}

/// The parts of one connection.
#[derive(Debug, Default)]
pub(super) struct Joined(Vec<Waiting>);

impl Joined {
    /// Takes words; gives what is whole with them, or what had to make room.
    pub(super) fn take(&mut self, words: Words, owed: Owed, now_ms: i64) -> Vec<Whole> {
        let Some(part) = words.part else {
            return vec![(words, vec![owed])];
        };
        let at = self.find(&words, part).unwrap_or_else(|| {
            self.0.push(Waiting {
                from: words.from.clone(),
                to: words.to.clone(),
                reference: part.reference,
                total: part.total,
                since_ms: now_ms,
                parts: BTreeMap::new(),
            });
            self.0.len() - 1
        });
        let Some(waiting) = self.0.get_mut(at) else {
            return vec![(words, vec![owed])];
        };
        // A part that comes twice is owed two answers; one that comes for ever, a few.
        let all_owed = &mut waiting.parts.entry(part.number).or_insert((words, Vec::new())).1;
        if all_owed.len() < REPEATED {
            all_owed.push(owed);
        }
        if waiting.parts.len() == usize::from(waiting.total) {
            return whole(self.0.remove(at)).into_iter().collect();
        }
        if self.0.len() > WAITING { alone(self.0.remove(0)) } else { Vec::new() }
    }

    /// What has waited long enough by now, part by part.
    pub(super) fn late(&mut self, now_ms: i64, join_ms: i64) -> Vec<Whole> {
        let is_late = |waiting: &mut Waiting| now_ms - waiting.since_ms >= join_ms;
        self.0.extract_if(.., is_late).flat_map(alone).collect()
    }

    /// When the first has waited long enough.
    pub(super) fn due_ms(&self, join_ms: i64) -> Option<i64> {
        self.0.iter().map(|waiting| waiting.since_ms + join_ms).min()
    }

    fn find(&self, words: &Words, part: PartOf) -> Option<usize> {
        self.0.iter().position(|waiting| {
            waiting.reference == part.reference
                && waiting.total == part.total
                && waiting.from == words.from
                && waiting.to == words.to
        })
    }
}

fn whole(waiting: Waiting) -> Option<Whole> {
    let mut parts = waiting.parts.into_values();
    let (mut words, mut owed) = parts.next()?;
    for (part, also) in parts {
        words.octets.extend_from_slice(&part.octets);
        owed.extend(also);
    }
    words.part = None;
    Some((words, owed))
}

fn alone(waiting: Waiting) -> Vec<Whole> {
    waiting.parts.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u8, octets: &[u8]) -> Words {
        Words {
            from: "13800138000".into(),
            to: "106".into(),
            coding: 8,
            octets: octets.to_vec(),
            part: Some(PartOf { reference: 7, total: 2, number }),
            id: None,
        }
    }

    fn owed(n: u8) -> Owed {
        (vec![n], vec![n + 100])
    }

    #[test]
    fn parts_in_any_order_are_one_message_and_all_are_answered() {
        let mut joined = Joined::default();
        assert!(joined.take(part(2, b"cd"), owed(2), 0).is_empty());
        assert!(joined.take(part(2, b"cd"), owed(3), 1).is_empty(), "given twice");
        let done = joined.take(part(1, b"ab"), owed(1), 5);
        let (words, answers) = &done[0];
        assert_eq!((words.octets.as_slice(), words.part), (&b"abcd"[..], None));
        assert_eq!(answers.len(), 3);
        assert_eq!(joined.due_ms(10), None);
    }

    #[test]
    fn a_part_alone_is_handed_on_in_time_and_too_many_make_room() {
        let mut joined = Joined::default();
        assert!(joined.take(part(1, b"ab"), owed(1), 0).is_empty());
        assert_eq!(joined.due_ms(3_000), Some(3_000));
        assert!(joined.late(2_999, 3_000).is_empty());
        assert_eq!(joined.late(3_000, 3_000).len(), 1);
        let mut out = 0;
        for n in 0..100 {
            let mut words = part(1, b"ab");
            words.from = format!("{n}");
            out += joined.take(words, owed(1), 0).len();
        }
        assert_eq!(out, 100 - WAITING);
    }
}
