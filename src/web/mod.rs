//! HTTP in: callbacks as raw bytes, and the two questions an operator's watchdog asks. It decodes
//! no callback and decides nothing; pages and the API come later.

mod hooks;
mod ready;

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::engine::Engine;
use crate::engine::inbox::Inbox;
use crate::engine::pump::Pulse;

/// What requests are answered from.
pub struct Face {
    engine: Arc<Engine>,
    inbox: Inbox,
    pulse: Arc<Pulse>,
}

/// The routes over an engine. The grouping of callbacks ends with `stop`.
pub fn routes(engine: Arc<Engine>, pulse: Arc<Pulse>, stop: &watch::Receiver<bool>) -> Router {
    let inbox = Inbox::open(&engine, stop);
    let face = Arc::new(Face { engine, inbox, pulse });
    Router::new()
        .route("/hooks/{provider}", post(hooks::take))
        .route("/healthz", get(ready::healthz))
        .route("/readyz", get(ready::readyz))
        .with_state(face)
}

/// Serves until `done`, then finishes the requests it has.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    done: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Only speed is lost where it cannot be set.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes).with_graceful_shutdown(done).await
}
