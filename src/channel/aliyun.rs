//! Aliyun SMS (Dysmsapi 2017-05-25, sheet `aliyun-sms`): SendSms for one, SendBatchSms for up to a
//! hundred of one template, signed ACS3-HMAC-SHA256; receipts and replies as pushed batches. It
//! keeps no state and queries nothing: what timed out is unknown until a receipt tells.
//!
//! OutId is our reference where a call carries one message. A batch has one OutId for all of its
//! messages, so there it is a mark of the call and receipts meet their messages by BizId and
//! number; the number is kept as a keyed mark only.

mod hook;
mod sign;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use jiff::Timestamp;
use serde::Deserialize;

use super::answer::{self, CLOCK_SKEW, later, mainland, never};
use super::door::HookKey;
use super::opening::Opening;
use super::registry::{Kind, SettingsFault};
use super::template::{Marker, Template, TemplateSettings, Templates};
use super::{Call, Codec, Event, HookFault, Message, Moment, RequestFault, Speaks};
use crate::domain::lane::Realm;
use crate::domain::outcome::{Outcome, ReceiptClass};

/// Numbers in one SendBatchSms.
const BATCH: usize = 100;
/// Characters of a variable, unless the vendor has lifted it.
const VARIABLE_CHARS: usize = 35;
/// What an OutId begins with that names a call, not a message.
const CALL: char = '+';
const VERSION: &str = "2017-05-25";
const REAL: &[&str] = &["aliyuncs.com"];
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
/// Said of a batch because of one of its messages: its number, its frequency, its values.
const OF_ONE: [&str; 8] = [
    "isv.MOBILE_NUMBER_ILLEGAL",
    "isv.BUSINESS_LIMIT_CONTROL",
    "isv.TEMPLATE_MISSING_PARAMETERS",
    "isv.INVALID_PARAMETERS",
    "isv.PARAM_LENGTH_LIMIT",
    "isv.PARAM_NOT_SUPPORT_URL",
    "isv.BLACK_KEY_CONTROL_LIMIT",
    "isv.SMS_CONTENT_ILLEGAL",
];

/// One account, as the settings name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AliyunSettings {
    pub name: String,
    pub realm: Realm,
    pub access_key_id: String,
    /// The AccessKey secret: a file with it, or the name of a variable.
    pub access_key_secret_file: Option<String>,
    pub access_key_secret_env: Option<String>,
    /// The key in the URL of the hook, `…/hooks/{name}?key=…`: the pushes are not signed.
    pub hook_key_file: Option<String>,
    pub hook_key_env: Option<String>,
    #[serde(default = "public_api")]
    pub base_url: String,
    pub templates: Vec<TemplateSettings>,
    /// Messages in one SendBatchSms, at most 100; 1: each by itself, with our reference.
    #[serde(default = "batch")]
    pub per_call: usize,
    /// The uplink extension code, tied to the signature.
    pub extend: Option<String>,
    /// Code → class, where experience here differs from the sheet.
    #[serde(default)]
    pub receipt_codes: BTreeMap<String, ReceiptClass>,
}

fn public_api() -> String {
    "https://dysmsapi.aliyuncs.com".into()
}

fn batch() -> usize {
    BATCH
}

impl Kind for AliyunSettings {
    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault> {
        Ok(Speaks::http(Aliyun::new(self, opening)?))
    }
}

/// The codec of one account.
pub struct Aliyun {
    settings: AliyunSettings,
    base: String,
    host: String,
    key_secret: String,
    hook: HookKey,
    templates: Templates,
}

impl Aliyun {
    fn new(settings: &AliyunSettings, opening: &mut Opening) -> Result<Aliyun, SettingsFault> {
        let letters = |b: u8| b.is_ascii_alphanumeric();
        opening.word(&settings.access_key_id, 64, letters, "access_key_id: letters and digits")?;
        let base = opening.base_url(&settings.base_url, REAL)?;
        let host = base.parse::<Uri>().ok().and_then(|uri| uri.authority().map(|a| a.to_string()));
        opening.check((1..=BATCH).contains(&settings.per_call), "per_call: 1 to 100")?;
        let extend = settings.extend.as_deref().unwrap_or("0");
        opening.word(extend, 12, |b| b.is_ascii_digit(), "extend: digits, at most 12")?;
        let (file, variable) = (&settings.access_key_secret_file, &settings.access_key_secret_env);
        let (all, chars) = (&settings.templates, VARIABLE_CHARS);
        Ok(Aliyun {
            base: base.to_owned(),
            host: host.ok_or_else(|| opening.fault("base_url: no host"))?,
            key_secret: opening.secret("access_key_secret", file, variable)?,
            hook: opening.hook_key(&settings.hook_key_file, &settings.hook_key_env)?,
            templates: Templates::new(opening, all, Marker::Dollar, chars)?,
            settings: settings.clone(),
        })
    }

