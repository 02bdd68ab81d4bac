//! A gateway that only takes: for measuring, it answers every send at once and counts. It looks
//! at no more of a message than it must (account, number, text), has no vices and calls nobody.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use tokio::net::TcpListener;

use super::gateway::Stats;
use super::gateway_serve::{json, on_loopback};
use super::gateway_wire as wire;
use super::residents::hash;

const SHARDS: usize = 64;
const HEAD: &[u8] = b"{\"sid\":\"SM";
const TAIL: &[u8] = b"\",\"status\":\"queued\",\"num_segments\":\"1\",\"error_code\":null}";

/// The counters.
pub struct Sink {
    authorization: String,
    path: String,
    /// Hash of number and text → how often; spread, so that no lock is ever waited for long.
    seen: Vec<Mutex<HashMap<u64, u32>>>,
    serial: AtomicU64,
    refused: AtomicU64,
}

impl Sink {
    pub fn new(account_sid: &str, auth_token: &str) -> Sink {
        Sink {
            authorization: wire::basic(account_sid, auth_token),
            path: format!("/2010-04-01/Accounts/{account_sid}/Messages.json"),
            seen: (0..SHARDS).map(|_| Mutex::default()).collect(),
            serial: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<u64, u32>>> {
        self.seen.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts one form; gives the body of the answer, or none where number or text are missing.
    fn take(&self, form: &[u8]) -> Option<Bytes> {
        let (mut to, mut text) = (None, None);
        for field in form.split(|byte| *byte == b'&') {
            if let Some(value) = field.strip_prefix(b"To=") {
                to = Some(value);
            } else if let Some(value) = field.strip_prefix(b"Body=") {
                text = Some(value);
            }
        }
        let pair = hash(text?, hash(to?, 0x51c4));
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let shard = self.seen.get(pair as usize % SHARDS)?;
        *shard.lock().unwrap_or_else(PoisonError::into_inner).entry(pair).or_default() += 1;
        let mut answer = Vec::with_capacity(HEAD.len() + 32 + TAIL.len());
        answer.extend_from_slice(HEAD);
        for half in [pair, serial] {
            for shift in (0..16).rev() {
                answer.push(b"0123456789abcdef"[(half >> (shift * 4)) as usize & 15]);
            }
        }
        answer.extend_from_slice(TAIL);
        Some(Bytes::from(answer))
    }

    /// Counts since the last reset.
    pub fn stats(&self) -> Stats {
        let (mut taken, mut distinct) = (0, 0);
        for shard in self.shards() {
            distinct += shard.len() as u64;
            taken += shard.values().map(|times| u64::from(*times)).sum::<u64>();
        }
        Stats {
            taken,
            distinct,
            duplicates: taken - distinct,
            refused: self.refused.load(Ordering::Relaxed),
            ..Stats::default()
        }
    }

    pub fn reset(&self) {
        self.shards().for_each(|mut shard| shard.clear());
        self.refused.store(0, Ordering::Relaxed);
    }
}

/// Serves until `stop`, on loopback only; `/practice/stats` and `/practice/reset` as the gateway.
pub async fn serve_sink(
    listener: TcpListener,
    sink: Arc<Sink>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    on_loopback(&listener)?;
    let routes = Router::new()
        .route(
            "/practice/stats",
            get(|State(sink): State<Arc<Sink>>| async move { json(&sink.stats()) }),
        )
        .route(
            "/practice/reset",
            post(|State(sink): State<Arc<Sink>>| async move {
                sink.reset();
                StatusCode::NO_CONTENT
            }),
        )
        .fallback(take)
        .with_state(sink);
    let listener = listener.tap_io(|stream| {
        // Only speed is lost where it cannot be set.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes).with_graceful_shutdown(stop).await
}

async fn take(State(sink): State<Arc<Sink>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let refuse = |status: StatusCode| {
        sink.refused.fetch_add(1, Ordering::Relaxed);
        status.into_response()
    };
    if parts.uri.path() != sink.path {
        return refuse(StatusCode::NOT_FOUND);
    }
    let given = parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    if given != Some(sink.authorization.as_bytes()) {
        return refuse(StatusCode::UNAUTHORIZED);
    }
    let Ok(form) = axum::body::to_bytes(body, wire::FORM_LIMIT).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let Some(answer) = sink.take(&form) else {
        return refuse(StatusCode::BAD_REQUEST);
    };
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = StatusCode::CREATED;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_to_the_same_number_is_a_duplicate() {
        let sink = Sink::new("AC1", "token");
        for form in [
            "From=1&StatusCallback=a&To=%2B8619900000001&Body=%E6%B0%B4",
            "From=1&StatusCallback=b&To=%2B8619900000001&Body=%E6%B0%B4",
            "From=1&StatusCallback=a&To=%2B8619900000001&Body=%E7%81%AB",
            "From=1&StatusCallback=a&To=%2B8619900000002&Body=%E6%B0%B4",
        ] {
            let answer = sink.take(form.as_bytes()).unwrap();
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(answer["sid"].as_str().unwrap().len(), 34);
            assert_eq!(answer["status"], "queued");
        }
        assert_eq!(sink.take(b"From=1&Body=1"), None);
        let stats = sink.stats();
        assert_eq!((stats.taken, stats.distinct, stats.duplicates), (4, 3, 1));
        sink.reset();
        assert_eq!(sink.stats(), Stats::default());
    }
}
