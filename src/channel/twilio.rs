//! The Twilio-shaped SMS gateway: `Messages.json` out, status callbacks and inbound messages in
//! (sheet `voice` §3 signature, §4 messages). One message a call. It keeps no state: that a final
//! receipt is never taken back is the store's business.

mod codes;
mod hook;
mod signature;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use serde::Deserialize;

use super::answer::{self, retry_after_ms};
use super::door::posted;
use super::opening::Opening;
use super::registry::{Kind, SettingsFault};
use super::{
    Call, Codec, Event, HOOK_BODY_LIMIT, HookFault, Message, Moment, RequestFault, Speaks,
};
use crate::domain::lane::{Lane, Realm};
use crate::domain::outcome::{Outcome, ReceiptClass};

/// The query parameter of the status callback that carries our own reference.
const REFERENCE: &str = "ref";
const ID_LIMIT: usize = 64;
/// Where the real one is.
const REAL: &[&str] = &["twilio.com"];

/// One account, as the settings name it. The token comes from a file or from the environment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwilioSettings {
    pub name: String,
    pub realm: Realm,
    #[serde(default = "sms")]
    pub lane: Lane,
    pub account_sid: String,
    /// A file with the token, or
    pub auth_token_file: Option<String>,
    /// the name of an environment variable with it: exactly one of the two.
    pub auth_token_env: Option<String>,
    #[serde(default = "public_api")]
    pub base_url: String,
    /// The number shown, E.164, or a messaging service (`MG…`).
    pub from: String,
    /// The public URL at which the provider reaches our hook, exactly as configured there.
    pub callback_url: String,
    /// Error code → class, where experience here differs from the sheet.
    #[serde(default)]
    pub receipt_codes: BTreeMap<String, ReceiptClass>,
}

fn sms() -> Lane {
    Lane::Sms
}

fn public_api() -> String {
    "https://api.twilio.com".into()
}

impl Kind for TwilioSettings {
    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault> {
        Ok(Speaks::http(Twilio::new(self, opening)?))
    }
}

impl TwilioSettings {
    /// An account at a practice gateway of ours; its token is handed in when it is opened.
    pub fn practice(account_sid: &str, from: &str, base_url: &str, callback_url: &str) -> Self {
        TwilioSettings {
            name: "practice".into(),
            realm: Realm::Practice,
            lane: Lane::Sms,
            account_sid: account_sid.into(),
            auth_token_file: None,
            auth_token_env: None,
            base_url: base_url.into(),
            from: from.into(),
            callback_url: callback_url.into(),
            receipt_codes: BTreeMap::new(),
        }
    }
}

/// The codec of one account.
pub struct Twilio {
    settings: TwilioSettings,
    endpoint: Uri,
    authorization: HeaderValue,
    /// The encoded form up to the reference: sender and callback.
    form_head: String,
    key: signature::Key,
    hook_urls: Vec<String>,
}

impl Twilio {
    /// Checks the settings and prepares everything that is the same for every message.
    fn new(settings: &TwilioSettings, opening: &mut Opening) -> Result<Twilio, SettingsFault> {
        opening.check(settings.lane == Lane::Sms, "lane: this codec speaks sms")?;
        let sid = &settings.account_sid;
        let letters = |b: u8| b.is_ascii_alphanumeric();
        opening.word(sid, ID_LIMIT, letters, "account_sid: letters and digits")?;
        let base = opening.base_url(&settings.base_url, REAL)?;
        let hook = settings.callback_url.as_str();
        opening.callback_url(hook, REAL)?;
        let what = "from: a number or a messaging service";
        opening.word(&settings.from, ID_LIMIT, |_| true, what)?;
        let (file, variable) = (&settings.auth_token_file, &settings.auth_token_env);
        let token = opening.secret("auth_token", file, variable)?;
        let endpoint = format!("{base}/2010-04-01/Accounts/{sid}/Messages.json");
        let basic = STANDARD.encode(format!("{sid}:{token}"));
        let mut authorization = HeaderValue::try_from(format!("Basic {basic}"))
            .map_err(|_| opening.fault("account_sid or token: not fit for a header"))?;
        authorization.set_sensitive(true);
        opening.hides(basic);
        let key = signature::Key::new(token.as_bytes());
        Ok(Twilio {
            endpoint: endpoint.parse().map_err(|_| opening.fault("base_url: not a URL"))?,
            authorization,
            form_head: form_head(&settings.from, hook),
            key: key.ok_or_else(|| opening.fault("token"))?,
            hook_urls: signature::spellings(hook.split_once('?').map_or(hook, |(base, _)| base)),
            settings: settings.clone(),
        })
    }

    fn outcome(&self, answer: &Response<Bytes>) -> Outcome {
        let status = answer.status();
        if status.is_success() {
            return self.taken(status, answer.body());
        }
        let said: Said = serde_json::from_slice(answer.body()).unwrap_or_default();
        let code = said.code.map(|code| code.to_string());
        let after_ms = retry_after_ms(answer.headers());
        if status == StatusCode::TOO_MANY_REQUESTS || code.as_deref() == Some("20429") {
            return Outcome::Throttled { after_ms };
        }
        match code {
            // Whatever the account lacks, the number is not to blame: only what Twilio says of
            // the number itself is permanent.
            Some(code) if status.is_client_error() => self.refusal(code, after_ms),
            Some(code) => Outcome::RefusedRetry { after_ms, code },
            // A server error in words that are not the provider's comes from something between,
            // which may have passed the request on.
            None if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE => {
                Outcome::Unknown { why: format!("http_{}", status.as_u16()) }
            }
            None => Outcome::RefusedRetry { after_ms, code: format!("http_{}", status.as_u16()) },
        }
    }

