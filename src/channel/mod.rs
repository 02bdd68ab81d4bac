//! Gateways as codecs: a provider turns a chunk of messages into one HTTP request and an answer
//! or a callback into outcomes and events; a transport carries the request. Others are sessions:
//! connections that stand, whose protocol is a codec as well (`session`). This room decides
//! nothing about rates, retries or matching, and it keeps nothing.

pub mod aliyun;
mod answer;
mod carrier;
pub mod cmpp;
mod door;
mod envelope;
pub mod http;
pub mod huawei;
pub mod kannel;
pub mod keyed;
pub mod mas;
pub mod official;
mod opening;
pub mod registry;
pub mod robot;
mod send;
pub mod session;
pub mod smpp;
mod template;
pub mod tencent;
pub mod twilio;
mod url;
pub mod wecom;

pub use send::{Calls, calls, send};

use ::http::{Request, Response, StatusCode};
use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::base::limits::HOOK_BODY_BYTES;
use crate::domain::lane::{Lane, Realm};
use crate::domain::outcome::{Outcome, ReceiptClass};

/// The largest callback a codec looks at, in bytes. One event is under 4 KB; some gateways push
/// hundreds at once.
pub const HOOK_BODY_LIMIT: usize = HOOK_BODY_BYTES;
/// The most fields a callback may carry.
pub const HOOK_FIELD_LIMIT: usize = 200;
/// The most events one callback may carry.
pub const HOOK_EVENT_LIMIT: usize = 2_000;
/// Characters kept of a callback nobody understands.
const SHOWN_CHARS: usize = 500;
/// The longest wait, in milliseconds, that a gateway's `Retry-After` is believed for.
pub const RETRY_AFTER_LIMIT_MS: i64 = 3_600_000;

/// One message to one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The number, E.164; on WeChat the follower's id behind its account's prefix.
    pub to: String,
    /// The text as rendered, with its signature.
    pub text: String,
    /// Our own signed reference; it comes back with every receipt where the vendor gives it back.
    pub reference: String,
}

/// The messages of one request: at least one, of one lot, and no more than it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    pub first: &'a Message,
    pub all: &'a [Message],
}

/// What a request takes from outside: signatures carry the time and a number used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The machine's time, ms UTC.
    pub now_ms: i64,
    pub nonce: u128,
}

impl Moment {
    /// The same time with another number.
    fn next(self) -> Moment {
        Moment { nonce: self.nonce.wrapping_add(1), ..self }
    }

    fn nonce_hex(self) -> String {
        format!("{:032x}", self.nonce)
    }
}

/// A resident's reply, as the gateway told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The same for every repetition of the same reply.
    pub source_key: String,
    /// The number that answered, as given (with or without country code).
    pub from: String,
    /// The number that was answered, extension included.
    pub to: String,
    /// The text as decoded; it may be empty and may hold any character, U+0000 too.
    pub text: String,
    /// When the phone sent it, ms UTC, where the protocol says so.
    pub sent_at: Option<i64>,
    /// The callback's body as it came.
    pub raw: Bytes,
}

impl Inbound {
    /// Truly the gateway's, but not understood: a person at the desk looks at it.
    pub fn unreadable(raw: &Bytes) -> Inbound {
        let shown: String = String::from_utf8_lossy(raw).chars().take(SHOWN_CHARS).collect();
        Inbound {
            source_key: format!("unreadable:{}", answer::hex(&Sha256::digest(raw))),
            from: String::new(),
            to: String::new(),
            text: format!("无法解读的回执或回复：{shown}"),
            sent_at: None,
            raw: raw.clone(),
        }
    }
}

/// A carrier's later word about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptEvent {
    /// The gateway's own name for the message or its part, as in `Outcome::names`.
    pub external_id: Option<String>,
    /// Our own reference, as we sent it.
    pub reference: Option<String>,
    pub callee: Option<String>,
    pub class: ReceiptClass,
    /// The provider's own state and code, kept as they came.
    pub code: String,
    /// When the carrier saw it, ms UTC, where the protocol says so in a known zone.
    pub at: Option<i64>,
    /// The same for every repetition of the same receipt.
    pub source_key: String,
}

/// What a callback carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Reply(Inbound),
    Receipt(ReceiptEvent),
    Follower(Follower),
}

/// What a person does with an account that he follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowAct {
    /// Begins to follow it.
    Follow,
    /// Follows already and has scanned one of its codes.
    Scan,
    /// Follows it no longer: nothing reaches him there.
    Leave,
}

/// A follower's act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// The same for every repetition.
    pub source_key: String,
    /// His address.
    pub from: String,
    pub act: FollowAct,
    /// What the scanned code says of where it hangs; it proves nothing of who he is.
    pub scene: Option<String>,
    /// When, ms UTC.
    pub at: Option<i64>,
}

/// Why a callback is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookFault {
    /// Missing or wrong signature: answer 403, count it, keep nothing.
    #[error("the callback's signature is missing or wrong")]
    Forged,
    /// Over [`HOOK_BODY_LIMIT`] or [`HOOK_FIELD_LIMIT`]: answer 413.
    #[error("the callback is too large")]
    TooLarge,
    /// Truly the provider's, but not understood: answer 400, keep the raw bytes for a person.
    #[error("the callback is not understood: {0}")]
    Malformed(String),
}

