//! Tencent Cloud SMS (2021-01-11, sheet `tencent-sms`): SendSms to up to two hundred numbers of one
//! text, signed TC3-HMAC-SHA256, with an outcome for each number; receipts and replies pushed. It
//! keeps no state and pulls nothing.
//!
//! A report carries no reference of ours, only the serial number of the answer: a send whose
//! answer was lost stays unknown, whatever is reported of it later.

mod hook;
mod sign;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use serde::{Deserialize, Serialize};

use super::answer::{self, CLOCK_SKEW, later, mainland, never};
use super::door::HookKey;
use super::registry::{Kind, SettingsFault, secret};
use super::template::{Marker, TemplateSettings, Templates};
use super::url::check_url;
use super::{Event, HookFault, Message, Moment, Provider, RequestFault};
use crate::domain::lane::{Lane, Realm};
use crate::domain::outcome::{Outcome, ReceiptClass};

/// Numbers in one call.
const BATCH: usize = 200;
/// Characters of a variable of accounts opened after 2024-01-25.
const VARIABLE_CHARS: usize = 6;
const VERSION: &str = "2021-01-11";
const ACTION: &str = "SendSms";
const SERVICE: &str = "sms";
const REAL: &[&str] = &["tencentcloudapi.com"];
const CONTENT_TYPE: &str = "application/json; charset=utf-8";
const HALF_MINUTE_MS: i64 = 30_000;
const HOUR_MS: i64 = 3_600_000;

/// One application, as the settings name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TencentSettings {
    pub name: String,
    pub realm: Realm,
    pub secret_id: String,
    /// The secret key: a file with it, or the name of a variable.
    pub secret_key_file: Option<String>,
    pub secret_key_env: Option<String>,
    /// The key in the URL of the hook, `…/hooks/{name}?key=…`: the pushes are not signed.
    pub hook_key_file: Option<String>,
    pub hook_key_env: Option<String>,
    #[serde(default = "public_api")]
    pub base_url: String,
    #[serde(default = "guangzhou")]
    pub region: String,
    /// SmsSdkAppId, `1400…`.
    pub app_id: String,
    pub templates: Vec<TemplateSettings>,
    /// The extension code, where the vendor has enabled it.
    pub extend: Option<String>,
    /// Code → class, where experience here differs from the sheet.
    #[serde(default)]
    pub receipt_codes: BTreeMap<String, ReceiptClass>,
}

fn public_api() -> String {
    "https://sms.tencentcloudapi.com".into()
}

fn guangzhou() -> String {
    "ap-guangzhou".into()
}

impl Kind for TencentSettings {
    fn lane(&self) -> Lane {
        Lane::Sms
    }

    fn realm(&self) -> Realm {
        self.realm
    }

    fn build(&self) -> Result<Arc<dyn Provider>, SettingsFault> {
        let (file, variable) = (self.secret_key_file.as_deref(), self.secret_key_env.as_deref());
        let given = secret(&self.name, "secret_key", file, variable)?;
        let (file, variable) = (self.hook_key_file.as_deref(), self.hook_key_env.as_deref());
        let (key, text) = HookKey::read(&self.name, file, variable)?;
        Ok(Arc::new(Tencent::new(self, given, key, text)?))
    }
}

/// The codec of one application.
pub struct Tencent {
    settings: TencentSettings,
    endpoint: Uri,
    host: String,
    secret_key: String,
    hook: HookKey,
    hook_text: String,
    templates: Templates,
}

