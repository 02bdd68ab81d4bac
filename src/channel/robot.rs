//! Robots that post to one group each: WeCom, DingTalk, Feishu (sheet `wechat` §1, §5, §6). A post
//! is "broadcast at": it tells nothing of who read it and has no receipt, so a robot is no gateway
//! of a lane. Nothing posts by one yet: no settings name it and no step calls it. It knows no rate
//! and no place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{Request, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use super::answer::{self, later};
use super::opening::Opening;
use super::registry::SettingsFault;
use super::{Moment, RequestFault};
use crate::domain::lane::Realm;
use crate::domain::outcome::Outcome;

/// Posts a minute of one robot: WeCom's and DingTalk's bound; Feishu's is wider.
pub const PER_MINUTE: f64 = 20.0;
/// What a robot that posted too fast keeps silent for, at most.
const SILENT_MS: i64 = 600_000;
const MINUTE_MS: i64 = 65_000;
const REAL: &[&str] = &["qyapi.weixin.qq.com", "dingtalk.com", "feishu.cn", "larksuite.com"];

/// Whose robot it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    Wecom,
    Dingtalk,
    Feishu,
}

/// One robot, as the settings name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobotSettings {
    pub name: String,
    pub kind: Vendor,
    pub realm: Realm,
    /// The place whose people are in the group, by its code.
    pub place: String,
    /// The webhook as the group shows it. It is a secret: a file with it, or a variable.
    pub webhook_file: Option<String>,
    pub webhook_env: Option<String>,
    /// What DingTalk and Feishu sign with, where the group asks for it.
    pub secret_file: Option<String>,
    pub secret_env: Option<String>,
}

/// The codec of one robot.
pub struct Robot {
    pub name: String,
    pub realm: Realm,
    pub place: String,
    vendor: Vendor,
    webhook: String,
    secret: Option<String>,
    hidden: Vec<String>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(alias = "errcode")]
    code: i64,
}

fn mac(key: &str, text: &str) -> String {
    // A key of any length is taken; an empty signature would only be refused.
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes());
    mac.map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(text.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        },
    )
}

/// DingTalk's: the secret signs.
fn dingtalk_sign(secret: &str, now_ms: i64) -> String {
    mac(secret, &format!("{now_ms}\n{secret}"))
}

/// Feishu's: the text is the key and nothing is signed.
fn feishu_sign(secret: &str, now_s: i64) -> String {
    mac(&format!("{now_s}\n{secret}"), "")
}

/// The text up to a number of bytes, whole characters, with a mark where it was cut.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

impl Robot {
    /// Opens a robot of the settings; secrets as `ProviderSettings::open` takes them.
    pub fn open(settings: &RobotSettings, given: &[(&str, &str)]) -> Result<Robot, SettingsFault> {
        let mut opening = Opening::new(&settings.name, settings.realm, given);
        let (file, variable) = (&settings.webhook_file, &settings.webhook_env);
        let webhook = opening.secret("webhook", file, variable)?;
        opening.base_url(&webhook, REAL)?;
        opening.check(!settings.place.is_empty(), "place: the code of the group's place")?;
        let secret = match (&settings.secret_file, &settings.secret_env, settings.kind) {
            (None, None, _) if !given.iter().any(|(name, _)| *name == "secret") => None,
            (_, _, Vendor::Wecom) => return Err(opening.fault("secret: a WeCom robot has none")),
            (file, variable, _) => Some(opening.secret("secret", file, variable)?),
        };
        Ok(Robot {
            name: settings.name.clone(),
            realm: settings.realm,
            place: settings.place.clone(),
            vendor: settings.kind,
            webhook,
            secret,
            hidden: opening.into_secrets(),
        })
    }

    /// What must never appear in a log.
    pub fn secrets(&self) -> &[String] {
        &self.hidden
    }

    /// The request that posts this text. WeCom takes it as Markdown, with its first line bold.
    pub fn write(&self, text: &str, at: Moment) -> Result<Request<Bytes>, RequestFault> {
        let mut url = self.webhook.clone();
        let body = match self.vendor {
            Vendor::Wecom => {
                let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
                let content = cut(&format!("**{head}**\n{rest}"), 4_096);
                json!({"msgtype": "markdown", "markdown": {"content": content.trim_end()}})
            }
            Vendor::Dingtalk => {
                if let Some(secret) = &self.secret {
                    let mut line = form_urlencoded::Serializer::new(String::new());
                    line.append_pair("timestamp", &at.now_ms.to_string());
                    line.append_pair("sign", &dingtalk_sign(secret, at.now_ms));
                    let mark = if url.contains('?') { '&' } else { '?' };
                    url = format!("{url}{mark}{}", line.finish());
                }
                json!({"msgtype": "text", "text": {"content": cut(text, 16_000)}})
            }
            Vendor::Feishu => {
                let mut body = json!({"msg_type": "text", "content": {"text": cut(text, 16_000)}});
                if let Some(secret) = &self.secret {
                    let seconds = at.now_ms / 1_000;
                    body["timestamp"] = Value::from(seconds.to_string());
                    body["sign"] = Value::from(feishu_sign(secret, seconds));
                }
                body
            }
        };
        Request::post(url)
            .header("content-type", "application/json; charset=utf-8")
            .body(Bytes::from(body.to_string()))
            .map_err(RequestFault::new)
    }

    /// What the group's vendor made of it.
    pub fn outcome(&self, answer: &Response<Bytes>) -> Outcome {
        let Ok(said) = serde_json::from_slice::<Said>(answer.body()) else {
            return answer::wordless(answer);
        };
        match (self.vendor, said.code) {
            (_, 0) => Outcome::taken(None),
            // Posting on while it is silent would only prolong it.
            (Vendor::Dingtalk, 130_101) => Outcome::Throttled { after_ms: Some(SILENT_MS) },
            (Vendor::Wecom, 45_009) | (Vendor::Feishu, 11_232) => {
                Outcome::Throttled { after_ms: Some(MINUTE_MS) }
            }
            (_, -1) => later("-1", None),
            // The webhook is gone, the signature or the sender's address is wrong, or the text is:
            // none of it passes by itself.
            (_, code) => Outcome::RefusedPermanent { code: code.to_string() },
        }
    }
}

#[cfg(test)]
mod tests;
