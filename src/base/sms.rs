//! How long a text is on the air: the GSM 03.38 alphabet, 7-bit packing, segmentation, and the
//! billing count of mainland China; and how a text from outside is cleaned before it is stored.
//!
//! It measures and cuts. It knows no templates, no signature rules and no gateway.
//! Sources: 3GPP TS 23.038 (alphabet), TS 23.040 (concatenation), vendors' billing pages.

/// Characters of a text from outside that are kept by [`clean`].
pub const STORED_TEXT_CHARS_MAX: usize = 2_000;

/// Septets in a single GSM-7 part, and in each part of a longer message (8-bit reference).
const GSM7_SINGLE: usize = 160;
const GSM7_JOINED: usize = 153;
/// UTF-16 units in a single UCS-2 part, and in each part of a longer message.
const UCS2_SINGLE: usize = 70;
const UCS2_JOINED: usize = 67;

const ESCAPE: u8 = 0x1b;

/// The default alphabet in code order; `\u{1b}` stands at the place of the escape.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Characters that are sent as escape + code.
const EXTENSION: [(char, u8); 10] = [
    ('\u{0c}', 0x0a),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2f),
    ('[', 0x3c),
    ('~', 0x3d),
    (']', 0x3e),
    ('|', 0x40),
    ('€', 0x65),
];

/// How the characters of a message are coded on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// GSM 03.38 default alphabet; the unit is the septet.
    Gsm7,
    /// UCS-2 (in practice UTF-16); the unit is 16 bits.
    Ucs2,
}

/// How a part of a longer message names the message it belongs to: by one octet or by two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    Octet,
    Wide,
}

/// The length of a text as parts of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// The coding the whole message needs.
    pub coding: Coding,
    /// Units of the whole text: septets, or 16-bit units.
    pub units: usize,
    /// Parts the message is sent (and billed) in; an empty text is one part.
    pub parts: usize,
    /// Units in each part; their sum is `units`.
    pub part_units: Vec<usize>,
}

/// Measures a text by the international rule: 160/153 septets, or 70/67 units once a single
/// character lies outside the GSM alphabet. Escape pairs and surrogate pairs are never cut.
pub fn measure(text: &str) -> Measure {
    let coding = coding(text);
    let part_units: Vec<usize> =
        split(text).into_iter().map(|part| part.chars().map(|c| width(c, coding)).sum()).collect();
    Measure { coding, units: part_units.iter().sum(), parts: part_units.len(), part_units }
}

/// Measures a text, signature 【…】 included, by the count of mainland China: there is no 160 rule,
/// Chinese and ASCII count alike, 70 for one part and 67 for each part of a longer one.
///
/// A character beyond the 16-bit plane (emoji) counts two, as on the air.
pub fn measure_domestic(text_with_signature: &str) -> Measure {
    let parts = cut(text_with_signature, Coding::Ucs2, UCS2_JOINED);
    let part_units: Vec<usize> =
        parts.into_iter().map(|part| part.chars().map(char::len_utf16).sum()).collect();
    Measure {
        coding: Coding::Ucs2,
        units: part_units.iter().sum(),
        parts: part_units.len(),
        part_units,
    }
}

/// Cuts a text into the parts that [`measure`] counts. The parts joined are the text.
pub fn split(text: &str) -> Vec<&str> {
    split_as(text, coding(text), Reference::Octet)
}

/// The same for a coding the gateway asks for: UCS-2 takes every text, GSM-7 only its own
/// alphabet. A wide reference leaves each part of a longer message one unit less.
pub fn split_as(text: &str, coding: Coding, reference: Reference) -> Vec<&str> {
    let joined = match coding {
        Coding::Gsm7 => GSM7_JOINED,
        Coding::Ucs2 => UCS2_JOINED,
    };
    let room = match reference {
        Reference::Octet => joined,
        Reference::Wide => joined - 1,
    };
    cut(text, coding, room)
}

/// The text of septets, one an octet, as a gateway gives them; what no letter stands for is
/// U+FFFD.
pub fn text_of_septets(septets: &[u8]) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut codes = septets.iter().copied();
    while let Some(code) = codes.next() {
        let letter = match code {
            ESCAPE => {
                let code = codes.next();
                EXTENSION.iter().find(|(_, known)| Some(*known) == code).map(|(letter, _)| *letter)
            }
            plain => ALPHABET.chars().nth(usize::from(plain)),
        };
        text.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    text
}

