//! Kannel, the open SMS gateway: sendsms out, `dlr-url` and an sms-service's `get-url` in. Written
//! from its user guide and tried against Debian's Kannel 1.4.5. One message a call, for one
//! `dlr-url` serves all numbers of a call. It keeps no state.
//!
//! The account's password travels in a header, not in the URL. The URL of a receipt carries a mark
//! of its own message; that of the sms-service carries the hook's key, which Kannel's
//! configuration and logs show: both are compared in constant time, and belong on a network of
//! their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use serde::Deserialize;

use super::answer::{self, later, never, short};
use super::carrier;
use super::door::{Field, HookKey, MARK, REFERENCE, digest, field, query, word};
use super::opening::Opening;
use super::registry::{Kind, SettingsFault};
use super::url::check_near_url;
use super::{
    Call, Codec, Event, HookFault, Inbound, Message, Moment, ReceiptEvent, RequestFault, Speaks,
};
use crate::domain::lane::Realm;
use crate::domain::outcome::{Outcome, ReceiptClass};

/// Receipts of every kind are asked for: 1, 2, 4, 8 and 16.
const DLR_MASK: &str = "31";
/// UCS-2; Kannel recodes the body itself.
const CODING: &str = "2";

/// One sendsms-user of a Kannel, as the settings name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KannelSettings {
    pub name: String,
    pub realm: Realm,
    /// Where its smsbox listens. On this machine plain http will do for a live one too.
    pub base_url: String,
    #[serde(default = "sendsms")]
    pub path: String,
    pub username: String,
    /// The user's password: a file with it, or the name of a variable.
    pub password_file: Option<String>,
    pub password_env: Option<String>,
    /// The key of the hook, in the sms-service's `get-url`.
    pub hook_key_file: Option<String>,
    pub hook_key_env: Option<String>,
    /// The number shown; left out, it is the `global-sender` of Kannel.
    pub from: Option<String>,
    /// The `smsc-id` to send by; left out, Kannel routes.
    pub smsc: Option<String>,
    /// The URL at which Kannel reaches our hook, without a query.
    pub callback_url: String,
    /// Code → class, where experience here differs from the sheet.
    #[serde(default)]
    pub receipt_codes: BTreeMap<String, ReceiptClass>,
}

fn sendsms() -> String {
    "/cgi-bin/sendsms".into()
}

impl Kind for KannelSettings {
    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault> {
        Ok(Speaks::http(Kannel::new(self, opening)?))
    }
}

/// The codec of one sendsms-user.
pub struct Kannel {
    settings: KannelSettings,
    endpoint: Uri,
    /// The headers that are the same for every message.
    headers: Vec<(&'static str, HeaderValue)>,
    hook: HookKey,
}

impl Kannel {
    fn new(settings: &KannelSettings, opening: &mut Opening) -> Result<Kannel, SettingsFault> {
        let (file, variable) = (&settings.password_file, &settings.password_env);
        let password = opening.secret("password", file, variable)?;
        let base = settings.base_url.trim_end_matches('/');
        check_near_url(base, settings.realm)
            .map_err(|what| opening.fault(format!("base_url: {what}")))?;
        let callback = settings.callback_url.as_str();
        opening.callback_url(callback, &[])?;
        let plain = !callback.contains(['?', '%']);
        opening.check(plain, "callback_url: without a query and without %")?;
        let endpoint = format!("{base}{}", settings.path).parse();
        let mut headers = vec![("x-kannel-dlr-mask", HeaderValue::from_static(DLR_MASK))];
        for (name, what, text) in [
            ("x-kannel-username", "username", Some(&settings.username)),
            ("x-kannel-password", "password", Some(&password)),
            ("x-kannel-from", "from", settings.from.as_ref()),
            ("x-kannel-smsc", "smsc", settings.smsc.as_ref()),
        ] {
            let Some(text) = text else { continue };
            let value = HeaderValue::from_str(text).ok().filter(|value| !value.is_empty());
            let unfit = || opening.fault(format!("{what}: not fit for a header"));
            let mut value = value.ok_or_else(unfit)?;
            value.set_sensitive(what == "password");
            headers.push((name, value));
        }
        Ok(Kannel {
            endpoint: endpoint.map_err(|_| opening.fault("base_url and path: not a URL"))?,
            headers,
            hook: opening.hook_key(&settings.hook_key_file, &settings.hook_key_env)?,
            settings: settings.clone(),
        })
    }

