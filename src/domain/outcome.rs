//! What became of a message: the closed vocabulary of outcomes (the answer to a call) and of
//! receipt classes (the later word of the carrier). No provider's codes, no retry policy.

use serde::{Deserialize, Serialize};

/// The answer to handing one message to a gateway. Every provider's answers end in one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The gateway took it; `external_id` is its name for the message, where it gave one. `names`
    /// are what its receipts will call it by, one for each part of the message; empty where they
    /// carry our reference.
    Accepted {
        external_id: Option<String>,
        #[serde(default)]
        names: Vec<String>,
    },
    /// This address will never be served by this provider: go on to the next address.
    RefusedPermanent { code: String },
    /// Not taken, for a reason that may pass or that another provider may not have.
    RefusedRetry { after_ms: Option<i64>, code: String },
    /// Not taken because of a rate: slow down; it is not counted as an attempt.
    Throttled { after_ms: Option<i64> },
    /// It may have been taken or not: a receipt or a query tells.
    Unknown { why: String },
    /// The gateway could not be reached, so that certainly nothing left: no attempt at all. The
    /// store never keeps it.
    NotSent { why: String },
}

impl Outcome {
    /// The stable number under which the store keeps the kind of the outcome.
    pub fn code(&self) -> i64 {
        match self {
            Outcome::Accepted { .. } => 1,
            Outcome::RefusedPermanent { .. } => 2,
            Outcome::RefusedRetry { .. } => 3,
            Outcome::Throttled { .. } => 4,
            Outcome::Unknown { .. } => 5,
            Outcome::NotSent { .. } => 7,
        }
    }

    /// The word used in logs and output.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Accepted { .. } => "accepted",
            Outcome::RefusedPermanent { .. } => "refused_permanent",
            Outcome::RefusedRetry { .. } => "refused_retry",
            Outcome::Throttled { .. } => "throttled",
            Outcome::Unknown { .. } => "unknown",
            Outcome::NotSent { .. } => "not_sent",
        }
    }

    /// Whether the person may have the text: a correction must reach everyone for whom this holds.
    pub fn is_handed_over(&self) -> bool {
        match self {
            Outcome::Accepted { .. } | Outcome::Unknown { .. } => true,
            Outcome::RefusedPermanent { .. }
            | Outcome::RefusedRetry { .. }
            | Outcome::Throttled { .. }
            | Outcome::NotSent { .. } => false,
        }
    }

    /// Whether the same address may be tried again because of this outcome alone.
    pub fn is_retryable(&self) -> bool {
        match self {
            Outcome::RefusedRetry { .. } | Outcome::Throttled { .. } | Outcome::NotSent { .. } => {
                true
            }
            Outcome::Accepted { .. }
            | Outcome::RefusedPermanent { .. }
            | Outcome::Unknown { .. } => false,
        }
    }

    /// The gateway's own name for the message, where it took it and gave one.
    pub fn external_id(&self) -> Option<&str> {
        match self {
            Outcome::Accepted { external_id, .. } => external_id.as_deref(),
            Outcome::RefusedPermanent { .. }
            | Outcome::RefusedRetry { .. }
            | Outcome::Throttled { .. }
            | Outcome::Unknown { .. }
            | Outcome::NotSent { .. } => None,
        }
    }

    /// What the gateway's receipts will call the message by, one name for each part; empty where
    /// they carry our reference, and where nothing was taken.
    pub fn names(&self) -> &[String] {
        match self {
            Outcome::Accepted { names, .. } => names,
            Outcome::RefusedPermanent { .. }
            | Outcome::RefusedRetry { .. }
            | Outcome::Throttled { .. }
            | Outcome::Unknown { .. }
            | Outcome::NotSent { .. } => &[],
        }
    }

    /// Taken, with receipts that carry our reference.
    pub fn taken(external_id: Option<String>) -> Outcome {
        Outcome::Accepted { external_id, names: Vec::new() }
    }

    /// Taken, with receipts that name the message or, in this order, its parts as the gateway did.
    /// A part without a name can't be told of, so it is left out.
    pub fn taken_as(names: Vec<String>) -> Outcome {
        let mut all: Vec<String> = Vec::with_capacity(names.len());
        for name in names {
            if !name.is_empty() && !all.contains(&name) {
                all.push(name);
            }
        }
        Outcome::Accepted { external_id: all.first().cloned(), names: all }
    }

    /// How long the gateway asks us to wait, in milliseconds, where it said so.
    pub fn after_ms(&self) -> Option<i64> {
        match self {
            Outcome::RefusedRetry { after_ms, .. } | Outcome::Throttled { after_ms } => *after_ms,
            Outcome::Accepted { .. }
            | Outcome::RefusedPermanent { .. }
            | Outcome::Unknown { .. }
            | Outcome::NotSent { .. } => None,
        }
    }

    /// The provider's code or our reason, for the row and the board; empty where there is none.
    pub fn detail(&self) -> &str {
        match self {
            Outcome::RefusedPermanent { code } | Outcome::RefusedRetry { code, .. } => code,
            Outcome::Unknown { why } | Outcome::NotSent { why } => why,
            Outcome::Accepted { .. } | Outcome::Throttled { .. } => "",
        }
    }
}

