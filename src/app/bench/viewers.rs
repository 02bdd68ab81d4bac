//! The browsers of `bench board` as a process of their own: each listens to an order's events and
//! fetches the board when it is told "changed", never twice within three seconds, as the page's
//! script does. It draws nothing. It ends when its parent closes its standard input, and then says
//! what it saw.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::base::clock::{CarriedClock, Clock};
use crate::channel::Transport;
use crate::channel::http::{HttpLimits, HttpTransport};

/// As in `board.js`.
const APART_MS: i64 = 3_000;

/// What the browsers saw.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    pub fetches: u64,
    pub told: u64,
    /// Bytes.
    pub largest_fragment: u64,
    pub page: u64,
}

/// Whom they watch: one line on standard input.
#[derive(Serialize, Deserialize)]
struct Watch {
    url: String,
    alert: String,
    cookies: Vec<String>,
}

/// The running process.
pub(super) struct ViewersProcess {
    child: Child,
}

impl ViewersProcess {
    /// Starts it and waits until every browser has its page.
    pub fn start(url: &str, alert: &str, cookies: &[String]) -> anyhow::Result<ViewersProcess> {
        let program = std::env::current_exe().context("this program's own file")?;
        let mut child = Command::new(program)
            .args(["bench", "viewers"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the browsers do not start")?;
        let watch = Watch { url: url.into(), alert: alert.into(), cookies: cookies.to_vec() };
        let input = child.stdin.as_mut().context("no standard input")?;
        writeln!(input, "{}", serde_json::to_string(&watch)?)?;
        Ok(ViewersProcess { child })
    }

    /// Ends it; gives what it saw.
    pub fn end(mut self) -> anyhow::Result<Seen> {
        drop(self.child.stdin.take());
        let mut said = String::new();
        let out = self.child.stdout.take().context("no standard output")?;
        out.take(10_000).read_to_string(&mut said)?;
        serde_json::from_str(&said).context("the browsers broke")
    }
}

impl Drop for ViewersProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct Counted {
    fetches: AtomicU64,
    told: AtomicU64,
    largest_fragment: AtomicU64,
    page: AtomicU64,
}

/// The hidden command: watches until standard input ends.
pub async fn serve() -> anyhow::Result<()> {
    let read = || {
        let mut line = String::new();
        BufReader::new(std::io::stdin().lock().take(1_000_000)).read_line(&mut line).map(|_| line)
    };
    let line = tokio::task::spawn_blocking(read).await??;
    let watch: Arc<Watch> = Arc::new(serde_json::from_str(&line).context("standard input")?);
    let counted = Arc::new(Counted::default());
    let mut browsers = JoinSet::new();
    for n in 0..watch.cookies.len() {
        browsers.spawn(browse(watch.clone(), n, counted.clone()));
    }
    let read = || std::io::stdin().lock().read_to_end(&mut Vec::new());
    tokio::select! {
        _ = tokio::task::spawn_blocking(read) => {}
        Some(ended) = browsers.join_next() => {
            ended??;
            bail!("a browser's line ended");
        }
    }
    let now = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let seen = Seen {
        fetches: now(&counted.fetches),
        told: now(&counted.told),
        largest_fragment: now(&counted.largest_fragment),
        page: now(&counted.page),
    };
    println!("{}", serde_json::to_string(&seen)?);
    Ok(())
}

/// One browser: its page, then its line of events with a fetch for what is told.
async fn browse(watch: Arc<Watch>, n: usize, counted: Arc<Counted>) -> anyhow::Result<()> {
    let cookie = watch.cookies.get(n).context("a browser without a cookie")?;
    let transport = HttpTransport::new(HttpLimits::default(), Vec::new())?;
    let path = format!("/alerts/{}", watch.alert);
    let page = fetch(&transport, &watch.url, &path, cookie).await?;
    counted.page.fetch_max(page, Ordering::Relaxed);
    let news = Notify::new();
    let listen = listen(&watch.url, &path, cookie, &news, &counted);
    let look = look(&transport, &watch.url, &path, cookie, &news, &counted);
    tokio::select! {
        ended = listen => ended,
        ended = look => ended,
    }
}

/// Fetches the board for what is told, until a fetch fails.
async fn look(
    transport: &HttpTransport,
    url: &str,
    path: &str,
    cookie: &str,
    news: &Notify,
    counted: &Counted,
) -> anyhow::Result<()> {
    let clock = CarriedClock::new(0, 0, 1.0);
    let mut last = -APART_MS;
    loop {
        news.notified().await;
        let early = last + APART_MS - clock.machine_ms();
        if let Ok(early) = u64::try_from(early) {
            let never = std::future::pending::<()>();
            let _ = tokio::time::timeout(Duration::from_millis(early), never).await;
        }
        last = clock.machine_ms();
        let bytes = fetch(transport, url, &format!("{path}/fragment"), cookie).await?;
        counted.fetches.fetch_add(1, Ordering::Relaxed);
        counted.largest_fragment.fetch_max(bytes, Ordering::Relaxed);
    }
}

/// Bytes of a page.
async fn fetch(
    transport: &HttpTransport,
    url: &str,
    path: &str,
    cookie: &str,
) -> anyhow::Result<u64> {
    let request = Request::get(format!("{url}{path}")).header("cookie", cookie);
    let answer = transport.call(request.body(Bytes::new())?).await?;
    if !answer.status().is_success() {
        bail!("{path}: {}", answer.status());
    }
    Ok(answer.body().len() as u64)
}

/// Reads the line of events until it ends.
async fn listen(
    url: &str,
    path: &str,
    cookie: &str,
    news: &Notify,
    counted: &Counted,
) -> anyhow::Result<()> {
    let host = url.trim_start_matches("http://");
    let mut line = TcpStream::connect(host).await?;
    let ask = format!("GET {path}/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
    line.write_all(ask.as_bytes()).await?;
    let mut piece = [0; 4_096];
    let mut begun = false;
    loop {
        let length = line.read(&mut piece).await?;
        let said = String::from_utf8_lossy(piece.get(..length).unwrap_or_default());
        if length == 0 || (!begun && !said.starts_with("HTTP/1.1 200")) {
            return Ok(());
        }
        begun = true;
        // A word of events is far shorter than a piece, and is sent in one.
        if said.contains("event: changed") {
            counted.told.fetch_add(1, Ordering::Relaxed);
            news.notify_one();
        }
    }
}
