//! The other side of the session protocols, on loopback: a message centre (SMPP) or a carrier's
//! gateway (CMPP) that takes submits, reports on them and delivers residents' words until it is
//! told that they are kept; with vices. It writes down everything, and routes nothing anywhere.

mod cmpp;
mod connection;
mod smpp;
#[cfg(test)]
mod vectors;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use cmpp::Ismg;
pub use smpp::{ReceiptForm, Smsc};

/// Entries of the log; beyond it the oldest go.
const LOG: usize = 100_000;

/// What the centre does wrong. The default is quick and honest.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CenterVices {
    /// Before each answer to a submit.
    pub answer_ms: u64,
    /// Every bind is refused.
    pub refuse_bind: bool,
    /// The first so many submits are throttled.
    pub throttle: u32,
    /// So many submits are taken; the answers to all later ones never come.
    pub silent_after: Option<u32>,
    /// The answer to this submit, counted from 1, is cut in its middle with the connection.
    pub cut_at: Option<u32>,
    /// Instead of the answer to this submit comes garbage.
    pub garbage_at: Option<u32>,
    /// Taken, answered, and never reported on.
    pub drop_silently: bool,
    /// From the answer to the report.
    pub receipt_ms: u64,
    /// Reports come before the answer to their submit.
    pub receipt_early: bool,
    pub receipt_doubled: bool,
    /// Numbers that do not exist: they are refused.
    pub dead: Vec<String>,
}

/// Reference, total, number; 0 of 0 for a single one.
pub(super) type Place = (u16, u8, u8);

/// One part of a message, as a protocol gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub from: String,
    pub to: String,
    pub text: String,
    pub of: Place,
}

/// One message that arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub from: String,
    pub to: String,
    pub text: String,
    pub parts: usize,
}

/// What a client asks.
pub(super) enum Asked {
    /// With the answers for welcome and refusal.
    Bind {
        welcome: Vec<u8>,
        refused: Vec<u8>,
        good: bool,
        hears: bool,
    },
    Submit {
        sequence: u32,
        part: Part,
    },
    Delivered {
        sequence: u32,
        kept: bool,
    },
    Probe {
        answer: Vec<u8>,
    },
    Leave {
        answer: Vec<u8>,
    },
    Other,
}

/// How a submit is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Taken(u32),
    Throttled,
    DeadNumber,
}

/// A protocol from the centre's side.
pub(super) trait Tongue: Send + Sync {
    fn ask(&self, pdu: &[u8]) -> Option<Asked>;
    fn answer(&self, sequence: u32, verdict: Verdict) -> Vec<u8>;
    fn report(&self, sequence: u32, number: u32, part: &Part) -> Vec<u8>;
    /// The words of a resident, in as many PDUs as they need, without sequence numbers.
    fn words(&self, number: u32, from: &str, to: &str, text: &str) -> Vec<Vec<u8>>;
    fn sequence_at(&self) -> usize;
}

/// A delivery the centre still owes, until a client says that it is kept.
#[derive(Debug, Clone)]
struct Owed {
    pdu: Vec<u8>,
    /// The connection and sequence number under which it was last given.
    given: Option<(u64, u32)>,
}

#[derive(Default)]
struct Books {
    arrived: VecDeque<Arrived>,
    joining: HashMap<(String, u16), BTreeMap<u8, String>>,
    owed: VecDeque<Owed>,
    kept: usize,
    refused: usize,
    submits: u32,
    binds: u32,
    connections: u64,
    open_most: usize,
    open: usize,
}

struct Center {
    tongue: Box<dyn Tongue>,
    vices: Mutex<CenterVices>,
    books: Mutex<Books>,
}

