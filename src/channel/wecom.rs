//! A WeCom application (sheet `wechat` §2, §4): one text to up to a thousand members, those it does
//! not know named in the answer; what members write comes in sealed. There are no receipts. Group
//! robots are `robot`'s. Nothing of it was tried against the live service.

use std::collections::HashSet;

use bytes::Bytes;
use http::{Request, Response, Uri};
use serde::Deserialize;
use serde_json::json;

use super::answer::{self, later, never, one_text};
use super::door::query;
use super::envelope::Envelope;
use super::keyed::Keyed;
use super::official::{echo, envelope, known, opened, success, text_of};
use super::opening::Opening;
use super::registry::{Kind, SettingsFault};
use super::{Call, Codec, Event, HookFault, Message, Moment, RequestFault, Speaks};
use crate::domain::lane::{Lane, Realm};
use crate::domain::outcome::Outcome;

/// What stands before a member's id in an address.
pub const PREFIX: &str = "wecom:";
/// Members of one call.
const BATCH: usize = 1_000;
/// Bytes of a text.
const TEXT_BYTES: usize = 2_048;
const REAL: &[&str] = &["qyapi.weixin.qq.com"];
const MINUTE_MS: i64 = 60_000;
/// Equal texts to a member within it are one.
const SAME_SECONDS: i64 = 1_800;

/// One application, as the settings name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WecomSettings {
    pub name: String,
    pub realm: Realm,
    #[serde(default = "public_api")]
    pub base_url: String,
    pub corp_id: String,
    pub agent_id: u64,
    /// The application's secret: a file with it, or the name of a variable.
    pub corp_secret_file: Option<String>,
    pub corp_secret_env: Option<String>,
    /// The word of the callbacks' signature.
    pub hook_token_file: Option<String>,
    pub hook_token_env: Option<String>,
    /// The callbacks' EncodingAESKey.
    pub hook_aes_key_file: Option<String>,
    pub hook_aes_key_env: Option<String>,
}

fn public_api() -> String {
    "https://qyapi.weixin.qq.com".into()
}

impl Kind for WecomSettings {
    fn lane(&self) -> Lane {
        Lane::Wechat
    }

    fn open(&self, opening: &mut Opening) -> Result<Speaks, SettingsFault> {
        Ok(Speaks::http(Wecom::new(self, opening)?))
    }
}

/// The codec of one application.
pub struct Wecom {
    settings: WecomSettings,
    send: Uri,
    token: Uri,
    envelope: Envelope,
}

/// An answer. Whom the application does not know stands in lists, also beside a success.
#[derive(Deserialize)]
struct Said {
    errcode: i64,
    #[serde(default)]
    invaliduser: String,
    #[serde(default)]
    unlicenseduser: String,
    msgid: Option<String>,
}

fn member(message: &Message) -> Result<&str, Outcome> {
    let id = message.to.strip_prefix(PREFIX).filter(|id| !id.is_empty() && !id.contains('|'));
    id.ok_or_else(|| later("not_this_application", None))
}

impl Wecom {
    fn new(settings: &WecomSettings, opening: &mut Opening) -> Result<Wecom, SettingsFault> {
        let letters = |b: u8| b.is_ascii_alphanumeric();
        opening.word(&settings.corp_id, 64, letters, "corp_id: letters and digits")?;
        let base = opening.base_url(&settings.base_url, REAL)?;
        let (file, variable) = (&settings.corp_secret_file, &settings.corp_secret_env);
        let secret = opening.secret("corp_secret", file, variable)?;
        let mut asked = form_urlencoded::Serializer::new(String::new());
        asked.append_pair("corpid", &settings.corp_id).append_pair("corpsecret", &secret);
        let token = format!("{base}/cgi-bin/gettoken?{}", asked.finish()).parse();
        let send = format!("{base}/cgi-bin/message/send").parse();
        let bad = |_| opening.fault("base_url: not a URL");
        Ok(Wecom {
            send: send.map_err(bad)?,
            token: token.map_err(bad)?,
            envelope: envelope(
                opening,
                (&settings.hook_token_file, &settings.hook_token_env),
                (&settings.hook_aes_key_file, &settings.hook_aes_key_env),
                &settings.corp_id,
            )?,
            settings: settings.clone(),
        })
    }
}

/// The ids of a list as vendors write it; they know no case.
fn ids(list: &str) -> HashSet<String> {
    list.split('|').filter(|id| !id.is_empty()).map(str::to_lowercase).collect()
}

impl Keyed for Wecom {
    fn ask(&self, _force: bool) -> Result<Request<Bytes>, RequestFault> {
        Request::get(self.token.clone()).body(Bytes::new()).map_err(RequestFault::new)
    }
}

impl Codec for Wecom {
    fn keyed(&self) -> Option<&dyn Keyed> {
        Some(self)
    }

    fn max_per_call(&self) -> usize {
        BATCH
    }

    fn lot(&self, message: &Message) -> Result<String, Outcome> {
        member(message)?;
        match message.text.len() <= TEXT_BYTES {
            true => Ok(message.text.clone()),
            false => Err(later("text_too_long", None)),
        }
    }

    fn write(&self, call: &Call, _at: Moment) -> Result<Request<Bytes>, RequestFault> {
        one_text(call)?;
        let to: Vec<&str> = call.all.iter().map(member).collect::<Result<_, Outcome>>()?;
        let body = json!({
            "touser": to.join("|"),
            "msgtype": "text",
            "agentid": self.settings.agent_id,
            "text": { "content": call.first.text },
            "safe": 0,
            "enable_duplicate_check": 1,
            "duplicate_check_interval": SAME_SECONDS,
        });
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
        let whole = match said.errcode {
            0 => {
                let (unknown, unlicensed) = (ids(&said.invaliduser), ids(&said.unlicenseduser));
                let id = answer::name(said.msgid);
                let one = |message: &Message| {
                    let own = member(message).unwrap_or_default().to_lowercase();
                    match (unknown.contains(&own), unlicensed.contains(&own)) {
                        (true, _) => never("invaliduser"),
                        (false, true) => later("unlicenseduser", None),
                        (false, false) => match (&id, chunk.len()) {
                            (None, _) => Outcome::Unknown { why: "taken without a msgid".into() },
                            (Some(id), 1) => Outcome::taken(Some(id.clone())),
                            // A call has one name, its messages one each.
                            (Some(id), _) => Outcome::taken(Some(format!("{id}/{own}"))),
                        },
                    }
                };
                return chunk.iter().map(one).collect();
            }
            // None of those named is known; 40003 names nobody, but one alone must be meant.
            81_013 => never(&code),
            40_003 if chunk.len() == 1 => never(&code),
            45_009 | 45_033 => Outcome::Throttled { after_ms: Some(MINUTE_MS) },
            _ => later(&code, None),
        };
        answer::each(chunk, whole)
    }

    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault> {
        let words = opened(&self.envelope, request)?;
        let event = match words.get("Event") {
            None => text_of(&self.settings.name, PREFIX, &words, request.body()),
            Some(_) => None,
        };
        known(event.map(Event::Reply), &words)
    }

    fn greeting(&self, request: &Request<Bytes>) -> Option<Result<Response<Bytes>, HookFault>> {
        let fields = query(request).ok()?;
        let echo = echo(request, &fields)?;
        let plain = self.envelope.open(&fields, echo);
        Some(plain.map(|plain| Response::new(Bytes::from(plain))))
    }

    fn acknowledge(&self) -> Response<Bytes> {
        success()
    }
}

#[cfg(test)]
mod tests;
