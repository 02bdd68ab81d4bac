//! China Mobile cloud MAS, plain SMS over HTTP (`norsubmit`, sheet `mas-huawei`). Nothing of the
//! sheet was tried against the live service; what is built here is what its sources agree on: the
//! request with its MD5 mac, the answer's codes, the report. A reply's members are recalled there,
//! so the settings must name them; without that no reply is understood, and a person sees it.
//! Left out, because no source is sure of it: templates (`tmpsubmit`), many texts in one call, the
//! older login variant, what our answer to a push should say (it is an empty 200).
//!
//! A report carries no reference of ours, only the batch and the number, by which it meets its
//! message (the number is kept as a keyed mark only): a send whose answer was lost stays unknown.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use md5::Md5;
use md5::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer::{self, hex, later, mainland, mainland_all, one_text, short};
use super::carrier;
use super::door::{HookKey, beijing_ms, digest, malformed, text};
use super::opening::Opening;
use super::registry::{Kind, SettingsFault};
use super::url::check_url;
use super::{
    Call, Codec, Event, HookFault, Inbound, Message, Moment, ReceiptEvent, RequestFault, Speaks,
};
use crate::domain::lane::Realm;
use crate::domain::outcome::{Outcome, ReceiptClass};

/// Numbers in one call.
const BATCH: usize = 5_000;
/// What the report says of a message that arrived.
const TAKEN: &str = "CM:0000";
/// The public host of the sources; a practice gateway is never there.
const REAL: &[&str] = &["112.35.1.155", "10086.cn"];

/// One interface account, as the settings name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasSettings {
    pub name: String,
    pub realm: Realm,
    /// The address given by the operator, with its path: `https://…/sms/norsubmit`.
    pub url: String,
    pub ec_name: String,
    pub ap_id: String,
    /// The secret key: a file with it, or the name of a variable.
    pub secret_key_file: Option<String>,
    pub secret_key_env: Option<String>,
    /// Whether the key itself stands in the request, as some accounts want it.
    #[serde(default)]
    pub send_secret_key: bool,
    /// The signature's code, downloaded from the console.
    pub sign: String,
    /// The signature that this code puts in front, without brackets. Then every text must open
    /// with it, and is sent without it. Left out, texts are sent whole.
    pub sign_text: Option<String>,
    /// The extension; empty where the number is matched exactly.
    #[serde(default)]
    pub add_serial: String,
    /// The key in the URL of the hook, `…/hooks/{name}?key=…`: the pushes are not signed.
    pub hook_key_file: Option<String>,
    pub hook_key_env: Option<String>,
    /// What the members of a reply are called in this account.
    pub reply_fields: Option<ReplyFields>,
    /// Code → class, where experience here differs from the sheet.
    #[serde(default)]
    pub receipt_codes: BTreeMap<String, ReceiptClass>,
}

/// The members of a pushed reply.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyFields {
    pub from: String,
    pub text: String,
    pub to: String,
    pub sent_at: String,
}

impl Kind for MasSettings {
    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault> {
        Ok(Speaks::http(Mas::new(self, opening)?))
    }
}

/// The codec of one account.
pub struct Mas {
    settings: MasSettings,
    endpoint: Uri,
    secret_key: String,
    hook: HookKey,
}

/// Members in the order of the sheet's example.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Submit<'a> {
    ec_name: &'a str,
    ap_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<&'a str>,
    mobiles: &'a str,
    content: &'a str,
    sign: &'a str,
    add_serial: &'a str,
    mac: &'a str,
}

#[derive(Default, Deserialize)]
struct Said {
    rspcod: Option<String>,
    #[serde(rename = "msgGroup", alias = "mgsGroup")]
    group: Option<String>,
    success: Option<bool>,
}

impl Mas {
    fn new(settings: &MasSettings, opening: &mut Opening) -> Result<Mas, SettingsFault> {
        check_url(&settings.url, settings.realm, REAL)
            .map_err(|what| opening.fault(format!("url: {what}")))?;
        for (what, text) in
            [("ec_name", &settings.ec_name), ("ap_id", &settings.ap_id), ("sign", &settings.sign)]
        {
            let what = format!("{what}: as the operator's console shows it");
            opening.word(text, 128, |_| true, &what)?;
        }
        // It may be empty.
        let serial = format!("0{}", settings.add_serial);
        opening.word(&serial, 13, |b| b.is_ascii_digit(), "add_serial: digits, at most 12")?;
        let sign = settings.sign_text.as_deref().unwrap_or("签");
        let plain = !sign.is_empty() && !sign.contains(['【', '】']);
        opening.check(plain, "sign_text: the signature without its brackets")?;
        let (file, variable) = (&settings.secret_key_file, &settings.secret_key_env);
        Ok(Mas {
            endpoint: settings.url.parse().map_err(|_| opening.fault("url: not a URL"))?,
            secret_key: opening.secret("secret_key", file, variable)?,
            hook: opening.hook_key(&settings.hook_key_file, &settings.hook_key_env)?,
            settings: settings.clone(),
        })
    }