/// The septets of a text, one an octet, or `None` when a character lies outside the alphabet.
pub fn septets(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match code_of(c)? {
            Code::Plain(code) => out.push(code),
            Code::Escaped(code) => out.extend([ESCAPE, code]),
        }
    }
    Some(out)
}

/// Packs septets (one an octet) to octets: septet `k` takes the bits `7k…7k+6`, low bits first.
pub fn pack(septets: &[u8]) -> Vec<u8> {
    let mut out = vec![0u8; (septets.len() * 7).div_ceil(8)];
    for (index, septet) in septets.iter().enumerate() {
        let (octet, shift) = (index * 7 / 8, index * 7 % 8);
        let bits = u16::from(septet & 0x7f) << shift;
        out[octet] |= (bits & 0xff) as u8;
        if shift > 1 {
            out[octet + 1] |= (bits >> 8) as u8;
        }
    }
    out
}

/// A text from outside as it may be stored and shown: no control characters but the newline
/// (PostgreSQL refuses U+0000), no characters that turn the direction of writing, tabs as blanks,
/// at most [`STORED_TEXT_CHARS_MAX`] characters.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| *c == '\n' || !(c.is_control() || turns_writing(*c)))
        .take(STORED_TEXT_CHARS_MAX)
        .collect()
}

