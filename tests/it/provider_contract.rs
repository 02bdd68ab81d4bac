//! What every registered gateway kind owes, over its fixtures in `tests/fixtures/{kind}`: settings
//! with a token, answers with their outcomes, callbacks signed with that token. A kind without
//! fixtures fails here. What a provider's fields mean is tested beside its codec.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use serde::Deserialize;

use tongluo::channel::registry::{ProviderSettings, Registry};
use tongluo::channel::{HOOK_BODY_LIMIT, HookFault, Message, Provider};
use tongluo::domain::outcome::Outcome;

#[derive(Deserialize)]
struct Settings {
    provider: Vec<ProviderSettings>,
}

#[derive(Deserialize)]
struct Answer {
    name: String,
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    outcome: Outcome,
}

#[derive(Deserialize)]
struct Signed {
    name: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Signed {
    fn request(&self) -> Request<Bytes> {
        let mark = if self.query.is_empty() { "" } else { "?" };
        let mut request = Request::post(format!("/hooks/x{mark}{}", self.query));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Bytes::from(self.body.clone())).unwrap()
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

fn provider(kind: &str) -> Arc<dyn Provider> {
    let settings: Settings = toml::from_str(&fixture(kind, "settings.toml")).unwrap();
    let registry = Registry::load(&settings.provider, false).unwrap();
    registry.iter().next().unwrap().clone()
}

/// Every kind with its provider.
fn each(mut check: impl FnMut(&str, &dyn Provider)) {
    let kinds = kinds();
    assert!(kinds.contains(&"twilio".to_owned()), "{kinds:?}");
    for kind in kinds {
        check(&kind, provider(&kind).as_ref());
    }
}

fn chunk(messages: usize) -> Vec<Message> {
    let message = |n: usize| Message {
        to: format!("+86199000{n:05}"),
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

#[test]
fn the_same_chunk_is_the_same_request_and_too_large_a_one_is_none() {
    each(|kind, provider| {
        let whole = chunk(provider.max_per_call());
        let (one, two) = (provider.request(&whole).unwrap(), provider.request(&whole).unwrap());
        assert_eq!(one.method(), two.method(), "{kind}");
        assert_eq!(one.uri(), two.uri(), "{kind}");
        assert_eq!(one.headers(), two.headers(), "{kind}");
        assert_eq!(one.body(), two.body(), "{kind}");
        assert_eq!(one.uri().scheme_str(), Some("https"), "{kind}");
        assert!(provider.request(&[]).is_err(), "{kind}");
        assert!(provider.request(&chunk(provider.max_per_call() + 1)).is_err(), "{kind}");
        let shown = format!("{one:?}");
        for secret in provider.secrets() {
            assert!(!shown.contains(&secret), "{kind} shows a secret");
        }
    });
}

#[test]
fn its_answers_have_their_outcomes_and_every_outcome_has_an_answer() {
    each(|kind, provider| {
        let answers: Vec<Answer> = serde_json::from_str(&fixture(kind, "answers.json")).unwrap();
        let mut seen = BTreeSet::new();
        for case in answers {
            let given = answer(case.status, &case.headers, case.body.as_bytes());
            let outcomes = provider.outcomes(&chunk(1), &given);
            assert_eq!(outcomes, std::slice::from_ref(&case.outcome), "{kind}: {}", case.name);
            seen.insert(case.outcome.code());
        }
        assert_eq!(seen, BTreeSet::from([1, 2, 3, 4, 5]), "{kind} has no answer for some outcome");
    });
}

#[test]
fn only_what_is_signed_is_heard() {
    each(|kind, provider| {
        let signed: Vec<Signed> = serde_json::from_str(&fixture(kind, "signed.json")).unwrap();
        assert!(signed.len() > 1, "{kind}");
        for case in signed {
            let name = &case.name;
            let events = provider.callback(&case.request()).unwrap();
            assert_eq!(provider.callback(&case.request()).unwrap(), events, "{kind}: {name}");
            assert!(!events.is_empty(), "{kind}: {name}");
            let mut changed = case.request();
            *changed.body_mut() = Bytes::from(format!("{}9", case.body));
            assert_eq!(provider.callback(&changed), Err(HookFault::Forged), "{kind}: {name}");
            let mut bare = case.request();
            bare.headers_mut().clear();
            assert_eq!(provider.callback(&bare), Err(HookFault::Forged), "{kind}: {name}");
        }
    });
}

#[test]
fn a_body_over_the_limit_is_too_large_whatever_it_says() {
    each(|kind, provider| {
        let signed: Vec<Signed> = serde_json::from_str(&fixture(kind, "signed.json")).unwrap();
        let mut large = signed[0].request();
        *large.body_mut() = Bytes::from(vec![b'a'; 1 << 20]);
        assert_eq!(provider.callback(&large), Err(HookFault::TooLarge), "{kind}");
        let mut just = signed[0].request();
        *just.body_mut() = Bytes::from(vec![b'a'; HOOK_BODY_LIMIT]);
        assert_eq!(provider.callback(&just), Err(HookFault::Forged), "{kind}");
    });
}

#[test]
fn garbage_is_a_value_and_never_a_panic() {
    each(|kind, provider| {
        let mut random = StdRng::seed_from_u64(7);
        let signed: Vec<Signed> = serde_json::from_str(&fixture(kind, "signed.json")).unwrap();
        let whole = chunk(provider.max_per_call());
        for round in 0..500 {
            let mut bytes = vec![0u8; random.random_range(0..200)];
            random.fill_bytes(&mut bytes);
            let status = random.random_range(200..600);
            let given = answer(status, &BTreeMap::new(), &bytes);
            let outcomes = provider.outcomes(&whole, &given);
            assert_eq!(outcomes.len(), whole.len(), "{kind} {round}");
            let taken = |o: &Outcome| o.code() == 1 || o.code() == 2;
            assert!(!outcomes.iter().any(taken), "{kind} {round}: {outcomes:?}");
            let mut call = signed[round % signed.len()].request();
            *call.body_mut() = Bytes::from(bytes);
            assert!(provider.callback(&call).is_err(), "{kind} {round}");
        }
    });
}
