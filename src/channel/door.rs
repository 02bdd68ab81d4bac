//! Callbacks of gateways that sign nothing: what admits them is a key in the query of the URL they
//! are given. It is compared in constant time, but it is weaker than a signature: whoever reads
//! the URL (a proxy's log, the gateway's console) can forge, so TLS and a list of allowed sources
//! before us belong to it. URLs that we hand out message by message carry no key, only a mark made
//! with it, good for that message alone.

use std::borrow::Cow;

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{Method, Request};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::answer::{NAME_LIMIT, hex};
use super::{Event, HOOK_BODY_LIMIT, HOOK_EVENT_LIMIT, HOOK_FIELD_LIMIT, HookFault, Inbound};

/// The query parameter with the key.
pub(super) const KEY: &str = "key";
/// The query parameter with the mark of one message's URL.
pub(super) const MARK: &str = "mark";
/// The query parameter with our reference.
pub(super) const REFERENCE: &str = "ref";
/// The shortest key that cannot be guessed, in characters.
const KEY_CHARS: usize = 16;
/// Bytes of a mark: 128 bits.
const MARK_BYTES: usize = 16;

/// A decoded field of a query or form.
pub(super) type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The key of one gateway's hook.
pub(super) struct HookKey {
    /// Of equal length for any key, so that a comparison tells not even the length.
    digest: [u8; 32],
    mac: Hmac<Sha256>,
}

impl HookKey {
    pub(super) fn new(key: &str) -> Result<HookKey, &'static str> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
        if key.len() < KEY_CHARS || !key.bytes().all(plain) {
            return Err("16 letters and digits at least: it stands in a URL");
        }
        let mac = Hmac::new_from_slice(key.as_bytes()).map_err(|_| "not a key")?;
        Ok(HookKey { digest: Sha256::digest(key.as_bytes()).into(), mac })
    }

    /// Whether the query carries the key.
    pub(super) fn admits(&self, fields: &[Field<'_>]) -> bool {
        let given = field(fields, KEY).unwrap_or_default();
        self.digest.ct_eq(&Sha256::digest(given.as_bytes())).into()
    }

    /// What a URL of one message carries: good for this reference and number only.
    pub(super) fn mark(&self, reference: &str, number: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(reference.as_bytes());
        mac.update(b"\n");
        mac.update(number.as_bytes());
        hex(&mac.finalize().into_bytes()[..MARK_BYTES])
    }

    /// The name under which a message and its receipt meet where the gateway names only the call:
    /// that name, and a mark of the number, however it is written.
    pub(super) fn name(&self, call: &str, number: &str) -> String {
        let bare = ["+86", "0086", "86"]
            .into_iter()
            .find_map(|country| number.strip_prefix(country).filter(|rest| rest.len() == 11));
        format!("{call}/{}", self.mark(call, bare.unwrap_or(number)))
    }

    /// Whether the query carries the mark of this reference and number.
    pub(super) fn knows(&self, fields: &[Field<'_>], reference: &str, number: &str) -> bool {
        let given = field(fields, MARK).unwrap_or_default();
        self.mark(reference, number).as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The body of what is posted within its limits, with the key.
    pub(super) fn open<'a>(&self, request: &'a Request<Bytes>) -> Result<&'a Bytes, HookFault> {
        let fields = query(request)?;
        if self.admits(&fields) { posted(request) } else { Err(HookFault::Forged) }
    }
}

/// The body of a callback that is a POST, as those with a body are.
pub(super) fn posted(request: &Request<Bytes>) -> Result<&Bytes, HookFault> {
    match *request.method() {
        Method::POST => Ok(request.body()),
        _ => Err(HookFault::Malformed("not a POST".into())),
    }
}

/// The fields of a callback's query, where the whole is within its limits.
pub(super) fn query(request: &Request<Bytes>) -> Result<Vec<Field<'_>>, HookFault> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    if request.body().len() > HOOK_BODY_LIMIT || query.len() > HOOK_BODY_LIMIT {
        return Err(HookFault::TooLarge);
    }
    form(query)
}

/// The fields of a form.
pub(super) fn form(form: &[u8]) -> Result<Vec<Field<'_>>, HookFault> {
    let fields: Vec<_> = form_urlencoded::parse(form).take(HOOK_FIELD_LIMIT + 1).collect();
    if fields.len() > HOOK_FIELD_LIMIT { Err(HookFault::TooLarge) } else { Ok(fields) }
}

/// The first field of that name.
pub(super) fn field<'a>(fields: &'a [Field<'_>], name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_ref())
}