/// What a receipt says, in classes that decide the next step (sheet `receipts` §1). The absence
/// of any receipt is no class: it is the state "no report" of whoever waits for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptClass {
    /// The handset confirmed it.
    Delivered,
    /// On the way, not final.
    Accepted,
    /// Powered off or unreachable for the moment: voice or a person now.
    PhoneOff,
    /// No coverage.
    OutOfArea,
    /// The handset's store is full.
    MemoryFull,
    /// The number does not exist: mark the contact.
    AbsentNumber,
    /// Stopped for arrears or on request: for weeks.
    Suspended,
    /// The number takes no messages: use voice.
    Barred,
    /// On a blacklist of carrier, gateway or platform, or opted out: another channel.
    Blacklist,
    /// The text was stopped: keyword, fraud filter, signature.
    ContentBlocked,
    /// A rate of carrier or platform: slow down, send again.
    Throttled,
    /// No way to this number through this gateway: another channel.
    Route,
    /// A fault inside the carrier: one retry after minutes.
    CarrierInternal,
    /// The validity ran out, mostly because the phone was off.
    Expired,
    /// Anything else: final only once the time for reports has passed.
    Unknown,
}

impl ReceiptClass {
    /// All classes, in the order of their codes.
    pub const ALL: [ReceiptClass; 15] = [
        ReceiptClass::Delivered,
        ReceiptClass::Accepted,
        ReceiptClass::PhoneOff,
        ReceiptClass::OutOfArea,
        ReceiptClass::MemoryFull,
        ReceiptClass::AbsentNumber,
        ReceiptClass::Suspended,
        ReceiptClass::Barred,
        ReceiptClass::Blacklist,
        ReceiptClass::ContentBlocked,
        ReceiptClass::Throttled,
        ReceiptClass::Route,
        ReceiptClass::CarrierInternal,
        ReceiptClass::Expired,
        ReceiptClass::Unknown,
    ];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            ReceiptClass::Delivered => 1,
            ReceiptClass::Accepted => 2,
            ReceiptClass::PhoneOff => 3,
            ReceiptClass::OutOfArea => 4,
            ReceiptClass::MemoryFull => 5,
            ReceiptClass::AbsentNumber => 6,
            ReceiptClass::Suspended => 7,
            ReceiptClass::Barred => 8,
            ReceiptClass::Blacklist => 9,
            ReceiptClass::ContentBlocked => 10,
            ReceiptClass::Throttled => 11,
            ReceiptClass::Route => 12,
            ReceiptClass::CarrierInternal => 13,
            ReceiptClass::Expired => 14,
            ReceiptClass::Unknown => 15,
        }
    }

    /// The inverse of [`ReceiptClass::code`].
    pub fn from_code(code: i64) -> Option<ReceiptClass> {
        ReceiptClass::ALL.into_iter().find(|class| class.code() == code)
    }

    /// The word used in settings, files and logs.
    pub fn word(self) -> &'static str {
        match self {
            ReceiptClass::Delivered => "delivered",
            ReceiptClass::Accepted => "accepted",
            ReceiptClass::PhoneOff => "phone_off",
            ReceiptClass::OutOfArea => "out_of_area",
            ReceiptClass::MemoryFull => "memory_full",
            ReceiptClass::AbsentNumber => "absent_number",
            ReceiptClass::Suspended => "suspended",
            ReceiptClass::Barred => "barred",
            ReceiptClass::Blacklist => "blacklist",
            ReceiptClass::ContentBlocked => "content_blocked",
            ReceiptClass::Throttled => "throttled",
            ReceiptClass::Route => "route",
            ReceiptClass::CarrierInternal => "carrier_internal",
            ReceiptClass::Expired => "expired",
            ReceiptClass::Unknown => "unknown",
        }
    }

    /// Whether the handset itself confirmed the message.
    pub fn is_delivered(self) -> bool {
        self == ReceiptClass::Delivered
    }

    /// Whether this address is lost to this channel for good, or for weeks. A blocked *text* is
    /// not: the address is sound.
    pub fn is_permanent(self) -> bool {
        match self {
            ReceiptClass::AbsentNumber
            | ReceiptClass::Suspended
            | ReceiptClass::Barred
            | ReceiptClass::Blacklist => true,
            ReceiptClass::Delivered
            | ReceiptClass::Accepted
            | ReceiptClass::PhoneOff
            | ReceiptClass::OutOfArea
            | ReceiptClass::MemoryFull
            | ReceiptClass::ContentBlocked
            | ReceiptClass::Throttled
            | ReceiptClass::Route
            | ReceiptClass::CarrierInternal
            | ReceiptClass::Expired
            | ReceiptClass::Unknown => false,
        }
    }

    /// Whether no further receipt for the same message is to be expected. A final class is never
    /// overwritten by one that is not final.
    pub fn is_final(self) -> bool {
        match self {
            ReceiptClass::Accepted | ReceiptClass::Unknown => false,
            ReceiptClass::Delivered
            | ReceiptClass::PhoneOff
            | ReceiptClass::OutOfArea
            | ReceiptClass::MemoryFull
            | ReceiptClass::AbsentNumber
            | ReceiptClass::Suspended
            | ReceiptClass::Barred
            | ReceiptClass::Blacklist
            | ReceiptClass::ContentBlocked
            | ReceiptClass::Throttled
            | ReceiptClass::Route
            | ReceiptClass::CarrierInternal
            | ReceiptClass::Expired => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_outcomes_stay_what_they_are() {
        let all = [
            Outcome::taken(Some("SM1".into())),
            Outcome::RefusedPermanent { code: "21211".into() },
            Outcome::RefusedRetry { after_ms: Some(5_000), code: "503".into() },
            Outcome::Throttled { after_ms: None },
            Outcome::Unknown { why: "超时".into() },
        ];
        assert_eq!(all.each_ref().map(Outcome::code), [1, 2, 3, 4, 5]);
        let reached = all.each_ref().map(Outcome::is_handed_over);
        assert_eq!(reached, [true, false, false, false, true]);
        let again = all.each_ref().map(Outcome::is_retryable);
        assert_eq!(again, [false, false, true, true, false]);
        assert_eq!(all[0].external_id(), Some("SM1"));
        assert_eq!(all[2].after_ms(), Some(5_000));
        assert_eq!(all[4].detail(), "超时");
    }

    #[test]
    fn a_message_has_the_name_of_its_first_part_and_every_name_once() {
        let names = ["a", "b", "", "a"].map(String::from).to_vec();
        let taken = Outcome::taken_as(names);
        assert_eq!(
            (taken.external_id(), taken.names()),
            (Some("a"), &["a".into(), "b".into()][..])
        );
        assert_eq!(Outcome::taken_as(vec![String::new()]), Outcome::taken(None));
        assert!(Outcome::Unknown { why: "超时".into() }.names().is_empty());
    }

    #[test]
    fn every_class_comes_back_from_its_code_and_word() {
        for (place, class) in ReceiptClass::ALL.into_iter().enumerate() {
            assert_eq!(class.code(), place as i64 + 1);
            assert_eq!(ReceiptClass::from_code(class.code()), Some(class));
            let word = serde_json::to_string(&class).unwrap();
            assert_eq!(word, format!("\"{}\"", class.word()));
        }
        assert_eq!(ReceiptClass::from_code(0), None);
        assert_eq!(ReceiptClass::from_code(16), None);
    }

    #[test]
    fn what_is_permanent_is_final_and_only_one_class_is_delivered() {
        for class in ReceiptClass::ALL {
            assert!(!class.is_permanent() || class.is_final(), "{class:?}");
        }
        assert_eq!(ReceiptClass::ALL.into_iter().filter(|c| c.is_delivered()).count(), 1);
        assert_eq!(ReceiptClass::ALL.into_iter().filter(|c| c.is_permanent()).count(), 4);
        assert!(!ReceiptClass::ContentBlocked.is_permanent());
    }
}