impl HookFault {
    /// The status to answer with.
    pub fn status(&self) -> StatusCode {
        match self {
            HookFault::Forged => StatusCode::FORBIDDEN,
            HookFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            HookFault::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// A chunk that cannot be put into a request: nothing was sent, and the same chunk never will be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    #[error("{given} messages in one call, at most {most}")]
    TooMany { given: usize, most: usize },
    #[error("an empty chunk")]
    Empty,
    #[error("the request cannot be built: {0}")]
    Unbuildable(String),
}

impl RequestFault {
    fn new(why: impl ToString) -> RequestFault {
        RequestFault::Unbuildable(why.to_string())
    }
}

impl From<Outcome> for RequestFault {
    fn from(outcome: Outcome) -> RequestFault {
        RequestFault::new(outcome.detail())
    }
}

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFault {
    /// Not a byte of the request reached the gateway: it may be repeated at once.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The gateway may have taken it.
    #[error("no answer: {0}")]
    Unknown(String),
}

/// One gateway of the installation: what is the same for all, and how it is spoken to.
pub struct Provider {
    name: String,
    realm: Realm,
    lane: Lane,
    speaks: Speaks,
    secrets: Vec<String>,
}

/// How a gateway is spoken to. What the one way has, the other has not.
pub enum Speaks {
    /// Requests out, callbacks in.
    Http(Box<dyn Codec>),
    /// Connections that stand.
    Session(Box<session::Lines>),
}

impl Speaks {
    fn http(codec: impl Codec + 'static) -> Speaks {
        Speaks::Http(Box::new(codec))
    }
}

impl Provider {
    /// The name from the settings: unique, part of source keys and of the hook's path.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn realm(&self) -> Realm {
        self.realm
    }

    pub fn lane(&self) -> Lane {
        self.lane
    }

    pub fn speaks(&self) -> &Speaks {
        &self.speaks
    }

    /// Its codec, where it speaks HTTP.
    pub fn http(&self) -> Option<&dyn Codec> {
        match &self.speaks {
            Speaks::Http(codec) => Some(codec.as_ref()),
            Speaks::Session(_) => None,
        }
    }

    /// Its connections, where it is a session.
    pub fn session(&self) -> Option<&session::Lines> {
        match &self.speaks {
            Speaks::Http(_) => None,
            Speaks::Session(lines) => Some(lines),
        }
    }

    /// The most messages one call carries.
    pub fn max_per_call(&self) -> usize {
        match &self.speaks {
            Speaks::Http(codec) => codec.max_per_call().max(1),
            // Each by itself: the window says how many are under way.
            Speaks::Session(_) => 1,
        }
    }

    /// See [`Codec::blames_one`].
    pub fn blames_one(&self, outcome: &Outcome) -> bool {
        self.http().is_some_and(|codec| codec.blames_one(outcome))
    }

    /// What must never appear in a log.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }
}

/// A gateway that speaks HTTP, without I/O. Implementations answer any bytes without panicking.
pub trait Codec: Send + Sync {
    /// The most messages one request carries.
    fn max_per_call(&self) -> usize {
        1
    }
    /// What messages of one call have in common (a template, a text): those of equal lots may
    /// share one. A message that this gateway cannot carry has its outcome without a call.
    fn lot(&self, _message: &Message) -> Result<String, Outcome> {
        Ok(String::new())
    }
    /// The request that hands over the whole call.
    fn write(&self, call: &Call, at: Moment) -> Result<Request<Bytes>, RequestFault>;
    /// The same, for any chunk.
    fn request(&self, chunk: &[Message], at: Moment) -> Result<Request<Bytes>, RequestFault> {
        let most = self.max_per_call();
        match chunk {
            [] => Err(RequestFault::Empty),
            many if many.len() > most => Err(RequestFault::TooMany { given: many.len(), most }),
            [first, ..] => self.write(&Call { first, all: chunk }, at),
        }
    }
    /// One outcome for each message of the chunk, in its order.
    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome>;
    /// Whether `outcome`, said of every message of a call, means that none was taken because of one
    /// of them, and the gateway does not say which.
    fn blames_one(&self, _outcome: &Outcome) -> bool {
        false
    }
    /// Checks the signature over the raw bytes, then decodes. The path of `request` does not
    /// matter (the signed URL is the settings' public one), its query and body do.
    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault>;
    /// The provider's own words for "taken": to be answered after the commit.
    fn acknowledge(&self) -> Response<Bytes> {
        Response::new(Bytes::new())
    }
    /// The same where the answer to these events may say something.
    fn answer(&self, _events: &[Event], _at: Moment) -> Response<Bytes> {
        self.acknowledge()
    }
    /// The answer to a provider's question whether this hook is its own; none: it is no question.
    fn greeting(&self, _request: &Request<Bytes>) -> Option<Result<Response<Bytes>, HookFault>> {
        None
    }
    /// Its token's side, where every call takes one.
    fn keyed(&self) -> Option<&dyn keyed::Keyed> {
        None
    }
}

/// Carries one request to its gateway. Contract: [`CallFault::NotSent`] only where it is certain
/// that the gateway saw nothing.
#[async_trait]
pub trait Transport: Send + Sync {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault>;
}
