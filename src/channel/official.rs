//! A WeChat Official Account (sheet `wechat` §3, §4): template messages, one follower a call; what
//! the account's followers do and say comes in sealed. Plain callbacks (an account that is not in
//! safe mode), subscription notices and customer-service messages are left out. Nothing of it was
//! tried against the live service.
//!
//! A template's fields take few characters: a text is sent only where an approved template with
//! some values is exactly that text, as at the SMS gateways. The account's name stands above every
//! message, in place of the signature.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use serde::Deserialize;
use serde_json::json;

use super::answer::{self, later, never, short};
use super::door::{Field, digest, field, query};
use super::envelope::{Envelope, Words, sealed_in};
use super::keyed::Keyed;
use super::opening::Opening;
use super::registry::{Kind, SettingsFault};
use super::template::{Marker, TemplateSettings, Templates};
use super::{
    Call, Codec, Event, FollowAct, Follower, HookFault, Inbound, Message, Moment, ReceiptEvent,
    RequestFault, Speaks,
};
use crate::domain::lane::{Lane, Realm};
use crate::domain::outcome::{Outcome, ReceiptClass};

/// What stands before a follower's id in an address.
pub const PREFIX: &str = "wx:";
/// Characters of a template's field, unless the settings say otherwise.
const FIELD_CHARS: usize = 20;
/// The longest name against duplicates, in characters.
const CLIENT_NAME: usize = 32;
const REAL: &[&str] = &["weixin.qq.com"];
/// Over the rate of a minute.
const MINUTE_MS: i64 = 60_000;
/// The day's calls are used up: asked again so often, while other ways go on.
const QUOTA_MS: i64 = 3_600_000;

/// One account, as the settings name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficialSettings {
    pub name: String,
    pub realm: Realm,
    #[serde(default = "public_api")]
    pub base_url: String,
    pub app_id: String,
    /// The account's secret: a file with it, or the name of a variable.
    pub app_secret_file: Option<String>,
    pub app_secret_env: Option<String>,
    /// The word of the callbacks' signature.
    pub hook_token_file: Option<String>,
    pub hook_token_env: Option<String>,
    /// The callbacks' EncodingAESKey.
    pub hook_aes_key_file: Option<String>,
    pub hook_aes_key_env: Option<String>,
    /// Approved templates; variables as `${thing1}`, the vendor's names of the fields.
    pub templates: Vec<TemplateSettings>,
    /// Where a touch on the message leads, if anywhere.
    pub link: Option<String>,
    /// What who begins to follow is told: how to bind the home.
    #[serde(default = "welcome")]
    pub welcome: String,
}

fn public_api() -> String {
    "https://api.weixin.qq.com".into()
}

fn welcome() -> String {
    "要在微信上收到本户的防汛通知，请回复登记的11位手机号，再把短信收到的验证码回复到这里。".into()
}

impl Kind for OfficialSettings {
    fn lane(&self) -> Lane {
        Lane::Wechat
    }

    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault> {
        Ok(Speaks::http(Official::new(self, opening)?))
    }
}

/// The codec of one account.
pub struct Official {
    settings: OfficialSettings,
    send: Uri,
    token: Uri,
    app_secret: String,
    envelope: Envelope,
    templates: Templates,
}

/// An answer; texts are kept nowhere.
#[derive(Deserialize)]
struct Said {
    errcode: i64,
    msgid: Option<u64>,
}

/// The id of a follower in an address of ours.
fn openid(message: &Message) -> Result<&str, Outcome> {
    message.to.strip_prefix(PREFIX).ok_or_else(|| later("not_this_account", None))
}

/// The secrets of an account's callbacks, opened.
pub(super) fn envelope(
    opening: &mut Opening,
    token: (&Option<String>, &Option<String>),
    key: (&Option<String>, &Option<String>),
    receiver: &str,
) -> Result<Envelope, SettingsFault> {
    let token = opening.secret("hook_token", token.0, token.1)?;
    let key = opening.secret("hook_aes_key", key.0, key.1)?;
    Envelope::new(&token, &key, receiver).map_err(|why| {
        SettingsFault::Secret(opening.name.into(), "hook_aes_key".into(), why.into())
    })
}

