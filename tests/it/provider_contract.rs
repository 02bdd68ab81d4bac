//! What every registered gateway kind owes, over its fixtures in `tests/fixtures/{kind}`: settings
//! with secrets, answers with their outcomes, callbacks that carry what admits them. A kind without
//! fixtures fails here. Only what is one vendor's alone is tested beside its codec, and what
//! connections do in `sessions`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{Method, Request, Response};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use tongluo::channel::http::{HttpLimits, HttpTransport};
use tongluo::channel::registry::{ProviderSettings, Registry};
use tongluo::channel::{self, Codec, Event, HOOK_BODY_LIMIT, HookFault, Message, Moment, Provider};
use tongluo::domain::gate::{AlertKind, admit};
use tongluo::domain::lane::Realm;
use tongluo::domain::outcome::Outcome;

const AT: Moment = Moment { now_ms: 1_782_871_384_000, nonce: 7 };

#[derive(Deserialize)]
struct Settings {
    provider: Vec<ProviderSettings>,
}

/// An answer and what it means, or an outcome that this kind's answers cannot mean.
#[derive(Deserialize)]
#[serde(untagged)]
enum Case {
    Answer(Answer),
    Never { never: i64, why: String },
}

#[derive(Deserialize)]
struct Answer {
    name: String,
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    outcome: Outcome,
}

/// A callback that is admitted, with the events in it where the kind has no tests of its own.
#[derive(Deserialize)]
struct Admitted {
    name: String,
    #[serde(default)]
    method: Option<String>,
    query: String,
    headers: BTreeMap<String, String>,
    body: String,
    #[serde(default)]
    events: Option<Vec<Value>>,
}

impl Admitted {
    fn request(&self) -> Request<Bytes> {
        self.asking(&self.query)
    }

    fn asking(&self, query: &str) -> Request<Bytes> {
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = Request::builder()
            .method(self.method.as_deref().unwrap_or("POST"))
            .uri(format!("/hooks/x{mark}{query}"));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Bytes::from(self.body.clone())).unwrap()
    }

    /// The same without a sign of where it comes from, and with what admits it changed.
    fn forged(&self) -> Vec<Request<Bytes>> {
        let mut bare = self.asking("");
        bare.headers_mut().clear();
        let mut all = vec![bare];
        let pairs: Vec<&str> = self.query.split('&').collect();
        let credential = |pair: &&str| pair.starts_with("key=") || pair.starts_with("mark=");
        if pairs.iter().any(credential) {
            let less = pairs.iter().filter(|pair| !credential(pair)).copied();
            all.push(self.asking(&less.collect::<Vec<_>>().join("&")));
            let more = |pair: &&str| match *pair {
                pair if credential(&pair) => format!("{pair}0"),
                pair => pair.to_owned(),
            };
            all.push(self.asking(&pairs.iter().map(more).collect::<Vec<_>>().join("&")));
            if self.query.contains("mark=") {
                all.push(self.asking(&self.query.replace("ref=", "ref=0")));
            }
        } else {
            let mut changed = self.request();
            *changed.body_mut() = Bytes::from(format!("{}9", self.body));
            all.push(changed);
        }
        all
    }
}

