//! What an answer says that is not in a gateway's own words, and small readings all codecs share.
//! It knows no provider.

use std::collections::HashMap;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use super::{Call, Message, RETRY_AFTER_LIMIT_MS, RequestFault};
use crate::domain::outcome::{Outcome, ReceiptClass};

/// The longest code kept, in characters.
const CODE_CHARS: usize = 64;
/// The longest name a gateway may give to a message, in bytes.
pub(super) const NAME_LIMIT: usize = 128;

/// The code of an outcome where the gateway finds our clock wrong: a person sets it right.
pub(super) const CLOCK_SKEW: &str = "clock_skew";

/// Of an answer whose body is not the gateway's. A server error of something between may come
/// after the request was passed on, and a garbled success most likely did.
pub(super) fn wordless(answer: &Response<Bytes>) -> Outcome {
    let status = answer.status();
    let after_ms = retry_after_ms(answer.headers());
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Outcome::Throttled { after_ms };
    }
    let unsure = status.is_success()
        || (status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE);
    let code = format!("http_{}", status.as_u16());
    match unsure {
        true => Outcome::Unknown { why: code },
        false => Outcome::RefusedRetry { after_ms, code },
    }
}

/// A refusal that this gateway or another may take back.
pub(super) fn later(code: &str, after_ms: Option<i64>) -> Outcome {
    Outcome::RefusedRetry { after_ms, code: short(code) }
}

/// A refusal of the number itself.
pub(super) fn never(code: &str) -> Outcome {
    Outcome::RefusedPermanent { code: short(code) }
}

/// As the settings overrule a code, where they do. Of a call of several it may mean another one.
pub(super) fn overruled(class: ReceiptClass, code: &str, size: usize) -> Outcome {
    if class.is_permanent() && size == 1 { never(code) } else { later(code, None) }
}

/// A code as it is kept.
pub(super) fn short(code: &str) -> String {
    code.chars().take(CODE_CHARS).collect()
}

/// A name the gateway gave, where it is fit to be kept.
pub(super) fn name(given: Option<String>) -> Option<String> {
    given.filter(|name| !name.is_empty() && name.len() <= NAME_LIMIT)
}

pub(super) fn retry_after_ms(headers: &HeaderMap) -> Option<i64> {
    let seconds: i64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.checked_mul(1_000)?.clamp(0, RETRY_AFTER_LIMIT_MS))
}

/// An answer of ours in JSON.
pub(super) fn json(body: &'static str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// Lower case, as all these vendors write digests.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same outcome for every message of a call.
pub(super) fn each(chunk: &[Message], outcome: Outcome) -> Vec<Outcome> {
    vec![outcome; chunk.len()]
}

/// The outcomes of an answer that has a status for each number, in whatever order; a number that
/// is there twice has two.
pub(super) fn by_number<S>(
    chunk: &[Message],
    statuses: Vec<S>,
    number: impl Fn(&S) -> &str,
    meaning: impl Fn(S) -> Outcome,
) -> Vec<Outcome> {
    let mut by_number: HashMap<String, Vec<S>> = HashMap::new();
    for status in statuses.into_iter().rev() {
        by_number.entry(number(&status).to_owned()).or_default().push(status);
    }
    let mut of = |message: &Message| {
        let missing = || Outcome::Unknown { why: "no status of this number".into() };
        by_number.get_mut(&message.to).and_then(Vec::pop).map_or_else(missing, &meaning)
    };
    chunk.iter().map(&mut of).collect()
}

/// The numbers of a call in mainland form.
pub(super) fn mainland_all(chunk: &[Message]) -> Result<Vec<&str>, RequestFault> {
    chunk.iter().map(|message| Ok(mainland(&message.to)?)).collect()
}

/// Refuses several texts where a call has one.
pub(super) fn one_text(call: &Call) -> Result<(), RequestFault> {
    match call.all.iter().all(|message| message.text == call.first.text) {
        true => Ok(()),
        false => Err(RequestFault::new("several texts in one call")),
    }
}

/// The eleven digits of a mainland mobile in E.164; other numbers these gateways do not serve.
pub(super) fn mainland(to: &str) -> Result<&str, Outcome> {
    let bare = to.strip_prefix("+86").filter(|bare| {
        bare.len() == 11 && bare.starts_with('1') && bare.bytes().all(|b| b.is_ascii_digit())
    });
    bare.ok_or_else(|| never("number_abroad"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_words_only_a_refusal_is_certain() {
        for (status, code) in [(200, 5), (202, 5), (302, 3), (404, 3), (429, 4), (500, 5), (503, 3)]
        {
            let answer = Response::builder().status(status).header("retry-after", "99999");
            let outcome = wordless(&answer.body(Bytes::new()).unwrap());
            assert_eq!(outcome.code(), code, "{status}");
            let bounded = outcome.after_ms().is_none_or(|ms| ms == RETRY_AFTER_LIMIT_MS);
            assert!(bounded, "{outcome:?}");
        }
    }

    #[test]
    fn only_mainland_mobiles_are_served() {
        assert_eq!(mainland("+8613800138000"), Ok("13800138000"));
        for abroad in ["+33612345678", "+86057112345678", "13800138000", "+861380013800x", ""] {
            assert_eq!(mainland(abroad).unwrap_err().detail(), "number_abroad", "{abroad}");
        }
    }
}
