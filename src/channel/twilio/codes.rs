//! Twilio's states and error codes, mapped to our closed vocabulary (sheet `voice` §4; the codes
//! are recalled there, so settings may overrule each). No parsing.

use crate::domain::outcome::ReceiptClass;

/// Where each error code belongs; a code not listed is [`ReceiptClass::Unknown`].
const CODES: [(&str, ReceiptClass); 12] = [
    ("20429", ReceiptClass::Throttled),
    ("21211", ReceiptClass::AbsentNumber),
    ("21408", ReceiptClass::Route),
    ("21610", ReceiptClass::Blacklist),
    ("21614", ReceiptClass::Barred),
    ("30001", ReceiptClass::Throttled),
    ("30003", ReceiptClass::PhoneOff),
    ("30004", ReceiptClass::Blacklist),
    ("30005", ReceiptClass::AbsentNumber),
    ("30006", ReceiptClass::Route),
    ("30007", ReceiptClass::ContentBlocked),
    ("30008", ReceiptClass::Unknown),
];

/// The class of an error code.
pub(super) fn of_code(code: &str) -> ReceiptClass {
    let known = CODES.iter().find(|(listed, _)| *listed == code);
    known.map_or(ReceiptClass::Unknown, |(_, class)| *class)
}

/// The class of a state that came without an error code.
pub(super) fn of_state(state: &str) -> ReceiptClass {
    match state {
        "delivered" | "read" => ReceiptClass::Delivered,
        "accepted" | "scheduled" | "queued" | "sending" | "sent" | "partially_delivered" => {
            ReceiptClass::Accepted
        }
        "undelivered" => ReceiptClass::PhoneOff,
        "failed" | "canceled" => ReceiptClass::CarrierInternal,
        _ => ReceiptClass::Unknown,
    }
}

/// Whether the state is one that an error code explains.
pub(super) fn is_failure(state: &str) -> bool {
    matches!(state, "failed" | "undelivered" | "canceled")
}