/// A field that is not empty and not longer than any name or number.
pub(super) fn word<'a>(fields: &'a [Field<'_>], name: &str) -> Option<&'a str> {
    field(fields, name).filter(|value| !value.is_empty() && value.len() <= NAME_LIMIT * 4)
}

/// The events of a JSON array, in its order. An element that is not understood does not keep the
/// others from being heard: a person looks at it.
pub(super) fn events(
    body: &Bytes,
    read: impl Fn(&Map<String, Value>, &Bytes) -> Option<Event>,
) -> Result<Vec<Event>, HookFault> {
    let all: Vec<Value> = serde_json::from_slice(body).map_err(malformed)?;
    if all.len() > HOOK_EVENT_LIMIT {
        return Err(HookFault::TooLarge);
    }
    let event = |value: &Value| {
        let raw = Bytes::from(value.to_string());
        let known = value.as_object().and_then(|fields| read(fields, &raw));
        known.unwrap_or_else(|| Event::Reply(Inbound::unreadable(&raw)))
    };
    Ok(all.iter().map(event).collect())
}

/// A body that is no JSON of the expected shape.
pub(super) fn malformed(error: serde_json::Error) -> HookFault {
    HookFault::Malformed(error.to_string())
}

/// A member as text, be it a string or a number, where it is not empty and not too long.
pub(super) fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let text = match fields.get(name)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty() && text.len() <= NAME_LIMIT * 4)
}

/// `2026-07-01 10:00:00` or `20260701100000`, Beijing time, as ms UTC.
pub(super) fn beijing_ms(text: &str) -> Option<i64> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let rest = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ' ' | ':'));
    if digits.len() != 14 || !rest {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<i8>().ok();
    let year: i16 = digits.get(..4)?.parse().ok()?;
    let (month, day) = (part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let zoned = civil.to_zoned(TimeZone::fixed(Offset::constant(8))).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

/// The name of an event that its gateway gave none: the same words have the same name.
pub(super) fn digest(parts: &[&str]) -> String {
    let mut sum = Sha256::new();
    for part in parts {
        sum.update(part.len().to_be_bytes());
        sum.update(part.as_bytes());
    }
    hex(&sum.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Request<Bytes> {
        Request::post(format!("/hooks/x?{query}")).body(Bytes::new()).unwrap()
    }

    #[test]
    fn only_the_key_opens_and_a_mark_is_good_for_one_message() {
        let key = HookKey::new("0123456789abcdef").unwrap();
        let mut good = asked("a=1&key=0123456789abcdef");
        assert!(key.open(&good).is_ok());
        *good.method_mut() = Method::GET;
        assert!(matches!(key.open(&good), Err(HookFault::Malformed(_))));
        for query in ["", "key=", "key=0123456789abcdeg", "key=0&key=0123456789abcdef", "KEY=0"] {
            assert_eq!(key.open(&asked(query)), Err(HookFault::Forged), "{query}");
        }
        let named = key.name("900^0", "13800138000");
        assert!(named.starts_with("900^0/") && !named.contains("138001"));
        for same in ["+8613800138000", "8613800138000", "008613800138000"] {
            assert_eq!(key.name("900^0", same), named);
        }
        for other in [("900^1", "13800138000"), ("900^0", "13800138001")] {
            assert_ne!(key.name(other.0, other.1).rsplit('/').next(), named.rsplit('/').next());
        }
        let request = asked(&format!("mark={}", key.mark("b1.2~x", "+8613800138000")));
        let fields = query(&request).unwrap();
        assert!(key.knows(&fields, "b1.2~x", "+8613800138000"));
        assert!(!key.knows(&fields, "b1.3~x", "+8613800138000"));
        assert!(!key.knows(&fields, "b1.2~x", "+8613800138001"));
        assert!(!key.knows(&[], "b1.2~x", "+8613800138000"));
        for bad in ["", "short", "0123456789abcde 0", "0123456789abcde&0", "暗号暗号暗号暗号"]
        {
            assert!(HookKey::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_beijing_in_both_forms() {
        assert_eq!(beijing_ms("1970-01-01 08:00:00"), Some(0));
        assert_eq!(beijing_ms("20260701100003"), beijing_ms("2026-07-01 10:00:03"));
        for bad in ["", "2026-07-01", "20261301100000", "2026-07-01T10:00:00", "二〇二六"] {
            assert_eq!(beijing_ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn one_bad_element_does_not_silence_the_others() {
        let read = |fields: &Map<String, Value>, raw: &Bytes| {
            text(fields, "n").map(|n| {
                let inbound = Inbound { source_key: n, ..Inbound::unreadable(raw) };
                Event::Reply(inbound)
            })
        };
        let body = Bytes::from("[{\"n\":1},3,{\"n\":\"2\"},{\"m\":[]}]");
        let keys: Vec<String> = events(&body, read)
            .unwrap()
            .into_iter()
            .map(|event| match event {
                Event::Reply(reply) => reply.source_key,
                Event::Receipt(receipt) => receipt.source_key,
                Event::Follower(follower) => follower.source_key,
            })
            .collect();
        assert_eq!((keys[0].as_str(), keys[2].as_str(), keys.len()), ("1", "2", 4));
        assert!(keys[1].starts_with("unreadable:") && keys[1] != keys[3]);
        let many = Bytes::from(format!("[{}0]", "0,".repeat(HOOK_EVENT_LIMIT)));
        assert_eq!(events(&many, read), Err(HookFault::TooLarge));
        let deep = Bytes::from("[".repeat(100_000));
        assert!(matches!(events(&deep, read), Err(HookFault::Malformed(_))));
    }
}
