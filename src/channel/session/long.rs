//! Longer messages: the header before the user data by which handsets put parts together
//! (3GPP TS 23.040 §9.2.3.24), written and read; and texts from UTF-16 and septets. It cuts where
//! `base::sms` says and sends nothing.

use super::PartOf;
use crate::base::sms::{self, Coding, Reference};

/// Parts of one message at most. Alerts have one to three; carriers refuse long before 255.
pub const PARTS_MOST: usize = 10;

/// The user data of one part, with its header where there are several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub total: u8,
    pub number: u8,
    pub header: Vec<u8>,
    pub octets: Vec<u8>,
}

impl Part {
    /// Header and data, as they stand in the PDU.
    pub fn user_data(&self) -> Vec<u8> {
        [self.header.as_slice(), &self.octets].concat()
    }
}

/// A text as octets: UTF-16 big endian, or septets one an octet.
pub fn octets(text: &str, coding: Coding) -> Vec<u8> {
    let wide = || text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    match coding {
        Coding::Ucs2 => wide(),
        Coding::Gsm7 => sms::septets(text).unwrap_or_default(),
    }
}

/// Cuts a text into parts with their headers, or says why it is none.
pub fn cut(
    text: &str,
    coding: Coding,
    width: Reference,
    reference: u16,
) -> Result<Vec<Part>, String> {
    if coding == Coding::Gsm7 && sms::septets(text).is_none() {
        return Err("a letter outside the GSM alphabet".into());
    }
    let texts = sms::split_as(text, coding, width);
    if texts.len() > PARTS_MOST {
        return Err(format!("{} parts, at most {PARTS_MOST}", texts.len()));
    }
    let total = u8::try_from(texts.len()).map_err(|_| "too many parts".to_owned())?;
    let part = |(number, text): (u8, &str)| Part {
        total,
        number,
        header: if total == 1 { Vec::new() } else { header(width, reference, total, number) },
        octets: octets(text, coding),
    };
    Ok((1..=total).zip(texts).map(part).collect())
}

fn header(width: Reference, reference: u16, total: u8, number: u8) -> Vec<u8> {
    let [high, low] = reference.to_be_bytes();
    match width {
        Reference::Octet => vec![5, 0, 3, low, total, number],
        Reference::Wide => vec![6, 8, 4, high, low, total, number],
    }
}

/// Takes the header off user data that has one: which part it is, and what follows. A header that
/// is longer than the data is no header.
pub fn open(data: &[u8]) -> (Option<PartOf>, &[u8]) {
    let Some((&size, behind)) = data.split_first() else {
        return (None, data);
    };
    let Some((mut elements, rest)) = behind.split_at_checked(usize::from(size)) else {
        return (None, data);
    };
    let mut part = None;
    while let [kind, length, behind @ ..] = elements {
        let Some((value, next)) = behind.split_at_checked(usize::from(*length)) else {
            break;
        };
        part = match (kind, value) {
            (0, [reference, total, number]) => named(u16::from(*reference), *total, *number),
            (8, [high, low, total, number]) => {
                named(u16::from_be_bytes([*high, *low]), *total, *number)
            }
            _ => part,
        };
        elements = next;
    }
    (part, rest)
}

/// A part that cannot be one of its message stands alone.
pub fn named(reference: u16, total: u8, number: u8) -> Option<PartOf> {
    let fits = total > 1 && (1..=total).contains(&number);
    fits.then_some(PartOf { reference, total, number })
}

/// The text of UTF-16 big endian; half a letter is U+FFFD.
pub fn wide_text(octets: &[u8]) -> String {
    let unit = |pair: &[u8]| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0xfffd,
    };
    let units: Vec<u16> = octets.chunks(2).map(unit).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_and_broken_ones_are_text() {
        let text = "水已进屋😀".repeat(30);
        for width in [Reference::Octet, Reference::Wide] {
            let parts = cut(&text, Coding::Ucs2, width, 0x1234).unwrap();
            assert_eq!(parts.len(), 3);
            let mut whole = Vec::new();
            for part in &parts {
                assert!(part.user_data().len() <= 140);
                let data = part.user_data();
                let (of, rest) = open(&data);
                let of = of.unwrap();
                assert_eq!((of.total, of.number), (3, part.number));
                whole.extend_from_slice(rest);
            }
            assert_eq!(wide_text(&whole), text);
        }
        for data in [&[][..], &[5][..], &[9, 0, 3, 1, 2, 1], &[5, 0, 3, 1, 0, 0, 65]] {
            assert_eq!(open(data).0, None, "{data:?}");
        }
        assert_eq!(open(&[5, 0, 3, 1, 2, 3, 65]).0, None, "part 3 of 2");
        assert_eq!(wide_text(&[0xd8]), "\u{fffd}");
        assert!(cut("水", Coding::Gsm7, Reference::Octet, 1).is_err());
        assert!(cut(&"水".repeat(671), Coding::Ucs2, Reference::Octet, 1).is_err());
    }
}
