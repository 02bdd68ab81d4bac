//! Gateways as codecs: a provider turns a chunk of messages into one HTTP request and an answer
//! or a callback into outcomes and events; a transport carries the request. This room decides
//! nothing about rates, retries or matching, and it keeps nothing.

pub mod http;
pub mod registry;
pub mod twilio;

use ::http::{Request, Response, StatusCode};
use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::gate::Pass;
use crate::domain::lane::{Lane, Realm};
use crate::domain::outcome::{Outcome, ReceiptClass};

/// The largest callback a codec looks at, in bytes. A real one is under 4 KB.
pub const HOOK_BODY_LIMIT: usize = 64 * 1024;
/// The most fields a callback may carry.
pub const HOOK_FIELD_LIMIT: usize = 200;
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

/// One gateway, as a codec without I/O. Implementations must answer any bytes without panicking.
pub trait Provider: Send + Sync {
    /// The name from the settings: unique, part of source keys and of the hook's path.
    fn name(&self) -> &str;
    fn realm(&self) -> Realm;
    fn lane(&self) -> Lane;
    /// The most messages one request carries.
    fn max_per_call(&self) -> usize;
    /// The request that hands over the whole chunk.
    fn request(&self, chunk: &[Message]) -> Result<Request<Bytes>, RequestFault>;
    /// One outcome for each message of the chunk, in its order.
    fn outcomes(&self, chunk: &[Message], answer: &Response<Bytes>) -> Vec<Outcome>;
    /// Checks the signature over the raw bytes, then decodes. The path of `request` does not
    /// matter (the signed URL is the settings' public one), its query and body do.
    fn callback(&self, request: &Request<Bytes>) -> Result<Vec<Event>, HookFault>;
    /// The provider's own words for "taken": to be answered after the commit.
    fn acknowledge(&self) -> Response<Bytes>;
    /// What must never appear in a log.
    fn secrets(&self) -> Vec<String>;
}

/// Carries one request to its gateway. Contract: [`CallFault::NotSent`] only where it is certain
/// that the gateway saw nothing.
#[async_trait]
pub trait Transport: Send + Sync {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault>;
}

/// Hands one chunk to a gateway and gives one outcome for each message, in order. It never fails:
/// what cannot be known is [`Outcome::Unknown`]. A chunk the pass does not cover, or that cannot
/// be put into a request, is refused without a call. A call that went round the gate does not
/// compile, since only `domain::gate::admit` makes a pass:
///
/// ```compile_fail,E0061
/// use tongluo::channel::{Message, Provider, Transport, send};
/// async fn sneak(wire: &dyn Transport, provider: &dyn Provider, chunk: &[Message]) {
///     send(wire, provider, chunk).await;
/// }
/// ```
pub async fn send(
    transport: &dyn Transport,
    provider: &dyn Provider,
    pass: &Pass,
    chunk: &[Message],
) -> Vec<Outcome> {
    let realm = provider.realm();
    if !chunk.iter().all(|message| pass.covers(realm, &message.text)) {
        tracing::error!(provider = provider.name(), "the pass does not cover the chunk");
        return refused(chunk, "gate");
    }
    let request = match provider.request(chunk) {
        Ok(request) => request,
        Err(fault) => {
            tracing::error!(provider = provider.name(), %fault, "no request for a chunk");
            return refused(chunk, "request");
        }
    };
    match transport.call(request).await {
        Ok(answer) => {
            let outcomes = provider.outcomes(chunk, &answer);
            if outcomes.len() == chunk.len() {
                return outcomes;
            }
            all(chunk, || Outcome::Unknown { why: "answer of another length".into() })
        }
        Err(CallFault::NotSent(why)) => {
            tracing::warn!(provider = provider.name(), why, "gateway not reached");
            all(chunk, || Outcome::RefusedRetry { after_ms: None, code: "not_sent".into() })
        }
        Err(CallFault::Unknown(why)) => all(chunk, || Outcome::Unknown { why: why.clone() }),
    }
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
        fn request(&self, chunk: &[Message]) -> Result<Request<Bytes>, RequestFault> {
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

    fn pass(kind: AlertKind) -> Pass {
        admit(kind, false, Realm::Live, Realm::Live, true, "【演练】").unwrap()
    }

    #[tokio::test]
    async fn each_message_gets_its_outcome() {
        let wire = Wire::new(Ok(b"ok"));
        let outcomes =
            send(&wire, &Plain(Realm::Live), &pass(AlertKind::Live), &chunk(&["一", "二"])).await;
        assert_eq!(outcomes.len(), 2);
        assert!(outcomes.iter().all(|o| o.code() == 1));
    }

    #[tokio::test]
    async fn nothing_leaves_that_the_pass_does_not_cover() {
        let wire = Wire::new(Ok(b"o"));
        let live = pass(AlertKind::Live);
        let drill = pass(AlertKind::Exercise);
        let to_practice = send(&wire, &Plain(Realm::Practice), &live, &chunk(&["一"])).await;
        let unmarked =
            send(&wire, &Plain(Realm::Live), &drill, &chunk(&["【演练】一", "转移"])).await;
        let gate = Outcome::RefusedRetry { after_ms: None, code: "gate".into() };
        assert_eq!(unmarked, [gate.clone(), gate.clone()]);
        assert_eq!(to_practice, [gate]);
        assert_eq!(wire.calls(), 0);
    }

    #[tokio::test]
    async fn what_is_certain_and_what_is_not() {
        let cases: [(Result<&'static [u8], CallFault>, i64); 3] = [
            (Err(CallFault::NotSent("connection refused".into())), 3),
            (Err(CallFault::Unknown("timed out".into())), 5),
            (Ok(b"three"), 5),
        ];
        for (answer, code) in cases {
            let wire = Wire::new(answer);
            let outcomes =
                send(&wire, &Plain(Realm::Live), &pass(AlertKind::Live), &chunk(&["一"])).await;
            assert_eq!(outcomes.len(), 1);
            assert_eq!(outcomes[0].code(), code);
        }
        let wire = Wire::new(Ok(b"ok"));
        let many = chunk(&["一", "二", "三"]);
        let outcomes = send(&wire, &Plain(Realm::Live), &pass(AlertKind::Live), &many).await;
        assert_eq!(outcomes.len(), 3);
        assert_eq!(outcomes[0].code(), 3);
        assert_eq!(wire.calls(), 0);
    }
}
