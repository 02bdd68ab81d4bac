//! CMPP 2.0 and 3.0 as a session (sheet `cmpp`): settings, the submits of a message, and what a
//! gateway's PDUs mean. The octets are `pdu`'s, the connections `session`'s. A delivery that was
//! not kept is not answered: the protocol says that the gateway then gives it again.

pub mod pdu;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::carrier;
use super::door;
use super::opening::Opening;
use super::registry::{Kind, SettingsFault};
use super::session::letters::{self, Alphabet};
use super::session::octets::{Broken, word};
use super::session::{
    Frame, Greeting, Heard, Lines, LinkSettings, Report, Said, Speech, Way, What, Words, digits,
    long,
};
use super::{Message, Speaks};
use crate::base::sms::{Coding, Reference};
use crate::domain::lane::Realm;
use crate::domain::outcome::{Outcome, ReceiptClass};
use pdu::{Body, Deliver, Pdu, StatusReport, Submit, Version};

/// UCS-2, big endian. Our texts carry a Chinese signature, so nothing else is ever sent.
const WIDE: u8 = 8;
/// The zone of every time in the protocol, hours before UTC's.
const BEIJING_HOURS: i8 = 8;

/// The version of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Spoken {
    #[serde(rename = "2.0")]
    V20,
    #[serde(rename = "3.0")]
    V30,
}

/// Octets of the reference by which parts of a longer message know each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongForm {
    #[default]
    Udh,
    Udh16,
}

/// One account at a gateway. The shared secret comes from a file or from the environment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CmppSettings {
    pub name: String,
    pub realm: Realm,
    /// HOST:PORT; the port is 7890 nearly everywhere.
    pub address: String,
    pub version: Spoken,
    /// The SP's number, six digits: Source_Addr and Msg_src.
    pub source_addr: String,
    pub secret_file: Option<String>,
    pub secret_env: Option<String>,
    /// From the contract.
    pub service_id: String,
    /// The access number with its extension: what residents see and answer to.
    pub src_id: String,
    /// Who pays: 0 the callee, 1 the caller, 2 the SP.
    #[serde(default = "the_sp")]
    pub fee_user_type: u8,
    #[serde(default = "free")]
    pub fee_type: String,
    #[serde(default = "nothing")]
    pub fee_code: String,
    #[serde(default)]
    pub long: LongForm,
    /// Whether the gateway must prove that it knows the secret too; some fill in zeros.
    #[serde(default)]
    pub verify_gateway: bool,
    /// Code → class, where this gateway differs.
    #[serde(default)]
    pub receipt_codes: BTreeMap<String, ReceiptClass>,
    #[serde(default)]
    pub link: LinkSettings,
}

fn the_sp() -> u8 {
    2
}

fn free() -> String {
    "01".into()
}

fn nothing() -> String {
    "000000".into()
}

impl Kind for CmppSettings {
    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault> {
        let speech = Cmpp::new(self, opening)?;
        let lines = Lines::open(opening, &self.address, &self.link, speech)?;
        Ok(Speaks::Session(Box::new(lines)))
    }
}

/// The codec of one account.
pub struct Cmpp {
    settings: CmppSettings,
    version: Version,
    secret: Vec<u8>,
}

impl Cmpp {
    fn new(settings: &CmppSettings, opening: &mut Opening) -> Result<Cmpp, SettingsFault> {
        for (name, value) in [
            ("source_addr", &settings.source_addr),
            ("service_id", &settings.service_id),
            ("src_id", &settings.src_id),
        ] {
            let what = format!("{name}: letters and digits, at most 20, as the contract has it");
            opening.word(value, 20, |octet| octet.is_ascii_alphanumeric(), &what)?;
        }
        opening.check(settings.fee_user_type <= 3, "fee_user_type: 0 to 3")?;
        let version = match settings.version {
            Spoken::V20 => Version::V20,
            Spoken::V30 => Version::V30,
        };
        let secret = opening.secret("secret", &settings.secret_file, &settings.secret_env)?;
        Ok(Cmpp { settings: settings.clone(), version, secret: secret.into() })
    }

