//! Tencent Cloud SMS (2021-01-11, sheet `tencent-sms`): SendSms to up to two hundred numbers of one
//! text, signed TC3-HMAC-SHA256, with an outcome for each number; receipts and replies pushed. It
//! keeps no state and pulls nothing.
//!
//! A report carries no reference of ours, only the serial number of the answer, by which it meets
//! its message: a send whose answer was lost stays unknown, whatever is reported of it later.

mod hook;
mod sign;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use serde::{Deserialize, Serialize};

use super::answer::{self, CLOCK_SKEW, later, never};
use super::door::HookKey;
use super::opening::Opening;
use super::registry::{Kind, SettingsFault};
use super::template::{Marker, TemplateSettings, Templates};
use super::{Call, Codec, Event, HookFault, Message, Moment, RequestFault, Speaks};
use crate::domain::lane::Realm;
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
/// What is wrong with a number for good.
const OF_NUMBER: [&str; 3] = [
    "InvalidParameterValue.IncorrectPhoneNumber",
    "FailedOperation.PhoneNumberParseFail",
    "FailedOperation.PhoneNumberInBlacklist",
];
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
    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault> {
        Ok(Speaks::http(Tencent::new(self, opening)?))
    }
}

/// The codec of one application.
pub struct Tencent {
    settings: TencentSettings,
    endpoint: Uri,
    host: String,
    secret_key: String,
    hook: HookKey,
    templates: Templates,
}

impl Tencent {
    fn new(settings: &TencentSettings, opening: &mut Opening) -> Result<Tencent, SettingsFault> {
        for (what, text) in [
            ("secret_id: letters and digits", settings.secret_id.as_str()),
            ("app_id: the SmsSdkAppId, 1400…", &settings.app_id),
            ("region: as ap-guangzhou", &settings.region),
            ("extend: digits", settings.extend.as_deref().unwrap_or("0")),
        ] {
            opening.word(text, 64, |b| b.is_ascii_alphanumeric() || b == b'-', what)?;
        }
        let base = opening.base_url(&settings.base_url, REAL)?;
        let endpoint: Result<Uri, _> = format!("{base}/").parse();
        let endpoint = endpoint.map_err(|_| opening.fault("base_url: not a URL"))?;
        let host = endpoint.authority().map(|authority| authority.to_string());
        let (file, variable) = (&settings.secret_key_file, &settings.secret_key_env);
        let (all, chars) = (&settings.templates, VARIABLE_CHARS);
        Ok(Tencent {
            host: host.ok_or_else(|| opening.fault("base_url: no host"))?,
            endpoint,
            secret_key: opening.secret("secret_key", file, variable)?,
            hook: opening.hook_key(&settings.hook_key_file, &settings.hook_key_env)?,
            templates: Templates::new(opening, all, Marker::Number, chars)?,
            settings: settings.clone(),
        })
    }

    /// What a code says of one number, or of all of a call of `size`.
    fn word(&self, code: &str, size: usize) -> Outcome {
        if let Some(class) = self.settings.receipt_codes.get(code) {
            return answer::overruled(*class, code, size);
        }
        match code {
            bad if size == 1 && OF_NUMBER.contains(&bad) => never(code),
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
                Some(serial) => Outcome::taken_as(vec![serial]),
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

impl Codec for Tencent {
    fn max_per_call(&self) -> usize {
        BATCH
    }

    /// One call has one set of values: only equal texts share it.
    fn lot(&self, message: &Message) -> Result<String, Outcome> {
        self.templates.lot(message)
    }

    fn write(&self, call: &Call, at: Moment) -> Result<Request<Bytes>, RequestFault> {
        let (template, values) = self.templates.of_lot(call)?;
        let submit = Submit {
            phone_number_set: call.all.iter().map(|message| message.to.as_str()).collect(),
            sms_sdk_app_id: &self.settings.app_id,
            template_id: &template.code,
            sign_name: &template.sign,
            template_param_set: values,
            extend_code: self.settings.extend.as_deref(),
            session_context: (call.all.len() == 1).then_some(call.first.reference.as_str()),
        };
        let body = serde_json::to_vec(&submit).map_err(RequestFault::new)?;
        let seconds = at.now_ms.div_euclid(1_000);
        let signer = sign::Signer {
            id: &self.settings.secret_id,
            key: &self.secret_key,
            service: SERVICE,
            host: &self.host,
            content_type: CONTENT_TYPE,
            action: Some(ACTION),
        };
        let authorization = signer.authorization(seconds, &body);
        Request::builder()
            .method(Method::POST)
            .uri(self.endpoint.clone())
            .header("content-type", CONTENT_TYPE)
            .header("x-tc-action", ACTION)
            .header("x-tc-version", VERSION)
            .header("x-tc-region", &self.settings.region)
            .header("x-tc-timestamp", seconds)
            .header("authorization", authorization.ok_or_else(|| RequestFault::new("time"))?)
            .body(Bytes::from(body))
            .map_err(RequestFault::new)
    }

    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome> {
        let Ok(Said { response }) = serde_json::from_slice(answer.body()) else {
            return answer::each(chunk, answer::wordless(answer));
        };
        if let Some(error) = response.error {
            return answer::each(chunk, self.word(&error.code, chunk.len()));
        }
        if !answer.status().is_success() {
            return answer::each(chunk, answer::wordless(answer));
        }
        let statuses = response.send_status_set;
        answer::by_number(chunk, statuses, |status| &status.phone, |status| self.one(status))
    }

    /// Of a single number these are final, so said of one for now they were of a whole call.
    fn blames_one(&self, outcome: &Outcome) -> bool {
        let permanent = |code: &str| {
            self.settings.receipt_codes.get(code).is_some_and(|class| class.is_permanent())
        };
        match outcome {
            Outcome::RefusedRetry { code, .. } => {
                OF_NUMBER.contains(&code.as_str()) || permanent(code)
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
        hook::events(name, overrules, self.hook.open(request)?)
    }

    fn acknowledge(&self) -> Response<Bytes> {
        answer::json("{\"result\":0,\"errmsg\":\"OK\"}")
    }
}

#[cfg(test)]
mod tests;
