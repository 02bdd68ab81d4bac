//! How a follower of a WeChat account is bound to a home: he names a registered number, a code
//! goes to it by SMS, and he says the code. Whoever holds the phone is believed as its SMS replies
//! are; a scanned code says only where it hangs. No I/O.

/// Digits of a code.
pub const DIGITS: usize = 6;
/// How long a code is good, ms.
pub const LASTS_MS: i64 = 600_000;
/// Between two asks of one follower, ms.
pub const APART_MS: i64 = 60_000;
/// The span in which asks are counted, ms.
pub const DAY_MS: i64 = 86_400_000;
/// Codes in that span that one follower may ask for, and that go to one number.
pub const ASKS: i64 = 5;
/// Wrong codes before a code is used up.
pub const TRIES: i64 = 5;

/// What is known of asks so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// Of this follower, within the span.
    pub own: i64,
    /// Of this number, by whomever, within the span.
    pub number: i64,
    /// The follower's last, story ms.
    pub last_at: Option<i64>,
}

/// Whether a code may go out.
pub fn may_ask(asked: Asked, now: i64) -> bool {
    asked.own < ASKS
        && asked.number < ASKS
        && asked.last_at.is_none_or(|last| now - last >= APART_MS)
}

/// Whether a code of that age and with so many wrong tries may still be said.
pub fn is_open(asked_at: i64, tries: i64, now: i64) -> bool {
    (0..LASTS_MS).contains(&(now - asked_at)) && tries < TRIES
}

/// The code in a text that is nothing else.
pub fn code_in(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_few_and_short_lived() {
        let now = 100 * DAY_MS;
        assert!(may_ask(Asked::default(), now));
        let last = |ago: i64| Asked { last_at: Some(now - ago), ..Asked::default() };
        assert!(!may_ask(last(APART_MS - 1), now) && may_ask(last(APART_MS), now));
        assert!(!may_ask(Asked { own: ASKS, ..Asked::default() }, now));
        assert!(!may_ask(Asked { number: ASKS, ..Asked::default() }, now));
        assert!(is_open(now, 0, now) && is_open(now, TRIES - 1, now + LASTS_MS - 1));
        assert!(!is_open(now, TRIES, now) && !is_open(now, 0, now + LASTS_MS));
        assert!(!is_open(now + 1, 0, now));
    }

    #[test]
    fn only_a_bare_code_is_one() {
        assert_eq!(code_in(" 012345 "), Some("012345"));
        for other in ["", "1", "12345", "1234567", "12345a", "一二三四五六", "１２３４５６"]
        {
            assert_eq!(code_in(other), None, "{other}");
        }
    }
}