    /// A submit as the contract has it, without number and text.
    fn submit(&self) -> Submit {
        let settings = &self.settings;
        Submit {
            pk_total: 1,
            pk_number: 1,
            registered_delivery: 1,
            service_id: settings.service_id.clone().into_bytes(),
            fee_user_type: settings.fee_user_type,
            msg_fmt: WIDE,
            msg_src: settings.source_addr.clone().into_bytes(),
            fee_type: settings.fee_type.clone().into_bytes(),
            fee_code: settings.fee_code.clone().into_bytes(),
            src_id: settings.src_id.clone().into_bytes(),
            ..Submit::default()
        }
    }

    /// A PDU of fixed fields: it always fits.
    fn plain(&self, sequence: u32, body: Body) -> Vec<u8> {
        Pdu { sequence, body }.encode(self.version).unwrap_or_default()
    }

    fn what(&self, deliver: &Deliver) -> What {
        if deliver.registered_delivery == 1 {
            return match StatusReport::read(&deliver.content) {
                Ok(report) => What::Report(self.report(&report)),
                Err(_) => What::Odd,
            };
        }
        let (part, octets) = match deliver.tp_udhi {
            0 => (None, deliver.content.as_slice()),
            _ => long::open(&deliver.content),
        };
        What::Words(Words {
            from: word(&deliver.src_terminal_id),
            to: word(&deliver.dest_id),
            coding: deliver.msg_fmt,
            octets: octets.to_vec(),
            part,
            id: (deliver.msg_id != 0).then(|| name_of(deliver.msg_id)),
        })
    }

    fn report(&self, report: &StatusReport) -> Report {
        let code = word(&report.stat);
        let overruled = self.settings.receipt_codes.get(&code).copied();
        Report {
            id: name_of(report.msg_id),
            callee: Some(word(&report.dest_terminal_id)),
            class: overruled.unwrap_or_else(|| carrier::class(&code)),
            code,
            at: beijing_ms(&report.done_time),
        }
    }

    fn deliver(&self, sequence: u32, msg_id: u64, what: What) -> Heard {
        let taken = self.plain(sequence, Body::DeliverAnswer { msg_id, result: 0 });
        Heard::Delivery { taken, again: Vec::new(), what }
    }

    /// The outcome of a submit that was not taken. Only what is said of the number is permanent:
    /// the rest is for us or the gateway to mend. 9 to 13 have their meaning in 3.0 only.
    fn outcome(&self, result: u32) -> Outcome {
        let code = format!("cmpp_{result}");
        match (result, self.version) {
            (8, _) => Outcome::Throttled { after_ms: None },
            (13, Version::V30) => Outcome::RefusedPermanent { code },
            _ => Outcome::RefusedRetry { after_ms: None, code },
        }
    }
}

/// A Msg_Id as it is kept and shown: months 8 to 12 exceed a signed number.
fn name_of(msg_id: u64) -> String {
    format!("{msg_id:016x}")
}

/// MMDDHHMMSS in Beijing, as a number.
fn timestamp(calendar_ms: i64) -> u32 {
    let offset = jiff::tz::Offset::constant(BEIJING_HOURS);
    let Ok(moment) = jiff::Timestamp::from_millisecond(calendar_ms) else {
        return 0;
    };
    let at = offset.to_datetime(moment);
    let pairs = [at.month(), at.day(), at.hour(), at.minute(), at.second()];
    pairs.into_iter().fold(0, |number, pair| number * 100 + u32::from(pair.unsigned_abs()))
}

/// YYMMDDHHMM in Beijing, as ms UTC.
fn beijing_ms(digits: &[u8]) -> Option<i64> {
    let minute = std::str::from_utf8(digits.get(..10)?).ok()?;
    door::beijing_ms(&format!("20{minute}00"))
}

impl Speech for Cmpp {
    fn frame(&self) -> Frame {
        Frame {
            header_octets: pdu::HEADER_OCTETS,
            most_octets: self.version.packet_octets(),
            sequence_at: 8,
        }
    }

    fn ways(&self, connections: usize) -> Vec<Way> {
        vec![Way::Both; connections]
    }

    fn greet(&self, _way: Way, calendar_ms: i64) -> Result<Vec<u8>, Broken> {
        let source_addr = self.settings.source_addr.clone().into_bytes();
        let timestamp = timestamp(calendar_ms);
        let authenticator = pdu::source_proof(&source_addr, &self.secret, timestamp);
        let version = self.version.octet();
        let body = Body::Connect { source_addr, authenticator, version, timestamp };
        Pdu { sequence: 0, body }.encode(self.version)
    }

