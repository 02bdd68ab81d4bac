//! Octets of residents' words as text, by the codings of SMPP's data_coding and CMPP's Msg_Fmt,
//! which are alike but for 0. Whatever cannot be read becomes U+FFFD; nothing fails.

use encoding_rs::GB18030;

use super::long::wide_text;
use crate::base::sms::text_of_septets;

/// What stands behind coding 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// GSM 03.38, one septet an octet.
    #[default]
    Gsm7,
    Latin1,
    Gb18030,
}

/// The text of octets in a coding.
pub fn text(coding: u8, octets: &[u8], zero: Alphabet) -> String {
    match (coding, zero) {
        (0, Alphabet::Gsm7) => text_of_septets(octets),
        (0, Alphabet::Gb18030) | (15, _) => {
            GB18030.decode_without_bom_handling(octets).0.into_owned()
        }
        (0, Alphabet::Latin1) | (1 | 3, _) => octets.iter().copied().map(char::from).collect(),
        // With a message class, as handsets write it.
        (8 | 0x18..=0x1b, _) => wide_text(octets),
        _ => String::from_utf8_lossy(octets).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_coding_has_its_letters() {
        let gb = [0xd2, 0xd1, 0xd7, 0xaa, 0xd2, 0xc6, b'2', 0xc8, 0xcb];
        assert_eq!(text(15, &gb, Alphabet::Gsm7), "已转移2人");
        assert_eq!(text(0, &gb, Alphabet::Gb18030), "已转移2人");
        assert_eq!(text(0, &[0, 0x1b, 0x65], Alphabet::Gsm7), "@€");
        assert_eq!(text(3, &[0xe9], Alphabet::Gsm7), "é");
        assert_eq!(text(8, &[0x6c, 0x34], Alphabet::Gsm7), "水");
        assert_eq!(text(0x19, &[0x6c, 0x34], Alphabet::Gsm7), "水");
        assert_eq!(text(4, "水".as_bytes(), Alphabet::Gsm7), "水");
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_some_text(coding in 0u8.., octets: Vec<u8>) {
            for zero in [Alphabet::Gsm7, Alphabet::Latin1, Alphabet::Gb18030] {
                let letters = text(coding, &octets, zero).chars().count();
                proptest::prop_assert!(letters <= octets.len() + 1);
            }
        }
    }
}
