//! `practice gateway` as a command: which sides it speaks, what it must be told, and how a centre
//! that speaks no HTTP is looked at and steered.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use tokio::sync::watch;
use tongluo::channel::http::{HttpLimits, HttpTransport};
use tongluo::channel::registry::ProviderSettings;
use tongluo::channel::session::Ear;
use tongluo::channel::{Event, Message, Transport};

use crate::faults::processes::{Process, program};
use crate::sessions::{NUMBER, pause};

/// Keeps everything.
struct Room;

#[async_trait::async_trait]
impl Ear for Room {
    async fn hear(&self, _: &str, _: Vec<Event>) -> bool {
        true
    }
}

#[test]
fn what_is_missing_is_named() {
    for (words, named) in [
        (&["gateway", "--kind", "aliyun"][..], "--template: name the approved texts"),
        (&["gateway", "--kind", "tencent", "--template", "{1}"], "--template \"{1}\": write"),
        (&["town", "--kind", "smpp"], "--kind: a town answers over"),
        (&["gateway", "--kind", "cmpp"], "--account: six digits"),
        (&["gateway", "--kind", "smpp", "--listen", "0.0.0.0:0"], "loopback only"),
    ] {
        let output = program(&std::env::temp_dir())
            .arg("practice")
            .args(words)
            .args(["--pages", "127.0.0.1:0"])
            .output()
            .unwrap();
        let fault = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && fault.contains(named), "{words:?}: {fault}");
    }
}

async fn page(url: &str, method: Method, body: Value) -> Value {
    let client = HttpTransport::new(HttpLimits::default(), Vec::new()).unwrap();
    let request = Request::builder().method(method).uri(url);
    let request = request.body(Bytes::from(body.to_string())).unwrap();
    let answer = client.call(request).await.unwrap();
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

#[tokio::test]
async fn a_centre_takes_messages_and_is_steered_by_its_pages() {
    let directory = std::env::temp_dir().join(format!("cli_practice_{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let words = ["practice", "gateway", "--kind", "cmpp", "--account", "901234"];
    let ports = ["--listen", "127.0.0.1:0", "--pages", "127.0.0.1:0"];
    let mut process = Process::start(&directory, "center", &[&words[..], &ports].concat());
    let address = process.address("practice centre").await;
    let pages = format!("http://{}/practice", process.address("practice pages").await);
    let text = format!(
        "kind = \"cmpp\"\nname = \"p\"\nrealm = \"practice\"\naddress = \"{address}\"\n\
         version = \"3.0\"\nsource_addr = \"901234\"\nsecret_env = \"X\"\n\
         service_id = \"EMERG\"\nsrc_id = \"{NUMBER}\"\n"
    );
    let settings: ProviderSettings = toml::from_str(&text).unwrap();
    let provider = Arc::new(settings.open(&[("secret", "practice-token")]).unwrap());
    let (end, stop) = watch::channel(false);
    let running = provider.clone();
    let task =
        tokio::spawn(async move { running.session().unwrap().run(Arc::new(Room), stop).await });
    let lines = provider.session().unwrap();
    while !lines.links()[0].bound {
        pause(10).await;
    }
    let to = "+8612700000001".to_owned();
    let message =
        Message { to, text: "【余姚市防指】请转移".into(), reference: "r".into() };
    assert_eq!(lines.submit(&[message]).await[0].code(), 1);
    let stats = page(&format!("{pages}/stats"), Method::GET, Value::Null).await;
    assert_eq!((&stats["binds"], &stats["arrived"]), (&json!(1), &json!(1)), "{stats}");
    let vices = format!("{pages}/vices");
    page(&vices, Method::PUT, json!({"drop_silently": true, "answer_ms": 5})).await;
    let turned = page(&vices, Method::GET, Value::Null).await;
    assert_eq!((&turned["drop_silently"], &turned["answer_ms"]), (&json!(true), &json!(5)));
    page(&format!("{pages}/inbound"), Method::POST, json!({"from": "+86127", "text": "1"})).await;
    end.send(true).unwrap();
    task.await.unwrap();
    assert!(process.end(20).await.success());
    std::fs::remove_dir_all(&directory).unwrap();
}