    /// The template of the chunk, and for each message its number and the values.
    fn bound<'a>(&'a self, chunk: &'a [Message]) -> Result<(&'a Template, Rows<'a>), RequestFault> {
        let mut rows = Vec::with_capacity(chunk.len());
        let mut template = None;
        for message in chunk {
            let bound = self.templates.bind(&message.text)?;
            if *template.get_or_insert(bound.place) != bound.place {
                return Err(RequestFault::new("texts of several templates"));
            }
            rows.push((mainland(&message.to)?, bound.values));
        }
        let template = template.and_then(|place| self.templates.get(place));
        Ok((template.ok_or(RequestFault::Empty)?, rows))
    }

    fn signed(
        &self,
        action: &str,
        query: &BTreeMap<&str, &str>,
        body: Option<String>,
        at: Moment,
    ) -> Result<Request<Bytes>, RequestFault> {
        let date = Timestamp::from_millisecond(at.now_ms).map_err(RequestFault::new)?;
        let date = date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let nonce = at.nonce_hex();
        let payload = body.as_deref().unwrap_or_default();
        let sum = sign::digest(payload.as_bytes());
        let mut headers: BTreeMap<&str, &str> = BTreeMap::from([
            ("host", self.host.as_str()),
            ("x-acs-action", action),
            ("x-acs-content-sha256", sum.as_str()),
            ("x-acs-date", date.as_str()),
            ("x-acs-signature-nonce", nonce.as_str()),
            ("x-acs-version", VERSION),
        ]);
        if body.is_some() {
            headers.insert("content-type", "application/x-www-form-urlencoded");
        }
        let line = sign::query(query);
        let asked = sign::Asked { method: "POST", path: "/", query: &line, headers: &headers };
        let authorization =
            asked.authorization(&sum, &self.settings.access_key_id, &self.key_secret);
        let mut request = Request::builder().method(Method::POST);
        request = request.uri(format!("{}/?{line}", self.base));
        for (name, value) in headers.into_iter().filter(|(name, _)| *name != "host") {
            request = request.header(name, value);
        }
        let request = request.header("authorization", authorization);
        request.body(Bytes::from(body.unwrap_or_default())).map_err(RequestFault::new)
    }

    /// What the words of the answer mean for one of `size` messages of the call.
    fn word(&self, said: &Said, answer: &Response<Bytes>, size: usize) -> Option<Outcome> {
        let code = said.code.as_deref().filter(|code| !code.is_empty())?;
        let after_ms = answer::retry_after_ms(answer.headers());
        if let Some(class) = self.settings.receipt_codes.get(code) {
            return Some(answer::overruled(*class, code, size));
        }
        Some(match code {
            "isv.BUSINESS_LIMIT_CONTROL" => later(code, wait_ms(said.message.as_deref())),
            // A batch does not say which of its numbers it means: none of them is given up.
            "isv.MOBILE_NUMBER_ILLEGAL" if size == 1 => never(code),
            "InvalidTimeStamp.Expired" => later(CLOCK_SKEW, None),
            "ServiceUnavailable" => Outcome::Throttled { after_ms },
            busy if busy.starts_with("Throttling") => Outcome::Throttled { after_ms },
            // The text, the template, the account, the vendor: none of it the number's fault.
            other => later(other, after_ms),
        })
    }
}

type Rows<'a> = Vec<(&'a str, Vec<&'a str>)>;

/// The wait that a limit of one number asks for, by the window the message names.
fn wait_ms(message: Option<&str>) -> Option<i64> {
    let message = message?;
    match message {
        _ if message.contains("分钟") => Some(MINUTE_MS),
        _ if message.contains("小时") => Some(HOUR_MS),
        // Longer waits are not believed anyway: another way is the better one.
        _ => None,
    }
}

