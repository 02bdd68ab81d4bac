//! The numbers of a consumer's unsettled hints, and the fewest acknowledgements that settle some.
//!
//! Pure book-keeping: nothing is sent from here.

use std::collections::BTreeSet;

/// Tags handed out by one broker channel and not yet settled.
#[derive(Debug, Default)]
pub struct Unsettled {
    tags: BTreeSet<u64>,
}

/// Acknowledgements to send, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Acks {
    /// Everything up to and with this tag.
    pub up_to: Option<u64>,
    /// These, one by one: something older is still being worked on.
    pub single: Vec<u64>,
}

impl Unsettled {
    /// A hint has come in.
    pub fn arrived(&mut self, tag: u64) {
        self.tags.insert(tag);
    }

    /// Takes `tags` off the book. Unknown ones (settled twice) are passed over: acknowledging
    /// them would make the broker close the channel.
    pub fn settle(&mut self, tags: impl IntoIterator<Item = u64>) -> Acks {
        let settled: BTreeSet<u64> = tags.into_iter().filter(|tag| self.tags.remove(tag)).collect();
        let oldest_open = self.tags.first().copied();
        let mut acks = Acks::default();
        for tag in settled {
            match oldest_open {
                Some(open) if tag > open => acks.single.push(tag),
                Some(_) | None => acks.up_to = Some(tag),
            }
        }
        acks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(tags: std::ops::RangeInclusive<u64>) -> Unsettled {
        let mut unsettled = Unsettled::default();
        tags.for_each(|tag| unsettled.arrived(tag));
        unsettled
    }

    #[test]
    fn a_contiguous_run_is_one_acknowledgement() {
        let mut unsettled = arrived(1..=64);
        assert_eq!(unsettled.settle([3, 1, 2]), Acks { up_to: Some(3), single: vec![] });
        assert_eq!(unsettled.settle(4..=64), Acks { up_to: Some(64), single: vec![] });
    }

    #[test]
    fn what_is_still_open_is_never_acknowledged() {
        let mut unsettled = arrived(1..=6);
        assert_eq!(unsettled.settle([1, 2, 4, 6]), Acks { up_to: Some(2), single: vec![4, 6] });
        assert_eq!(unsettled.settle([5]), Acks { up_to: None, single: vec![5] });
        assert_eq!(unsettled.settle([3]), Acks { up_to: Some(3), single: vec![] });
    }

    #[test]
    fn twice_settled_is_settled_once() {
        let mut unsettled = arrived(1..=2);
        let both = Acks { up_to: Some(2), single: vec![] };
        assert_eq!(unsettled.settle([1, 1, 2]), both);
        assert_eq!(unsettled.settle([2, 1, 77]), Acks::default());
    }
}