/// A running centre; it ends with its handle.
pub struct CenterHandle {
    center: Arc<Center>,
    address: SocketAddr,
    connections: Arc<Mutex<JoinSet<()>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Center {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn vices(&self) -> CenterVices {
        self.vices.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

impl Books {
    /// Notes a part; a message is noted once, when it is whole.
    fn note(&mut self, part: &Part) {
        let (reference, total, number) = part.of;
        let (text, parts) = if total < 2 {
            (part.text.clone(), 1)
        } else {
            let key = (part.to.clone(), reference);
            let texts = self.joining.entry(key.clone()).or_default();
            texts.insert(number, part.text.clone());
            if texts.len() < usize::from(total) {
                return;
            }
            let texts = self.joining.remove(&key).unwrap_or_default();
            (texts.into_values().collect(), usize::from(total))
        };
        let (from, to) = (part.from.clone(), part.to.clone());
        self.arrived.push_back(Arrived { from, to, text, parts });
        if self.arrived.len() > LOG {
            self.arrived.pop_front();
        }
    }
}

impl CenterHandle {
    /// A message centre that speaks SMPP, on a free port of loopback.
    pub async fn smpp(smsc: Smsc, vices: CenterVices) -> io::Result<CenterHandle> {
        CenterHandle::smpp_on(TcpListener::bind("127.0.0.1:0").await?, smsc, vices)
    }

    /// A carrier's gateway that speaks CMPP, on a free port of loopback.
    pub async fn cmpp(ismg: Ismg, vices: CenterVices) -> io::Result<CenterHandle> {
        CenterHandle::cmpp_on(TcpListener::bind("127.0.0.1:0").await?, ismg, vices)
    }

    /// A message centre on a port of the caller's.
    pub fn smpp_on(
        listener: TcpListener,
        smsc: Smsc,
        vices: CenterVices,
    ) -> io::Result<CenterHandle> {
        CenterHandle::open(Box::new(smsc), vices, listener)
    }

    /// A carrier's gateway on a port of the caller's.
    pub fn cmpp_on(
        listener: TcpListener,
        ismg: Ismg,
        vices: CenterVices,
    ) -> io::Result<CenterHandle> {
        CenterHandle::open(Box::new(ismg), vices, listener)
    }

    fn open(
        tongue: Box<dyn Tongue>,
        vices: CenterVices,
        listener: TcpListener,
    ) -> io::Result<CenterHandle> {
        let address = listener.local_addr()?;
        let books = Mutex::default();
        let center = Arc::new(Center { tongue, vices: Mutex::new(vices), books });
        let connections = Arc::new(Mutex::new(JoinSet::new()));
        let (serving, open) = (center.clone(), connections.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut open = open.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                open.spawn(connection::serve(serving.clone(), stream));
                while open.try_join_next().is_some() {}
            }
        });
        Ok(CenterHandle { center, address, connections, accepting })
    }

    /// HOST:PORT.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Cuts every connection; new ones are taken.
    pub fn cut(&self) {
        let mut open = self.connections.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        open.abort_all();
    }

    /// Its vices as they are.
    pub fn vices(&self) -> CenterVices {
        self.center.vices()
    }

    /// Other vices from now on.
    pub fn turn(&self, vices: CenterVices) {
        *self.center.vices.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = vices;
    }

    /// A resident writes.
    pub fn write_in(&self, from: &str, to: &str, text: &str) {
        let mut books = self.center.books();
        let number = u32::try_from(books.kept + books.owed.len() + 1).unwrap_or(u32::MAX);
        for pdu in self.center.tongue.words(number, from, to, text) {
            books.owed.push_back(Owed { pdu, given: None });
        }
    }

    /// What arrived whole, in order.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.center.books().arrived.iter().cloned().collect()
    }

    /// Deliveries acknowledged, refused (given again), and still owed.
    pub fn deliveries(&self) -> (usize, usize, usize) {
        let books = self.center.books();
        (books.kept, books.refused, books.owed.len())
    }

    /// Good binds so far.
    pub fn binds(&self) -> u32 {
        self.center.books().binds
    }

    /// Submits read so far, and the most that were unanswered at once.
    pub fn submits(&self) -> (u32, usize) {
        let books = self.center.books();
        (books.submits, books.open_most)
    }
}

impl Drop for CenterHandle {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

/// Real time: connections have no other.
pub(super) async fn pause(ms: u64) {
    let never = std::future::pending::<()>();
    let _ = tokio::time::timeout(Duration::from_millis(ms), never).await;
}

/// A text in UTF-16 as parts of at most 67 units behind a header with that reference; one part has
/// no header. Surrogates stay together.
pub(super) fn wide_parts(text: &str, reference: u8) -> Vec<Vec<u8>> {
    let octets = |letters: &[char]| -> Vec<u8> {
        let text: String = letters.iter().collect();
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    };
    let letters: Vec<char> = text.chars().collect();
    if text.encode_utf16().count() <= 70 {
        return vec![octets(&letters)];
    }
    // 33 letters are at most 66 units.
    let parts: Vec<&[char]> = letters.chunks(33).collect();
    let total = u8::try_from(parts.len()).unwrap_or(u8::MAX);
    let part = |(n, letters): (u8, &&[char])| {
        let mut data = vec![5, 0, 3, reference, total, n];
        data.extend(octets(letters));
        data
    };
    (1..=total).zip(&parts).map(part).collect()
}

/// The header before user data (reference, total, number), and the rest.
pub(super) fn unheaded(data: &[u8]) -> Option<(Place, &[u8])> {
    match data {
        [5, 0, 3, reference, total, number, rest @ ..] => {
            Some(((u16::from(*reference), *total, *number), rest))
        }
        [6, 8, 4, high, low, total, number, rest @ ..] => {
            Some(((u16::from_be_bytes([*high, *low]), *total, *number), rest))
        }
        _ => None,
    }
}

pub(super) fn wide_text(octets: &[u8]) -> String {
    let pairs = octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(pairs).map(|letter| letter.unwrap_or('\u{fffd}')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_have_headers_and_come_back() {
        let text = "水已漫到二楼，老人下不来😀".repeat(8);
        let parts = wide_parts(&text, 7);
        assert!(parts.len() > 1 && parts.iter().all(|part| part.len() <= 140));
        let mut back = String::new();
        for (n, part) in parts.iter().enumerate() {
            let ((reference, total, number), rest) = unheaded(part).unwrap();
            let at = (reference, usize::from(total), usize::from(number));
            assert_eq!(at, (7, parts.len(), n + 1));
            back += &wide_text(rest);
        }
        assert_eq!(back, text);
        assert_eq!(wide_parts("收到", 1).len(), 1);
    }

    #[test]
    fn a_message_is_noted_once_when_it_is_whole() {
        let mut books = Books::default();
        let part = |text: &str, number| Part {
            from: "106".into(),
            to: "1".into(),
            text: text.into(),
            of: (9, 2, number),
        };
        books.note(&part("转移", 2));
        books.note(&part("转移", 2));
        assert!(books.arrived.is_empty());
        books.note(&part("请", 1));
        assert_eq!(books.arrived[0].text, "请转移");
    }
}