fn turns_writing(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

enum Code {
    Plain(u8),
    Escaped(u8),
}

fn code_of(c: char) -> Option<Code> {
    if c == '\u{1b}' {
        return None;
    }
    if let Some(place) = ALPHABET.chars().position(|known| known == c) {
        return u8::try_from(place).ok().map(Code::Plain);
    }
    EXTENSION.iter().find(|(known, _)| *known == c).map(|(_, code)| Code::Escaped(*code))
}

/// The coding a text needs.
pub fn coding(text: &str) -> Coding {
    if text.chars().all(|c| code_of(c).is_some()) { Coding::Gsm7 } else { Coding::Ucs2 }
}

fn width(c: char, coding: Coding) -> usize {
    match coding {
        Coding::Ucs2 => c.len_utf16(),
        Coding::Gsm7 => match code_of(c) {
            Some(Code::Escaped(_)) => 2,
            Some(Code::Plain(_)) | None => 1,
        },
    }
}

fn cut(text: &str, coding: Coding, joined: usize) -> Vec<&str> {
    let single = match coding {
        Coding::Gsm7 => GSM7_SINGLE,
        Coding::Ucs2 => UCS2_SINGLE,
    };
    if text.chars().map(|c| width(c, coding)).sum::<usize>() <= single {
        return vec![text];
    }
    let (mut parts, mut from, mut filled) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        let wide = width(c, coding);
        if filled + wide > joined {
            parts.push(&text[from..at]);
            (from, filled) = (at, 0);
        }
        filled += wide;
    }
    parts.push(&text[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const VECTORS: &str = include_str!("../../tests/fixtures/vectors_sms.json");

    fn vectors(kind: &str) -> Vec<Value> {
        let all: Value = serde_json::from_str(VECTORS).unwrap();
        let found = all["kinds"][kind]["vectors"].as_array().unwrap().clone();
        assert!(found.len() >= 6, "{kind} has lost its vectors");
        found
    }

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|o| format!("{o:02x}")).collect()
    }

    fn numbers(value: &Value) -> Vec<usize> {
        value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect()
    }

    #[test]
    fn alphabet_and_packing_match_the_vectors() {
        for v in vectors("gsm0338") {
            let found = septets(v["inputs"]["text"].as_str().unwrap()).unwrap();
            assert_eq!(hex(&found), v["expected"]["septets_hex"].as_str().unwrap(), "{}", v["id"]);
            assert_eq!(found.len() as u64, v["expected"]["septet_count"].as_u64().unwrap());
            let packed = hex(&pack(&found));
            assert_eq!(packed, v["expected"]["packed_hex"].as_str().unwrap(), "{}", v["id"]);
        }
    }

    #[test]
    fn segmentation_matches_the_vectors() {
        for v in vectors("gsm_segmentation") {
            let (text, expected) = (v["inputs"]["text"].as_str().unwrap(), &v["expected"]);
            let measured = measure(text);
            let coding = match measured.coding {
                Coding::Gsm7 => "gsm7",
                Coding::Ucs2 => "ucs2",
            };
            assert_eq!(coding, expected["encoding"].as_str().unwrap(), "{}", v["id"]);
            let units = expected["units"].as_u64().unwrap() as usize;
            assert_eq!(measured.units, units, "{}", v["id"]);
            let parts = expected["parts"].as_u64().unwrap() as usize;
            assert_eq!(measured.parts, parts, "{}", v["id"]);
            let chars: Vec<usize> = split(text).iter().map(|p| p.chars().count()).collect();
            assert_eq!(chars, numbers(&expected["part_chars"]), "{}", v["id"]);
            assert_eq!(split(text).concat(), text);
        }
    }

    #[test]
    fn domestic_count_matches_the_vectors() {
        for v in vectors("cn_domestic_count") {
            let (inputs, expected) = (&v["inputs"], &v["expected"]);
            let sign = inputs["sign_name"].as_str().unwrap();
            let body = inputs["body"].as_str().unwrap();
            let sign = if sign.is_empty() { String::new() } else { format!("【{sign}】") };
            let measured = measure_domestic(&format!("{sign}{body}"));
            let units = expected["full_text_units"].as_u64().unwrap() as usize;
            assert_eq!(measured.units, units, "{}", v["id"]);
            let billed = expected["billed_parts"].as_u64().unwrap() as usize;
            assert_eq!(measured.parts, billed, "{}", v["id"]);
            assert_eq!(measured.part_units, numbers(&expected["part_units"]), "{}", v["id"]);
        }
    }

    #[test]
    fn alphabet_has_128_places_and_its_known_traps() {
        assert_eq!(ALPHABET.chars().count(), 128);
        assert_eq!(septets("Ç"), Some(vec![0x09]));
        for outside in ["ç", "`", "\u{1b}", "灾"] {
            assert_eq!(septets(outside), None, "{outside:?}");
            assert_eq!(measure(outside).coding, Coding::Ucs2);
        }
    }

    #[test]
    fn escape_pair_and_surrogate_pair_stay_whole() {
        let text = format!("{}{{{}", "a".repeat(152), "b".repeat(10));
        assert_eq!(measure(&text).part_units, [152, 12]);
        let text = format!("{}😀{}", "灾".repeat(66), "灾".repeat(10));
        assert_eq!(measure(&text).part_units, [66, 12]);
        assert_eq!(measure_domestic(&text).part_units, [66, 12]);
    }

    #[test]
    fn septets_come_back_as_their_text() {
        let text = "Evacuate {now} @ 3€\n~Ç";
        assert_eq!(text_of_septets(&septets(text).unwrap()), text);
        assert_eq!(
            text_of_septets(&[0x41, 0xff, ESCAPE, 0x41, ESCAPE]),
            "A\u{fffd}\u{fffd}\u{fffd}"
        );
        let long = "灾".repeat(134);
        let parts = |reference| split_as(&long, Coding::Ucs2, reference).len();
        assert_eq!((parts(Reference::Octet), parts(Reference::Wide)), (2, 3));
    }

    #[test]
    fn empty_text_is_one_part() {
        assert_eq!(measure("").part_units, [0]);
        assert_eq!(measure_domestic("").parts, 1);
    }

    #[test]
    fn residents_message_of_the_rules_is_one_part() {
        let text = "【余姚市防指】转移指令：3点前请离家到四明小学。收到回1，要人帮回2，全家已离开回3。\
                    危急拨119";
        assert_eq!(measure_domestic(text).parts, 1);
    }

    #[test]
    fn cleaning_keeps_lines_and_drops_controls() {
        assert_eq!(clean("水进屋\0了\r\n三楼\u{7}\t快来\u{202e}"), "水进屋了\n三楼 快来");
        assert_eq!(clean(&"救".repeat(3_000)).chars().count(), STORED_TEXT_CHARS_MAX);
        assert_eq!(clean("👨‍👩‍👧 平安"), "👨‍👩‍👧 平安");
    }

    proptest::proptest! {
        #[test]
        fn parts_joined_are_the_text(text in "\\PC{0,400}") {
            let measured = measure(&text);
            proptest::prop_assert_eq!(split(&text).concat(), text);
            proptest::prop_assert_eq!(measured.parts, measured.part_units.len());
            let most = if measured.parts == 1 { 160 } else { 153 };
            proptest::prop_assert!(measured.part_units.iter().all(|units| *units <= most));
        }
    }
}
