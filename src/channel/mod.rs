//! Gateways as codecs: a provider turns a chunk of messages into one HTTP request and an answer
//! or a callback into outcomes and events; a transport carries the request. Others are sessions:
//! connections that stand, whose protocol is a codec as well (`session`). This room decides
//! nothing about rates, retries or matching, and it keeps nothing.

pub mod aliyun;
mod answer;
mod carrier;
pub mod cmpp;
mod door;
pub mod http;
pub mod huawei;
pub mod kannel;
pub mod mas;
pub mod registry;
pub mod session;
pub mod smpp;
mod template;
pub mod tencent;
pub mod twilio;
mod url;

use std::collections::BTreeMap;

use ::http::{Request, Response, StatusCode};
use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::base::limits::HOOK_BODY_BYTES;
use crate::domain::gate::Pass;
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

/// One message to one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The number, E.164.
    pub to: String,
    /// The text as rendered, with its signature.
    pub text: String,
    /// Our own signed reference; it comes back with every receipt.
    pub reference: String,
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

/// One gateway: a codec without I/O, or the way to a `session`. Implementations must answer any
/// bytes without panicking.
pub trait Provider: Send + Sync {
    /// The name from the settings: unique, part of source keys and of the hook's path.
    fn name(&self) -> &str;
    fn realm(&self) -> Realm;
    fn lane(&self) -> Lane;
    /// The most messages one request carries.
    fn max_per_call(&self) -> usize;
    /// What messages of one call have in common (a template, a text): those of equal lots may
    /// share one. A message that this gateway cannot carry has its outcome without a call.
    fn lot(&self, message: &Message) -> Result<String, Outcome> {
        let _ = message;
        Ok(String::new())
    }
    /// The request that hands over the whole chunk, which is of one lot.
    fn request(&self, chunk: &[Message], at: Moment) -> Result<Request<Bytes>, RequestFault>;
    /// One outcome for each message of the chunk, in its order.
    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome>;
    /// Checks the signature over the raw bytes, then decodes. The path of `request` does not
    /// matter (the signed URL is the settings' public one), its query and body do.
    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault>;
    /// The provider's own words for "taken": to be answered after the commit.
    fn acknowledge(&self) -> Response<Bytes>;
    /// What must never appear in a log.
    fn secrets(&self) -> Vec<String>;
    /// The connections by which it is reached, where it speaks no HTTP. Then [`send`] uses them,
    /// and neither requests nor callbacks are asked for.
    fn session(&self) -> Option<&dyn session::Session> {
        None
    }
}

/// Carries one request to its gateway. Contract: [`CallFault::NotSent`] only where it is certain
/// that the gateway saw nothing.
#[async_trait]
pub trait Transport: Send + Sync {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault>;
}

/// Hands one chunk to a gateway, in a call for each of its lots, and gives one outcome for each
/// message, in order. It never fails: what cannot be known is [`Outcome::Unknown`]. A chunk the
/// pass does not cover, or that cannot be put into a request, is refused without a call. A call
/// that went round the gate does not compile, since only `domain::gate::admit` makes a pass:
///
/// ```compile_fail,E0061
/// use tongluo::channel::{Message, Moment, Provider, Transport, send};
/// async fn sneak(wire: &dyn Transport, provider: &dyn Provider, chunk: &[Message], at: Moment) {
///     send(wire, provider, chunk, at).await;
/// }
/// ```
pub async fn send(
    transport: &dyn Transport,
    provider: &dyn Provider,
    pass: &Pass,
    chunk: &[Message],
    at: Moment,
) -> Vec<Outcome> {
    let realm = provider.realm();
    if !chunk.iter().all(|message| pass.covers(realm, &message.text)) {
        tracing::error!(provider = provider.name(), "the pass does not cover the chunk");
        return refused(chunk, "gate");
    }
    let mut told: Vec<Option<Outcome>> = vec![None; chunk.len()];
    let mut lots: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, message) in chunk.iter().enumerate() {
        match provider.lot(message) {
            Ok(lot) => lots.entry(lot).or_default().push(place),
            Err(outcome) => told[place] = Some(outcome),
        }
    }
    let mut at = at;
    for places in lots.into_values() {
        let outcomes = if places.len() == chunk.len() {
            call(transport, provider, chunk, at).await
        } else {
            let part: Vec<Message> = places.iter().map(|place| chunk[*place].clone()).collect();
            call(transport, provider, &part, at).await
        };
        at = at.next();
        for (place, outcome) in places.into_iter().zip(outcomes) {
            told[place] = Some(outcome);
        }
    }
    let untold = || Outcome::Unknown { why: "no outcome".into() };
    told.into_iter().map(|outcome| outcome.unwrap_or_else(untold)).collect()
}