    fn taken(&self, status: StatusCode, body: &[u8]) -> Outcome {
        let taken: Taken = serde_json::from_slice(body).unwrap_or_default();
        let Some(sid) = taken.sid.filter(|sid| !sid.is_empty() && sid.len() <= ID_LIMIT) else {
            return Outcome::Unknown { why: format!("http_{} without a sid", status.as_u16()) };
        };
        match taken.status {
            State::Failed | State::Undelivered | State::Canceled => {
                let code = taken.error_code.map_or("failed".into(), |code| code.to_string());
                self.refusal(code, None)
            }
            State::Other => Outcome::taken(Some(sid)),
        }
    }

    fn refusal(&self, code: String, after_ms: Option<i64>) -> Outcome {
        let overruled = self.settings.receipt_codes.get(&code).copied();
        if overruled.unwrap_or_else(|| codes::of_code(&code)).is_permanent() {
            Outcome::RefusedPermanent { code }
        } else {
            Outcome::RefusedRetry { after_ms, code }
        }
    }

    fn verify(
        &self,
        request: &Request<Bytes>,
        fields: &[signature::Field<'_>],
    ) -> Result<(), HookFault> {
        let given = request.headers().get("x-twilio-signature").ok_or(HookFault::Forged)?;
        let query = request.uri().query();
        if self.key.verify(&self.hook_urls, query, fields, given.as_bytes()) {
            Ok(())
        } else {
            Err(HookFault::Forged)
        }
    }
}

impl Codec for Twilio {
    fn write(&self, call: &Call, _: Moment) -> Result<Request<Bytes>, RequestFault> {
        let message = call.first;
        let room = self.form_head.len() + message.reference.len() + message.text.len() * 3 + 64;
        let mut form = String::with_capacity(room);
        form.push_str(&self.form_head);
        // The reference stands in a URL which itself stands in a form: encoded twice.
        for once in form_urlencoded::byte_serialize(message.reference.as_bytes()) {
            form.extend(form_urlencoded::byte_serialize(once.as_bytes()));
        }
        form.push_str("&To=");
        form.extend(form_urlencoded::byte_serialize(message.to.as_bytes()));
        form.push_str("&Body=");
        form.extend(form_urlencoded::byte_serialize(message.text.as_bytes()));
        let mut request = Request::new(Bytes::from(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form_type);
        Ok(request)
    }

    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome> {
        answer::each(chunk, self.outcome(answer))
    }

    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault> {
        let body = request.body();
        if body.len() > HOOK_BODY_LIMIT {
            return Err(HookFault::TooLarge);
        }
        let query = request.uri().query();
        let fields = if is_json(request.headers()) {
            self.verify(request, &[])?;
            if !signature::body_matches(query, body) {
                return Err(HookFault::Forged);
            }
            hook::json(body)?
        } else {
            let mut fields = hook::form(body)?;
            signature::sort(&mut fields);
            self.verify(request, &fields)?;
            fields
        };
        posted(request)?;
        let hook = hook::Hook {
            provider: &self.settings.name,
            fields: &fields,
            query,
            body,
            overrules: &self.settings.receipt_codes,
        };
        Ok(vec![hook.event()?])
    }

    fn acknowledge(&self) -> Response<Bytes> {
        let mut answer = Response::new(Bytes::from(answer_xml(None)));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        answer
    }
}

/// The answer to an inbound message, as TwiML: silence, or a text sent back at once.
pub fn answer_xml(text: Option<&str>) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    match text {
        None => xml.push_str("<Response />"),
        Some(text) => {
            xml.push_str("<Response><Message>");
            for letter in text.chars() {
                match letter {
                    '&' => xml.push_str("&amp;"),
                    '<' => xml.push_str("&lt;"),
                    '>' => xml.push_str("&gt;"),
                    // XML 1.0 has no way to write these.
                    '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' => {}
                    '\u{fffe}' | '\u{ffff}' => {}
                    other => xml.push(other),
                }
            }
            xml.push_str("</Message></Response>");
        }
    }
    xml
}

#[derive(Default, Deserialize)]
struct Taken {
    sid: Option<String>,
    #[serde(default)]
    status: State,
    error_code: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Failed,
    Undelivered,
    Canceled,
    #[default]
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
struct Said {
    code: Option<i64>,
}

fn form_head(from: &str, hook: &str) -> String {
    let mut head = String::new();
    let sender = if from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
    let separator = if hook.contains('?') { '&' } else { '?' };
    let callback = format!("{hook}{separator}{REFERENCE}=");
    let from: String = form_urlencoded::byte_serialize(from.as_bytes()).collect();
    let callback: String = form_urlencoded::byte_serialize(callback.as_bytes()).collect();
    // Writing to a String does not fail.
    let _ = write!(head, "{sender}={from}&StatusCallback={callback}");
    head
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|b| *b == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests;