impl Official {
    fn new(settings: &OfficialSettings, opening: &mut Opening) -> Result<Official, SettingsFault> {
        let letters = |b: u8| b.is_ascii_alphanumeric();
        opening.word(&settings.app_id, 64, letters, "app_id: letters and digits")?;
        let base = opening.base_url(&settings.base_url, REAL)?;
        let welcome = (1..=600).contains(&settings.welcome.len());
        opening.check(welcome, "welcome: 1 to 600 bytes")?;
        let uri = |path: &str| format!("{base}{path}").parse::<Uri>();
        let bad = |_| opening.fault("base_url: not a URL");
        let send = uri("/cgi-bin/message/template/send").map_err(bad)?;
        let token = uri("/cgi-bin/stable_token").map_err(bad)?;
        let (file, variable) = (&settings.app_secret_file, &settings.app_secret_env);
        Ok(Official {
            send,
            token,
            app_secret: opening.secret("app_secret", file, variable)?,
            envelope: envelope(
                opening,
                (&settings.hook_token_file, &settings.hook_token_env),
                (&settings.hook_aes_key_file, &settings.hook_aes_key_env),
                &settings.app_id,
            )?,
            templates: Templates::new(opening, &settings.templates, Marker::Dollar, FIELD_CHARS)?,
            settings: settings.clone(),
        })
    }

    fn event(&self, words: &Words, raw: &Bytes) -> Option<Event> {
        let name = self.settings.name.as_str();
        let from = words.get("FromUserName")?;
        let time = words.get("CreateTime")?;
        let at = time.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000));
        match words.get("Event") {
            None => text_of(name, PREFIX, words, raw).map(Event::Reply),
            Some("TEMPLATESENDJOBFINISH") => self.receipt(words, at).map(Event::Receipt),
            Some(event) => {
                let (act, scene) = match event {
                    "subscribe" => (FollowAct::Follow, words.get("EventKey")),
                    "SCAN" => (FollowAct::Scan, words.get("EventKey")),
                    "unsubscribe" => (FollowAct::Leave, None),
                    _ => return None,
                };
                let scene = scene.map(|scene| scene.trim_start_matches("qrscene_"));
                Some(Event::Follower(Follower {
                    source_key: format!("{name}:ev:{}", digest(&[from, time, event])),
                    from: format!("{PREFIX}{from}"),
                    act,
                    scene: scene.filter(|s| !s.is_empty() && s.len() <= 64).map(str::to_owned),
                    at,
                }))
            }
        }
    }

    fn receipt(&self, words: &Words, at: Option<i64>) -> Option<ReceiptEvent> {
        let id = words.get("MsgID")?;
        let status = words.get("Status")?;
        let class = match status.replace(' ', "").as_str() {
            "success" => ReceiptClass::Delivered,
            "failed:userblock" => ReceiptClass::Barred,
            "failed:freqlimit" => ReceiptClass::Throttled,
            "failed:systemfailed" => ReceiptClass::CarrierInternal,
            _ => ReceiptClass::Unknown,
        };
        Some(ReceiptEvent {
            external_id: Some(id.to_owned()),
            reference: None,
            callee: words.get("FromUserName").map(|from| format!("{PREFIX}{from}")),
            class,
            code: short(status),
            at,
            source_key: format!("{}:st:{id}:{status}", self.settings.name),
        })
    }
}

/// A text somebody wrote, with what names it.
pub(super) fn text_of(name: &str, prefix: &str, words: &Words, raw: &Bytes) -> Option<Inbound> {
    let (from, to) = (words.get("FromUserName")?, words.get("ToUserName")?);
    // What is no text (a voice, a picture, a place) is for a person to look at.
    let text = match words.get("MsgType")? {
        "text" => words.get("Content").unwrap_or_default().to_owned(),
        "voice" => words.get("Recognition").unwrap_or("[语音]").to_owned(),
        other => format!("[{}]", short(other)),
    };
    let time = words.get("CreateTime")?;
    let id = words.get("MsgId").filter(|id| id.len() <= 32);
    let id = id.map_or_else(|| digest(&[from, time, &text]), str::to_owned);
    Some(Inbound {
        source_key: format!("{name}:in:{id}"),
        from: format!("{prefix}{from}"),
        to: to.to_owned(),
        text,
        sent_at: time.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000)),
        raw: raw.clone(),
    })
}

/// The message in a sealed callback, or why it is none.
pub(super) fn opened(envelope: &Envelope, request: &Request<Bytes>) -> Result<Words, HookFault> {
    let fields = query(request)?;
    // What is not signed is a stranger's, whatever its shape.
    let sealed = sealed_in(request.body()).filter(|_| request.method() == Method::POST);
    let text = envelope.open(&fields, &sealed.ok_or(HookFault::Forged)?)?;
    Words::read(&text).ok_or_else(|| HookFault::Malformed("sealed, but no message".into()))
}

/// The one event of a callback; a signed one of no interest is a success and nothing more.
pub(super) fn known(event: Option<Event>, words: &Words) -> Result<Vec<Event>, HookFault> {
    match event {
        Some(event) => Ok(vec![event]),
        None if words.get("Event").is_some() => Ok(Vec::new()),
        None => Err(HookFault::Malformed("neither text nor event".into())),
    }
}