/// One call for messages of one lot.
async fn call(
    transport: &dyn Transport,
    provider: &dyn Provider,
    chunk: &[Message],
    at: Moment,
) -> Vec<Outcome> {
    if let Some(session) = provider.session() {
        return match chunk.len() <= provider.max_per_call() {
            true => of_length(chunk, session.submit(chunk).await),
            false => refused(chunk, "request"),
        };
    }
    let request = match provider.request(chunk, at) {
        Ok(request) => request,
        Err(fault) => {
            tracing::error!(provider = provider.name(), %fault, "no request for a chunk");
            return refused(chunk, "request");
        }
    };
    match transport.call(request).await {
        Ok(answer) => of_length(chunk, provider.outcomes(chunk, &answer)),
        Err(CallFault::NotSent(why)) => {
            tracing::debug!(provider = provider.name(), why, "gateway not reached");
            all(chunk, || Outcome::NotSent { why: why.clone() })
        }
        Err(CallFault::Unknown(why)) => all(chunk, || Outcome::Unknown { why: why.clone() }),
    }
}

fn of_length(chunk: &[Message], outcomes: Vec<Outcome>) -> Vec<Outcome> {
    if outcomes.len() == chunk.len() {
        return outcomes;
    }
    all(chunk, || Outcome::Unknown { why: "answer of another length".into() })
}

/// Ours to mend, not the address's fault: it stays retryable, by another provider or after repair.
fn refused(chunk: &[Message], code: &str) -> Vec<Outcome> {
    all(chunk, || Outcome::RefusedRetry { after_ms: None, code: code.into() })
}

