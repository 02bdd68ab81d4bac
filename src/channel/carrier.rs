//! What carriers and aggregators in China write into receipts, in classes (sheet `receipts`). The
//! lists contradict each other, so every gateway's settings may overrule a code, and the code is
//! kept as it came. Answers to a send are not judged here.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::outcome::ReceiptClass;

/// A class and its codes a line; `*` stands for any ending.
const CODES: &str = include_str!("carrier/codes.txt");
/// States that China Telecom joins with a number: the state decides where the number is unknown.
const JOINED: [&str; 3] = ["UNDELIV_", "EXPIRED_", "REJECTD_"];

struct Codes {
    whole: HashMap<&'static str, ReceiptClass>,
    prefixes: Vec<(&'static str, ReceiptClass)>,
}

static TABLE: LazyLock<Codes> = LazyLock::new(|| {
    let mut table = Codes { whole: HashMap::new(), prefixes: Vec::new() };
    for line in CODES.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_ascii_whitespace();
        let class = words.next().unwrap_or_default();
        let known = ReceiptClass::ALL.into_iter().find(|known| known.word() == class);
        let class = known.unwrap_or(ReceiptClass::Unknown);
        for code in words {
            match code.strip_suffix('*') {
                Some(prefix) => table.prefixes.push((prefix, class)),
                None => drop(table.whole.insert(code, class)),
            }
        }
    }
    table
});

/// The class of a carrier's code; what nobody lists is [`ReceiptClass::Unknown`].
pub(super) fn class(code: &str) -> ReceiptClass {
    let code = code.trim().to_ascii_uppercase();
    let code = code.strip_prefix("SGIP:").unwrap_or(&code);
    if let Some(class) = TABLE.whole.get(code) {
        return *class;
    }
    if let Some(state) = JOINED.iter().find(|state| code.starts_with(**state)) {
        return class(&state[..state.len() - 1]);
    }
    let joined = with_colon(code);
    let code = joined.as_deref().unwrap_or(code);
    // `MK00001` is `MK:0001`.
    let shorter = joined.as_ref().filter(|code| code.len() == 8);
    let shorter = shorter.map(|code| code.replacen(":0", ":", 1));
    let forms = [Some(code), shorter.as_deref()];
    if let Some(class) = forms.into_iter().flatten().find_map(|code| TABLE.whole.get(code)) {
        return *class;
    }
    let prefix = TABLE.prefixes.iter().find(|(prefix, _)| code.starts_with(prefix));
    prefix.map_or(ReceiptClass::Unknown, |(_, class)| *class)
}

/// With the colon that may be missing: `MK0001` is `MK:0001`, and `MAILED` is no `MA:`.
fn with_colon(code: &str) -> Option<String> {
    let (letters, digits) = code.split_at_checked(2)?;
    let fit = letters.bytes().all(|b| b.is_ascii_uppercase())
        && (2..=5).contains(&digits.len())
        && digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_alphanumeric());
    fit.then(|| format!("{letters}:{digits}"))
}

/// The class of a code in words of failure: no code makes a delivery of it.
pub(super) fn failure(code: &str) -> ReceiptClass {
    match class(code) {
        ReceiptClass::Delivered | ReceiptClass::Accepted => ReceiptClass::Unknown,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_class_and_no_code_has_two() {
        let mut seen = HashMap::new();
        for line in CODES.lines().filter(|line| !line.starts_with('#')) {
            let (class, codes) = line.split_once(' ').unwrap();
            assert!(ReceiptClass::ALL.iter().any(|known| known.word() == class), "{line}");
            for code in codes.split(' ') {
                let other = seen.insert(code, class);
                assert!(other.is_none_or(|other| other == class), "{code}: {class}, {other:?}");
            }
        }
        assert!(seen.len() > 250, "{}", seen.len());
    }

    #[test]
    fn the_sheets_short_answer_holds() {
        use ReceiptClass as C;
        for (class, codes) in [
            (C::PhoneOff, "MK:0024 MI:0024 MI:0001 MN:0041 4 53 54 SGIP:4 UNDELIV"),
            (C::AbsentNumber, "MK:0000 MK:0001 MK:0012 MK00001 1 DB:0101 CB:0001"),
            (C::OutOfArea, "MK:0008 MK:0009 MN:0036 MN:0059 MC:0055 15 55 88 89"),
            (C::Suspended, "MB:1038 MB:1040 MC:0062 DB:0102 5 20 56"),
            (C::Blacklist, "MB:1077 MB:1076 DB:0141 MK:100C MK:1010 69 MA:0001 mbblack"),
            (C::Throttled, "IB:0008 MB:1026 MB:1041 MB:1042 DB:0142 DB:9007"),
            (C::Delivered, "DELIVRD delivered 0 000"),
            (C::MemoryFull, "MI00022 MK:0017 43 -43"),
            (C::CarrierInternal, "MC:9999 IA:0001 MK:0020 MK:0058"),
            (C::Expired, "EXPIRED EXPIRED_999"),
            (C::Barred, "REJECTD_006"),
            (C::Blacklist, "DB0144 DB:0164 MK100D HD19 TD19"),
            (C::PhoneOff, "MK:9999 MK9999 UNDELIV_601"),
            (C::ContentBlocked, "MK93 MK:93 XA0001"),
            (C::Accepted, "ENROUTE SCHEDULED"),
        ] {
            for code in codes.split(' ') {
                assert_eq!(super::class(code), class, "{code}");
            }
        }
        for code in
            ["", "王", "9999", "M", "王王:0001", "::", "XX:0001", "MAIL", "MAILED", "\0", "7"]
        {
            assert_eq!(super::class(code), C::Unknown, "{code}");
        }
        assert_eq!(failure("DELIVRD"), C::Unknown);
        assert_eq!(failure("MK:0001"), C::AbsentNumber);
    }
}
