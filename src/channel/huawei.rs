//! Huawei Cloud MSGSMS (`batchSendSms/v1`, sheet `mas-huawei`, its answer and E000110 from the
//! vendor's page sms_05_0001): one text to up to five hundred numbers, an outcome for each, signed
//! X-WSSE; status reports and replies as forms. Nothing of it was tried against the live service.
//! Left out, because the sheet is not sure of it: AK/SK signatures of newer contracts and pushes,
//! batchSendDiffSms, reports pushed in batches.
//!
//! A long message has a report for each of its parts; which of them were lost is not added up.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::answer::{self, CLOCK_SKEW, hex, later, short};
use super::carrier;
use super::door::{self, Field, HookKey, MARK, REFERENCE, field, form, posted, query, word};
use super::opening::Opening;
use super::registry::{Kind, SettingsFault};
use super::template::{Marker, TemplateSettings, Templates};
use super::{
    Call, Codec, Event, HookFault, Inbound, Message, Moment, ReceiptEvent, RequestFault, Speaks,
};
use crate::domain::lane::Realm;
use crate::domain::outcome::{Outcome, ReceiptClass};

/// Numbers in one call.
const BATCH: usize = 500;
/// Characters of a variable, unless its kind allows more.
const VARIABLE_CHARS: usize = 20;
/// What names a call, not a message.
const CALL: char = '+';
const DONE: &str = "000000";
const REAL: &[&str] = &["myhuaweicloud.com", "huaweicloud.com"];

/// One application, as the settings name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HuaweiSettings {
    pub name: String,
    pub realm: Realm,
    /// The application's address: `https://smsapi.….myhuaweicloud.com:443`.
    pub base_url: String,
    pub app_key: String,
    /// The application's secret: a file with it, or the name of a variable.
    pub app_secret_file: Option<String>,
    pub app_secret_env: Option<String>,
    /// The key in the URL for replies, `…/hooks/{name}?key=…`: the pushes are not signed.
    pub hook_key_file: Option<String>,
    pub hook_key_env: Option<String>,
    /// The channel's number.
    pub from: String,
    pub templates: Vec<TemplateSettings>,
    /// The public URL of our hook, without a query.
    pub callback_url: String,
    /// Code → class, where experience here differs from the sheet.
    #[serde(default)]
    pub receipt_codes: BTreeMap<String, ReceiptClass>,
}

impl Kind for HuaweiSettings {
    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault> {
        Ok(Speaks::http(Huawei::new(self, opening)?))
    }
}

/// The codec of one application.
pub struct Huawei {
    settings: HuaweiSettings,
    endpoint: Uri,
    app_secret: String,
    hook: HookKey,
    templates: Templates,
}

#[derive(Default, Deserialize)]
struct Said {
    code: String,
    #[serde(default)]
    result: Vec<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    sms_msg_id: Option<String>,
    #[serde(default)]
    origin_to: String,
    #[serde(default)]
    status: String,
}

impl Huawei {
    fn new(settings: &HuaweiSettings, opening: &mut Opening) -> Result<Huawei, SettingsFault> {
        let letters = |b: u8| b.is_ascii_alphanumeric();
        opening.word(&settings.app_key, 64, letters, "app_key: letters and digits")?;
        let what = "from: the channel's number, digits";
        opening.word(&settings.from, 21, |b| b.is_ascii_digit(), what)?;
        let base = opening.base_url(&settings.base_url, REAL)?;
        let callback = settings.callback_url.as_str();
        opening.callback_url(callback, REAL)?;
        opening.check(!callback.contains('?'), "callback_url: without a query")?;
        let endpoint = format!("{base}/sms/batchSendSms/v1").parse();
        let (file, variable) = (&settings.app_secret_file, &settings.app_secret_env);
        let (all, chars) = (&settings.templates, VARIABLE_CHARS);
        Ok(Huawei {
            endpoint: endpoint.map_err(|_| opening.fault("base_url: not a URL"))?,
            app_secret: opening.secret("app_secret", file, variable)?,
            hook: opening.hook_key(&settings.hook_key_file, &settings.hook_key_env)?,
            templates: Templates::new(opening, all, Marker::Typed, chars)?,
            settings: settings.clone(),
        })
    }

    /// What a code says of one number or of all of a call of `size`: the vendor names no number as
    /// bad for good, so all of it may pass or be mended.
    fn word(&self, code: &str, size: usize) -> Outcome {
        match (self.settings.receipt_codes.get(code), code) {
            (Some(class), _) => answer::overruled(*class, code, size),
            // The time-out of X-WSSE's Created.
            (None, "E000110") => later(CLOCK_SKEW, None),
            (None, other) => later(other, None),
        }
    }

    /// Of one number of a call of `size`: a call of several has no reference of one message.
    fn one(&self, status: Status, size: usize) -> Outcome {
        match status.status.as_str() {
            DONE => match answer::name(status.sms_msg_id) {
                Some(id) if size > 1 => Outcome::taken_as(vec![id]),
                Some(id) => Outcome::taken(Some(id)),
                None => Outcome::Unknown { why: "taken without a smsMsgId".into() },
            },
            "" => Outcome::Unknown { why: "no status of this number".into() },
            code => self.word(code, 1),
        }
    }

    /// The URL of this call's reports: good for them alone.
    fn callback_url(&self, name: &str) -> String {
        let mut url = form_urlencoded::Serializer::new(String::new());
        url.append_pair(REFERENCE, name).append_pair(MARK, &self.hook.mark(name, ""));
        format!("{}?{}", self.settings.callback_url, url.finish())
    }

