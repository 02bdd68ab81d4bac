//! The gateway of a measurement as a process of its own: this program again, with a hidden
//! command. It lives as long as its parent holds its standard input.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::net::TcpListener;

use crate::channel::http::{HttpLimits, HttpTransport};
use crate::practice::gateway_sink::{Receipts, Sink, serve_sink};

pub(super) const ACCOUNT: &str = "AC0123456789";
pub(super) const TOKEN: &str = "bench-token";
/// The key of the hook where receipts are pushed unsigned.
pub(super) const HOOK_KEY: &str = "bench-hook-key-0001";

/// The running process.
pub(super) struct SinkProcess {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

impl SinkProcess {
    /// Starts it and waits until it listens. With `receipts`, it tells that hook of every message.
    pub fn start(receipts: Option<&str>) -> anyhow::Result<SinkProcess> {
        let program = std::env::current_exe().context("this program's own file")?;
        let mut child = Command::new(program)
            .args(["bench", "sink"])
            .args(receipts.into_iter().flat_map(|hook| ["--receipts", hook]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the gateway sink does not start")?;
        let mut address = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out.take(100)).read_line(&mut address)?;
        }
        if address.trim().is_empty() {
            let _ = child.kill();
            bail!("the gateway sink ended before it listened");
        }
        let url = format!("http://{}", address.trim());
        Ok(SinkProcess { child, url })
    }
}

impl Drop for SinkProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The hidden command: serves until standard input ends. Receipts go to the hook at that URL.
pub async fn serve(hook_url: Option<String>) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let stop = async {
        let read = || std::io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = tokio::task::spawn_blocking(read).await;
    };
    let sink = Arc::new(Sink::new(ACCOUNT, TOKEN));
    let transport = || HttpTransport::new(HttpLimits::default(), vec![TOKEN.into()]);
    let receipts = match hook_url {
        Some(hook_url) => Some(Receipts { hook_url, transport: Arc::new(transport()?) }),
        None => None,
    };
    Ok(serve_sink(listener, sink, receipts, stop).await?)
}