/// What a GET of the vendor's console carries, if it is one.
pub(super) fn echo<'a>(request: &Request<Bytes>, fields: &'a [Field<'_>]) -> Option<&'a str> {
    field(fields, "echostr").filter(|_| request.method() == Method::GET)
}

/// The words for "taken", which the vendor does not show to anybody.
pub(super) fn success() -> Response<Bytes> {
    Response::new(Bytes::from_static(b"success"))
}

impl Keyed for Official {
    fn ask(&self, force: bool) -> Result<Request<Bytes>, RequestFault> {
        let body = json!({
            "grant_type": "client_credential",
            "appid": self.settings.app_id,
            "secret": self.app_secret,
            "force_refresh": force,
        });
        Request::post(self.token.clone())
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(RequestFault::new)
    }
}

impl Codec for Official {
    fn keyed(&self) -> Option<&dyn Keyed> {
        Some(self)
    }

    fn lot(&self, message: &Message) -> Result<String, Outcome> {
        openid(message)?;
        self.templates.bind(&message.text)?;
        Ok(message.text.clone())
    }

    fn write(&self, call: &Call, _at: Moment) -> Result<Request<Bytes>, RequestFault> {
        let message = call.first;
        let bound = self.templates.bind(&message.text)?;
        let template = self.templates.get(bound.place).ok_or(RequestFault::Empty)?;
        let field = |(name, value): (&str, &str)| (name.to_owned(), json!({ "value": value }));
        let data: BTreeMap<String, serde_json::Value> =
            template.names().zip(bound.values).map(field).collect();
        let own = message.reference.as_str();
        let name = if own.len() <= CLIENT_NAME { own.to_owned() } else { digest(&[own]) };
        let mut body = json!({
            "touser": openid(message)?,
            "template_id": template.code,
            "client_msg_id": name,
            "data": data,
        });
        if let Some(link) = &self.settings.link {
            body["url"] = json!(link);
        }
        Request::post(self.send.clone())
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(RequestFault::new)
    }

    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome> {
        let Ok(said) = serde_json::from_slice::<Said>(answer.body()) else {
            return answer::each(chunk, answer::wordless(answer));
        };
        let code = said.errcode.to_string();
        let outcome = match said.errcode {
            0 => match said.msgid {
                Some(id) => Outcome::taken_as(vec![id.to_string()]),
                None => Outcome::Unknown { why: "taken without a msgid".into() },
            },
            // No such follower, not following, blocked the account, said no.
            40_003 | 43_004 | 43_019 | 43_101 => never(&code),
            45_009 => later(&code, Some(QUOTA_MS)),
            45_011 => Outcome::Throttled { after_ms: Some(MINUTE_MS) },
            _ => later(&code, None),
        };
        answer::each(chunk, outcome)
    }

    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault> {
        let words = opened(&self.envelope, request)?;
        known(self.event(&words, request.body()), &words)
    }

    fn greeting(&self, request: &Request<Bytes>) -> Option<Result<Response<Bytes>, HookFault>> {
        let fields = query(request).ok()?;
        let echo = echo(request, &fields)?;
        Some(match self.envelope.admits(&fields, "signature", &[]) {
            true => Ok(Response::new(Bytes::from(echo.to_owned()))),
            false => Err(HookFault::Forged),
        })
    }

    fn acknowledge(&self) -> Response<Bytes> {
        success()
    }

    fn answer(&self, events: &[Event], at: Moment) -> Response<Bytes> {
        let [Event::Follower(Follower { act: FollowAct::Follow | FollowAct::Scan, from, .. })] =
            events
        else {
            return success();
        };
        let (time, nonce) = ((at.now_ms / 1_000).to_string(), at.nonce_hex());
        let to = from.strip_prefix(PREFIX).unwrap_or_default();
        let plain = |text: &str| text.replace("]]>", "");
        let text = format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[{}]]>\
             </FromUserName><CreateTime>{time}</CreateTime><MsgType><![CDATA[text]]></MsgType>\
             <Content><![CDATA[{}]]></Content></xml>",
            plain(to),
            self.settings.app_id,
            plain(&self.settings.welcome),
        );
        let random = at.nonce.to_be_bytes();
        let sealed = self.envelope.seal(text.as_bytes(), random, &time, &nonce);
        Response::new(Bytes::from(format!(
            "<xml><Encrypt><![CDATA[{}]]></Encrypt><MsgSignature><![CDATA[{}]]></MsgSignature>\
             <TimeStamp>{time}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>",
            sealed.encrypt, sealed.signature,
        )))
    }
}

#[cfg(test)]
mod tests;
