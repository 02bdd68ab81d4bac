//! `/healthz`: the process runs. `/readyz`: it can do its work now, or says what is missing. Both
//! show states and counts only, never anybody's data. And what the first page says of readiness,
//! kept for a moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::Mutex;

use super::Face;
use crate::base::limits::READINESS_KEPT_MS;
use crate::engine::pump;
use crate::engine::readiness::{OwnState, Reading};
use crate::store::view;

/// What was last found, and when.
pub(super) type Kept = Mutex<Option<(i64, Vec<Reading>)>>;

/// Everything that must be ready, as it was a few seconds ago at most.
pub(super) async fn readings(face: &Face) -> Vec<Reading> {
    let now = face.engine.clock.machine_ms();
    // Held while it is looked up: many who ask at once are answered by one look.
    let mut kept = face.ready.lock().await;
    if let Some((at, readings)) = &*kept
        && (0..READINESS_KEPT_MS).contains(&(now - at))
    {
        return readings.clone();
    }
    let own = OwnState {
        public_url: face.settings.public_url.as_deref(),
        hold: face.pulse.hold.load(Ordering::Relaxed),
        fed_at: face.pulse.fed_at.load(Ordering::Relaxed),
    };
    let readings = face.engine.readiness(own).await;
    *kept = Some((now, readings.clone()));
    readings
}

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// 503 where the store does not answer, takes no write, or the clocks disagree. A silent broker is
/// no reason: the work goes on from the store, and the answer says so.
pub(super) async fn readyz(State(face): State<Arc<Face>>) -> Response {
    let store = view::now_ms(&face.engine.store).await;
    let writes = face.engine.takes_writes().await;
    let queue = face.engine.queue.health();
    let hold = face.pulse.hold.load(Ordering::Relaxed);
    let ready = store.is_ok() && writes.is_ok() && !hold;
    let body = json!({
        "ready": ready,
        "store": store.as_ref().map_or_else(ToString::to_string, |_| "ok".to_owned()),
        "writes": writes.as_ref().map_or_else(Clone::clone, |()| "ok".to_owned()),
        "outcomes_not_kept": face.engine.unnoted(),
        "clock": if hold { "off by more than 2 s: nothing is dispatched" } else { "ok" },
        "queue": {
            "connected": queue.connected,
            "consumers": queue.consumers.len(),
            "consumers_alive": pump::consumers_alive(&queue),
            "silent_ms": queue.silent_since_ms,
            "reconnects": queue.reconnects,
            "trouble": queue.trouble,
        },
        "sessions": face.engine.links(),
        "gateways_away": face.engine.outages().into_iter().collect::<BTreeMap<_, _>>(),
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