/// All kinds the settings know, by the words of their own refusal.
fn kinds() -> Vec<String> {
    let unknown = "[[provider]]\nkind = \"pigeon\"\n";
    let refused = toml::from_str::<Settings>(unknown).err().unwrap().to_string();
    let (_, known) = refused.split_once("expected").unwrap();
    let names = known.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

fn fixture(kind: &str, name: &str) -> String {
    let path = format!("tests/fixtures/{kind}/{name}");
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

fn settings(kind: &str) -> Vec<ProviderSettings> {
    let settings: Settings = toml::from_str(&fixture(kind, "settings.toml")).unwrap();
    settings.provider
}

fn provider(kind: &str) -> Arc<Provider> {
    let registry = Registry::load(&settings(kind), false).unwrap();
    registry.iter().next().unwrap().clone()
}

fn admitted(kind: &str) -> Vec<Admitted> {
    serde_json::from_str(&fixture(kind, "signed.json")).unwrap()
}

/// A kind that speaks HTTP, with its provider and callbacks.
type Member = (String, Arc<Provider>, Vec<Admitted>);

/// Every such kind, made once for the many rounds.
static ALL: LazyLock<Vec<Member>> = LazyLock::new(|| {
    let all = kinds().into_iter().filter_map(|kind| {
        let provider = provider(&kind);
        provider.http()?;
        let calls = admitted(&kind);
        Some((kind, provider, calls))
    });
    all.collect()
});

/// Every kind that speaks HTTP, with its provider.
fn each(mut check: impl FnMut(&str, &dyn Codec, &[Admitted])) {
    each_whole(|kind, provider, calls| check(kind, provider.http().unwrap(), calls));
}

fn each_whole(mut check: impl FnMut(&str, &Provider, &[Admitted])) {
    assert!(ALL.iter().any(|(kind, ..)| kind == "twilio"), "{:?}", kinds());
    for (kind, provider, calls) in ALL.iter() {
        check(kind, provider, calls);
    }
}

fn chunk(kind: &str, messages: usize) -> Vec<Message> {
    let to = |n: usize| match kind {
        "official" => format!("wx:o-{n:05}"),
        "wecom" => format!("wecom:u-{n:05}"),
        _ => format!("+86199000{n:05}"),
    };
    let message = |n: usize| Message {
        to: to(n),
        text: "【余姚市防指】转移指令：3点前请离家到四明小学。收到回1 & 平安".into(),
        reference: format!("b1.{n}~signed"),
    };
    (1..=messages).map(message).collect()
}

fn answer(status: u16, headers: &BTreeMap<String, String>, body: &[u8]) -> Response<Bytes> {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(name, value);
    }
    answer.body(Bytes::copy_from_slice(body)).unwrap()
}

fn told(event: &Event) -> Value {
    match event {
        Event::Reply(reply) => json!({ "reply": {
            "from": reply.from, "to": reply.to, "text": reply.text,
            "source_key": reply.source_key, "sent_at": reply.sent_at,
        }}),
        Event::Receipt(receipt) => json!({ "receipt": {
            "external_id": receipt.external_id, "reference": receipt.reference,
            "callee": receipt.callee, "class": receipt.class.word(), "code": receipt.code,
            "source_key": receipt.source_key, "at": receipt.at,
        }}),
        Event::Follower(follower) => json!({ "follower": {
            "from": follower.from, "act": format!("{:?}", follower.act),
            "scene": follower.scene, "source_key": follower.source_key, "at": follower.at,
        }}),
    }
}

fn source_key(event: &Event) -> &str {
    match event {
        Event::Reply(reply) => &reply.source_key,
        Event::Receipt(receipt) => &receipt.source_key,
        Event::Follower(follower) => &follower.source_key,
    }
}

#[test]
fn its_name_lane_and_limits_are_those_of_its_settings() {
    for kind in kinds() {
        let provider = provider(&kind);
        assert!(provider.name().starts_with(&kind), "{kind}");
        let way = settings(&kind)[0].way();
        assert_eq!((provider.lane(), provider.realm()), way, "{kind}");
        assert!(provider.max_per_call() >= 1, "{kind}");
        let practice = Registry::load(&settings(&kind), true);
        assert!(practice.is_err(), "{kind} is live in a practice installation");
        let (secrets, shown) = (provider.secrets(), format!("{:?}", settings(&kind)));
        assert!(!secrets.is_empty() && secrets.iter().all(|s| s.len() >= 8), "{kind}");
        assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{kind} shows a secret");
    }
}

#[test]
fn its_secrets_are_known_and_never_shown() {
    each_whole(|kind, gateway, calls| {
        let (secrets, provider) = (gateway.secrets(), gateway.http().unwrap());
        let whole = chunk(kind, provider.max_per_call().min(3));
        let mut shown = Vec::new();
        for messages in [&whole[..1], &whole[..]] {
            shown.push(format!("{:?}", provider.request(messages, AT).unwrap()));
        }
        for call in calls {
            // What is kept of a callback, and what a person is shown of it.
            shown.push(format!("{:?}", provider.callback(&call.request())));
        }
        shown.push(format!("{:?}", provider.acknowledge()));
        for secret in secrets {
            for text in &shown {
                assert!(!text.contains(secret), "{kind} shows a secret: {text}");
            }
        }
    });
}

#[test]
fn the_same_chunk_is_the_same_request_and_too_large_a_one_is_none() {
    each(|kind, provider, _| {
        let whole = chunk(kind, provider.max_per_call());
        let lots: BTreeSet<_> = whole.iter().map(|m| provider.lot(m).unwrap()).collect();
        assert_eq!(lots.len(), 1, "{kind}: equal texts share a call");
        let request = || provider.request(&whole, AT).unwrap();
        let (one, two) = (request(), request());
        assert_eq!(one.method(), two.method(), "{kind}");
        assert_eq!(one.uri(), two.uri(), "{kind}");
        assert_eq!(one.headers(), two.headers(), "{kind}");
        assert_eq!(one.body(), two.body(), "{kind}");
        assert_eq!(one.uri().scheme_str(), Some("https"), "{kind}");
        assert!(provider.request(&[], AT).is_err(), "{kind}");
        assert!(provider.request(&chunk(kind, provider.max_per_call() + 1), AT).is_err(), "{kind}");
    });
}

#[test]
fn its_answers_have_their_outcomes_and_every_outcome_has_an_answer() {
    each(|kind, provider, _| {
        let cases: Vec<Case> = serde_json::from_str(&fixture(kind, "answers.json")).unwrap();
        let mut seen = BTreeSet::new();
        for case in cases {
            match case {
                Case::Answer(case) => {
                    let given = answer(case.status, &case.headers, case.body.as_bytes());
                    let outcomes = provider.outcomes(&chunk(kind, 1), &given);
                    let wanted = std::slice::from_ref(&case.outcome);
                    assert_eq!(outcomes, wanted, "{kind}: {}", case.name);
                    seen.insert(case.outcome.code());
                }
                Case::Never { never, why } => {
                    assert!(!why.is_empty() && seen.insert(never), "{kind}: {never} is possible");
                }
            }
        }
        assert_eq!(seen, BTreeSet::from([1, 2, 3, 4, 5]), "{kind} has no answer for some outcome");
    });
}

#[test]
fn only_what_is_admitted_is_heard_and_twice_is_once() {
    each_whole(|kind, gateway, calls| {
        let provider = gateway.http().unwrap();
        assert!(calls.len() > 1, "{kind}");
        for case in calls {
            let name = &case.name;
            let events = provider.callback(&case.request()).unwrap();
            assert!(!events.is_empty(), "{kind}: {name}");
            let again = provider.callback(&case.request()).unwrap();
            assert_eq!(again, events, "{kind}: {name}: a doubled callback has other keys");
            if let Some(wanted) = &case.events {
                let told: Vec<Value> = events.iter().map(told).collect();
                assert_eq!(&told, wanted, "{kind}: {name}");
            }
            for event in &events {
                let key = source_key(event);
                let whose = key.starts_with(gateway.name()) || key.starts_with("unreadable:");
                assert!(whose, "{kind}: {name}: {key}");
            }
            for forged in case.forged() {
                let fault = provider.callback(&forged);
                assert_eq!(fault, Err(HookFault::Forged), "{kind}: {name}: {forged:?}");
            }
        }
    });
}

#[test]
fn a_body_over_the_limit_is_too_large_whatever_it_says() {
    each(|kind, provider, calls| {
        let mut large = calls[0].request();
        *large.body_mut() = Bytes::from(vec![b'a'; 1 << 20]);
        assert_eq!(provider.callback(&large), Err(HookFault::TooLarge), "{kind}");
        let mut just = calls[0].request();
        *just.body_mut() = Bytes::from(vec![b'a'; HOOK_BODY_LIMIT]);
        assert_ne!(provider.callback(&just), Err(HookFault::TooLarge), "{kind}");
    });
}

#[test]
fn its_thanks_are_a_success() {
    each(|kind, provider, _| {
        assert_eq!(provider.acknowledge().status(), 200, "{kind}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_answer_makes_it_panic_and_none_is_taken_for_a_promise(
        status in 100_u16..1000,
        body in proptest::collection::vec(any::<u8>(), 0..200),
        messages in 1_usize..4,
    ) {
        each(|kind, provider, _| {
            let whole = chunk(kind, messages.min(provider.max_per_call()));
            let outcomes = provider.outcomes(&whole, &answer(status, &BTreeMap::new(), &body));
            assert_eq!(outcomes.len(), whole.len(), "{kind}");
            let certain = |o: &Outcome| o.code() == 1 || o.code() == 2;
            assert!(!outcomes.iter().any(certain), "{kind}: {outcomes:?}");
        });
    }

    #[test]
    fn no_stranger_is_heard_whatever_he_says(
        body in proptest::collection::vec(any::<u8>(), 0..400),
        query in "[!-~&&[^#?<>\"`{}\\\\^|]]{0,60}",
        signature in "[ -~]{0,40}",
        json in any::<bool>(),
        get in any::<bool>(),
    ) {
        let Ok(uri) = format!("/hooks/x?{query}").parse::<http::Uri>() else { return Ok(()) };
        let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
        let mut request = Request::post(uri)
            .header("content-type", kind)
            .header("x-twilio-signature", signature)
            .body(Bytes::from(body))
            .unwrap();
        if get {
            *request.method_mut() = Method::GET;
        }
        each(|kind, provider, _| {
            assert_eq!(provider.callback(&request), Err(HookFault::Forged), "{kind}");
        });
    }

    #[test]
    fn no_bytes_of_one_who_is_admitted_make_it_panic(
        body in proptest::collection::vec(any::<u8>(), 0..400),
        query in "[!-~&&[^#?<>\"`{}\\\\^|]]{0,60}",
        shape in 0_usize..4,
    ) {
        let text = String::from_utf8_lossy(&body).into_owned();
        let body = match shape {
            0 => body,
            1 => json!([{ "phone_number": text, "content": text, "success": text, "sid": text }])
                .to_string()
                .into_bytes(),
            2 => json!({ "mobile": text, "text": text, "time": -1, "reportStatus": text })
                .to_string()
                .into_bytes(),
            _ => form_urlencoded::Serializer::new(String::new())
                .append_pair("smsMsgId", &text)
                .append_pair("status", &text)
                .append_pair("updateTime", &text)
                .finish()
                .into_bytes(),
        };
        each(|kind, provider, calls| {
            for call in calls {
                // Its own credentials come first, so they count.
                let asked = format!("{}&{query}", call.query);
                let admits = call.query.contains("key=") || call.query.contains("mark=");
                if !admits || format!("/h?{asked}").parse::<http::Uri>().is_err() {
                    continue;
                }
                let mut request = call.asking(&asked);
                *request.body_mut() = Bytes::from(body.clone());
                match provider.callback(&request) {
                    Ok(events) => {
                        for event in &events {
                            assert!(!source_key(event).is_empty(), "{kind}");
                        }
                    }
                    Err(fault) => {
                        let status = fault.status().as_u16();
                        assert!((400..500).contains(&status), "{kind}: {fault}");
                        assert_ne!(fault, HookFault::Forged, "{kind}: {}", call.name);
                    }
                }
            }
        });
    }
}

#[tokio::test]
async fn a_session_sends_nothing_unbound() {
    let kinds = kinds();
    let wire = HttpTransport::new(HttpLimits::default(), Vec::new()).unwrap();
    let live = admit(AlertKind::Live, false, Realm::Live, Realm::Live, true, "【推演】").unwrap();
    let mut sessions = BTreeSet::new();
    for kind in &kinds {
        let provider = provider(kind);
        let Some(session) = provider.session() else { continue };
        let chunk = chunk(kind, 3);
        let outcomes = channel::send(&wire, &provider, &live, &chunk, AT).await;
        assert_eq!(outcomes.len(), 3, "{kind}");
        assert!(outcomes.iter().all(|o| o.word() == "not_sent"), "{kind}: {outcomes:?}");
        assert!(session.links().iter().all(|link| !link.bound), "{kind}");
        assert!(!session.links().is_empty(), "{kind}");
        sessions.insert(kind.as_str());
    }
    assert_eq!(sessions, BTreeSet::from(["cmpp", "smpp"]));
}