    /// The URL of this message's receipts. Kannel fills in its escapes, already URL-encoded; every
    /// other percent sign stands doubled.
    fn dlr_url(&self, message: &Message) -> String {
        let mut url = format!("{}?{REFERENCE}=", self.settings.callback_url);
        escape(&mut url, &message.reference);
        url.push_str("&to=");
        escape(&mut url, &message.to);
        let mark = self.hook.mark(&message.reference, &message.to);
        // Writing to a String does not fail.
        let _ = write!(url, "&{MARK}={mark}&status=%d&answer=%A&at=%T");
        url
    }

    fn receipt(&self, fields: &[Field<'_>], reference: &str, to: &str) -> Option<ReceiptEvent> {
        let status = word(fields, "status")?;
        let said = field(fields, "answer").unwrap_or_default();
        let code = code(status, said);
        let class = match status {
            "1" => ReceiptClass::Delivered,
            "4" | "8" | "32" => ReceiptClass::Accepted,
            "2" | "16" => match self.settings.receipt_codes.get(&code) {
                Some(class) => *class,
                None => failed(status, said),
            },
            _ => ReceiptClass::Unknown,
        };
        Some(ReceiptEvent {
            source_key: format!(
                "{}:st:{}",
                self.settings.name,
                digest(&[reference, to, status, &code])
            ),
            // sendsms gives no name of its own: the reference is what they meet by.
            external_id: None,
            reference: Some(reference.to_owned()),
            callee: Some(to.to_owned()),
            class,
            code,
            at: seconds_ms(fields),
        })
    }

    fn reply(&self, request: &Request<Bytes>, fields: &[Field<'_>]) -> Option<Inbound> {
        let from = word(fields, "from")?.to_owned();
        let text = text(request.uri().query().unwrap_or_default(), fields);
        let name = match word(fields, "id") {
            Some(id) => id.to_owned(),
            None => digest(&[&from, word(fields, "at").unwrap_or_default(), &text]),
        };
        let raw = request.uri().query().unwrap_or_default().as_bytes();
        Some(Inbound {
            source_key: format!("{}:in:{name}", self.settings.name),
            from,
            to: word(fields, "to").unwrap_or_default().to_owned(),
            text,
            sent_at: seconds_ms(fields),
            raw: without_key(raw),
        })
    }
}

/// The state and number that the SMSC named, behind Kannel's own status.
fn code(status: &str, said: &str) -> String {
    let part = |name: &str| {
        let rest = said.split_once(name)?.1;
        rest.split_ascii_whitespace().next()
    };
    short(&match (part("stat:"), part("err:")) {
        (Some(stat), Some(err)) => format!("{status} {stat} {err}"),
        (Some(stat), None) => format!("{status} {stat}"),
        _ => format!("{status} {said}").trim_end().to_owned(),
    })
}

/// The class of 2 (not delivered) and 16 (not taken by the SMSC).
fn failed(status: &str, said: &str) -> ReceiptClass {
    let stat = said.split_once("stat:").and_then(|(_, rest)| rest.split_ascii_whitespace().next());
    match (status, stat) {
        (_, Some(stat)) => carrier::failure(stat),
        // NACK/0x00000058/…: the SMSC's throttling.
        ("16", None) if said.contains("0x00000058") => ReceiptClass::Throttled,
        ("16", None) => ReceiptClass::Route,
        _ => ReceiptClass::PhoneOff,
    }
}

fn seconds_ms(fields: &[Field<'_>]) -> Option<i64> {
    let seconds: i64 = word(fields, "at")?.parse().ok()?;
    seconds.checked_mul(1_000).filter(|ms| *ms > 0)
}

/// The text of a reply: raw octets in the named charset. A message of the UCS-2 kind comes in
/// UTF-16BE unless Kannel says that it has recoded it.
fn text(query: &str, fields: &[Field<'_>]) -> String {
    let charset = word(fields, "charset").unwrap_or_default();
    let wide = charset.eq_ignore_ascii_case("UTF-16BE")
        || (charset.is_empty() && word(fields, "coding") == Some(CODING));
    let octets = query.split('&').find_map(|pair| pair.strip_prefix("text=")).unwrap_or_default();
    let octets = octets_of(octets);
    if !wide {
        return String::from_utf8_lossy(&octets).into_owned();
    }
    let units = octets.chunks(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        // Half a character.
        _ => 0xfffd,
    });
    char::decode_utf16(units).map(|letter| letter.unwrap_or('\u{fffd}')).collect()
}

/// The octets of a value of a query. Not every value is UTF-8, so no form reader will do.
fn octets_of(value: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = value.as_bytes();
    let (mut octets, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let pair = digit(bytes.get(at + 1)).zip(digit(bytes.get(at + 2)));
        let octet = pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        at += 1;
        octets.push(match (byte, octet) {
            (b'+', _) => b' ',
            (b'%', Some(octet)) => {
                at += 2;
                octet
            }
            (other, _) => *other,
        });
    }
    octets
}

/// What is kept of a callback: the key is nobody's business.
fn without_key(query: &[u8]) -> Bytes {
    let pairs = query.split(|byte| *byte == b'&');
    let kept: Vec<&[u8]> = pairs.filter(|pair| !pair.starts_with(b"key=")).collect();
    Bytes::from(kept.join(&b'&'))
}

/// Bytes for a URL in which Kannel looks for its own escapes.
fn escape(url: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%%{byte:02X}");
        }
    }
}

impl Codec for Kannel {
    fn write(&self, call: &Call, _: Moment) -> Result<Request<Bytes>, RequestFault> {
        let message = call.first;
        let unfit = |what: &str| RequestFault::new(format!("{what}: not for a header"));
        let header = |what: &str, text: &str| HeaderValue::from_str(text).map_err(|_| unfit(what));
        let mut request = Request::new(Bytes::from(message.text.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
        for (name, value) in &self.headers {
            headers.insert(HeaderName::from_static(name), value.clone());
        }
        headers.insert("x-kannel-to", header("number", &message.to)?);
        headers.insert("x-kannel-coding", HeaderValue::from_static(CODING));
        headers.insert("x-kannel-dlr-url", header("callback", &self.dlr_url(message))?);
        Ok(request)
    }

    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome> {
        let said = String::from_utf8_lossy(answer.body());
        let said = said.trim();
        let outcome = match answer.status() {
            StatusCode::ACCEPTED if said.starts_with("0: ") || said.starts_with("3: ") => {
                Outcome::taken(None)
            }
            _ if said.starts_with("Number(s) has/have been denied") => never("denied"),
            StatusCode::FORBIDDEN if said.starts_with("Authorization failed") => {
                later("authorization", None)
            }
            StatusCode::FORBIDDEN if said.starts_with("Not routable") => {
                later("not_routable", None)
            }
            _ => answer::wordless(answer),
        };
        answer::each(chunk, outcome)
    }

    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault> {
        let fields = query(request)?;
        let reference = field(&fields, REFERENCE);
        let event = if let Some(reference) = reference {
            let to = field(&fields, "to").unwrap_or_default();
            if !self.hook.knows(&fields, reference, to) {
                return Err(HookFault::Forged);
            }
            self.receipt(&fields, reference, to).map(Event::Receipt)
        } else {
            if !self.hook.admits(&fields) {
                return Err(HookFault::Forged);
            }
            self.reply(request, &fields).map(Event::Reply)
        };
        // What Kannel has to say stands in the query; a person reads it without the key.
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let unreadable = || Event::Reply(Inbound::unreadable(&without_key(query)));
        Ok(vec![event.unwrap_or_else(unreadable)])
    }

    /// Without a word: Kannel would send a body to the resident as its answer.
    fn acknowledge(&self) -> Response<Bytes> {
        Response::new(Bytes::new())
    }
}

#[cfg(test)]
mod tests;
