//! Delivery receipts in the dialects centres speak (sheet `smpp`): optional fields where they
//! stand, else the conventional text, read by its keys. Message names come in hex here and in
//! decimal there; which, the settings say. It matches nothing to anything.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::pdu::{Short, tag};
use super::status;
use crate::channel::carrier;
use crate::channel::session::Report;
use crate::channel::session::octets::word;
use crate::domain::outcome::ReceiptClass;

/// How the name in a receipt differs from the one in the answer to the submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptIds {
    /// The same characters.
    #[default]
    Same,
    /// Hexadecimal in the answer, decimal in the receipt.
    Decimal,
    /// Decimal in the answer, hexadecimal in the receipt.
    Hex,
    /// Hexadecimal in both, with other zeros or letters.
    BothHex,
}

impl ReceiptIds {
    /// The name of an answer, in the form in which both are compared and kept.
    pub(super) fn answered(self, id: &str) -> String {
        match self {
            ReceiptIds::Same => id.to_owned(),
            ReceiptIds::Decimal | ReceiptIds::BothHex => canonical(id, 16),
            ReceiptIds::Hex => canonical(id, 10),
        }
    }

    fn reported(self, id: &str) -> String {
        match self {
            ReceiptIds::Same => id.to_owned(),
            ReceiptIds::Decimal => canonical(id, 10),
            ReceiptIds::Hex | ReceiptIds::BothHex => canonical(id, 16),
        }
    }
}

/// The number in small hexadecimal letters without zeros before it; what is no number stays.
fn canonical(id: &str, radix: u32) -> String {
    match u128::from_str_radix(id, radix) {
        Ok(number) => format!("{number:x}"),
        Err(_) => id.to_owned(),
    }
}

/// What a receipt's text says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Text {
    id: Option<String>,
    stat: Option<String>,
    err: Option<String>,
    /// Another of the conventional keys: then it is a receipt whatever the class says.
    is_typical: bool,
}

/// The report in a deliver_sm, where it is one.
pub(super) fn read(
    short: &Short,
    ids: ReceiptIds,
    overrules: &BTreeMap<String, ReceiptClass>,
) -> Option<Report> {
    let text = text(&String::from_utf8_lossy(short.user_data()));
    let by_field = short.tlv(tag::RECEIPTED_MESSAGE_ID).map(c_word).filter(|id| !id.is_empty());
    let kind = short.esm_class & 0x3c;
    let by_text = text.is_typical && text.id.is_some() && text.stat.is_some();
    if !matches!(kind, 0x04 | 0x20) && by_field.is_none() && !by_text {
        return None;
    }
    let id = by_field.or(text.id)?;
    let state = short.tlv(tag::MESSAGE_STATE).and_then(|value| value.first().copied());
    let (class, stat) = match (state, text.stat) {
        (Some(number), said) => {
            let (class, word) = status::state(number);
            (class, said.unwrap_or_else(|| word.to_owned()))
        }
        (None, Some(said)) => (said_class(&said), said),
        (None, None) => (ReceiptClass::Unknown, String::new()),
    };
    let err = match short.tlv(tag::NETWORK_ERROR_CODE) {
        Some([kind, high, low]) => Some(format!("{kind}-{:03}", u16::from_be_bytes([*high, *low]))),
        _ => text.err,
    };
    let err = err.filter(|err| !err.is_empty() && err.bytes().any(|octet| octet != b'0'));
    let code = match &err {
        Some(err) => format!("{stat} {err}"),
        None => stat.clone(),
    };
    Some(Report {
        id: ids.reported(&id),
        callee: Some(word(&short.source.digits)),
        class: refined(class, &stat, err.as_deref(), overrules),
        code,
        // The dates of the text name no zone: the arrival is the better time.
        at: None,
    })
}

/// A failure may say more in its error code: first what the settings know, then what carriers of
/// the mainland use. A bare number means something else at every centre.
fn refined(
    class: ReceiptClass,
    stat: &str,
    err: Option<&str>,
    overrules: &BTreeMap<String, ReceiptClass>,
) -> ReceiptClass {
    let known = |code: &str| overrules.get(code).copied();
    let exact = err.and_then(|err| known(&format!("{stat} {err}")).or_else(|| known(err)));
    if let Some(class) = exact.or_else(|| known(stat)) {
        return class;
    }
    let speaks = err.filter(|err| err.bytes().any(|octet| octet.is_ascii_alphabetic()));
    match speaks.map(carrier::failure) {
        Some(found)
            if class.is_final() && !class.is_delivered() && found != ReceiptClass::Unknown =>
        {
            found
        }
        _ => class,
    }
}

/// The class of a state in words. A bare number but zero is a state at some centres and at others
/// a carrier's code.
fn said_class(said: &str) -> ReceiptClass {
    let is_word = said.bytes().any(|octet| octet.is_ascii_alphabetic());
    match is_word || said.bytes().all(|octet| octet == b'0') {
        true => carrier::class(said),
        false => ReceiptClass::Unknown,
    }
}

/// By its keys, tolerantly: any order, any case, dates with or without seconds, a tail cut off.
fn text(said: &str) -> Text {
    let mut found = Text::default();
    let said: String = said.chars().filter(|letter| *letter != '\0').take(400).collect();
    let lower = said.to_ascii_lowercase();
    // What follows is the beginning of our own message, which may say anything.
    let end = lower.find(" text:").unwrap_or(lower.len());
    let (said, lower) = (&said[..end], &lower[..end]);
    let value = |key: &str| {
        let at = lower.match_indices(key).map(|(at, _)| at).find(|at| {
            let before = lower[..*at].chars().next_back();
            before.is_none_or(|letter| letter.is_whitespace())
        })?;
        said[at + key.len()..].split_whitespace().next().map(word_of)
    };
    found.id = value("id:").filter(|id| !id.is_empty());
    found.stat = value("stat:").filter(|stat| !stat.is_empty());
    found.err = value("err:");
    let typical = ["sub:", "dlvrd:", "submit date:", "done date:"];
    found.is_typical = typical.iter().any(|key| lower.contains(key));
    found
}

