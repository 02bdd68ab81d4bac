//! The built program as processes: `serve` and `practice`, each with its own log file, killed with
//! the test if it has not ended before. What they do is told by the gateway's log and the store.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use bytes::Bytes;
use http::{Method, Request};
use tongluo::channel::Transport;
use tongluo::channel::http::{HttpLimits, HttpTransport};
use tongluo::practice::gateway::{Entry, Stats, Vices};

use super::{seen, until};

pub const TOKEN_VARIABLE: &str = "TONGLUO_PRACTICE_SECRET";
const PAGE: usize = 10_000;

/// The built program, in a directory, without what the environment says about servers.
pub fn program(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tongluo"));
    command.current_dir(directory).stdin(Stdio::null()).env(TOKEN_VARIABLE, "practice-token");
    command
}

/// A port nobody listens on now; taken again at once by the process it is meant for.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running process of ours.
pub struct Process {
    child: Child,
    pub name: String,
    log: PathBuf,
}

impl Process {
    pub fn start(directory: &Path, name: &str, words: &[&str]) -> Process {
        let log = directory.join(format!("{name}.log"));
        let file = File::create(&log).unwrap();
        let child = program(directory)
            .arg("--json")
            .args(words)
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Process { child, name: name.into(), log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub async fn end(&mut self, seconds: u64) -> ExitStatus {
        let words = format!("kill -TERM {}", self.id());
        assert!(Command::new("sh").args(["-c", &words]).status().unwrap().success());
        let name = self.name.clone();
        until(&format!("{name} ends"), seconds, async || {
            seen(self.child.try_wait().unwrap().is_some(), self.log_end())
        })
        .await;
        self.child.wait().unwrap()
    }

    /// Panics with the end of its log where it has ended by itself.
    pub fn assert_alive(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "{} has ended: {ended:?}\n{}", self.name, self.log_end());
    }

    /// Waits until it takes part in the work.
    pub async fn serves(&mut self) {
        until(&format!("{} serves", self.name), 60, async || {
            self.assert_alive();
            seen(self.log().contains("\"serving\""), self.log_end())
        })
        .await;
    }

    /// Waits for a log line with these words and gives the address it names.
    pub async fn address(&mut self, words: &str) -> String {
        let mut found = None;
        until(&format!("{} says: {words}", self.name), 60, async || {
            self.assert_alive();
            found = self.log().lines().filter(|line| line.contains(words)).find_map(address_in);
            seen(found.is_some(), self.log_end())
        })
        .await;
        found.unwrap()
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

fn address_in(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    line["fields"]["address"].as_str().map(str::to_owned)
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("--- the end of {}'s log\n{}", self.name, self.log_end());
        }
    }
}

/// The practice gateway as a process of its own.
pub struct GatewayProcess {
    pub process: Process,
    pub url: String,
    client: HttpTransport,
}

impl GatewayProcess {
    /// `words` are `gateway` or `town …`; callbacks go to `hook`.
    pub async fn start(directory: &Path, words: &[&str], hook: &str, vices: &Vices) -> Self {
        let fixed = ["--listen", "127.0.0.1:0", "--hook", hook];
        let words = [&["practice"], words, &fixed].concat();
        let mut process = Process::start(directory, "gateway", &words);
        let url = format!("http://{}", process.address("practice gateway").await);
        let limits = HttpLimits { answer_bytes: 64 << 20, total_ms: 60_000, ..Default::default() };
        let client = HttpTransport::new(limits, Vec::new()).unwrap();
        let gateway = GatewayProcess { process, url, client };
        gateway.set_vices(vices).await;
        gateway
    }

    pub async fn set_vices(&self, vices: &Vices) {
        let body = serde_json::to_vec(vices).unwrap();
        self.ask(Method::PUT, "/practice/vices", body).await;
    }

    /// Somebody writes to the office.
    pub async fn write_in(&self, from: &str, text: &str) {
        let body = serde_json::json!({"from": from, "text": text}).to_string();
        self.ask(Method::POST, "/practice/inbound", body.into_bytes()).await;
    }

    pub async fn stats(&self) -> Stats {
        let body = self.ask(Method::GET, "/practice/stats", Vec::new()).await;
        serde_json::from_slice(&body).unwrap()
    }

    /// Everything the gateway took.
    pub async fn taken(&self) -> Vec<Entry> {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let path = format!("/practice/log?from={}&limit={PAGE}", all.len());
            let body = self.ask(Method::GET, &path, Vec::new()).await;
            let text = std::str::from_utf8(&body).unwrap();
            let before = all.len();
            all.extend(text.lines().map(|line| serde_json::from_str::<Entry>(line).unwrap()));
            if all.len() < before + PAGE {
                all.retain(|entry| entry.taken);
                return all;
            }
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Vec<u8>) -> Bytes {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let answer = self.client.call(request.body(Bytes::from(body)).unwrap()).await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.into_body()
    }
}

/// Messages to households in a gateway's log: how often each number got each batch's wave.
/// Notices to responsible persons are left out.
pub fn to_homes(log: &[Entry]) -> impl Iterator<Item = &Entry> {
    log.iter().filter(|entry| entry.reference.starts_with('b'))
}

/// The batch a message belongs to, by the reference that travelled with it.
pub fn batch_of(entry: &Entry) -> i64 {
    entry.reference[1..].split('.').next().unwrap().parse().unwrap()
}

/// How often each key occurs.
pub fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}