    /// The text as it is submitted: without the signature where its code puts it in front.
    fn content<'a>(&self, text: &'a str) -> Result<&'a str, Outcome> {
        let Some(sign) = &self.settings.sign_text else {
            return Ok(text);
        };
        let rest = text.strip_prefix('【').and_then(|text| text.strip_prefix(sign.as_str()));
        rest.and_then(|rest| rest.strip_prefix('】')).ok_or_else(|| later("signature", None))
    }

    fn mac(&self, mobiles: &str, content: &str) -> String {
        let s = &self.settings;
        let mut sum = Md5::new();
        for part in [s.ec_name.as_str(), &s.ap_id, &self.secret_key, mobiles, content] {
            sum.update(part.as_bytes());
        }
        sum.update(s.sign.as_bytes());
        sum.update(s.add_serial.as_bytes());
        hex(&sum.finalize())
    }

    fn receipt(&self, fields: &Map<String, Value>) -> Option<ReceiptEvent> {
        let (group, mobile) = (text(fields, "msgGroup")?, text(fields, "mobile")?);
        let status = text(fields, "reportStatus")?;
        let error = text(fields, "errorCode").unwrap_or_default();
        let class = match self.settings.receipt_codes.get(&error) {
            _ if status == TAKEN => ReceiptClass::Delivered,
            Some(class) => *class,
            None => match carrier::failure(&error) {
                ReceiptClass::Unknown => carrier::failure(&status),
                known => known,
            },
        };
        let (name, met) = (self.settings.name.as_str(), self.hook.name(&group, &mobile));
        Some(ReceiptEvent {
            source_key: format!("{name}:st:{met}:{status}:{error}"),
            external_id: Some(met),
            reference: None,
            callee: Some(mobile),
            class,
            code: short(format!("{status} {error}").trim_end()),
            at: text(fields, "receiveDate").and_then(|at| beijing_ms(&at)),
        })
    }

    fn reply(&self, fields: &Map<String, Value>, raw: &Bytes) -> Option<Inbound> {
        let names = self.settings.reply_fields.as_ref()?;
        let from = text(fields, &names.from)?;
        let said = fields.get(&names.text)?.as_str()?.to_owned();
        let sent = text(fields, &names.sent_at).unwrap_or_default();
        let name = digest(&[&from, &sent, &said]);
        Some(Inbound {
            source_key: format!("{}:in:{name}", self.settings.name),
            from,
            to: text(fields, &names.to).unwrap_or_default(),
            text: said,
            sent_at: beijing_ms(&sent),
            raw: raw.clone(),
        })
    }
}

impl Codec for Mas {
    fn max_per_call(&self) -> usize {
        BATCH
    }

    /// One text to many numbers: only equal texts share a call.
    fn lot(&self, message: &Message) -> Result<String, Outcome> {
        mainland(&message.to)?;
        self.content(&message.text).map(str::to_owned)
    }

    fn write(&self, call: &Call, _: Moment) -> Result<Request<Bytes>, RequestFault> {
        one_text(call)?;
        let content = self.content(&call.first.text)?;
        let mobiles = mainland_all(call.all)?.join(",");
        let s = &self.settings;
        let submit = Submit {
            ec_name: &s.ec_name,
            ap_id: &s.ap_id,
            secret_key: s.send_secret_key.then_some(self.secret_key.as_str()),
            mobiles: &mobiles,
            content,
            sign: &s.sign,
            add_serial: &s.add_serial,
            mac: &self.mac(&mobiles, content),
        };
        let body = serde_json::to_vec(&submit).map_err(RequestFault::new)?;
        Request::builder()
            .method(Method::POST)
            .uri(self.endpoint.clone())
            .header("content-type", "text/plain")
            .body(Bytes::from(STANDARD.encode(body)))
            .map_err(RequestFault::new)
    }

    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome> {
        let said: Said = serde_json::from_slice(answer.body()).unwrap_or_default();
        let (code, success) = (said.rspcod.as_deref().unwrap_or_default(), said.success);
        let group = answer::name(said.group.clone());
        let taken = code == "success" && success != Some(false) && answer.status().is_success();
        let of = |message: &Message| match (code, &group, mainland(&message.to)) {
            (_, Some(group), Ok(mobile)) if taken => {
                Outcome::taken_as(vec![self.hook.name(group, mobile)])
            }
            ("success", ..) => Outcome::Unknown { why: "success without a batch".into() },
            ("", ..) => answer::wordless(answer),
            // The account, the signature, the text: none of it the number's fault.
            (code, ..) => later(code, None),
        };
        chunk.iter().map(of).collect()
    }

    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault> {
        let body = self.hook.open(request)?;
        let fields: Map<String, Value> = serde_json::from_slice(body).map_err(malformed)?;
        let event = match fields.contains_key("reportStatus") {
            true => self.receipt(&fields).map(Event::Receipt),
            false => self.reply(&fields, body).map(Event::Reply),
        };
        let event = event.ok_or_else(|| HookFault::Malformed("neither report nor reply".into()))?;
        Ok(vec![event])
    }
}

#[cfg(test)]
mod tests;