fn all(chunk: &[Message], outcome: impl Fn() -> Outcome) -> Vec<Outcome> {
    chunk.iter().map(|_| outcome()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gate::{AlertKind, admit};
    use std::sync::Mutex;

    struct Plain(Realm);

    impl Provider for Plain {
        fn name(&self) -> &str {
            "plain"
        }
        fn realm(&self) -> Realm {
            self.0
        }
        fn lane(&self) -> Lane {
            Lane::Sms
        }
        fn max_per_call(&self) -> usize {
            2
        }
        fn lot(&self, message: &Message) -> Result<String, Outcome> {
            match message.text.as_str() {
                "无模板" => {
                    Err(Outcome::RefusedRetry { after_ms: None, code: "no_template".into() })
                }
                text => Ok(if text.ends_with("二批") { "b".into() } else { String::new() }),
            }
        }
        fn request(&self, chunk: &[Message], _: Moment) -> Result<Request<Bytes>, RequestFault> {
            if chunk.len() > 2 {
                return Err(RequestFault::TooMany { given: chunk.len(), most: 2 });
            }
            Ok(Request::new(Bytes::from_static(b"x")))
        }
        fn outcomes(&self, _: &[Message], answer: &Response<Bytes>) -> Vec<Outcome> {
            let taken = || Outcome::Accepted { external_id: None };
            answer.body().iter().map(|_| taken()).collect()
        }
        fn callback(&self, _: &Request<Bytes>) -> Result<Vec<Event>, HookFault> {
            Err(HookFault::Forged)
        }
        fn acknowledge(&self) -> Response<Bytes> {
            Response::default()
        }
        fn secrets(&self) -> Vec<String> {
            Vec::new()
        }
    }

    struct Wire(Mutex<(usize, Result<&'static [u8], CallFault>)>);

    impl Wire {
        fn new(answer: Result<&'static [u8], CallFault>) -> Wire {
            Wire(Mutex::new((0, answer)))
        }
        fn calls(&self) -> usize {
            self.0.lock().unwrap().0
        }
    }

    #[async_trait]
    impl Transport for Wire {
        async fn call(&self, _: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
            let mut wire = self.0.lock().unwrap();
            wire.0 += 1;
            wire.1.clone().map(|body| Response::new(Bytes::from_static(body)))
        }
    }

    fn chunk(texts: &[&str]) -> Vec<Message> {
        let message = |text: &&str| Message {
            to: "+8619900000001".into(),
            text: text.to_string(),
            reference: "r".into(),
        };
        texts.iter().map(message).collect()
    }

    const AT: Moment = Moment { now_ms: 0, nonce: 1 };

    fn pass(kind: AlertKind) -> Pass {
        admit(kind, false, Realm::Live, Realm::Live, true, "【演练】").unwrap()
    }

    #[tokio::test]
    async fn each_message_gets_its_outcome() {
        let wire = Wire::new(Ok(b"ok"));
        let outcomes =
            send(&wire, &Plain(Realm::Live), &pass(AlertKind::Live), &chunk(&["一", "二"]), AT)
                .await;
        assert_eq!(outcomes.len(), 2);
        assert!(outcomes.iter().all(|o| o.code() == 1));
    }

    #[tokio::test]
    async fn nothing_leaves_that_the_pass_does_not_cover() {
        let wire = Wire::new(Ok(b"o"));
        let live = pass(AlertKind::Live);
        let drill = pass(AlertKind::Exercise);
        let to_practice = send(&wire, &Plain(Realm::Practice), &live, &chunk(&["一"]), AT).await;
        let unmarked =
            send(&wire, &Plain(Realm::Live), &drill, &chunk(&["【演练】一", "转移"]), AT).await;
        let gate = Outcome::RefusedRetry { after_ms: None, code: "gate".into() };
        assert_eq!(unmarked, [gate.clone(), gate.clone()]);
        assert_eq!(to_practice, [gate]);
        assert_eq!(wire.calls(), 0);
    }

    #[tokio::test]
    async fn what_is_certain_and_what_is_not() {
        let cases: [(Result<&'static [u8], CallFault>, i64); 3] = [
            (Err(CallFault::NotSent("connection refused".into())), 7),
            (Err(CallFault::Unknown("timed out".into())), 5),
            (Ok(b"three"), 5),
        ];
        for (answer, code) in cases {
            let wire = Wire::new(answer);
            let outcomes =
                send(&wire, &Plain(Realm::Live), &pass(AlertKind::Live), &chunk(&["一"]), AT).await;
            assert_eq!(outcomes.len(), 1);
            assert_eq!(outcomes[0].code(), code);
        }
        let wire = Wire::new(Ok(b"ok"));
        let many = chunk(&["一", "二", "三"]);
        let outcomes = send(&wire, &Plain(Realm::Live), &pass(AlertKind::Live), &many, AT).await;
        assert_eq!(outcomes.len(), 3);
        assert_eq!(outcomes[0].code(), 3);
        assert_eq!(wire.calls(), 0);
    }

    #[tokio::test]
    async fn a_chunk_takes_a_call_for_each_lot_and_none_for_what_cannot_be_carried() {
        let wire = Wire::new(Ok(b"ok"));
        let texts = chunk(&["甲", "无模板", "甲二批", "乙", "乙二批"]);
        let outcomes = send(&wire, &Plain(Realm::Live), &pass(AlertKind::Live), &texts, AT).await;
        let codes: Vec<i64> = outcomes.iter().map(Outcome::code).collect();
        assert_eq!(codes, [1, 3, 1, 1, 1]);
        assert_eq!(wire.calls(), 2);
    }
}
