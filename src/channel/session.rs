//! Gateways behind a connection that stands (SMPP, CMPP): what the runtime asks of a protocol, and
//! what the house asks of the runtime. A protocol here is pure: octets in, meanings out; waiting,
//! windows and connections are `lines` and `talk`. Nothing here is specific to one protocol.

mod address;
mod joined;
pub mod letters;
mod lines;
pub mod long;
mod memory;
pub(crate) mod octets;
mod pending;
mod talk;
mod wire;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub(crate) use address::digits;
pub use lines::Lines;

use super::{Event, Message};
use crate::domain::outcome::{Outcome, ReceiptClass};
use octets::Broken;

/// Who takes what a peer delivers. The peer is told "taken" only after `true`.
#[async_trait]
pub trait Ear: Send + Sync {
    /// Whether all of it is committed; on `false` the peer is asked to come again.
    async fn hear(&self, provider: &str, events: Vec<Event>) -> bool;
}

/// One connection, as `/readyz` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LinkState {
    pub bound: bool,
    /// Why it is not, in a few words without secrets.
    pub trouble: Option<String>,
    /// Submits written and not answered yet.
    pub unanswered: usize,
    /// How often it was bound.
    pub binds: u64,
}

/// `[provider.link]`: how a session is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkSettings {
    /// Connections for sending, as the contract allows.
    pub connections: usize,
    /// Submits that may be unanswered on one connection.
    pub window: usize,
    pub connect_ms: i64,
    /// An answer that has not come by then does not come.
    pub answer_ms: i64,
    /// After so long without a word from the peer it is asked whether it is there.
    pub idle_ms: i64,
    /// The first wait before a new connection; it doubles up to a minute.
    pub reconnect_ms: i64,
    /// How long the parts of a resident's long message wait for each other.
    pub join_ms: i64,
}

impl Default for LinkSettings {
    fn default() -> LinkSettings {
        LinkSettings {
            connections: 1,
            window: 10,
            connect_ms: 5_000,
            answer_ms: 10_000,
            idle_ms: 30_000,
            reconnect_ms: 1_000,
            join_ms: 3_000,
        }
    }
}

impl LinkSettings {
    /// Names the first value that cannot be meant, with what to write.
    pub fn check(&self) -> Result<(), String> {
        let size = |name: &str, value: usize, most: usize| match (1..=most).contains(&value) {
            true => Ok(()),
            false => Err(format!("link.{name}: 1 to {most}")),
        };
        size("connections", self.connections, 8)?;
        size("window", self.window, 100)?;
        let times = [
            ("connect_ms", self.connect_ms, 60_000),
            ("answer_ms", self.answer_ms, 60_000),
            ("idle_ms", self.idle_ms, 180_000),
            ("reconnect_ms", self.reconnect_ms, 60_000),
            ("join_ms", self.join_ms, 5_000),
        ];
        for (name, value, most) in times {
            if !(10..=most).contains(&value) {
                return Err(format!("link.{name}: 10 to {most}"));
            }
        }
        Ok(())
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Both,
    Sending,
    Hearing,
}

/// What a peer answered to the greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    Welcome,
    /// With the peer's code and what to look at.
    Refused(String),
    /// Something else; the answer is still to come.
    NotYet,
}

/// A carrier's word about one part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The peer's name for the part, in the form in which [`Said::Taken`] has it.
    pub id: String,
    pub callee: Option<String>,
    pub class: ReceiptClass,
    pub code: String,
    pub at: Option<i64>,
}

/// A resident's words, or a part of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub from: String,
    pub to: String,
    pub coding: u8,
    pub octets: Vec<u8>,
    pub part: Option<PartOf>,
    /// The peer's own name for it, where it gives one that holds over repetitions.
    pub id: Option<String>,
}

/// Which part of a longer message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartOf {
    pub reference: u16,
    pub total: u8,
    pub number: u8,
}

/// What a peer delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Report(Report),
    Words(Words),
    /// A delivery nobody understands: a person looks at it.
    Odd,
}

/// A peer's answer to a submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Taken, under this name (empty: it gave none).
    Taken(String),
    Not(Outcome),
}

/// One PDU, as the runtime needs to know it. Answers are whole PDUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Answer {
        sequence: u32,
        said: Said,
    },
    Delivery {
        taken: Vec<u8>,
        again: Vec<u8>,
        what: What,
    },
    Probe {
        answer: Vec<u8>,
    },
    ProbeAnswer,
    Farewell {
        answer: Vec<u8>,
    },
    FarewellAnswer,
    /// Nothing of ours; some of it is answered.
    Other {
        answer: Option<Vec<u8>>,
    },
}

/// Where a protocol's PDUs begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Octets of the smallest PDU.
    pub header_octets: usize,
    /// Octets of the largest PDU that is read.
    pub most_octets: usize,
    /// Where the sequence number stands, four octets.
    pub sequence_at: usize,
}

/// A protocol without I/O. Both protocols open a PDU with its length, four octets big endian.
/// PDUs that begin something are made without their sequence number: the runtime writes it in.
pub trait Speech: Send + Sync {
    fn frame(&self) -> Frame;
    /// The connections to keep.
    fn ways(&self, connections: usize) -> Vec<Way>;
    /// The first PDU of a connection.
    fn greet(&self, way: Way, calendar_ms: i64) -> Result<Vec<u8>, Broken>;
    /// What `answer` says to the greeting that was sent.
    fn greeted(&self, greeting: &[u8], answer: &[u8]) -> Greeting;
    /// The submits of a message, one for each part, or why it cannot be put into any.
    fn parts(&self, message: &Message, reference: u16) -> Result<Vec<Vec<u8>>, String>;
    fn probe(&self) -> Vec<u8>;
    fn farewell(&self) -> Vec<u8>;
    fn read(&self, pdu: &[u8]) -> Result<Heard, Broken>;
    /// The letters of a resident's words.
    fn text(&self, coding: u8, octets: &[u8]) -> String;
}
