//! Links that need no account: whose they are, how long they and their pages live, and when a tap
//! on one is believed to have been made. Tokens are made in `base::seal`; what a tap does to a
//! household is `doorstep`'s and the fold's.

use serde::{Deserialize, Serialize};

const HOUR_MS: i64 = 3_600_000;
/// A link dies so long after the end of its alert.
pub const LIFE_AFTER_END_MS: i64 = 24 * HOUR_MS;
/// A page's nonce is taken in the window it was made in and in the next one.
const PAGE_WINDOW_MS: i64 = 12 * HOUR_MS;
/// A tap kept by a phone without network is believed to be at most so old.
const TAP_AGE_MAX_MS: i64 = 24 * HOUR_MS;
/// Letters and digits of the key by which a tap is known again.
const TAP_KEY_CHARS: usize = 40;
/// A further look at a page is noted after so long.
pub const LOOK_EVERY_MS: i64 = 10 * 60_000;

/// Whose page a link opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Everything a human answers for under an alert.
    Leader,
    /// What a household is asked.
    Resident,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Leader, Kind::Resident];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Kind::Leader => 1,
            Kind::Resident => 2,
        }
    }

    /// The inverse of [`Kind::code`].
    pub fn from_code(code: i64) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The part of the path before the token.
    pub fn path(self) -> &'static str {
        match self {
            Kind::Leader => "l",
            Kind::Resident => "r",
        }
    }
}

/// What a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bearer {
    pub kind: Kind,
    pub alert_id: i64,
    /// A human, or a household.
    pub subject_id: i64,
    /// The first is 1; a higher one takes the tokens before it out of force.
    pub epoch: i64,
}

impl Bearer {
    /// The text that its token is the keyed hash of.
    pub fn text(&self) -> String {
        let Bearer { kind, alert_id, subject_id, epoch } = self;
        format!("token:{}.{alert_id}.{subject_id}.{epoch}", kind.code())
    }
}

/// The texts that the nonces of a page are keyed hashes of: the present one first, then the one
/// of a page that was made before the window turned.
pub fn nonce_texts(token: &str, machine_ms: i64) -> [String; 2] {
    let window = machine_ms.div_euclid(PAGE_WINDOW_MS);
    [window, window - 1].map(|window| format!("nonce:{token}.{window}"))
}

/// When something was seen, by the age the phone gives it: a phone's clock may be wrong, the time
/// between its tap and its call is not. Never in the future, never before the alert.
pub fn observed_at(age_ms: i64, now: i64, since: i64) -> i64 {
    (now - age_ms.clamp(0, TAP_AGE_MAX_MS)).max(since).min(now)
}

/// A tap's own key, if it is one.
pub fn tap_key(text: &str) -> Option<&str> {
    let sound = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (sound && (8..=TAP_KEY_CHARS).contains(&text.len())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_one_text_and_no_other() {
        let one = Bearer { kind: Kind::Leader, alert_id: 1, subject_id: 12, epoch: 1 };
        assert_eq!(one.text(), "token:1.1.12.1");
        for other in [
            Bearer { kind: Kind::Resident, ..one },
            Bearer { alert_id: 11, subject_id: 2, ..one },
            Bearer { epoch: 2, ..one },
        ] {
            assert_ne!(other.text(), one.text());
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(Kind::from_code(3), None);
    }

    #[test]
    fn a_nonce_outlives_its_window_by_one() {
        let made = nonce_texts("T", PAGE_WINDOW_MS * 3 - 1)[0].clone();
        let accepted = |at: i64| nonce_texts("T", at).contains(&made);
        assert!(accepted(PAGE_WINDOW_MS * 3 - 1) && accepted(PAGE_WINDOW_MS * 4 - 1));
        assert!(!accepted(PAGE_WINDOW_MS * 4) && !accepted(PAGE_WINDOW_MS * 2 - 1));
        assert!(!nonce_texts("U", PAGE_WINDOW_MS * 3).contains(&made));
    }

    #[test]
    fn a_tap_is_neither_in_the_future_nor_before_its_alert() {
        let (now, since) = (100 * HOUR_MS, 90 * HOUR_MS);
        assert_eq!(observed_at(0, now, since), now);
        assert_eq!(observed_at(HOUR_MS, now, since), 99 * HOUR_MS);
        assert_eq!(observed_at(-HOUR_MS, now, since), now);
        assert_eq!(observed_at(50 * HOUR_MS, now, since), since);
        assert_eq!(observed_at(i64::MAX, now, 0), 76 * HOUR_MS);
        assert_eq!(observed_at(0, now, now + 1), now, "a clock that went back");
    }

    #[test]
    fn a_key_names_no_other_statement() {
        assert_eq!(tap_key("0199a-7f3c"), Some("0199a-7f3c"));
        for key in ["", "short", "a,b,c,d,e", "a.b.c.d.e.f", "一二三四五六七八"] {
            assert_eq!(tap_key(key), None, "{key}");
        }
        assert_eq!(tap_key(&"a".repeat(41)), None);
    }
}
