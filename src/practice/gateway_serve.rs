//! The practice gateway as a process of its own: HTTP on loopback in, callbacks out by a
//! transport, and a few pages under `/practice` to look at and to steer it. All deciding is the
//! [`GatewaySim`]'s; here only time passes.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::gateway::{Answer, GatewaySim, Vices};
use super::gateway_wire::FORM_LIMIT;
use crate::base::clock::Clock;
use crate::channel::Transport;

/// Callbacks under way at once.
const CALLBACKS_OPEN: usize = 64;
/// How often a callback that was not taken is given again, and the first wait (it doubles).
const CALLBACK_TRIES: u32 = 8;
const CALLBACK_WAIT_MS: i64 = 500;
const TICK_MS: u64 = 5;
const PAGE_LIMIT: usize = 10_000;

/// What the process around a gateway is made of.
pub struct Face {
    pub gateway: Arc<GatewaySim>,
    /// Story time goes by this; its speed must be `speed`.
    pub clock: Arc<dyn Clock>,
    /// Story milliseconds in one real millisecond.
    pub speed: f64,
    /// Carries the callbacks.
    pub transport: Arc<dyn Transport>,
    /// How long a call that is never answered is kept open, in real ms.
    pub hang_ms: u64,
}

impl Face {
    fn real(&self, story_ms: i64) -> Duration {
        Duration::from_secs_f64((story_ms.max(0) as f64 / 1_000.0 / self.speed).min(3_600.0))
    }
}

/// How often a callback was tried; it travels with the request.
#[derive(Clone, Copy)]
struct Tries(u32);

/// Serves until `stop`. Refuses to listen anywhere but on loopback: a practice gateway has
/// nothing to say to a network.
pub async fn serve(
    listener: TcpListener,
    face: Face,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    on_loopback(&listener)?;
    let face = Arc::new(face);
    let routes = Router::new()
        .route("/practice/log", get(log))
        .route("/practice/stats", get(stats))
        .route("/practice/reset", post(reset))
        .route("/practice/inbound", post(write_in))
        .route("/practice/vices", get(show_vices).put(set_vices))
        .fallback(take)
        .with_state(face.clone());
    let listener = listener.tap_io(|stream| {
        // Only speed is lost where it cannot be set.
        let _ = stream.set_nodelay(true);
    });
    let serving = axum::serve(listener, routes).with_graceful_shutdown(stop).into_future();
    tokio::select! {
        served = serving => served,
        () = pump(face) => Ok(()),
    }
}

pub(super) fn on_loopback(listener: &TcpListener) -> io::Result<()> {
    if listener.local_addr()?.ip().is_loopback() {
        return Ok(());
    }
    let why = "a practice gateway listens on loopback only";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

async fn take(State(face): State<Arc<Face>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, FORM_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request = http::Request::from_parts(parts, body);
    let handled = face.gateway.handle(face.clock.story_ms(), &request);
    if handled.latency_ms > 0 {
        pass(face.real(handled.latency_ms)).await;
    }
    match handled.answer {
        Answer::Response(answer) => answer.map(Body::from),
        Answer::TimeoutAfterTaking | Answer::TimeoutBeforeTaking => {
            pass(Duration::from_millis(face.hang_ms)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a peer over the network: real time passes here")]
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Carries callbacks as they fall due, for ever.
async fn pump(face: Arc<Face>) {
    let open = Arc::new(Semaphore::new(CALLBACKS_OPEN));
    let mut calls = JoinSet::new();
    loop {
        pass(Duration::from_millis(TICK_MS)).await;
        while calls.try_join_next().is_some() {}
        for request in face.gateway.due(face.clock.story_ms()) {
            let Ok(place) = open.clone().acquire_owned().await else {
                return;
            };
            let face = face.clone();
            calls.spawn(async move {
                call_back(&face, request).await;
                drop(place);
            });
        }
    }
}

/// One callback; what the customer did not take comes again later, as a carrier would bring it.
async fn call_back(face: &Face, request: http::Request<Bytes>) {
    let tries = request.extensions().get::<Tries>().map_or(0, |tries| tries.0);
    let mut again = request.clone();
    match face.transport.call(request).await {
        Ok(answer) if answer.status().is_success() => return,
        Ok(answer) if answer.status().is_client_error() && answer.status() != 429 => {
            tracing::warn!(status = answer.status().as_u16(), "the customer refused a callback");
            return;
        }
        Ok(_) | Err(_) if tries >= CALLBACK_TRIES => {
            tracing::warn!(tries, "a callback was given up");
            return;
        }
        Ok(_) | Err(_) => {}
    }
    again.extensions_mut().insert(Tries(tries + 1));
    let wait_ms = (CALLBACK_WAIT_MS << tries.min(16)) as f64 * face.speed;
    face.gateway.again(face.clock.story_ms() + wait_ms as i64, again);
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    from: usize,
    limit: Option<usize>,
}

/// The log as JSON lines: `?from=0&limit=1000`.
async fn log(State(face): State<Arc<Face>>, Query(page): Query<Page>) -> Response {
    let limit = page.limit.unwrap_or(1_000).min(PAGE_LIMIT);
    let mut lines = String::new();
    for entry in face.gateway.log_page(page.from, limit) {
        if let Ok(line) = serde_json::to_string(&entry) {
            lines.push_str(&line);
            lines.push('\n');
        }
    }
    ([(CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
}

async fn stats(State(face): State<Arc<Face>>) -> Response {
    json(&face.gateway.stats())
}

async fn reset(State(face): State<Arc<Face>>) -> StatusCode {
    face.gateway.reset();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    from: String,
    text: String,
}

/// Somebody writes out of his own accord: `{"from": "+86…", "text": "水进屋了"}`.
async fn write_in(State(face): State<Arc<Face>>, body: Bytes) -> Response {
    match serde_json::from_slice::<Written>(&body) {
        Ok(written) => {
            face.gateway.write_in(face.clock.story_ms(), &written.from, &written.text);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(why) => (StatusCode::BAD_REQUEST, why.to_string()).into_response(),
    }
}

async fn show_vices(State(face): State<Arc<Face>>) -> Response {
    json(&face.gateway.vices())
}

async fn set_vices(State(face): State<Arc<Face>>, body: Bytes) -> Response {
    let vices: Result<Vices, String> =
        serde_json::from_slice(&body).map_err(|error| error.to_string());
    match vices.and_then(|vices| vices.check().map(|()| vices)) {
        Ok(vices) => {
            face.gateway.set_vices(vices);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests;
