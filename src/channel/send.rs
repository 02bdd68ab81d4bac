//! The one way out: a chunk goes to its gateway under a pass from the gate, in calls of one lot and
//! of the gateway's size. It decides no rate and no retry.

use std::collections::{HashMap, HashSet};

use super::{CallFault, Codec, Message, Moment, Provider, Speaks, Transport};
use crate::domain::gate::Pass;
use crate::domain::outcome::Outcome;

/// Hands one chunk to a gateway, in a call for each of its lots, and gives one outcome for each
/// message, in order. It never fails: what cannot be known is [`Outcome::Unknown`]. A chunk the
/// pass does not cover, or that cannot be put into a request, is refused without a call. A call
/// that went round the gate does not compile, since only `domain::gate::admit` makes a pass:
///
/// ```compile_fail,E0061
/// use tongluo::channel::{Message, Moment, Provider, Transport, send};
/// async fn sneak(wire: &dyn Transport, provider: &Provider, chunk: &[Message], at: Moment) {
///     send(wire, provider, chunk, at).await;
/// }
/// ```
pub async fn send(
    transport: &dyn Transport,
    provider: &Provider,
    pass: &Pass,
    chunk: &[Message],
    at: Moment,
) -> Vec<Outcome> {
    let realm = provider.realm();
    if !chunk.iter().all(|message| pass.covers(realm, &message.text)) {
        tracing::error!(provider = provider.name(), "the pass does not cover the chunk");
        return refused(chunk, "gate");
    }
    match provider.speaks() {
        Speaks::Session(lines) => lines.submit(chunk).await,
        Speaks::Http(codec) => by_http(transport, provider.name(), codec.as_ref(), chunk, at).await,
    }
}

/// How a chunk goes to its gateway, as places in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Each of one lot and of at most the gateway's size.
    pub calls: Vec<Vec<usize>>,
    /// What the gateway cannot carry has its outcome without a call.
    pub told: Vec<(usize, Outcome)>,
}

/// The calls that `messages` take to this gateway, those of a lot in their order.
pub fn calls<'a>(provider: &Provider, messages: impl Iterator<Item = &'a Message>) -> Calls {
    match provider.speaks() {
        Speaks::Session(_) => {
            let calls = messages.enumerate().map(|(place, _)| vec![place]).collect();
            Calls { calls, told: Vec::new() }
        }
        Speaks::Http(codec) => calls_by_http(codec.as_ref(), messages),
    }
}

fn calls_by_http<'a>(codec: &dyn Codec, messages: impl Iterator<Item = &'a Message>) -> Calls {
    let most = codec.max_per_call().max(1);
    let mut all = Calls::default();
    // The call of each lot that still has room, with its numbers: by these some answers and
    // receipts tell its messages apart, so none is in it twice.
    let mut open: HashMap<String, (usize, HashSet<&str>)> = HashMap::new();
    for (place, message) in messages.enumerate() {
        let lot = match codec.lot(message) {
            Err(outcome) => {
                all.told.push((place, outcome));
                continue;
            }
            Ok(lot) => lot,
        };
        let to = message.to.as_str();
        if let Some((at, numbers)) = open.get_mut(&lot)
            && numbers.len() < most
            && numbers.insert(to)
        {
            all.calls[*at].push(place);
            continue;
        }
        open.insert(lot, (all.calls.len(), HashSet::from([to])));
        all.calls.push(vec![place]);
    }
    all
}

async fn by_http(
    transport: &dyn Transport,
    name: &str,
    codec: &dyn Codec,
    chunk: &[Message],
    mut at: Moment,
) -> Vec<Outcome> {
    let Calls { calls, told } = calls_by_http(codec, chunk.iter());
    if calls.len() == 1 && told.is_empty() {
        return call(transport, name, codec, chunk, at).await;
    }
    let mut outcomes = all(chunk, || Outcome::Unknown { why: "no outcome".into() });
    for (place, outcome) in told {
        outcomes[place] = outcome;
    }
    for places in calls {
        let part: Vec<Message> = places.iter().map(|place| chunk[*place].clone()).collect();
        let said = call(transport, name, codec, &part, at).await;
        at = at.next();
        for (place, outcome) in places.into_iter().zip(said) {
            outcomes[place] = outcome;
        }
    }
    outcomes
}