#[derive(Default, Deserialize)]
struct Said {
    #[serde(rename = "Code")]
    code: Option<String>,
    #[serde(rename = "Message")]
    message: Option<String>,
    #[serde(rename = "BizId")]
    biz_id: Option<String>,
}

/// The variables as JSON. Their names are letters, their values are escaped by the writer.
fn params(template: &Template, values: &[&str]) -> serde_json::Value {
    let pairs = template.names().zip(values);
    pairs.map(|(name, value)| (name.to_owned(), serde_json::Value::from(*value))).collect()
}

impl Codec for Aliyun {
    fn max_per_call(&self) -> usize {
        self.settings.per_call
    }

    fn lot(&self, message: &Message) -> Result<String, Outcome> {
        mainland(&message.to)?;
        Ok(self.templates.bind(&message.text)?.place.to_string())
    }

    fn write(&self, call: &Call, at: Moment) -> Result<Request<Bytes>, RequestFault> {
        let (template, rows) = self.bound(call.all)?;
        let mut query = BTreeMap::from([("TemplateCode", template.code.as_str())]);
        if let [(to, values)] = &rows[..] {
            let param = params(template, values).to_string();
            query.insert("PhoneNumbers", to);
            query.insert("SignName", &template.sign);
            query.insert("OutId", &call.first.reference);
            if !values.is_empty() {
                query.insert("TemplateParam", &param);
            }
            if let Some(extend) = &self.settings.extend {
                query.insert("SmsUpExtendCode", extend);
            }
            return self.signed("SendSms", &query, None, at);
        }
        let call = format!("{CALL}{}", at.nonce_hex());
        query.insert("OutId", &call);
        let json = |values: Vec<serde_json::Value>| serde_json::Value::from(values).to_string();
        let mut form = form_urlencoded::Serializer::new(String::new());
        let phones = rows.iter().map(|(to, _)| (*to).into()).collect();
        form.append_pair("PhoneNumberJson", &json(phones));
        let same = |text: &str| json(rows.iter().map(|_| text.into()).collect());
        form.append_pair("SignNameJson", &same(&template.sign));
        if template.names().next().is_some() {
            let all = rows.iter().map(|(_, values)| params(template, values)).collect();
            form.append_pair("TemplateParamJson", &json(all));
        }
        if let Some(extend) = &self.settings.extend {
            form.append_pair("SmsUpExtendCodeJson", &same(extend));
        }
        self.signed("SendBatchSms", &query, Some(form.finish()), at)
    }

    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome> {
        let said: Said = serde_json::from_slice(answer.body()).unwrap_or_default();
        let taken = said.code.as_deref() == Some("OK") && answer.status().is_success();
        let biz = answer::name(said.biz_id.clone());
        let of = |message: &Message| match (taken, &biz, mainland(&message.to)) {
            (true, Some(biz), Ok(to)) if chunk.len() > 1 => {
                Outcome::taken_as(vec![self.hook.name(biz, to)])
            }
            (true, Some(biz), Ok(_)) => Outcome::taken(Some(biz.clone())),
            (true, ..) => Outcome::Unknown { why: "OK without a BizId".into() },
            (false, ..) => {
                let word = self.word(&said, answer, chunk.len());
                word.unwrap_or_else(|| answer::wordless(answer))
            }
        };
        chunk.iter().map(of).collect()
    }

    fn blames_one(&self, outcome: &Outcome) -> bool {
        let permanent = |code: &str| {
            self.settings.receipt_codes.get(code).is_some_and(|class| class.is_permanent())
        };
        match outcome {
            Outcome::RefusedRetry { code, .. } => {
                OF_ONE.contains(&code.as_str()) || permanent(code)
            }
            Outcome::Accepted { .. }
            | Outcome::RefusedPermanent { .. }
            | Outcome::Throttled { .. }
            | Outcome::Unknown { .. }
            | Outcome::NotSent { .. } => false,
        }
    }

    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault> {
        let (name, overrules) = (&self.settings.name, &self.settings.receipt_codes);
        let body = self.hook.open(request)?;
        hook::events(name, overrules, &self.hook, body)
    }

    fn acknowledge(&self) -> Response<Bytes> {
        answer::json("{\"code\":0,\"msg\":\"接收成功\"}")
    }
}

#[cfg(test)]
mod tests;
