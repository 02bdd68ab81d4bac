//! What the numbers of SMPP mean to us (sheet `smpp`, statuses and states). Only what a centre says
//! of the number itself is permanent: whatever else it refuses is ours or its own to mend.

use crate::domain::outcome::{Outcome, ReceiptClass};

/// The outcome of a submit that was not taken.
pub(super) fn outcome(status: u32) -> Outcome {
    match status {
        // RTHROTTLED, RMSGQFUL
        0x58 | 0x14 => Outcome::Throttled { after_ms: None },
        // RINVDSTADR
        0x0b => Outcome::RefusedPermanent { code: code(status) },
        _ => Outcome::RefusedRetry { after_ms: None, code: code(status) },
    }
}

/// A status as it is kept and shown.
pub(super) fn code(status: u32) -> String {
    format!("smpp_0x{status:02X}")
}

/// Why a bind was refused, for the log and `/readyz`.
pub(super) fn refusal(status: u32) -> String {
    let why = match status {
        0x05 => "already bound: another process holds the account's connections",
        0x04 => "wrong bind state",
        0x0d => "bind failed: ask the gateway whether this address may connect",
        0x0e => "wrong password",
        0x0f => "wrong system_id",
        0x58 => "throttled",
        _ => "see the gateway's list",
    };
    format!("{} ({why})", code(status))
}

/// The class and word of a message_state.
pub(super) fn state(state: u8) -> (ReceiptClass, &'static str) {
    match state {
        0 => (ReceiptClass::Accepted, "SCHEDULED"),
        1 => (ReceiptClass::Accepted, "ENROUTE"),
        2 => (ReceiptClass::Delivered, "DELIVRD"),
        3 => (ReceiptClass::Expired, "EXPIRED"),
        4 => (ReceiptClass::CarrierInternal, "DELETED"),
        5 => (ReceiptClass::PhoneOff, "UNDELIV"),
        6 => (ReceiptClass::Accepted, "ACCEPTD"),
        8 => (ReceiptClass::ContentBlocked, "REJECTD"),
        9 => (ReceiptClass::CarrierInternal, "SKIPPED"),
        _ => (ReceiptClass::Unknown, "UNKNOWN"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_is_permanent_and_only_rates_throttle() {
        let codes = |status| outcome(status).code();
        for status in [0x58, 0x14] {
            assert_eq!(codes(status), 4);
        }
        assert_eq!(codes(0x0b), 2);
        for status in [0x01, 0x03, 0x08, 0x0a, 0x43, 0x45, 0x64, 0x65, 0xc4, 0xfe, 0xff, 0x400] {
            assert_eq!(codes(status), 3);
        }
        assert_eq!(outcome(0x0b).detail(), "smpp_0x0B");
        assert!(refusal(0x0e).contains("password"));
        assert_eq!(state(2).0, ReceiptClass::Delivered);
        assert_eq!(state(200).0, ReceiptClass::Unknown);
    }
}
