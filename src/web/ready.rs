//! `/healthz`: the process runs. `/readyz`: it can do its work now, or says what is missing. Both
//! show states and counts only, never anybody's data.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Face;
use crate::engine::pump;
use crate::store::view;

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// 503 where the store does not answer or the clocks disagree. A silent broker is no reason: the
/// work goes on from the store, and the answer says so.
pub(super) async fn readyz(State(face): State<Arc<Face>>) -> Response {
    let store = view::now_ms(&face.engine.store).await;
    let queue = face.engine.queue.health();
    let hold = face.pulse.hold.load(Ordering::Relaxed);
    let ready = store.is_ok() && !hold;
    let body = json!({
        "ready": ready,
        "store": store.as_ref().map_or_else(ToString::to_string, |_| "ok".to_owned()),
        "clock": if hold { "off by more than 2 s: nothing is dispatched" } else { "ok" },
        "queue": {
            "connected": queue.connected,
            "consumers": queue.consumers.len(),
            "consumers_alive": pump::consumers_alive(&queue),
            "silent_ms": queue.silent_since_ms,
            "reconnects": queue.reconnects,
            "trouble": queue.trouble,
        },
        "direct_mode": queue.is_silent(),
        "direct_hints": face.pulse.direct.load(Ordering::Relaxed),
        "again": face.pulse.again.load(Ordering::Relaxed),
        "failed": face.pulse.failed.load(Ordering::Relaxed),
        "links_not_found": face.guesses.missed(),
        "fed_at": face.pulse.fed_at.load(Ordering::Relaxed),
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let json = [(header::CONTENT_TYPE, "application/json")];
    (status, json, format!("{body}\n")).into_response()
}
