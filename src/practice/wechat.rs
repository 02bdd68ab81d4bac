//! The other side of WeChat for practice: tokens, template messages and application messages taken,
//! sealed callbacks of what followers say and do. It has its own envelope, so that a mistake in the
//! codec's is found. No I/O and no clock: whoever drives it gives the time and carries callbacks.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aes::Aes256;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockEncryptMut, KeyIvInit};
use http::{Method, Request, Response};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::channel::CallFault;

/// How long a token is good, ms.
const TOKEN_MS: i64 = 7_200_000;
/// Entries of the log; a full log takes no more messages.
const LOG: usize = 100_000;

/// Whose account it is, and what its callbacks are sealed with.
#[derive(Clone)]
pub struct AccountSettings {
    /// The appid or corpid.
    pub id: String,
    pub secret: String,
    pub hook_token: String,
    /// The EncodingAESKey.
    pub hook_aes_key: String,
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub to: String,
    /// The values of its fields, or its text.
    pub text: String,
    pub id: u64,
}

#[derive(Default)]
struct Core {
    token: Option<(String, i64)>,
    asked: u64,
    away: bool,
    followers: BTreeSet<String>,
    taken: Vec<Taken>,
    serial: u64,
}

/// The practice account. All methods may be called from any thread.
pub struct WechatSim {
    settings: AccountSettings,
    core: Mutex<Core>,
}

impl WechatSim {
    pub fn new(settings: AccountSettings) -> WechatSim {
        WechatSim { settings, core: Mutex::new(Core::default()) }
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one request of the account's owner.
    ///
    /// # Errors
    /// `NotSent` while the endpoint of tokens is away.
    pub fn handle(
        &self,
        now_ms: i64,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, CallFault> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let query: Vec<(String, String)> =
            form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let asked = |name: &str| {
            query.iter().find(|pair| pair.0 == name).map_or("", |pair| pair.1.as_str())
        };
        let mut core = self.core();
        let said = match request.uri().path() {
            "/cgi-bin/stable_token" => {
                let (id, secret) = (&body["appid"], &body["secret"]);
                let ours =
                    id == self.settings.id.as_str() && secret == self.settings.secret.as_str();
                core.give(now_ms, ours, body["force_refresh"] == true)?
            }
            "/cgi-bin/gettoken" => {
                let (id, secret) = (asked("corpid"), asked("corpsecret"));
                core.give(now_ms, id == self.settings.id && secret == self.settings.secret, false)?
            }
            path @ ("/cgi-bin/message/template/send" | "/cgi-bin/message/send")
                if request.method() == Method::POST =>
            {
                match core.refuses(now_ms, asked("access_token")) {
                    Some(code) => json!({"errcode": code, "errmsg": "access_token"}),
                    None if path.contains("template") => core.take_template(&body),
                    None => core.take_text(&body),
                }
            }
            _ => json!({"errcode": 48_001, "errmsg": "api unauthorized"}),
        };
        Ok(Response::new(Bytes::from(said.to_string())))
    }

    /// Whether tokens can be had from now on.
    pub fn token_away(&self, away: bool) {
        self.core().away = away;
    }

    /// The vendor takes the present token back before its end.
    pub fn revoke_token(&self) {
        self.core().token = None;
    }

    /// How many tokens were asked for.
    pub fn tokens_asked(&self) -> u64 {
        self.core().asked
    }

    /// Everything that was taken for a person, oldest first.
    pub fn heard(&self, person: &str) -> Vec<String> {
        let core = self.core();
        core.taken.iter().filter(|one| one.to == person).map(|one| one.text.clone()).collect()
    }

    /// Everything that was taken.
    pub fn taken(&self) -> Vec<Taken> {
        self.core().taken.clone()
    }

    /// Somebody begins to follow.
    pub fn follows(&self, now_ms: i64, person: &str) -> Request<Bytes> {
        self.core().followers.insert(person.to_owned());
        self.event(now_ms, person, "subscribe", "")
    }

    /// Somebody follows no longer.
    pub fn leaves(&self, now_ms: i64, person: &str) -> Request<Bytes> {
        self.core().followers.remove(person);
        self.event(now_ms, person, "unsubscribe", "")
    }

    /// Somebody writes.
    pub fn says(&self, now_ms: i64, person: &str, text: &str) -> Request<Bytes> {
        let serial = self.core().next();
        let inner = format!(
            "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{text}]]></Content>\
             <MsgId>{serial}</MsgId>"
        );
        self.sealed(now_ms, person, &inner)
    }

    /// What became of a message.
    pub fn reports(&self, now_ms: i64, taken: &Taken, status: &str) -> Request<Bytes> {
        let more = format!("<MsgID>{}</MsgID><Status><![CDATA[{status}]]></Status>", taken.id);
        self.event(now_ms, &taken.to, "TEMPLATESENDJOBFINISH", &more)
    }

    fn event(&self, now_ms: i64, person: &str, event: &str, more: &str) -> Request<Bytes> {
        let inner =
            format!("<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{event}]]></Event>{more}");
        self.sealed(now_ms, person, &inner)
    }

    fn sealed(&self, now_ms: i64, person: &str, inner: &str) -> Request<Bytes> {
        let (time, nonce) = (now_ms / 1_000, self.core().next().to_string());
        let text = format!(
            "<xml><ToUserName><![CDATA[gh_practice]]></ToUserName><FromUserName>\
             <![CDATA[{person}]]></FromUserName><CreateTime>{time}</CreateTime>{inner}</xml>"
        );
        let encrypt = self.seal(&text);
        let time = time.to_string();
        let mut words = [self.settings.hook_token.as_str(), &time, &nonce, &encrypt];
        words.sort_unstable();
        let signature: String =
            Sha1::digest(words.concat()).iter().map(|byte| format!("{byte:02x}")).collect();
        let body = format!(
            "<xml><ToUserName><![CDATA[gh_practice]]></ToUserName>\
             <Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
        );
        let uri = format!(
            "/hooks/x?msg_signature={signature}&timestamp={time}&nonce={nonce}&encrypt_type=aes"
        );
        let request = Request::post(uri).header("content-type", "text/xml");
        request.body(Bytes::from(body)).unwrap_or_default()
    }

    fn seal(&self, text: &str) -> String {
        let lenient = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        let decoder = GeneralPurpose::new(&alphabet::STANDARD, lenient);
        let key = decoder.decode(format!("{}=", self.settings.hook_aes_key)).unwrap_or_default();
        let mut plain = b"practice--random".to_vec();
        plain.extend(u32::try_from(text.len()).unwrap_or(0).to_be_bytes());
        plain.extend(text.as_bytes());
        plain.extend(self.settings.id.as_bytes());
        let pad = 32 - plain.len() % 32;
        plain.extend(std::iter::repeat_n(u8::try_from(pad).unwrap_or(0), pad));
        let cipher = cbc::Encryptor::<Aes256>::new_from_slices(&key, key.get(..16).unwrap_or(&[]));
        cipher.map_or_else(
            |_| String::new(),
            |cipher| STANDARD.encode(cipher.encrypt_padded_vec_mut::<NoPadding>(&plain)),
        )
    }
}

impl Core {
    fn next(&mut self) -> u64 {
        self.serial += 1;
        7_000_000 + self.serial
    }

