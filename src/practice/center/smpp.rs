//! A message centre's SMPP 3.4, written from the sheet: binds, submits, reports in three dialects,
//! residents' words. It shares nothing with the client's codec; both are held to the vectors.

use super::{Asked, Part, Tongue, Verdict, unheaded, wide_parts, wide_text};

/// How reports are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReceiptForm {
    /// Text by convention, the same name as in the answer.
    #[default]
    Text,
    /// The answer's name in hexadecimal, the report's in decimal.
    HexThenDecimal,
    /// Optional fields, and no text.
    Fields,
}

/// An account and the centre's habits.
#[derive(Debug, Clone)]
pub struct Smsc {
    pub system_id: String,
    pub password: String,
    pub receipts: ReceiptForm,
}

/// Names of messages begin here, so that hexadecimal and decimal differ.
const FIRST_NAME: u32 = 0x00ab_0000;

fn word(octets: &mut &[u8]) -> Option<String> {
    let end = octets.iter().position(|octet| *octet == 0)?;
    let text = String::from_utf8_lossy(&octets[..end]).into_owned();
    *octets = &octets[end + 1..];
    Some(text)
}

fn skip(octets: &mut &[u8], count: usize) -> Option<()> {
    *octets = octets.get(count..)?;
    Some(())
}

fn octet(octets: &mut &[u8]) -> Option<u8> {
    let (first, rest) = octets.split_first()?;
    *octets = rest;
    Some(*first)
}

fn pdu(command: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    let mut pdu = Vec::with_capacity(16 + body.len());
    for field in [size, command, status, sequence] {
        pdu.extend(field.to_be_bytes());
    }
    pdu.extend(body);
    pdu
}

fn field(mut tlvs: &[u8], tag: u16) -> Option<&[u8]> {
    while let [a, b, c, d, rest @ ..] = tlvs {
        let size = usize::from(u16::from_be_bytes([*c, *d]));
        let value = rest.get(..size)?;
        if u16::from_be_bytes([*a, *b]) == tag {
            return Some(value);
        }
        tlvs = &rest[size..];
    }
    None
}

/// A submit_sm from behind its header.
fn submit(mut body: &[u8]) -> Option<Part> {
    let rest = &mut body;
    word(rest)?;
    skip(rest, 2)?;
    let from = word(rest)?;
    skip(rest, 2)?;
    let to = word(rest)?;
    let class = octet(rest)?;
    skip(rest, 2)?;
    word(rest)?;
    word(rest)?;
    skip(rest, 2)?;
    let coding = octet(rest)?;
    octet(rest)?;
    let size = usize::from(octet(rest)?);
    let short = rest.get(..size)?;
    let tlvs = &rest[size..];
    let data = if short.is_empty() { field(tlvs, 0x0424).unwrap_or(short) } else { short };
    let (of, data) = match class & 0x40 {
        0 => {
            let number = |tag| field(tlvs, tag).and_then(|value| value.first().copied());
            let of = match (field(tlvs, 0x020c), number(0x020e), number(0x020f)) {
                (Some([a, b]), Some(all), Some(n)) => (u16::from_be_bytes([*a, *b]), all, n),
                _ => (0, 0, 0),
            };
            (of, data)
        }
        _ => unheaded(data)?,
    };
    let text = match coding {
        8 => wide_text(data),
        // Enough for figures and letters, where the default alphabet is ASCII.
        _ => data.iter().map(|octet| char::from(*octet)).collect(),
    };
    Some(Part { from, to, text, of })
}

/// A deliver_sm up to its class and coding.
fn deliver(from: &str, to: &str, class: u8, coding: u8, data: &[u8], tlvs: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 1, 1];
    body.extend(from.as_bytes());
    body.extend([0, 2, 1]);
    body.extend(to.as_bytes());
    body.extend([0, class, 0, 0, 0, 0, 0, 0, coding, 0]);
    body.push(u8::try_from(data.len()).unwrap_or(u8::MAX));
    body.extend(data);
    body.extend(tlvs);
    pdu(0x05, 0, 0, &body)
}

fn receipt_text(id: &str) -> String {
    format!(
        "id:{id} sub:001 dlvrd:001 submit date:2607010203 done date:2607010204 stat:DELIVRD \
         err:000 text:"
    )
}

impl Tongue for Smsc {
    fn ask(&self, octets: &[u8]) -> Option<Asked> {
        let head: [u8; 16] = octets.get(..16)?.try_into().ok()?;
        let number =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (command, status, sequence) = (number(4), number(8), number(12));
        let mut body = &octets[16..];
        let answer = |body: &[u8]| pdu(command | 0x8000_0000, 0, sequence, body);
        Some(match command {
            0x01 | 0x02 | 0x09 => {
                let (id, password) = (word(&mut body)?, word(&mut body)?);
                let wrong = if id == self.system_id { 0x0e } else { 0x0f };
                Asked::Bind {
                    welcome: answer(b"practice\0\x02\x10\x00\x01\x34"),
                    refused: pdu(command | 0x8000_0000, wrong, sequence, &[]),
                    good: id == self.system_id && password == self.password,
                    hears: command != 0x02,
                }
            }
            0x04 => Asked::Submit { sequence, part: submit(body)? },
            0x8000_0005 => Asked::Delivered { sequence, kept: status == 0 },
            0x15 => Asked::Probe { answer: answer(&[]) },
            0x06 => Asked::Leave { answer: answer(&[]) },
            _ => Asked::Other,
        })
    }