/// One call for messages of one lot.
async fn call(
    transport: &dyn Transport,
    provider: &str,
    codec: &dyn Codec,
    chunk: &[Message],
    at: Moment,
) -> Vec<Outcome> {
    let request = match codec.request(chunk, at) {
        Ok(request) => request,
        Err(fault) => {
            tracing::error!(provider, %fault, "no request for a chunk");
            return refused(chunk, "request");
        }
    };
    match transport.call(request).await {
        Ok(answer) => of_length(chunk, codec.outcomes(chunk, &answer)),
        Err(CallFault::NotSent(why)) => {
            tracing::debug!(provider, why, "gateway not reached");
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
    use crate::channel::{Call, Event, HookFault, RequestFault};
    use crate::domain::gate::{AlertKind, admit};
    use crate::domain::lane::{Lane, Realm};
    use async_trait::async_trait;
    use bytes::Bytes;
    use http::{Request, Response};
    use std::sync::Mutex;

    struct Plain;

    impl Codec for Plain {
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
        fn write(&self, call: &Call, _: Moment) -> Result<Request<Bytes>, RequestFault> {
            match call.first.text.as_str() {
                "写不成" => Err(RequestFault::Unbuildable("no such letters".into())),
                _ => Ok(Request::new(Bytes::from_static(b"x"))),
            }
        }
        fn outcomes(&self, _: &[Message], answer: &Response<Bytes>) -> Vec<Outcome> {
            let taken = || Outcome::taken(None);
            answer.body().iter().map(|_| taken()).collect()
        }
        fn callback(&self, _: &Request<Bytes>) -> Result<Vec<Event>, HookFault> {
            Err(HookFault::Forged)
        }
    }

    fn plain(realm: Realm) -> Provider {
        Provider {
            name: "plain".into(),
            realm,
            lane: Lane::Sms,
            speaks: Speaks::Http(Box::new(Plain)),
            secrets: Vec::new(),
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
        let message = |(n, text): (usize, &&str)| Message {
            to: format!("+861990000{n:04}"),
            text: text.to_string(),
            reference: "r".into(),
        };
        texts.iter().enumerate().map(message).collect()
    }

    const AT: Moment = Moment { now_ms: 0, nonce: 1 };

    fn pass(kind: AlertKind) -> Pass {
        admit(kind, false, Realm::Live, Realm::Live, true, "【演练】").unwrap()
    }

    #[tokio::test]
    async fn each_message_gets_its_outcome() {
        let wire = Wire::new(Ok(b"ok"));
        let outcomes =
            send(&wire, &plain(Realm::Live), &pass(AlertKind::Live), &chunk(&["一", "二"]), AT)
                .await;
        assert_eq!(outcomes.len(), 2);
        assert!(outcomes.iter().all(|o| o.code() == 1));
    }

    #[tokio::test]
    async fn nothing_leaves_that_the_pass_does_not_cover() {
        let wire = Wire::new(Ok(b"o"));
        let live = pass(AlertKind::Live);
        let drill = pass(AlertKind::Exercise);
        let to_practice = send(&wire, &plain(Realm::Practice), &live, &chunk(&["一"]), AT).await;
        let unmarked =
            send(&wire, &plain(Realm::Live), &drill, &chunk(&["【演练】一", "转移"]), AT).await;
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
                send(&wire, &plain(Realm::Live), &pass(AlertKind::Live), &chunk(&["一"]), AT).await;
            assert_eq!(outcomes.len(), 1);
            assert_eq!(outcomes[0].code(), code);
        }
        let wire = Wire::new(Ok(b"o"));
        let many = chunk(&["写不成"]);
        let outcomes = send(&wire, &plain(Realm::Live), &pass(AlertKind::Live), &many, AT).await;
        assert_eq!((outcomes[0].code(), outcomes[0].detail()), (3, "request"));
        assert_eq!(wire.calls(), 0);
    }

    #[tokio::test]
    async fn a_chunk_takes_a_call_for_each_lot_and_none_for_what_cannot_be_carried() {
        let wire = Wire::new(Ok(b"ok"));
        let texts = chunk(&["甲", "无模板", "甲二批", "乙", "乙二批"]);
        let outcomes = send(&wire, &plain(Realm::Live), &pass(AlertKind::Live), &texts, AT).await;
        let codes: Vec<i64> = outcomes.iter().map(Outcome::code).collect();
        assert_eq!(codes, [1, 3, 1, 1, 1]);
        assert_eq!(wire.calls(), 2);
        let many = chunk(&["甲", "甲二批", "甲", "乙二批", "甲", "乙", "丙", "无模板"]);
        let planned = calls(&plain(Realm::Live), many.iter());
        let expected: [&[usize]; 4] = [&[0, 2], &[1, 3], &[4, 5], &[6]];
        assert_eq!(planned.calls, expected, "of one lot, and no more than the size");
        assert!(matches!(&planned.told[..], [(7, Outcome::RefusedRetry { .. })]));
        let mut twice = chunk(&["甲", "甲", "乙"]);
        twice[1].to = twice[0].to.clone();
        let planned = calls(&plain(Realm::Live), twice.iter());
        let expected: [&[usize]; 2] = [&[0], &[1, 2]];
        assert_eq!(planned.calls, expected, "a number is in a call once");
    }
}
