//! SMPP 3.4 as a session (sheet `smpp`): settings, the submits of a message in whichever of three
//! ways the contract puts long ones, and what a centre's PDUs mean. The octets are `pdu`'s, the
//! connections `session`'s.

pub mod pdu;
mod receipt;
mod status;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use receipt::ReceiptIds;

use super::opening::Opening;
use super::registry::{Kind, SettingsFault};
use super::session::letters::{self, Alphabet};
use super::session::octets::{Broken, word};
use super::session::{
    Frame, Greeting, Heard, Lines, LinkSettings, PartOf, Said, Speech, Way, What, Words, digits,
    long,
};
use super::{Message, Speaks};
use crate::base::sms::{self, Coding, Reference};
use crate::domain::lane::Realm;
use crate::domain::outcome::ReceiptClass;
use pdu::{Address, Bind, Body, Pdu, Role, Short, Tlv, tag};

/// Octets of a text in message_payload: some 500 letters, as vendors allow.
const PAYLOAD_OCTETS: usize = 2_000;
const VERSION: u8 = 0x34;
const UDHI: u8 = 0x40;

/// How connections are bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BindMode {
    /// Every connection sends and hears.
    #[default]
    Transceiver,
    /// Some that send, and one that hears.
    Pair,
    /// None hears: receipts and replies go another way, or nowhere.
    Transmitter,
}

/// How a message of several parts is put, as the contract says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongForm {
    /// A header before the user data, with a reference of one octet.
    #[default]
    Udh,
    /// The same with two.
    Udh16,
    /// Three optional fields.
    Sar,
    /// The whole text in one optional field; the centre cuts it.
    Payload,
}

/// One account at a centre. The password comes from a file or from the environment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmppSettings {
    pub name: String,
    pub realm: Realm,
    /// HOST:PORT.
    pub address: String,
    pub system_id: String,
    pub password_file: Option<String>,
    pub password_env: Option<String>,
    #[serde(default)]
    pub system_type: String,
    #[serde(default)]
    pub bind: BindMode,
    /// The number shown, extension included.
    pub source: String,
    #[serde(default = "national")]
    pub source_ton: u8,
    #[serde(default = "one")]
    pub source_npi: u8,
    #[serde(default)]
    pub service_type: String,
    #[serde(default)]
    pub long: LongForm,
    /// What the centre means by data_coding 0.
    #[serde(default)]
    pub alphabet: Alphabet,
    /// 0 to 3; 3 where the contract allows it for emergencies.
    #[serde(default)]
    pub priority: u8,
    /// How long the centre tries; none: as long as it will.
    pub validity_minutes: Option<u32>,
    #[serde(default)]
    pub receipt_ids: ReceiptIds,
    /// State, error code or both (`UNDELIV 027`) → class, where this centre differs.
    #[serde(default)]
    pub receipt_codes: BTreeMap<String, ReceiptClass>,
    #[serde(default)]
    pub link: LinkSettings,
}

fn national() -> u8 {
    2
}

fn one() -> u8 {
    1
}

impl Kind for SmppSettings {
    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault> {
        let speech = Smpp::new(self, opening)?;
        let lines = Lines::open(opening, &self.address, &self.link, speech)?;
        Ok(Speaks::Session(Box::new(lines)))
    }
}

/// The codec of one account.
pub struct Smpp {
    settings: SmppSettings,
    bind: Bind,
    validity: Vec<u8>,
}

impl Smpp {
    fn new(settings: &SmppSettings, opening: &mut Opening) -> Result<Smpp, SettingsFault> {
        let password =
            opening.secret("password", &settings.password_file, &settings.password_env)?;
        opening.check(settings.priority <= 3, "priority: 0 to 3")?;
        let validity = match settings.validity_minutes {
            None => Vec::new(),
            Some(minutes @ 1..=10_080) => {
                let (days, hours) = (minutes / 1_440, minutes / 60 % 24);
                format!("0000{days:02}{hours:02}{:02}00000R", minutes % 60).into_bytes()
            }
            Some(_) => return Err(opening.fault("validity_minutes: 1 to 10080")),
        };
        opening.check(!settings.system_id.is_empty(), "system_id: it may not be empty")?;
        opening.word(&settings.source, 20, |_| true, "source: 1 to 20 characters")?;
        Ok(Smpp {
            settings: settings.clone(),
            bind: Bind {
                system_id: settings.system_id.clone().into_bytes(),
                password: password.into_bytes(),
                system_type: settings.system_type.clone().into_bytes(),
                interface_version: VERSION,
                ..Bind::default()
            },
            validity,
        })
    }

