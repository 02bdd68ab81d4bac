//! A hint: the few words that tell a process where to look in the store. What it is, on which
//! topic it travels, and its text form on the wire.
//!
//! No broker here, and no work: a hint may be lost, doubled or reordered without harm. It never
//! carries personal data, only numbers of rows.

use std::fmt;

use crate::domain::lane::{Class, Lane};

/// The longest a hint may be on the wire, in bytes.
pub const HINT_BYTES_MAX: usize = 99;

/// The first word of every hint; a change of the form takes a new one.
const WIRE_VERSION: &str = "h1";

/// What kind of work a hint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// An expansion row waits.
    Expand,
    /// A batch of this lane waits.
    Send(Lane),
    /// A notice (summons, offer, confirmation) waits.
    Notice,
}

impl Topic {
    /// Every topic there is.
    pub const ALL: [Topic; 5] = [
        Topic::Expand,
        Topic::Send(Lane::Sms),
        Topic::Send(Lane::Voice),
        Topic::Send(Lane::Wechat),
        Topic::Notice,
    ];

    /// The word used in queue names and on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Topic::Expand => "expand",
            Topic::Send(Lane::Sms) => "send.sms",
            Topic::Send(Lane::Voice) => "send.voice",
            Topic::Send(Lane::Wechat) => "send.wechat",
            Topic::Notice => "notice",
        }
    }

    /// The inverse of [`Topic::word`].
    pub fn from_word(word: &str) -> Option<Topic> {
        Topic::ALL.into_iter().find(|topic| topic.word() == word)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Both classes, the urgent one first.
pub const CLASSES: [Class; 2] = [Class::Flash, Class::Routine];

/// The word of a class, in queue names and on the wire.
pub fn class_word(class: Class) -> &'static str {
    match class {
        Class::Flash => "flash",
        Class::Routine => "routine",
    }
}

/// Every pair of topic and class, in a fixed order.
pub fn every_queue() -> impl Iterator<Item = (Topic, Class)> {
    Topic::ALL.into_iter().flat_map(|topic| CLASSES.into_iter().map(move |class| (topic, class)))
}

/// "Look at this row": work that waits in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hint {
    pub topic: Topic,
    pub class: Class,
    /// The row: an expansion, a batch or a notice, as the topic says.
    pub id: i64,
    /// The alert it belongs to.
    pub alert: i64,
}

/// Bytes that are no hint: the reader drops them with a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAHint {
    #[error("{bytes} bytes, more than a hint has")]
    TooLong { bytes: usize },
    #[error("not the text of a hint of version {WIRE_VERSION}")]
    Unreadable,
}

impl Hint {
    /// The text on the wire: `h1 send.sms flash 812 17`. Less than 100 bytes for any numbers.
    pub fn encode(&self) -> String {
        let Hint { topic, class, id, alert } = self;
        format!("{WIRE_VERSION} {topic} {} {id} {alert}", class_word(*class))
    }

    /// The inverse of [`Hint::encode`], strict: other versions, words or extra text are refused.
    pub fn decode(bytes: &[u8]) -> Result<Hint, NotAHint> {
        if bytes.len() > HINT_BYTES_MAX {
            return Err(NotAHint::TooLong { bytes: bytes.len() });
        }
        std::str::from_utf8(bytes).ok().and_then(Hint::parse).ok_or(NotAHint::Unreadable)
    }

    fn parse(text: &str) -> Option<Hint> {
        let mut words = text.split(' ');
        if words.next()? != WIRE_VERSION {
            return None;
        }
        let topic = Topic::from_word(words.next()?)?;
        let class_text = words.next()?;
        let class = CLASSES.into_iter().find(|class| class_word(*class) == class_text)?;
        let id = words.next()?.parse().ok()?;
        let alert = words.next()?.parse().ok()?;
        words.next().is_none().then_some(Hint { topic, class, id, alert })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_hint_fits() {
        for (topic, class) in every_queue() {
            let hint = Hint { topic, class, id: i64::MIN, alert: i64::MIN };
            let text = hint.encode();
            assert!(text.len() <= HINT_BYTES_MAX, "{} bytes: {text}", text.len());
            assert_eq!(Hint::decode(text.as_bytes()), Ok(hint));
        }
    }

    #[test]
    fn the_form_is_fixed() {
        let hint = Hint { topic: Topic::Send(Lane::Sms), class: Class::Flash, id: 812, alert: 17 };
        assert_eq!(hint.encode(), "h1 send.sms flash 812 17");
    }

    #[test]
    fn other_bytes_are_refused() {
        let refused: [&[u8]; 9] = [
            b"",
            "水进屋了".as_bytes(),
            b"\xff\xfe\x00",
            b"h2 send.sms flash 1 2",
            b"h1 send.fax flash 1 2",
            b"h1 send.sms urgent 1 2",
            b"h1 send.sms flash 1",
            b"h1 send.sms flash 1 2 3",
            b"h1 send.sms flash 99999999999999999999 2",
        ];
        for bytes in refused {
            assert_eq!(Hint::decode(bytes), Err(NotAHint::Unreadable), "{bytes:?}");
        }
        assert_eq!(Hint::decode(&[b'h'; 100]), Err(NotAHint::TooLong { bytes: 100 }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            if let Ok(hint) = Hint::decode(&bytes) {
                prop_assert_eq!(Hint::decode(hint.encode().as_bytes()), Ok(hint));
            }
        }
    }
}
