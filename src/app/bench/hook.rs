//! Where the receipts of a measurement come in: the program's own routes on loopback, over the
//! engine that is measured.

use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::sink::HOOK_KEY;
use crate::engine::Engine;
use crate::engine::pump::Pulse;
use crate::web::{self, Patience, WebSettings};

/// A port of loopback that is ours.
pub(super) struct Bound {
    listener: TcpListener,
    /// `http://127.0.0.1:PORT/hooks/bench`.
    pub url: String,
}

/// The routes while they are served.
pub(super) struct Hook {
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Bound {
    pub async fn new() -> anyhow::Result<Bound> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for receipts")?;
        let url = format!("http://{}/hooks/bench", listener.local_addr()?);
        Ok(Bound { listener, url })
    }

    /// With the key that unsigned receipts need.
    pub fn url_with_key(&self) -> String {
        format!("{}?key={HOOK_KEY}", self.url)
    }

    pub fn serve(self, engine: &Arc<Engine>) -> anyhow::Result<Hook> {
        let (end, stop) = watch::channel(false);
        let pulse = Arc::new(Pulse::default());
        let routes = web::routes(engine.clone(), pulse, WebSettings::default(), &stop)?;
        let mut done = stop;
        let done = async move {
            let _ = done.wait_for(|done| *done).await;
        };
        let task = tokio::spawn(web::serve(self.listener, routes, Patience::default(), done));
        Ok(Hook { end, task })
    }
}

impl Hook {
    pub async fn end(self) -> anyhow::Result<()> {
        let _ = self.end.send(true);
        self.task.await.context("the hook broke")
    }
}