    fn give(&mut self, now_ms: i64, ours: bool, force: bool) -> Result<Value, CallFault> {
        if self.away {
            return Err(CallFault::NotSent("connection refused".into()));
        }
        self.asked += 1;
        if !ours {
            return Ok(json!({"errcode": 40_125, "errmsg": "invalid appsecret"}));
        }
        let serial = self.next();
        let good = self.token.clone().filter(|(_, until)| !force && *until > now_ms + 300_000);
        let (token, until) =
            good.unwrap_or_else(|| (format!("practice-token-{serial}"), now_ms + TOKEN_MS));
        self.token = Some((token.clone(), until));
        Ok(json!({"access_token": token, "expires_in": (until - now_ms) / 1_000}))
    }

    /// The code for a token that is wrong or over.
    fn refuses(&self, now_ms: i64, given: &str) -> Option<i64> {
        match &self.token {
            Some((token, until)) if token == given => (*until <= now_ms).then_some(42_001),
            _ => Some(40_001),
        }
    }

    fn take(&mut self, to: &str, text: String) -> Option<u64> {
        if self.taken.len() >= LOG {
            return None;
        }
        let id = self.next();
        self.taken.push(Taken { to: to.to_owned(), text, id });
        Some(id)
    }

    fn take_template(&mut self, body: &Value) -> Value {
        let to = body["touser"].as_str().unwrap_or_default().to_owned();
        let values = body["data"].as_object().into_iter().flatten();
        let text: Vec<&str> = values.filter_map(|(_, one)| one["value"].as_str()).collect();
        if !self.followers.contains(&to) {
            return json!({"errcode": 43_004, "errmsg": "require subscribe"});
        }
        match self.take(&to, text.join("|")) {
            Some(id) => json!({"errcode": 0, "errmsg": "ok", "msgid": id}),
            None => json!({"errcode": 45_009, "errmsg": "the log of practice is full"}),
        }
    }

    fn take_text(&mut self, body: &Value) -> Value {
        let text = body["text"]["content"].as_str().unwrap_or_default().to_owned();
        let (mut unknown, mut id) = (Vec::new(), None);
        for to in body["touser"].as_str().unwrap_or_default().split('|') {
            match self.followers.contains(to) {
                true => id = self.take(to, text.clone()).or(id),
                false => unknown.push(to),
            }
        }
        match id {
            Some(id) => json!({"errcode": 0, "errmsg": "ok", "msgid": id.to_string(),
                "invaliduser": unknown.join("|")}),
            None => json!({"errcode": 81_013, "errmsg": "all invalid"}),
        }
    }
}
