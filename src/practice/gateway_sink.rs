//! A gateway that only takes: for measuring, it answers every send at once and counts, in Twilio's
//! shape or in Aliyun's. It looks at no more of a message than it must (account, number, text), has
//! no vices, and calls nobody but, where it is to send receipts, its customer's hook.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::aliyun;
use super::gateway::Stats;
use super::gateway_serve::{json, on_loopback};
use super::gateway_wire as wire;
use super::residents::hash;
use crate::channel::Transport;

const SHARDS: usize = 64;
const HEAD: &[u8] = b"{\"sid\":\"SM";
const TAIL: &[u8] = b"\",\"status\":\"queued\",\"num_segments\":\"1\",\"error_code\":null}";

/// Receipts under way at once.
const RECEIPTS_OPEN: usize = 128;
/// Tries of one receipt that its customer does not take.
const RECEIPT_TRIES: u32 = 100;

/// Where a sink's receipts go.
pub struct Receipts {
    /// Our `/hooks/{provider}`, with its key.
    pub hook_url: String,
    pub transport: Arc<dyn Transport>,
}

type Pushed = http::Request<Bytes>;

/// The counters.
pub struct Sink {
    account: String,
    token: String,
    authorization: String,
    path: String,
    /// The hook, and what is still to be told there.
    receipts: OnceLock<(String, mpsc::UnboundedSender<Pushed>)>,
    /// Hash of number and text → how often; spread, so that no lock is ever waited for long.
    seen: Vec<Mutex<HashMap<u64, u32>>>,
    serial: AtomicU64,
    refused: AtomicU64,
}

impl Sink {
    pub fn new(account_sid: &str, auth_token: &str) -> Sink {
        Sink {
            account: account_sid.to_owned(),
            token: auth_token.to_owned(),
            receipts: OnceLock::new(),
            authorization: wire::basic(account_sid, auth_token),
            path: format!("/2010-04-01/Accounts/{account_sid}/Messages.json"),
            seen: (0..SHARDS).map(|_| Mutex::default()).collect(),
            serial: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Whether the account is named by which the sink was begun.
    fn admits(&self, headers: &HeaderMap, aliyun: bool) -> bool {
        if aliyun {
            return aliyun::is_of(headers, &self.account);
        }
        let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        given == Some(self.authorization.as_bytes())
    }

    fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<u64, u32>>> {
        self.seen.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts one message; gives its serial number.
    fn count(&self, to: &[u8], text: &[u8]) -> (u64, u64) {
        let pair = hash(text, hash(to, 0x51c4));
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        if let Some(shard) = self.seen.get(pair as usize % SHARDS) {
            let mut seen = shard.lock().unwrap_or_else(PoisonError::into_inner);
            *seen.entry(pair).or_default() += 1;
        }
        (pair, serial)
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
        let (pair, serial) = self.count(to?, text?);
        let mut answer = Vec::with_capacity(HEAD.len() + 32 + TAIL.len());
        answer.extend_from_slice(HEAD);
        for half in [pair, serial] {
            for shift in (0..16).rev() {
                answer.push(b"0123456789abcdef"[(half >> (shift * 4)) as usize & 15]);
            }
        }
        answer.extend_from_slice(TAIL);
        if let Some((hook, owed)) = self.receipts.get() {
            // The sid stands behind the head, with its two letters.
            let sid = String::from_utf8_lossy(answer.get(HEAD.len() - 2..HEAD.len() + 32)?);
            if let Some(pushed) = self.receipt(hook, form, &sid) {
                let _ = owed.send(pushed);
            }
        }
        Some(Bytes::from(answer))
    }

    /// Tells that the message of this form was delivered.
    fn receipt(&self, hook: &str, form: &[u8], sid: &str) -> Option<Pushed> {
        let asked = wire::read(form).ok()?;
        let url = asked.callback.filter(|url| wire::origin(url) == wire::origin(hook))?;
        let fields = [
            ("MessageSid", sid.to_owned()),
            ("MessageStatus", "delivered".to_owned()),
            ("To", asked.to),
            ("AccountSid", self.account.clone()),
        ];
        wire::callback(&self.token, &url, &fields)
    }

    /// Counts a call in Aliyun's shape; gives the body of the answer.
    fn take_aliyun(&self, action: &[u8], query: &[u8], form: &[u8]) -> Option<Bytes> {
        let call = aliyun::read(action, query, form)?;
        let mut last = 0;
        for (phone, values) in &call.messages {
            (_, last) = self.count(phone.as_bytes(), values.as_bytes());
        }
        let biz_id = aliyun::biz_id(last);
        if let Some((hook, owed)) = self.receipts.get()
            && let Some(pushed) = aliyun::reports(hook, &call, &biz_id)
        {
            let _ = owed.send(pushed);
        }
        Some(aliyun::taken(&biz_id))
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
/// With `receipts`, every message that is taken is told of at once.
pub async fn serve_sink(
    listener: TcpListener,
    sink: Arc<Sink>,
    receipts: Option<Receipts>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    on_loopback(&listener)?;
    if let Some(Receipts { hook_url, transport }) = receipts {
        let (owed, waiting) = mpsc::unbounded_channel();
        if sink.receipts.set((hook_url, owed)).is_ok() {
            tokio::spawn(push(waiting, transport));
        }
    }
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

/// Carries receipts until there are no more; one that is not taken is given again.
async fn push(waiting: mpsc::UnboundedReceiver<Pushed>, transport: Arc<dyn Transport>) {
    let next = |mut waiting: mpsc::UnboundedReceiver<Pushed>| async move {
        waiting.recv().await.map(|pushed| (pushed, waiting))
    };
    let (all, transport) = (stream::unfold(waiting, next), &transport);
    all.for_each_concurrent(RECEIPTS_OPEN, |pushed| async move {
        for _ in 0..RECEIPT_TRIES {
            match transport.call(pushed.clone()).await {
                Ok(answer) if answer.status().is_success() => return,
                Ok(_) | Err(_) => tokio::task::yield_now().await,
            }
        }
        tracing::warn!("a receipt was given up");
    })
    .await;
}

async fn take(State(sink): State<Arc<Sink>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let refuse = |status: StatusCode| {
        sink.refused.fetch_add(1, Ordering::Relaxed);
        status.into_response()
    };
    let action = parts.headers.get(aliyun::ACTION).map(HeaderValue::as_bytes);
    if action.is_none() && parts.uri.path() != sink.path {
        return refuse(StatusCode::NOT_FOUND);
    }
    if !sink.admits(&parts.headers, action.is_some()) {
        return refuse(StatusCode::UNAUTHORIZED);
    }
    let Ok(form) = axum::body::to_bytes(body, wire::FORM_LIMIT).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let (answer, status) = match action {
        Some(action) => (sink.take_aliyun(action, query, &form), StatusCode::OK),
        None => (sink.take(&form), StatusCode::CREATED),
    };
    let Some(answer) = answer else {
        return refuse(StatusCode::BAD_REQUEST);
    };
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = status;
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