impl Tencent {
    fn new(
        settings: &TencentSettings,
        secret_key: String,
        hook: HookKey,
        hook_text: String,
    ) -> Result<Tencent, SettingsFault> {
        let fault = |what: &str| SettingsFault::Value(settings.name.clone(), what.to_owned());
        let fit = |text: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=64).contains(&text.len()) && text.bytes().all(plain)
        };
        for (what, text) in [
            ("secret_id: letters and digits", settings.secret_id.as_str()),
            ("app_id: the SmsSdkAppId, 1400…", &settings.app_id),
            ("region: as ap-guangzhou", &settings.region),
            ("extend: digits", settings.extend.as_deref().unwrap_or("0")),
        ] {
            if !fit(text) {
                return Err(fault(what));
            }
        }
        let base = settings.base_url.trim_end_matches('/');
        check_url(base, settings.realm, REAL)
            .map_err(|what| fault(&format!("base_url: {what}")))?;
        let endpoint: Uri = format!("{base}/").parse().map_err(|_| fault("base_url: not a URL"))?;
        let host = endpoint.authority().map(|authority| authority.to_string());
        let (all, chars) = (&settings.templates, VARIABLE_CHARS);
        Ok(Tencent {
            host: host.ok_or_else(|| fault("base_url: no host"))?,
            endpoint,
            secret_key,
            hook,
            hook_text,
            templates: Templates::new(&settings.name, all, Marker::Number, chars)?,
            settings: settings.clone(),
        })
    }

    /// What a code says of one number, or of all of a call of `size`.
    fn word(&self, code: &str, size: usize) -> Outcome {
        if let Some(class) = self.settings.receipt_codes.get(code) {
            return answer::overruled(*class, code);
        }
        match code {
            "InvalidParameterValue.IncorrectPhoneNumber"
            | "FailedOperation.PhoneNumberParseFail"
            | "FailedOperation.PhoneNumberInBlacklist"
                if size == 1 =>
            {
                never(code)
            }
            "LimitExceeded.PhoneNumberThirtySecondLimit" => later(code, Some(HALF_MINUTE_MS)),
            "LimitExceeded.PhoneNumberOneHourLimit" => later(code, Some(HOUR_MS)),
            "InternalError.RequestTimeException" | "AuthFailure.SignatureExpire" => {
                later(CLOCK_SKEW, None)
            }
            busy if busy.starts_with("RequestLimitExceeded") => {
                Outcome::Throttled { after_ms: None }
            }
            // The vendor's own time-out: it may be on its way.
            unsure if unsure.starts_with("InternalError") => {
                Outcome::Unknown { why: answer::short(unsure) }
            }
            other => later(other, None),
        }
    }

    fn one(&self, status: Status) -> Outcome {
        match status.code.as_str() {
            "Ok" => match answer::name(status.serial) {
                Some(serial) => Outcome::Accepted { external_id: Some(serial) },
                None => Outcome::Unknown { why: "Ok without a SerialNo".into() },
            },
            "" => Outcome::Unknown { why: "a status without a code".into() },
            code => self.word(code, 1),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Submit<'a> {
    phone_number_set: Vec<&'a str>,
    sms_sdk_app_id: &'a str,
    template_id: &'a str,
    sign_name: &'a str,
    template_param_set: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extend_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_context: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    response: Answered,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answered {
    error: Option<Refused>,
    #[serde(default)]
    send_status_set: Vec<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    code: String,
}

#[derive(Deserialize)]
struct Status {
    #[serde(rename = "SerialNo")]
    serial: Option<String>,
    #[serde(rename = "PhoneNumber", default)]
    phone: String,
    #[serde(rename = "Code", default)]
    code: String,
}

impl Provider for Tencent {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn realm(&self) -> Realm {
        self.settings.realm
    }

    fn lane(&self) -> Lane {
        Lane::Sms
    }

    fn max_per_call(&self) -> usize {
        BATCH
    }

    /// One call has one set of values: only equal texts share it.
    fn lot(&self, message: &Message) -> Result<String, Outcome> {
        mainland(&message.to)?;
        self.templates.bind(&message.text)?;
        Ok(message.text.clone())
    }

    fn request(&self, chunk: &[Message], at: Moment) -> Result<Request<Bytes>, RequestFault> {
        let unfit = |why: &str| RequestFault::Unbuildable(why.into());
        if chunk.len() > BATCH {
            return Err(RequestFault::TooMany { given: chunk.len(), most: BATCH });
        }
        let first = chunk.first().ok_or(RequestFault::Empty)?;
        if chunk.iter().any(|message| message.text != first.text) {
            return Err(unfit("several texts in one call"));
        }
        let bound = self.templates.bind(&first.text).map_err(|o| unfit(o.detail()))?;
        let template = self.templates.get(bound.place).ok_or_else(|| unfit("template"))?;
        if chunk.iter().any(|message| mainland(&message.to).is_err()) {
            return Err(unfit("a number abroad"));
        }
        let submit = Submit {
            phone_number_set: chunk.iter().map(|message| message.to.as_str()).collect(),
            sms_sdk_app_id: &self.settings.app_id,
            template_id: &template.code,
            sign_name: &template.sign,
            template_param_set: bound.values,
            extend_code: self.settings.extend.as_deref(),
            session_context: (chunk.len() == 1).then_some(first.reference.as_str()),
        };
        let body = serde_json::to_vec(&submit).map_err(|error| unfit(&error.to_string()))?;
        let seconds = at.now_ms.div_euclid(1_000);
        let signer = sign::Signer {
            id: &self.settings.secret_id,
            key: &self.secret_key,
            service: SERVICE,
            host: &self.host,
            content_type: CONTENT_TYPE,
            action: Some(ACTION),
        };
        let authorization = signer.authorization(seconds, &body).ok_or_else(|| unfit("time"))?;
        Request::builder()
            .method(Method::POST)
            .uri(self.endpoint.clone())
            .header("content-type", CONTENT_TYPE)
            .header("x-tc-action", ACTION)
            .header("x-tc-version", VERSION)
            .header("x-tc-region", &self.settings.region)
            .header("x-tc-timestamp", seconds)
            .header("authorization", authorization)
            .body(Bytes::from(body))
            .map_err(|error| unfit(&error.to_string()))
    }

    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome> {
        let Ok(Said { response }) = serde_json::from_slice(answer.body()) else {
            return chunk.iter().map(|_| answer::wordless(answer)).collect();
        };
        if let Some(error) = response.error {
            return chunk.iter().map(|_| self.word(&error.code, chunk.len())).collect();
        }
        if !answer.status().is_success() {
            return chunk.iter().map(|_| answer::wordless(answer)).collect();
        }
        let mut by_number: HashMap<String, Vec<Status>> = HashMap::new();
        for status in response.send_status_set.into_iter().rev() {
            by_number.entry(status.phone.clone()).or_default().push(status);
        }
        let mut of = |message: &Message| {
            let status = by_number.get_mut(&message.to).and_then(Vec::pop);
            let missing = || Outcome::Unknown { why: "no status of this number".into() };
            status.map_or_else(missing, |status| self.one(status))
        };
        chunk.iter().map(&mut of).collect()
    }

    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault> {
        let body = self.hook.open(request)?;
        if request.method() != Method::POST {
            return Err(HookFault::Malformed("not a POST".into()));
        }
        hook::events(&self.settings.name, &self.settings.receipt_codes, body)
    }

    fn acknowledge(&self) -> Response<Bytes> {
        answer::json("{\"result\":0,\"errmsg\":\"OK\"}")
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.secret_key.clone(), self.hook_text.clone()]
    }
}

#[cfg(test)]
mod tests;
