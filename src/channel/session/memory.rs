//! What a session remembers of its messages, in bounded tables: which parts are one message, so
//! that it counts as delivered when all of them are; and what was heard a moment ago, so that a
//! repetition is known as one. Pure; lost at exit, which loses no receipt and no reply: a part is
//! then kept under its own name, a repetition is kept twice.

use std::collections::{HashMap, VecDeque};

use super::Report;
use crate::channel::ReceiptEvent;
use crate::domain::outcome::ReceiptClass;

/// Parts of longer messages that are remembered.
const PARTS: usize = 20_000;
/// Replies that are remembered, and for how long.
const REPLIES: usize = 2_000;
const REPLY_MS: i64 = 120_000;

/// The tables of one gateway.
#[derive(Debug, Default)]
pub(super) struct Memory {
    parts: HashMap<String, Part>,
    order: VecDeque<String>,
    replies: HashMap<String, (String, i64)>,
    heard: VecDeque<String>,
    count: u64,
    reference: u16,
}

#[derive(Debug)]
struct Part {
    /// The name of the whole message: that of its first part.
    whole: String,
    /// All parts of it.
    all: Vec<String>,
    delivered: bool,
}

impl Memory {
    /// The number by which the parts of the next message know each other.
    pub(super) fn next_reference(&mut self) -> u16 {
        self.reference = self.reference.wrapping_add(1);
        self.reference
    }

    /// Begins the numbers elsewhere in every process: two of them send to the same handsets.
    pub(super) fn begin(&mut self, reference: u16) {
        self.reference = reference;
    }

    /// Notes the parts of one message; gives the message's name.
    pub(super) fn note(&mut self, ids: &[String]) -> Option<String> {
        let whole = ids.first()?.clone();
        if whole.is_empty() {
            return None;
        }
        if ids.len() > 1 {
            for id in ids {
                let part = Part { whole: whole.clone(), all: ids.to_vec(), delivered: false };
                self.parts.insert(id.clone(), part);
                self.order.push_back(id.clone());
            }
            while self.order.len() > PARTS {
                if let Some(oldest) = self.order.pop_front() {
                    self.parts.remove(&oldest);
                }
            }
        }
        Some(whole)
    }

    /// Whether it is known as a part of a longer message.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.parts.contains_key(id)
    }

    /// A report about a part as an event of its message.
    pub(super) fn receipt(&mut self, provider: &str, report: Report) -> ReceiptEvent {
        let Report { id, callee, mut class, code, at } = report;
        let source_key = format!("{provider}:st:{id}:{code}:{}", callee.as_deref().unwrap_or(""));
        let mut name = id.clone();
        if let Some(part) = self.parts.get_mut(&id) {
            part.delivered |= class.is_delivered();
            name.clone_from(&part.whole);
            let all = part.all.clone();
            let is_in = |id: &String| self.parts.get(id).is_some_and(|part| part.delivered);
            if class.is_delivered() && !all.iter().all(is_in) {
                class = ReceiptClass::Accepted;
            }
        }
        ReceiptEvent {
            external_id: (!name.is_empty()).then_some(name),
            reference: None,
            callee,
            class,
            code,
            at,
            source_key,
        }
    }

    /// The key of a reply that has no name of its own: the same for a repetition within minutes,
    /// another one for the same words on another day.
    pub(super) fn reply_key(&mut self, sum: &str, now_ms: i64, calendar_ms: i64) -> String {
        if let Some((key, seen_ms)) = self.replies.get_mut(sum)
            && now_ms - *seen_ms < REPLY_MS
        {
            *seen_ms = now_ms;
            return key.clone();
        }
        self.count += 1;
        let key = format!("{sum}.{calendar_ms}.{}", self.count);
        if self.replies.insert(sum.to_owned(), (key.clone(), now_ms)).is_none() {
            self.heard.push_back(sum.to_owned());
        }
        while self.heard.len() > REPLIES {
            if let Some(oldest) = self.heard.pop_front() {
                self.replies.remove(&oldest);
            }
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(id: &str, class: ReceiptClass) -> Report {
        Report { id: id.into(), callee: None, class, code: class.word().into(), at: None }
    }

    #[test]
    fn a_message_is_delivered_when_all_its_parts_are() {
        let mut memory = Memory::default();
        let ids = ["a".to_owned(), "b".to_owned()];
        assert_eq!(memory.note(&ids).as_deref(), Some("a"));
        let second = memory.receipt("smpp", report("b", ReceiptClass::Delivered));
        assert_eq!(second.external_id.as_deref(), Some("a"));
        assert_eq!(second.class, ReceiptClass::Accepted);
        let doubled = memory.receipt("smpp", report("b", ReceiptClass::Delivered));
        assert_eq!(doubled, second);
        let first = memory.receipt("smpp", report("a", ReceiptClass::Delivered));
        assert_eq!(first.class, ReceiptClass::Delivered);
        assert_ne!(first.source_key, second.source_key);
        let failed = memory.receipt("smpp", report("b", ReceiptClass::Expired));
        assert_eq!(failed.class, ReceiptClass::Expired);
        let alone = memory.receipt("smpp", report("c", ReceiptClass::Delivered));
        assert_eq!(alone.external_id.as_deref(), Some("c"));
        assert_eq!(memory.note(&[String::new()]), None);
    }

    #[test]
    fn tables_stay_within_their_bounds() {
        let mut memory = Memory::default();
        for n in 0..PARTS {
            memory.note(&[format!("a{n}"), format!("b{n}")]);
            memory.reply_key(&format!("{n}"), 0, 0);
        }
        assert_eq!(memory.parts.len(), PARTS);
        assert!(!memory.knows("a0") && memory.knows("a19999"));
        assert_eq!((memory.replies.len(), memory.heard.len()), (REPLIES, REPLIES));
    }

    #[test]
    fn a_repetition_has_the_same_key_and_tomorrow_another() {
        let mut memory = Memory::default();
        let first = memory.reply_key("1", 0, 1_000);
        assert_eq!(memory.reply_key("1", 60_000, 61_000), first);
        assert_ne!(memory.reply_key("2", 60_000, 61_000), first);
        assert_ne!(memory.reply_key("1", 86_400_000, 86_401_000), first);
    }
}
