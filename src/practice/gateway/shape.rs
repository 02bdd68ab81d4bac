//! What the practice gateway asks of the shape it speaks in: a call in, its answer, and what is
//! pushed to the customer's hook. A shape is written from its sheet, keeps nothing and decides
//! nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::practice::gateway_wire::origin;

/// One message of a call.
#[derive(Debug, Clone)]
pub(in crate::practice) struct Asked {
    /// E.164.
    pub to: String,
    /// The number that residents see; none: the gateway's own.
    pub from: Option<String>,
    pub text: String,
    /// Where its receipts go; none: they are not wanted.
    pub told_at: Option<String>,
    /// The customer's own reference; empty where there was none.
    pub reference: String,
}

/// What became of one message of a call.
pub(in crate::practice) enum Verdict {
    /// Under this name.
    Taken(String),
    NoSuchNumber,
}

/// Why nothing of a call was taken.
#[derive(Debug, Clone, Copy)]
pub(in crate::practice) enum Trouble {
    /// The rate is used up for so many seconds.
    TooFast(i64),
    Broken,
    /// The log of practice has no room.
    Full,
}

/// A message of which the handset or the network has told.
pub(in crate::practice) struct Told {
    pub name: String,
    pub to: String,
    pub shown: String,
    pub url: String,
    pub reference: String,
    pub at_ms: i64,
    /// The number does not exist.
    pub dead: bool,
}

/// A resident's words.
pub(in crate::practice) struct Wrote<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub text: &'a str,
    pub at_ms: i64,
    /// Of the gateway, each time another.
    pub serial: u64,
}

#[expect(clippy::result_large_err, reason = "a refusal is the answer itself, and is moved once")]
pub(in crate::practice) trait Shape: Send + Sync {
    /// The number shown where the customer names none.
    fn number(&self) -> &str;
    /// Whether the call is of the account, or the refusal.
    fn admits(&self, request: &Request<Bytes>) -> Result<(), Response<Bytes>>;
    /// The messages of a call, at least one, or the refusal.
    fn read(&self, request: &Request<Bytes>) -> Result<Vec<Asked>, Response<Bytes>>;
    /// The names of the messages of one call, each another but where one name is the call's.
    fn names(&self, asked: &[Asked], seed: u64, serial: u64) -> Vec<String>;
    /// Whether a wrong number refuses the whole call.
    fn refuses_whole(&self) -> bool {
        false
    }
    fn answer(&self, asked: &[Asked], verdicts: &[Verdict]) -> Response<Bytes>;
    fn refuse(&self, trouble: Trouble) -> Response<Bytes>;
    fn receipt(&self, told: &Told) -> Option<Request<Bytes>>;
    fn reply(&self, wrote: &Wrote<'_>) -> Option<Request<Bytes>>;
}

/// An answer with a body.
pub(in crate::practice) fn said(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    answer
}

/// An answer in JSON.
pub(in crate::practice) fn json(status: u16, body: &serde_json::Value) -> Response<Bytes> {
    let mut answer = said(status, body.to_string());
    let kind = http::HeaderValue::from_static("application/json;charset=utf-8");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    answer
}

/// A push in JSON; none where `url` is no URL.
pub(in crate::practice) fn push(url: &str, body: &serde_json::Value) -> Option<Request<Bytes>> {
    let request = Request::post(url).header("content-type", "application/json;charset=utf-8");
    request.body(Bytes::from(body.to_string())).ok()
}

/// Whether a URL leads to the customer: a practice gateway calls nobody else.
pub(in crate::practice) fn leads_home(url: &str, hook_url: &str) -> bool {
    origin(url) == origin(hook_url)
}

/// `2026-07-01 10:00:00`, Beijing time.
pub(in crate::practice) fn beijing(at_ms: i64) -> String {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::Offset::constant(8));
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// E.164 of a mainland number in any of the forms that vendors take.
pub(in crate::practice) fn e164(number: &str) -> Option<String> {
    let bare = ["+86", "0086", "86"]
        .into_iter()
        .find_map(|country| number.strip_prefix(country).filter(|rest| rest.len() == 11));
    let bare = bare.unwrap_or(number);
    let good = bare.len() == 11 && bare.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| format!("+86{bare}"))
}

/// The number without its country.
pub(in crate::practice) fn bare(number: &str) -> &str {
    number.strip_prefix("+86").unwrap_or(number)
}

/// Approved texts by their code, with their variables between `open` and `}`.
pub(in crate::practice) struct Templates {
    pub texts: BTreeMap<String, String>,
    pub open: &'static str,
}

impl Templates {
    /// The text with its values and the signature in front; none where the code or a value is
    /// missing.
    pub fn fill(
        &self,
        code: &str,
        sign: &str,
        value: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let mut pieces = self.texts.get(code)?.split(self.open);
        let mut text = format!("【{sign}】{}", pieces.next()?);
        for piece in pieces {
            let (name, rest) = piece.split_once('}')?;
            text += &value(name)?;
            text += rest;
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_with_its_values_is_the_text() {
        let texts = [("S1".to_owned(), "请在${by}前到${place}。回1".to_owned())];
        let templates = Templates { texts: texts.into(), open: "${" };
        let value = |name: &str| (name != "gone").then(|| format!("<{name}>"));
        let text = templates.fill("S1", "防指", value);
        assert_eq!(text.as_deref(), Some("【防指】请在<by>前到<place>。回1"));
        assert_eq!(templates.fill("S2", "防指", value), None);
        assert_eq!(templates.fill("S1", "防指", |_| None), None);
    }

    #[test]
    fn numbers_and_times_are_the_mainlands() {
        for number in ["+8612700000001", "8612700000001", "008612700000001", "12700000001"] {
            assert_eq!(e164(number).as_deref(), Some("+8612700000001"), "{number}");
        }
        assert_eq!(e164("+33612345678"), None);
        assert_eq!(beijing(1_782_871_202_000), "2026-07-01 10:00:02");
    }
}