    fn greeted(&self, greeting: &[u8], answer: &[u8]) -> Greeting {
        let (status, given) = match Pdu::decode(answer, self.version) {
            Ok(Pdu { body: Body::ConnectAnswer { status, authenticator, .. }, .. }) => {
                (status, authenticator)
            }
            Ok(_) => return Greeting::NotYet,
            Err(fault) => return Greeting::Refused(format!("no CMPP: {fault}")),
        };
        let why = match status {
            0 => {
                let source = greeting.get(18..34).unwrap_or_default();
                let proof = pdu::gateway_proof(self.version, status, source, &self.secret);
                if !self.settings.verify_gateway || proof == given {
                    return Greeting::Welcome;
                }
                "the gateway does not know the secret: is it the right one?"
            }
            1 => "structure",
            2 => "illegal source: source_addr, or the address this machine connects from",
            3 => "authentication: the secret, or a clock that is off",
            4 => "version too high: set version = \"2.0\"",
            _ => "see the gateway's list",
        };
        Greeting::Refused(format!("status {status} ({why})"))
    }

    fn parts(&self, message: &Message, reference: u16) -> Result<Vec<Vec<u8>>, String> {
        let width = match self.settings.long {
            LongForm::Udh => Reference::Octet,
            LongForm::Udh16 => Reference::Wide,
        };
        let to = digits(&message.to, false)?;
        let parts = long::cut(&message.text, Coding::Ucs2, width, reference)?;
        let submit = |part: long::Part| {
            let submit = Submit {
                pk_total: part.total,
                pk_number: part.number,
                tp_udhi: u8::from(part.total > 1),
                content: part.user_data(),
                dest_terminal_ids: vec![to.clone()],
                ..self.submit()
            };
            let pdu = Pdu { sequence: 0, body: Body::Submit(submit) };
            pdu.encode(self.version).map_err(|fault| fault.to_string())
        };
        parts.into_iter().map(submit).collect()
    }

    fn probe(&self) -> Vec<u8> {
        self.plain(0, Body::ActiveTest)
    }

    fn farewell(&self) -> Vec<u8> {
        self.plain(0, Body::Terminate)
    }

    fn read(&self, octets: &[u8]) -> Result<Heard, Broken> {
        let Pdu { sequence, body } = match Pdu::decode(octets, self.version) {
            Ok(pdu) => pdu,
            // A delivery that cannot be read would be given again for ever.
            Err(fault) => match octets {
                [_, _, _, _, 0, 0, 0, 5, a, b, c, d, id @ ..] => {
                    let sequence = u32::from_be_bytes([*a, *b, *c, *d]);
                    let msg_id = id.first_chunk::<8>().map_or(0, |id| u64::from_be_bytes(*id));
                    return Ok(self.deliver(sequence, msg_id, What::Odd));
                }
                _ => return Err(fault),
            },
        };
        Ok(match body {
            Body::SubmitAnswer { msg_id, result: 0 } => {
                let id = if msg_id == 0 { String::new() } else { name_of(msg_id) };
                Heard::Answer { sequence, said: Said::Taken(id) }
            }
            Body::SubmitAnswer { result, .. } => {
                Heard::Answer { sequence, said: Said::Not(self.outcome(result)) }
            }
            Body::Deliver(deliver) => self.deliver(sequence, deliver.msg_id, self.what(&deliver)),
            Body::ActiveTest => {
                Heard::Probe { answer: self.plain(sequence, Body::ActiveTestAnswer(0)) }
            }
            Body::ActiveTestAnswer(_) => Heard::ProbeAnswer,
            Body::Terminate => {
                Heard::Farewell { answer: self.plain(sequence, Body::TerminateAnswer) }
            }
            Body::TerminateAnswer => Heard::FarewellAnswer,
            Body::Connect { .. }
            | Body::ConnectAnswer { .. }
            | Body::Submit(_)
            | Body::DeliverAnswer { .. }
            | Body::Other { .. } => Heard::Other { answer: None },
        })
    }

    fn text(&self, coding: u8, octets: &[u8]) -> String {
        letters::text(coding, octets, Alphabet::Latin1)
    }
}
