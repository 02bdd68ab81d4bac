//! The gateway as a server: a real client sends over loopback, a real hook takes the callbacks.

use super::*;
use crate::base::clock::CarriedClock;
use crate::channel::http::{HttpLimits, HttpTransport};
use crate::channel::registry::ProviderSettings;
use crate::channel::twilio::TwilioSettings;
use crate::channel::{self, CallFault, Event, Message, Moment, Provider};
use crate::domain::gate::{AlertKind, admit};
use crate::domain::lane::Realm;
use crate::practice::gateway::{Entry, GatewaySettings, Stats};
use crate::practice::gateway_sink::{Sink, serve_sink};
use crate::practice::residents::{Heard, Residents};
use async_trait::async_trait;
use tokio::sync::mpsc;

const AT: Moment = Moment { now_ms: 0, nonce: 1 };
const TOKEN: &str = "practice-token";
const SID: &str = "AC0practice";

struct Prompt;

impl Residents for Prompt {
    fn hear(&mut self, _: i64, to: &str, _: &str) -> Vec<Heard> {
        vec![Heard { after_ms: 100, from: to.to_owned(), text: "1".into() }]
    }
}

/// A customer's hook: the first call finds nobody, the others are taken.
struct Hook(mpsc::UnboundedSender<http::Request<Bytes>>, std::sync::atomic::AtomicU32);

#[async_trait]
impl Transport for Hook {
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, CallFault> {
        if self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            return Err(CallFault::NotSent("down".into()));
        }
        self.0.send(request).unwrap();
        Ok(http::Response::new(Bytes::new()))
    }
}

fn codec(base: &str) -> Provider {
    let hook = "http://127.0.0.1:1/hooks/practice";
    let account = TwilioSettings::practice(SID, "+8610690001", base, hook);
    ProviderSettings::Twilio(account).open(&[("auth_token", TOKEN)]).unwrap()
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

fn client() -> HttpTransport {
    HttpTransport::new(HttpLimits { total_ms: 500, ..HttpLimits::default() }, vec![]).unwrap()
}

fn message(n: usize) -> Message {
    let to = format!("+86199{n:08}");
    Message {
        to, text: "【余姚市防指】【推演】收到回1".into(), reference: format!("b{n}")
    }
}

async fn fetch(client: &HttpTransport, method: &str, url: String, body: &str) -> (u16, String) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let request = http::Request::builder().method(method).uri(url).body(body).unwrap();
    let answer = client.call(request).await.unwrap();
    (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
}

async fn look_at_the_faces(client: &HttpTransport, base: &str) {
    let (_, log) = fetch(client, "GET", format!("{base}/practice/log?from=0&limit=5"), "").await;
    let entry: Entry = serde_json::from_str(log.trim_end()).unwrap();
    assert_eq!((entry.to.as_str(), entry.taken), ("+8619900000001", true));
    let vices = r#"{"timeout_taken":1.0}"#;
    let url = || format!("{base}/practice/vices");
    assert_eq!(fetch(client, "PUT", url(), vices).await.0, 204);
    assert_eq!(fetch(client, "PUT", url(), r#"{"fail_5xx":7}"#).await.0, 400);
    assert!(fetch(client, "GET", url(), "").await.1.contains("\"timeout_taken\":1.0"));
}

#[tokio::test]
async fn the_whole_way_over_loopback() {
    let (listener, base) = listen().await;
    let settings = GatewaySettings {
        account_sid: SID.into(),
        auth_token: TOKEN.into(),
        number: "+8610690001".into(),
        hook_url: "http://127.0.0.1:1/hooks/practice".into(),
        log_limit: 1_000,
    };
    let vices = Vices { latency_ms: (50, 50), receipt_delay_ms: (100, 100), ..Vices::default() };
    let gateway = Arc::new(GatewaySim::new(settings, vices, Box::new(Prompt)));
    let (hook, mut hooked) = mpsc::unbounded_channel();
    let face = Face {
        gateway: gateway.clone(),
        clock: Arc::new(CarriedClock::new(0, 0, 10.0)),
        speed: 10.0,
        transport: Arc::new(Hook(hook, Default::default())),
        hang_ms: 5_000,
    };
    let server = tokio::spawn(serve(listener, face, std::future::pending()));
    let (codec, client) = (codec(&base), client());
    let pass =
        admit(AlertKind::Rehearsal, true, Realm::Practice, Realm::Practice, false, "【推演】");
    let pass = pass.unwrap();
    let sent = channel::send(&client, &codec, &pass, &[message(1)], AT).await;
    assert_eq!(sent[0].code(), 1, "{sent:?}");
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let wait = tokio::time::timeout(Duration::from_secs(20), hooked.recv()).await;
        match &codec.http().unwrap().callback(&wait.unwrap().unwrap()).unwrap()[0] {
            Event::Receipt(receipt) => {
                assert_eq!(receipt.reference.as_deref(), Some("b1"));
                kinds.push("receipt");
            }
            Event::Reply(reply) => {
                assert_eq!(reply.text, "1");
                kinds.push("reply");
            }
            Event::Follower(_) => kinds.push("follower"),
        }
    }
    kinds.sort_unstable();
    assert_eq!(kinds, ["receipt", "reply"], "what found nobody came again");
    look_at_the_faces(&client, &base).await;
    let sent = channel::send(&client, &codec, &pass, &[message(1)], AT).await;
    assert_eq!(sent[0].code(), 5, "{sent:?}");
    let (_, stats) = fetch(&client, "GET", format!("{base}/practice/stats"), "").await;
    let stats: Stats = serde_json::from_str(&stats).unwrap();
    assert_eq!((stats.taken, stats.distinct, stats.duplicates), (2, 1, 1));
    assert_eq!(fetch(&client, "POST", format!("{base}/practice/reset"), "").await.0, 204);
    assert_eq!(gateway.stats(), Stats::default());
    server.abort();
}

#[tokio::test]
async fn the_sink_takes_counts_and_checks_the_account() {
    let (listener, base) = listen().await;
    let sink = Arc::new(Sink::new(SID, TOKEN));
    let server = tokio::spawn(serve_sink(listener, sink.clone(), None, std::future::pending()));
    let (codec, client) = (codec(&base), client());
    let pass =
        admit(AlertKind::Rehearsal, true, Realm::Practice, Realm::Practice, false, "【推演】");
    let pass = pass.unwrap();
    let mut sids = std::collections::HashSet::new();
    for n in [1, 2, 2, 3] {
        let sent = channel::send(&client, &codec, &pass, &[message(n)], AT).await;
        sids.insert(sent[0].external_id().unwrap().to_owned());
    }
    assert_eq!(sids.len(), 4);
    let (_, stats) = fetch(&client, "GET", format!("{base}/practice/stats"), "").await;
    let stats: Stats = serde_json::from_str(&stats).unwrap();
    assert_eq!((stats.taken, stats.distinct, stats.duplicates), (4, 3, 1));
    let url = format!("{base}/2010-04-01/Accounts/{SID}/Messages.json");
    assert_eq!(fetch(&client, "POST", url, "To=1&Body=1").await.0, 401);
    assert_eq!(sink.stats().refused, 1);
    assert_eq!(fetch(&client, "POST", format!("{base}/practice/reset"), "").await.0, 204);
    assert_eq!(sink.stats(), Stats::default());
    server.abort();
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let sink = Arc::new(Sink::new(SID, TOKEN));
    let fault = serve_sink(listener, sink, None, std::future::ready(())).await.unwrap_err();
    assert_eq!(fault.kind(), io::ErrorKind::PermissionDenied);
}