    fn receipt(&self, fields: &[Field<'_>], call: &str) -> Option<ReceiptEvent> {
        let (id, status) = (word(fields, "smsMsgId")?, word(fields, "status")?);
        let org = word(fields, "orgCode").unwrap_or_default();
        let overruled = |code: &str| self.settings.receipt_codes.get(code).copied();
        let class = match overruled(org).or_else(|| overruled(status)) {
            Some(class) => class,
            None => match carrier::class(status) {
                done @ (ReceiptClass::Delivered | ReceiptClass::Accepted) => done,
                // The carrier's own code says more than the state.
                state => match carrier::failure(org) {
                    ReceiptClass::Unknown => state,
                    known => known,
                },
            },
        };
        let part = word(fields, "sequence").unwrap_or("1");
        let at = word(fields, "updateTime").and_then(|at| at.parse::<Timestamp>().ok());
        let name = self.settings.name.as_str();
        Some(ReceiptEvent {
            source_key: format!("{name}:st:{id}:{part}:{status}:{org}"),
            external_id: Some(id.to_owned()),
            reference: Some(call.to_owned()).filter(|call| !call.starts_with(CALL)),
            callee: word(fields, "to").map(str::to_owned),
            class,
            code: short(format!("{status} {org}").trim_end()),
            at: at.map(Timestamp::as_millisecond),
        })
    }

    fn reply(&self, fields: &[Field<'_>], raw: &Bytes) -> Option<Inbound> {
        let from = word(fields, "from")?.to_owned();
        let text = field(fields, "body")?.to_owned();
        let name = match word(fields, "smsMsgId") {
            Some(id) => id.to_owned(),
            None => door::digest(&[&from, &text]),
        };
        let at = word(fields, "createTime").and_then(|at| at.parse::<Timestamp>().ok());
        Some(Inbound {
            source_key: format!("{}:in:{name}", self.settings.name),
            from,
            to: word(fields, "to").unwrap_or_default().to_owned(),
            text,
            sent_at: at.map(Timestamp::as_millisecond),
            raw: raw.clone(),
        })
    }
}

/// The X-WSSE header. What is encoded is the lower-case hexadecimal text of the digest.
fn wsse(key: &str, secret: &str, nonce: &str, created: &str) -> String {
    let sum = hex(&Sha256::digest(format!("{nonce}{created}{secret}")));
    let digest = STANDARD.encode(sum);
    format!(
        "UsernameToken Username=\"{key}\",PasswordDigest=\"{digest}\",Nonce=\"{nonce}\",\
         Created=\"{created}\""
    )
}

impl Codec for Huawei {
    fn max_per_call(&self) -> usize {
        BATCH
    }

    /// One call has one set of values: only equal texts share it.
    fn lot(&self, message: &Message) -> Result<String, Outcome> {
        self.templates.lot(message)
    }

    fn write(&self, call: &Call, at: Moment) -> Result<Request<Bytes>, RequestFault> {
        let (template, values) = self.templates.of_lot(call)?;
        let name = match call.all {
            [one] => one.reference.clone(),
            _ => format!("{CALL}{}", at.nonce_hex()),
        };
        let to: Vec<&str> = call.all.iter().map(|message| message.to.as_str()).collect();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("from", &self.settings.from);
        form.append_pair("to", &to.join(","));
        form.append_pair("templateId", &template.code);
        if !values.is_empty() {
            form.append_pair("templateParas", &serde_json::Value::from(values).to_string());
        }
        form.append_pair("statusCallback", &self.callback_url(&name));
        // With it a report names its number.
        if name.len() <= 128 && !name.contains(['{', '}']) {
            form.append_pair("extend", &name);
        }
        form.append_pair("signature", &template.sign);
        let created = Timestamp::from_millisecond(at.now_ms).map_err(RequestFault::new)?;
        let created = created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let (key, secret) = (&self.settings.app_key, &self.app_secret);
        Request::builder()
            .method(Method::POST)
            .uri(self.endpoint.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", "WSSE realm=\"SDP\",profile=\"UsernameToken\",type=\"Appkey\"")
            .header("x-wsse", wsse(key, secret, &at.nonce_hex(), &created))
            .body(Bytes::from(form.finish()))
            .map_err(RequestFault::new)
    }

    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome> {
        let said: Said = serde_json::from_slice(answer.body()).unwrap_or_default();
        match (said.code.as_str(), said.result) {
            ("", _) => answer::each(chunk, answer::wordless(answer)),
            (DONE, none) if none.is_empty() => {
                answer::each(chunk, Outcome::Unknown { why: "taken without a result".into() })
            }
            (code, none) if none.is_empty() => answer::each(chunk, self.word(code, chunk.len())),
            (_, all) => {
                let meaning = |one| self.one(one, chunk.len());
                answer::by_number(chunk, all, |one| &one.origin_to, meaning)
            }
        }
    }

    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault> {
        let asked = query(request)?;
        let call = field(&asked, REFERENCE);
        let admitted = match call {
            Some(call) => self.hook.knows(&asked, call, ""),
            None => self.hook.admits(&asked),
        };
        if !admitted {
            return Err(HookFault::Forged);
        }
        let fields = form(posted(request)?)?;
        let event = match call {
            Some(call) => self.receipt(&fields, call).map(Event::Receipt),
            None => self.reply(&fields, request.body()).map(Event::Reply),
        };
        let event = event.ok_or_else(|| HookFault::Malformed("neither report nor reply".into()))?;
        Ok(vec![event])
    }
}

#[cfg(test)]
mod tests;
