//! What the practice gateway remembers and owes: log, counts, and what falls due when. It knows
//! the vices of delivery and rate; requests and callbacks are its caller's.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use bytes::Bytes;
use http::Request;

use super::shape::{Asked, Told};
use super::{Entry, Stats, Vices};
use crate::practice::residents::{Dice, Residents, hash};

pub(super) struct Core {
    pub(super) vices: Vices,
    pub(super) residents: Box<dyn Residents>,
    pub(super) log: Vec<Entry>,
    pub(super) seen: HashMap<u64, u32>,
    pub(super) tries: HashMap<String, u32>,
    pub(super) due: BinaryHeap<Reverse<Due>>,
    pub(super) serial: u64,
    pub(super) free_at: f64,
    pub(super) stats: Stats,
}

pub(super) struct Due {
    pub(super) at_ms: i64,
    pub(super) serial: u64,
    pub(super) what: What,
}

pub(super) enum What {
    /// The text reaches the handset.
    Handset {
        to: String,
        shown: String,
        text: String,
    },
    Receipt(Told),
    Reply {
        from: String,
        to: String,
        text: String,
    },
    Again(Request<Bytes>),
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        (self.at_ms, self.serial).cmp(&(other.at_ms, other.serial))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl Core {
    pub(super) fn new(vices: Vices, residents: Box<dyn Residents>) -> Core {
        Core {
            vices,
            residents,
            log: Vec::new(),
            seen: HashMap::new(),
            tries: HashMap::new(),
            due: BinaryHeap::new(),
            serial: 0,
            free_at: f64::MIN,
            stats: Stats::default(),
        }
    }

    /// The seconds to wait where the rate is used up; takes the places of so many messages
    /// otherwise.
    pub(super) fn too_fast_s(&mut self, now_ms: i64, messages: usize) -> Option<i64> {
        let interval_ms = 1_000.0 / self.vices.rate_per_second?;
        let now = now_ms as f64;
        let ahead_ms = self.free_at.max(now) - now;
        if ahead_ms > (1_000.0 - interval_ms).max(0.0) {
            return Some(((ahead_ms / 1_000.0).ceil() as i64).max(1));
        }
        self.free_at = self.free_at.max(now) + interval_ms * messages as f64;
        None
    }

    /// A message is on its way under that name; its `fate` is drawn from.
    pub(super) fn take(
        &mut self,
        now_ms: i64,
        answered_at: i64,
        asked: &Asked,
        name: &str,
        fate: &str,
        shown: String,
    ) {
        self.write(now_ms, name.to_owned(), asked);
        let mut dice = Dice::new(self.vices.seed, fate, 1);
        let arrives_at = answered_at + dice.between_ms(self.vices.receipt_delay_ms);
        let dead = self.vices.dead_numbers.holds(&asked.to);
        let dropped = Dice::new(self.vices.seed, fate, 2).falls(self.vices.dropped);
        if dropped {
            return;
        }
        if !dead {
            let (to, text) = (asked.to.clone(), asked.text.clone());
            self.plan(arrives_at, What::Handset { to, shown: shown.clone(), text });
        }
        let (Some(url), false) = (&asked.told_at, dice.falls(self.vices.receipt_missing)) else {
            return;
        };
        let told_at = if dice.falls(self.vices.receipt_early) {
            now_ms
        } else if dice.falls(self.vices.receipt_late) {
            arrives_at + dice.between_ms(self.vices.receipt_late_ms)
        } else {
            arrives_at
        };
        let times = if dice.falls(self.vices.receipt_doubled) { 2 } else { 1 };
        for _ in 0..times {
            let told = Told {
                name: name.to_owned(),
                to: asked.to.clone(),
                shown: shown.clone(),
                url: url.clone(),
                reference: asked.reference.clone(),
                at_ms: arrives_at,
                dead,
            };
            self.plan(told_at, What::Receipt(told));
        }
    }

    pub(super) fn write(&mut self, at_ms: i64, sid: String, asked: &Asked) {
        let taken = !sid.is_empty();
        if taken {
            self.stats.taken += 1;
            let pair = hash(asked.text.as_bytes(), hash(asked.to.as_bytes(), 0x7a1e));
            *self.seen.entry(pair).or_default() += 1;
        }
        self.log.push(Entry {
            at_ms,
            sid,
            to: asked.to.clone(),
            text: asked.text.clone(),
            reference: asked.reference.clone(),
            taken,
        });
    }

    pub(super) fn hear(&mut self, at_ms: i64, to: &str, shown: String, text: &str) {
        for heard in self.residents.hear(at_ms, to, text) {
            let reply = What::Reply { from: heard.from, to: shown.clone(), text: heard.text };
            self.plan(at_ms + heard.after_ms.max(0), reply);
        }
    }

    pub(super) fn plan(&mut self, at_ms: i64, what: What) {
        self.serial += 1;
        self.due.push(Reverse(Due { at_ms, serial: self.serial, what }));
    }
}
