//! Gateways behind standing connections, kept where messages are dispatched: begun with the pump
//! and left after it, so that what is in flight finds its answer. What they hear goes through the
//! engine's inbox, as callbacks do.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::channel::session::Ear;
use crate::engine::Engine;
use crate::engine::inbox::Inbox;

/// How long connections may take to end: an answer that is still awaited, and the farewell.
const LEAVE_MS: u64 = 15_000;

/// The sessions of this process.
pub struct Sessions {
    end: watch::Sender<bool>,
    grouping: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Sessions {
    /// Begins the sessions of all gateways that are one.
    pub fn open(engine: &Arc<Engine>) -> Sessions {
        let (end, stop) = watch::channel(false);
        let (grouping, hold) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let kept: Vec<_> = engine
            .gateways
            .iter()
            .map(|gateway| gateway.provider.clone())
            .filter(|provider| provider.session().is_some())
            .collect();
        if !kept.is_empty() {
            let ear: Arc<dyn Ear> = Arc::new(Inbox::open(engine, &hold));
            for provider in kept {
                let (ear, stop) = (ear.clone(), stop.clone());
                tasks.spawn(async move {
                    if let Some(session) = provider.session() {
                        session.run(ear, stop).await;
                    }
                });
            }
        }
        Sessions { end, grouping, tasks }
    }

    /// Takes leave of all peers.
    pub async fn close(mut self) {
        let _ = self.end.send(true);
        let ended = async {
            while let Some(task) = self.tasks.join_next().await {
                if let Err(fault) = task {
                    tracing::error!(%fault, "a session broke");
                }
            }
        };
        if tokio::time::timeout(Duration::from_millis(LEAVE_MS), ended).await.is_err() {
            tracing::warn!("sessions were cut off");
            self.tasks.shutdown().await;
        }
        let _ = self.grouping.send(true);
    }
}
