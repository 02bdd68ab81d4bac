//! What a session remembers in a bounded table: what was heard a moment ago, so that a repetition
//! is known as one. Pure; lost at exit, which loses no reply: a repetition is then kept twice.
//! Which parts are one message is the store's to remember.

use std::collections::{HashMap, VecDeque};

/// Replies that are remembered, and for how long.
const REPLIES: usize = 2_000;
const REPLY_MS: i64 = 120_000;

/// The table of one gateway.
#[derive(Debug, Default)]
pub(super) struct Memory {
    replies: HashMap<String, (String, i64)>,
    heard: VecDeque<String>,
    count: u64,
    reference: u16,
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

    #[test]
    fn the_table_stays_within_its_bounds() {
        let mut memory = Memory::default();
        for n in 0..3 * REPLIES {
            memory.reply_key(&format!("{n}"), 0, 0);
        }
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