    /// A submit to a number, without its text.
    fn short(&self, to: &str) -> Result<Short, String> {
        let settings = &self.settings;
        Ok(Short {
            service_type: settings.service_type.clone().into_bytes(),
            source: Address {
                ton: settings.source_ton,
                npi: settings.source_npi,
                digits: settings.source.clone().into_bytes(),
            },
            destination: Address { ton: 1, npi: 1, digits: digits(to, true)? },
            priority_flag: settings.priority,
            validity_period: self.validity.clone(),
            registered_delivery: 1,
            ..Short::default()
        })
    }

    fn shorts(&self, message: &Message, reference: u16) -> Result<Vec<Short>, String> {
        let head = self.short(&message.to)?;
        let coding = match self.settings.alphabet {
            Alphabet::Gsm7 => sms::coding(&message.text),
            Alphabet::Latin1 | Alphabet::Gb18030 => Coding::Ucs2,
        };
        let data_coding = if coding == Coding::Gsm7 { 0 } else { 8 };
        let head = Short { data_coding, ..head };
        let long = self.settings.long;
        if long == LongForm::Payload
            && sms::split_as(&message.text, coding, Reference::Octet).len() > 1
        {
            let value = long::octets(&message.text, coding);
            if value.len() > PAYLOAD_OCTETS {
                return Err(format!("{} octets, at most {PAYLOAD_OCTETS}", value.len()));
            }
            return Ok(vec![Short {
                tlvs: vec![Tlv { tag: tag::MESSAGE_PAYLOAD, value }],
                ..head
            }]);
        }
        let width = if long == LongForm::Udh16 { Reference::Wide } else { Reference::Octet };
        let parts = long::cut(&message.text, coding, width, reference)?;
        let short = |part: long::Part| match (part.total, long) {
            (1, _) => Short { short_message: part.octets, ..head.clone() },
            (_, LongForm::Sar) => Short {
                tlvs: vec![
                    Tlv { tag: tag::SAR_MSG_REF_NUM, value: reference.to_be_bytes().to_vec() },
                    Tlv { tag: tag::SAR_TOTAL_SEGMENTS, value: vec![part.total] },
                    Tlv { tag: tag::SAR_SEGMENT_SEQNUM, value: vec![part.number] },
                ],
                short_message: part.octets,
                ..head.clone()
            },
            (_, LongForm::Udh | LongForm::Udh16 | LongForm::Payload) => {
                Short { esm_class: UDHI, short_message: part.user_data(), ..head.clone() }
            }
        };
        Ok(parts.into_iter().map(short).collect())
    }

    fn what(&self, short: &Short) -> What {
        let settings = &self.settings;
        if let Some(report) = receipt::read(short, settings.receipt_ids, &settings.receipt_codes) {
            return What::Report(report);
        }
        if matches!(short.esm_class & 0x3c, 0x04 | 0x20) {
            return What::Odd;
        }
        let data = short.user_data();
        let (part, octets) = match short.esm_class & UDHI {
            0 => (sar(short), data),
            _ => long::open(data),
        };
        What::Words(Words {
            from: word(&short.source.digits),
            to: word(&short.destination.digits),
            coding: short.data_coding,
            octets: octets.to_vec(),
            part,
            id: None,
        })
    }
}

fn sar(short: &Short) -> Option<PartOf> {
    let reference = match short.tlv(tag::SAR_MSG_REF_NUM)? {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => return None,
    };
    let octet = |tag| short.tlv(tag).and_then(|value| value.first().copied());
    long::named(reference, octet(tag::SAR_TOTAL_SEGMENTS)?, octet(tag::SAR_SEGMENT_SEQNUM)?)
}

/// A PDU of a header alone, or with one empty field: it always fits.
fn plain(status: u32, sequence: u32, body: Body) -> Vec<u8> {
    Pdu { status, sequence, body }.encode().unwrap_or_default()
}

