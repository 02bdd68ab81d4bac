//! Submits that have no answer yet: the window of one connection, with its sequence numbers and
//! its time limits. Pure: it writes nothing and reads no clock.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;

use super::Said;
use crate::channel::Message;
use crate::domain::outcome::Outcome;

/// Sequence numbers go up to here and begin again.
const SEQUENCE_MOST: u32 = 0x7fff_ffff;
/// Tries of a later part of a message that the peer throttles: the parts before it are taken.
const PART_TRIES: u32 = 8;

/// A message that waits to be written.
pub(super) struct Job {
    pub message: Message,
    /// After this it is not written any more.
    pub expires_ms: i64,
    pub done: oneshot::Sender<Outcome>,
}

/// A message of which a part is on the wire.
pub(super) struct Flight {
    parts: VecDeque<Vec<u8>>,
    ids: Vec<String>,
    tries: u32,
    done: oneshot::Sender<Outcome>,
}

impl Flight {
    pub(super) fn new(parts: Vec<Vec<u8>>, done: oneshot::Sender<Outcome>) -> Flight {
        Flight { parts: parts.into(), ids: Vec::new(), tries: 0, done }
    }

    /// The part that is next, without its sequence number.
    pub(super) fn part(&self) -> Option<&[u8]> {
        self.parts.front().map(Vec::as_slice)
    }

    /// Nobody may listen any more: then the outcome is the caller's "unknown".
    pub(super) fn end(self, outcome: Outcome) {
        let _ = self.done.send(outcome);
    }
}

/// What an answer leads to.
pub(super) enum Then {
    /// The next part is to be written.
    Next(Flight),
    /// All parts are taken, under these names.
    Taken(Flight, Vec<String>),
    /// The message has its outcome; nothing of it was taken where it may be tried again.
    Ended(Flight, Outcome),
    /// The peer is too busy for the rest of it: again later.
    Rest(Flight),
    /// The number is nobody's: an answer that came too late.
    Nobody,
}

pub(super) struct Pending {
    open: HashMap<u32, (Flight, i64)>,
    resting: Vec<Flight>,
    sequence: u32,
}

impl Pending {
    /// The greeting had the number 1.
    pub(super) fn new() -> Pending {
        Pending { open: HashMap::new(), resting: Vec::new(), sequence: 1 }
    }

    pub(super) fn next_sequence(&mut self) -> u32 {
        self.sequence = if self.sequence >= SEQUENCE_MOST { 1 } else { self.sequence + 1 };
        self.sequence
    }

    /// Messages that hold a place in the window.
    pub(super) fn len(&self) -> usize {
        self.open.len() + self.resting.len()
    }

    pub(super) fn open(&mut self, sequence: u32, flight: Flight, deadline_ms: i64) {
        self.open.insert(sequence, (flight, deadline_ms));
    }

    pub(super) fn answered(&mut self, sequence: u32, said: Said) -> Then {
        let Some((mut flight, _)) = self.open.remove(&sequence) else {
            return Then::Nobody;
        };
        match said {
            Said::Taken(id) => {
                flight.ids.push(id);
                flight.parts.pop_front();
                flight.tries = 0;
                if flight.parts.is_empty() {
                    let ids = std::mem::take(&mut flight.ids);
                    return Then::Taken(flight, ids);
                }
                Then::Next(flight)
            }
            Said::Not(Outcome::Throttled { .. })
                if !flight.ids.is_empty() && flight.tries < PART_TRIES =>
            {
                flight.tries += 1;
                Then::Rest(flight)
            }
            Said::Not(outcome) => Then::Ended(flight, outcome),
        }
    }

    pub(super) fn rest(&mut self, flight: Flight) {
        self.resting.push(flight);
    }

    pub(super) fn is_resting(&self) -> bool {
        !self.resting.is_empty()
    }

    /// Those that rested, to be written again.
    pub(super) fn rested(&mut self) -> Vec<Flight> {
        std::mem::take(&mut self.resting)
    }

    /// Those whose answer has not come in time.
    pub(super) fn late(&mut self, now_ms: i64) -> Vec<Flight> {
        let late = self.open.extract_if(|_, (_, deadline_ms)| *deadline_ms <= now_ms);
        late.map(|(_, (flight, _))| flight).collect()
    }

    /// When the first answer is late.
    pub(super) fn due_ms(&self) -> Option<i64> {
        self.open.values().map(|(_, deadline_ms)| *deadline_ms).min()
    }

    /// The connection is gone: whatever was written may have arrived. A message whose first parts
    /// were taken and whose next one only rested never came whole, yet its reader has a part.
    pub(super) fn lose(&mut self, why: &str) {
        let open = self.open.drain().map(|(_, (flight, _))| flight);
        for flight in open.chain(std::mem::take(&mut self.resting)) {
            flight.end(Outcome::Unknown { why: why.to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(parts: usize) -> (Flight, oneshot::Receiver<Outcome>) {
        let (done, said) = oneshot::channel();
        (Flight::new(vec![vec![0; 16]; parts], done), said)
    }

    fn throttled() -> Said {
        Said::Not(Outcome::Throttled { after_ms: None })
    }

    #[test]
    fn parts_follow_each_other_and_the_last_one_ends_it() {
        let mut pending = Pending::new();
        let (first, _said) = flight(2);
        pending.open(2, first, 10);
        let Then::Next(first) = pending.answered(2, Said::Taken("a".into())) else {
            panic!("a second part");
        };
        pending.open(3, first, 20);
        assert!(matches!(pending.answered(2, throttled()), Then::Nobody));
        let Then::Rest(first) = pending.answered(3, throttled()) else { panic!("rests") };
        pending.rest(first);
        assert_eq!(pending.len(), 1);
        let first = pending.rested().remove(0);
        pending.open(4, first, 30);
        let Then::Taken(_, ids) = pending.answered(4, Said::Taken("b".into())) else {
            panic!("whole");
        };
        assert_eq!(ids, ["a", "b"]);
        let (single, _said) = flight(1);
        pending.open(5, single, 30);
        assert!(matches!(pending.answered(5, throttled()), Then::Ended(..)));
    }

    #[test]
    fn a_lost_connection_leaves_what_was_written_unknown() {
        let mut pending = Pending::new();
        let (late, mut late_said) = flight(1);
        let (open, mut open_said) = flight(1);
        pending.open(2, late, 10);
        pending.open(3, open, 20);
        assert_eq!(pending.due_ms(), Some(10));
        for flight in pending.late(10) {
            flight.end(Outcome::Unknown { why: "late".into() });
        }
        pending.lose("gone");
        assert_eq!(late_said.try_recv(), Ok(Outcome::Unknown { why: "late".into() }));
        assert_eq!(open_said.try_recv(), Ok(Outcome::Unknown { why: "gone".into() }));
        pending.sequence = SEQUENCE_MOST;
        assert_eq!(pending.next_sequence(), 1);
    }
}
