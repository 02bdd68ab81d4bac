//! `GET /alerts/{uid}/events`: says "changed" to whoever watches a board, and nothing else: no
//! figure, no name. One watcher a process and alert asks the store; a stream ends with its session
//! and with the process. What has changed is fetched as a page, with the rights of that moment.
#![expect(clippy::disallowed_methods, reason = "a browser is told in machine time")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;

use super::Face;
use super::pages::{PageFault, PageResult, Signed};
use crate::base::limits::{WATCH_BEAT_MS, WATCH_MOST_MS, WATCH_MS, WATCHERS, WATCHERS_ACCOUNT};
use crate::engine::{Engine, EngineFault};

/// Between a change and the word of it: what changes meanwhile is the same change.
const TOGETHER_MS: u64 = 1_000;
const HELLO: &str = "retry: 5000\n\nevent: hello\ndata: hello\n\n";
const CHANGED: &str = "event: changed\ndata: changed\n\n";
const BEAT: &str = ": still here\n\n";
/// The browser is not to come back by itself: the page says what to do.
const ENDED: &str = "event: ended\ndata: ended\n\n";

#[derive(Default)]
struct Inner {
    /// By alert: the sender whose value counts its changes.
    watched: HashMap<i64, watch::Sender<u64>>,
    /// Open streams by account.
    streams: HashMap<i64, usize>,
}

/// Who watches what in this process.
#[derive(Clone)]
pub(super) struct Watchers {
    inner: Arc<Mutex<Inner>>,
    stop: watch::Receiver<bool>,
}

/// One open stream, counted until it is dropped.
struct Seat {
    watchers: Watchers,
    account: i64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.watchers.lock();
        if let Some(open) = inner.streams.get_mut(&self.account) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                inner.streams.remove(&self.account);
            }
        }
    }
}

impl Watchers {
    pub(super) fn new(stop: &watch::Receiver<bool>) -> Watchers {
        Watchers { inner: Arc::default(), stop: stop.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more stream. None: there are too many.
    fn seat(&self, account: i64) -> Option<Seat> {
        let mut inner = self.lock();
        let all: usize = inner.streams.values().sum();
        let own = inner.streams.entry(account).or_default();
        if all >= WATCHERS || *own >= WATCHERS_ACCOUNT {
            return None;
        }
        *own += 1;
        drop(inner);
        Some(Seat { watchers: self.clone(), account })
    }

    /// The changes of an alert from now on; its watcher begins with the first who asks.
    fn changes(&self, engine: &Arc<Engine>, alert: i64) -> watch::Receiver<u64> {
        let mut inner = self.lock();
        if let Some(sender) = inner.watched.get(&alert) {
            return sender.subscribe();
        }
        let (sender, changes) = watch::channel(0);
        inner.watched.insert(alert, sender);
        drop(inner);
        tokio::spawn(self.clone().watch(engine.clone(), alert));
        changes
    }

    /// Asks the store until nobody watches or the process stops.
    async fn watch(mut self, engine: Arc<Engine>, alert: i64) {
        let mut known = None;
        loop {
            match engine.board_mark(alert).await {
                Ok(mark) if known.is_none() => known = Some(mark),
                Ok(mark) if known != Some(mark) => {
                    known = Some(mark);
                    if let Some(sender) = self.lock().watched.get(&alert) {
                        sender.send_modify(|changes| *changes += 1);
                    }
                }
                Ok(_) => {}
                Err(fault) => tracing::warn!(alert, %fault, "a watched board was not looked up"),
            }
            let pause = tokio::time::sleep(Duration::from_millis(WATCH_MS));
            tokio::select! {
                () = pause => {}
                _ = self.stop.wait_for(|stop| *stop) => break,
            }
            let mut inner = self.lock();
            if inner.watched.get(&alert).is_none_or(|sender| sender.receiver_count() == 0) {
                inner.watched.remove(&alert);
                return;
            }
        }
        self.lock().watched.remove(&alert);
    }
}

/// What one stream goes by.
struct Stream {
    face: Arc<Face>,
    changes: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    session: String,
    uid: String,
    until: i64,
    state: Next,
    _seat: Seat,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Hello,
    Wait,
    End,
}

impl Stream {
    /// The next words; none: it is over.
    async fn next(mut self) -> Option<(Result<Bytes, std::convert::Infallible>, Stream)> {
        let say = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
        match self.state {
            Next::Hello => {
                self.state = Next::Wait;
                return Some((say(HELLO), self));
            }
            Next::End => return None,
            Next::Wait => {}
        }
        let beat = tokio::time::sleep(Duration::from_millis(WATCH_BEAT_MS));
        let changed = tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => return None,
            changed = self.changes.changed() => match changed {
                Ok(()) => true,
                Err(_) => return None,
            },
            () = beat => false,
        };
        if self.face.engine.clock.machine_ms() >= self.until {
            return None;
        }
        if !changed {
            if self.is_signed_in().await {
                return Some((say(BEAT), self));
            }
            self.state = Next::End;
            return Some((say(ENDED), self));
        }
        // What changes right after it is told with it.
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(TOGETHER_MS)) => {}
            _ = self.stop.wait_for(|stop| *stop) => return None,
        }
        self.changes.mark_unchanged();
        if self.is_signed_in().await {
            return Some((say(CHANGED), self));
        }
        self.state = Next::End;
        Some((say(ENDED), self))
    }

    /// Whether he is signed in and may still look. A store that does not answer ends nothing.
    async fn is_signed_in(&self) -> bool {
        let look = match self.face.engine.watches(&self.session).await {
            Ok(Some(actor)) => self.face.engine.board(&self.face.boards, &actor, &self.uid).await,
            Ok(None) => return false,
            Err(fault) => Err(fault),
        };
        match look {
            Ok(look) => look.is_some(),
            Err(EngineFault::Denied(_)) => false,
            Err(fault) => {
                tracing::warn!(%fault, "a watcher's rights were not looked up");
                true
            }
        }
    }
}

pub(super) async fn stream(
    State(face): State<Arc<Face>>,
    page: Signed,
    Path(uid): Path<String>,
) -> PageResult {
    let look = page.engine().board(&face.boards, &page.actor, &uid).await?;
    let alert = look.ok_or(PageFault::NotFound)?.alert.id;
    let session = page.session().ok_or(PageFault::Broken)?.to_owned();
    let Some(seat) = face.watchers.seat(page.actor.account_id) else {
        return Err(PageFault::Wait("同时打开的看板太多。页面仍会每半分钟自动刷新。".into()));
    };
    let stream = Stream {
        changes: face.watchers.changes(&face.engine, alert),
        stop: face.watchers.stop.clone(),
        session,
        uid,
        until: face.engine.clock.machine_ms() + WATCH_MOST_MS,
        state: Next::Hello,
        _seat: seat,
        face,
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(stream, Stream::next)));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the nginx kind would keep the words to themselves.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}
