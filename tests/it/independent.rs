//! Our SMPP against a message centre written by others (tests/smsc): long Chinese text in each of
//! the three ways, receipts, a reply, probes and leave. Without the package it says that it is
//! skipped, unless REQUIRE_SERVERS=1.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::watch;

use tongluo::channel::session::{Ear, LinkSettings};
use tongluo::channel::smpp::SmppSettings;
use tongluo::channel::{Event, Message};

use crate::sessions::{LONG, NUMBER, pause, smpp};

struct Other {
    child: Child,
    input: ChildStdin,
    said: Arc<Mutex<Vec<Value>>>,
}

impl Other {
    fn open(packages: &str) -> Other {
        let mut child = Command::new("node")
            .args(["tests/smsc/smsc.mjs", packages])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node, which tests/run.sh installs");
        let input = child.stdin.take().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (lines, heard) = (BufReader::new(child.stdout.take().unwrap()).lines(), said.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Other { child, input, said }
    }

    fn of(&self, name: &str) -> Vec<Value> {
        let said = self.said.lock().unwrap();
        said.iter().filter(|line| !line[name].is_null()).cloned().collect()
    }

    async fn until(&self, name: &str, count: usize) -> Vec<Value> {
        for _ in 0..1_000 {
            let found = self.of(name);
            if found.len() >= count {
                return found;
            }
            pause(10).await;
        }
        panic!("never {count} of {name}: {:?}", self.said.lock().unwrap());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

#[async_trait::async_trait]
impl Ear for Heard {
    async fn hear(&self, _: &str, events: Vec<Event>) -> bool {
        self.0.lock().unwrap().extend(events);
        true
    }
}

#[tokio::test]
async fn a_centre_written_by_others_takes_reports_and_answers() {
    let Ok(packages) = std::env::var("TONGLUO_SMSC_PACKAGES") else {
        assert!(std::env::var("REQUIRE_SERVERS").is_err(), "TONGLUO_SMSC_PACKAGES is not set");
        println!("skipped: TONGLUO_SMSC_PACKAGES is not set; tests/run.sh sets it");
        return;
    };
    for long in ["udh", "sar", "payload"] {
        let mut other = Other::open(&packages);
        let port = other.until("port", 1).await[0]["port"].clone();
        let text = format!(
            "name = \"other\"\nrealm = \"practice\"\naddress = \"127.0.0.1:{port}\"\n\
             system_id = \"emerg01\"\npassword_env = \"X\"\nsource = \"{NUMBER}\"\n\
             long = \"{long}\""
        );
        let link = LinkSettings { idle_ms: 200, ..LinkSettings::default() };
        let settings = SmppSettings { link, ..toml::from_str(&text).unwrap() };
        let provider = Arc::new(smpp(settings));
        let heard = Arc::new(Heard::default());
        let (end, stop) = watch::channel(false);
        let (running, ear) = (provider.clone(), heard.clone());
        let task = tokio::spawn(async move { running.session().unwrap().run(ear, stop).await });
        let session = provider.session().unwrap();
        while !session.links()[0].bound {
            pause(10).await;
        }
        let to = "+8612700000001".to_owned();
        let message = Message { to, text: LONG.into(), reference: "r".into() };
        let outcomes = session.submit(&[message]).await;
        let names = outcomes[0].names();
        let arrived = other.until("arrived", 1).await;
        let parts = if long == "payload" { 1 } else { 3 };
        assert_eq!(names.len(), parts, "{long}: {outcomes:?}");
        let expected =
            json!({"arrived": LONG, "to": "8612700000001", "from": NUMBER, "parts": parts});
        assert_eq!(arrived, [expected], "{long}");
        writeln!(
            other.input,
            "{}",
            json!({"from": "8612700000001", "to": NUMBER, "text": "水进屋了"})
        )
        .unwrap();
        let acknowledged = other.until("acknowledged", parts + 1).await;
        assert!(acknowledged.iter().all(|line| line["acknowledged"] == 0), "{acknowledged:?}");
        let events = heard.0.lock().unwrap().clone();
        let receipt = |event: &&Event| match event {
            Event::Receipt(receipt) => {
                let of_it = receipt.external_id.as_ref().is_some_and(|name| names.contains(name));
                receipt.class.is_delivered() && of_it
            }
            Event::Reply(_) | Event::Follower(_) => false,
        };
        assert_eq!(events.iter().filter(receipt).count(), parts, "{long}: {events:?}");
        let reply = |event: &Event| match event {
            Event::Reply(reply) => reply.text == "水进屋了" && reply.from == "8612700000001",
            Event::Receipt(_) | Event::Follower(_) => false,
        };
        assert!(events.iter().any(reply), "{long}: {events:?}");
        other.until("probed", 1).await;
        end.send(true).unwrap();
        task.await.unwrap();
        other.until("left", 1).await;
        assert!(other.of("fault").is_empty(), "{:?}", other.of("fault"));
    }
}