    fn answer(&self, sequence: u32, verdict: Verdict) -> Vec<u8> {
        let command = 0x8000_0004;
        match verdict {
            Verdict::Throttled => pdu(command, 0x58, sequence, &[]),
            Verdict::DeadNumber => pdu(command, 0x0b, sequence, &[]),
            Verdict::Taken(number) => {
                let name = FIRST_NAME + number;
                let name = match self.receipts {
                    ReceiptForm::Text | ReceiptForm::Fields => format!("{name:010}\0"),
                    ReceiptForm::HexThenDecimal => format!("{name:08X}\0"),
                };
                pdu(command, 0, sequence, name.as_bytes())
            }
        }
    }

    fn report(&self, _sequence: u32, number: u32, part: &Part) -> Vec<u8> {
        let name = format!("{:010}", FIRST_NAME + number);
        let (text, tlvs) = match self.receipts {
            ReceiptForm::Text | ReceiptForm::HexThenDecimal => (receipt_text(&name), Vec::new()),
            ReceiptForm::Fields => {
                let mut tlvs = vec![0x04, 0x27, 0, 1, 2, 0x00, 0x1e, 0, 11];
                tlvs.extend(name.as_bytes());
                tlvs.push(0);
                (String::new(), tlvs)
            }
        };
        deliver(&part.to, &part.from, 0x04, 0, text.as_bytes(), &tlvs)
    }

    fn words(&self, number: u32, from: &str, to: &str, text: &str) -> Vec<Vec<u8>> {
        let parts = wide_parts(text, number.to_be_bytes()[3]);
        let class = if parts.len() > 1 { 0x40 } else { 0 };
        parts.iter().map(|data| deliver(from, to, class, 8, data, &[])).collect()
    }

    fn sequence_at(&self) -> usize {
        12
    }
}

#[cfg(test)]
mod tests {
    use super::super::vectors::{expected, octets, vectors};
    use super::*;

    fn smsc() -> Smsc {
        Smsc {
            system_id: "emerg01".into(),
            password: "secret08".into(),
            receipts: ReceiptForm::Text,
        }
    }

    #[test]
    fn what_clients_say_in_the_vectors_is_understood() {
        let mut texts = String::new();
        for vector in vectors("smpp_submit_sm") {
            let asked = smsc().ask(&octets(&vector["expected"]["pdu"]));
            let Some(Asked::Submit { sequence, part }) = asked else { panic!("{}", vector["id"]) };
            assert_eq!(u64::from(sequence), vector["inputs"]["sequence"].as_u64().unwrap());
            assert_eq!((part.from.as_str(), part.to.as_str()), ("1069012379", "8613800138000"));
            let whole = vector["inputs"]["text"].as_str().unwrap();
            assert!(whole.contains(&part.text) && !part.text.is_empty());
            let has_parts = vector["id"].as_str().unwrap().contains("part");
            assert_eq!(part.of.1, if has_parts { 2 } else { 0 });
            texts += &part.text;
        }
        assert_eq!(texts.matches("暴雨红色预警。").count(), 12 * 3);
        for vector in vectors("smpp_bind") {
            let asked = smsc().ask(&octets(&vector["expected"]["pdu"]));
            assert!(matches!(asked, Some(Asked::Bind { good: true, .. })), "{}", vector["id"]);
        }
        let other = Smsc { password: "x".into(), ..smsc() };
        let bind = octets(&vectors("smpp_bind")[0]["expected"]["pdu"]);
        assert!(matches!(other.ask(&bind), Some(Asked::Bind { good: false, .. })));
    }

    #[test]
    fn what_a_centre_says_in_the_vectors_is_said() {
        let numbered = |mut pdu: Vec<u8>, sequence: u8| {
            pdu[15] = sequence;
            pdu
        };
        let (tel, text) = ("8613800138000", receipt_text("0123456789"));
        let receipt = deliver(tel, "1069012379", 4, 0, text.as_bytes(), &[]);
        assert_eq!(numbered(receipt, 50), expected("smpp_deliver_sm", "deliver-receipt"));
        let reply = smsc().words(1, tel, "106901237917", "1已转移").remove(0);
        assert_eq!(numbered(reply, 52), expected("smpp_deliver_sm", "deliver-reply-ucs2"));
        let throttled = smsc().answer(9, Verdict::Throttled);
        assert_eq!(throttled, expected("smpp_misc", "submit_sm_resp-throttled-9"));
        assert_eq!(
            pdu(0x8000_0004, 0, 9, b"0123456789\0"),
            expected("smpp_misc", "submit_sm_resp-ok-9")
        );
        let link = expected("smpp_misc", "enquire_link-9");
        let Some(Asked::Probe { answer }) = smsc().ask(&link) else { panic!("a probe") };
        assert_eq!(answer, expected("smpp_misc", "enquire_link_resp-9"));
        let kept = smsc().ask(&expected("smpp_misc", "deliver_sm_resp-9"));
        assert!(matches!(kept, Some(Asked::Delivered { sequence: 9, kept: true })));
    }
}