fn deliver(sequence: u32, what: What) -> Heard {
    Heard::Delivery {
        taken: plain(0, sequence, Body::DeliverAnswer(Some(Vec::new()))),
        // RX_T_APPN: give it again later.
        again: plain(0x64, sequence, Body::DeliverAnswer(None)),
        what,
    }
}

impl Speech for Smpp {
    fn frame(&self) -> Frame {
        Frame { header_octets: pdu::HEADER_OCTETS, most_octets: pdu::PDU_OCTETS, sequence_at: 12 }
    }

    fn ways(&self, connections: usize) -> Vec<Way> {
        let (way, hearing) = match self.settings.bind {
            BindMode::Transceiver => (Way::Both, None),
            BindMode::Pair => (Way::Sending, Some(Way::Hearing)),
            BindMode::Transmitter => (Way::Sending, None),
        };
        std::iter::repeat_n(way, connections).chain(hearing).collect()
    }

    fn greet(&self, way: Way, _calendar_ms: i64) -> Result<Vec<u8>, Broken> {
        let role = match way {
            Way::Both => Role::Transceiver,
            Way::Sending => Role::Transmitter,
            Way::Hearing => Role::Receiver,
        };
        Pdu::new(0, Body::Bind(role, self.bind.clone())).encode()
    }

    fn greeted(&self, _greeting: &[u8], answer: &[u8]) -> Greeting {
        match Pdu::decode(answer) {
            Ok(Pdu { status: 0, body: Body::BindAnswer(..), .. }) => Greeting::Welcome,
            Ok(Pdu { status, body: Body::BindAnswer(..) | Body::Nack, .. }) => {
                Greeting::Refused(status::refusal(status))
            }
            Ok(_) => Greeting::NotYet,
            Err(fault) => Greeting::Refused(format!("no SMPP: {fault}")),
        }
    }

    fn parts(&self, message: &Message, reference: u16) -> Result<Vec<Vec<u8>>, String> {
        let encode = |short| Pdu::new(0, Body::Submit(short)).encode();
        let shorts = self.shorts(message, reference)?;
        shorts.into_iter().map(encode).collect::<Result<_, _>>().map_err(|fault| fault.to_string())
    }

    fn probe(&self) -> Vec<u8> {
        plain(0, 0, Body::EnquireLink)
    }

    fn farewell(&self) -> Vec<u8> {
        plain(0, 0, Body::Unbind)
    }

    fn read(&self, octets: &[u8]) -> Result<Heard, Broken> {
        let Pdu { status, sequence, body } = match Pdu::decode(octets) {
            Ok(pdu) => pdu,
            // A delivery that cannot be read would be given again for ever.
            Err(fault) => match octets {
                [_, _, _, _, 0, 0, 0, 5, _, _, _, _, a, b, c, d, ..] => {
                    return Ok(deliver(u32::from_be_bytes([*a, *b, *c, *d]), What::Odd));
                }
                _ => return Err(fault),
            },
        };
        Ok(match body {
            Body::SubmitAnswer(id) if status == 0 => {
                let id = self.settings.receipt_ids.answered(&word(&id.unwrap_or_default()));
                Heard::Answer { sequence, said: Said::Taken(id) }
            }
            Body::SubmitAnswer(_) | Body::Nack => {
                Heard::Answer { sequence, said: Said::Not(status::outcome(status)) }
            }
            Body::Deliver(short) => deliver(sequence, self.what(&short)),
            Body::EnquireLink => {
                Heard::Probe { answer: plain(0, sequence, Body::EnquireLinkAnswer) }
            }
            Body::EnquireLinkAnswer => Heard::ProbeAnswer,
            Body::Unbind => Heard::Farewell { answer: plain(0, sequence, Body::UnbindAnswer) },
            Body::UnbindAnswer => Heard::FarewellAnswer,
            Body::DeliverAnswer(_) | Body::BindAnswer(..) => Heard::Other { answer: None },
            // outbind, alert_notification and answers are not answered.
            Body::Other { command: 0x0b | 0x102 | 0x8000_0000.., .. } => {
                Heard::Other { answer: None }
            }
            // RINVCMDID
            Body::Bind(..) | Body::Submit(_) | Body::Other { .. } => {
                Heard::Other { answer: Some(plain(0x03, sequence, Body::Nack)) }
            }
        })
    }

    fn text(&self, coding: u8, octets: &[u8]) -> String {
        letters::text(coding, octets, self.settings.alphabet)
    }
}