fn word_of(text: &str) -> String {
    word(text.as_bytes()).chars().take(65).collect()
}

/// A text field that may end with NUL.
fn c_word(value: &[u8]) -> String {
    word_of(&word(value.split(|octet| *octet == 0).next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::smpp::pdu::{Address, Tlv};

    fn receipt(esm_class: u8, text: &str, tlvs: &[(u16, &[u8])]) -> Short {
        let tlv = |(tag, value): &(u16, &[u8])| Tlv { tag: *tag, value: value.to_vec() };
        Short {
            source: Address { ton: 1, npi: 1, digits: b"8613800138000".to_vec() },
            esm_class,
            short_message: text.as_bytes().to_vec(),
            tlvs: tlvs.iter().map(tlv).collect(),
            ..Short::default()
        }
    }

    fn report(short: &Short) -> Option<Report> {
        read(short, ReceiptIds::Same, &BTreeMap::new())
    }

    #[test]
    fn every_dialect_is_understood() {
        let plain = "id:0123456789 sub:001 dlvrd:001 submit date:2607010203 \
                     done date:2607010204 stat:DELIVRD err:000 text:";
        let said = report(&receipt(4, plain, &[])).unwrap();
        assert_eq!((said.id.as_str(), said.class), ("0123456789", ReceiptClass::Delivered));
        assert_eq!(said.code, "DELIVRD");
        assert_eq!(said.callee.as_deref(), Some("8613800138000"));
        for (text, id, class) in [
            ("ID:7F SUB:001 STAT:UNDELIV ERR:027 Text:x", "7F", ReceiptClass::PhoneOff),
            ("stat:EXPIRED id:a-1 done date:260701020455", "a-1", ReceiptClass::Expired),
            ("id:9 stat:UNDELIV err:MK:0001 dlvrd:0", "9", ReceiptClass::AbsentNumber),
            ("id:9 stat:DELIVRD err:MK:0001 dlvrd:1", "9", ReceiptClass::Delivered),
            ("id:9 sub:001 text:id:1 stat:DELIVRD", "9", ReceiptClass::Unknown),
            ("id:9 stat:ENROUTE", "9", ReceiptClass::Accepted),
            ("id:9 stat:SCHEDULED", "9", ReceiptClass::Accepted),
            ("id:9 stat:000", "9", ReceiptClass::Delivered),
            ("id:9 stat:1", "9", ReceiptClass::Unknown),
        ] {
            let said = report(&receipt(4, text, &[])).unwrap();
            assert_eq!((said.id.as_str(), said.class), (id, class), "{text}");
        }
        let fields = [(tag::RECEIPTED_MESSAGE_ID, &b"AB12\0"[..]), (tag::MESSAGE_STATE, &[3])];
        let said = report(&receipt(0, "", &fields)).unwrap();
        assert_eq!((said.id.as_str(), said.class), ("AB12", ReceiptClass::Expired));
        assert_eq!(said.code, "EXPIRED");
        let fields = [(tag::NETWORK_ERROR_CODE, &[3, 0, 27][..]), (tag::MESSAGE_STATE, &[5])];
        assert_eq!(report(&receipt(4, "id:1", &fields)).unwrap().code, "UNDELIV 3-027");
    }

    #[test]
    fn a_reply_is_no_receipt_and_a_receipt_without_its_class_is_one() {
        assert_eq!(report(&receipt(0, "1已转移", &[])), None);
        assert_eq!(report(&receipt(0, "my id:12 stat:ok", &[])), None);
        assert_eq!(report(&receipt(4, "nothing", &[])), None, "a receipt for nothing");
        assert!(report(&receipt(0, "id:12 sub:001 stat:DELIVRD", &[])).is_some());
    }

    #[test]
    fn names_meet_whatever_their_base() {
        let decimal = ReceiptIds::Decimal;
        assert_eq!(decimal.answered("0A3F"), decimal.reported("2623"));
        assert_eq!(ReceiptIds::Hex.answered("2623"), ReceiptIds::Hex.reported("0A3f"));
        assert_eq!(ReceiptIds::BothHex.answered("00ab"), ReceiptIds::BothHex.reported("AB"));
        assert_eq!(ReceiptIds::Same.answered("00ab"), "00ab");
        assert_eq!(decimal.reported("not-a-number"), "not-a-number");
        assert_eq!(decimal.answered(&"F".repeat(65)), "F".repeat(65));
    }

    #[test]
    fn settings_overrule_what_a_number_means() {
        let own = BTreeMap::from([("UNDELIV 027".to_owned(), ReceiptClass::AbsentNumber)]);
        let short = receipt(4, "id:9 stat:UNDELIV err:027", &[]);
        let said = read(&short, ReceiptIds::Same, &own).unwrap();
        assert_eq!(said.class, ReceiptClass::AbsentNumber);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(octets in proptest::collection::vec(0u8.., 0..300)) {
            let short = Short { esm_class: 4, short_message: octets, ..Short::default() };
            let _ = report(&short);
        }
        #[test]
        fn any_letters_between_keys_do_no_harm(text in "(id:|stat:| |text:|[A-Zäé水0-9]){0,20}") {
            let _ = report(&receipt(4, &text, &[]));
        }
    }
}
