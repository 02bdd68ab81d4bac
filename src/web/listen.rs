//! Connections: how many are open, how long a client may take to say what it wants, to send what
//! it promised, to take what it asked for. An answer that is streamed lasts as long as its reader
//! goes on reading. It knows no route and opens no page.
#![expect(clippy::disallowed_methods, reason = "a client is waited for in machine time")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Sleep;

use crate::base::limits::{
    BODY_READ_MS, CONNECTION_BUFFER_BYTES, CONNECTIONS, CONNECTIONS_SOURCE, HEAD_READ_MS,
    WRITE_STALL_MS,
};

/// What the process waits for when it can't take another connection for want of descriptors.
const NO_DESCRIPTOR_MS: u64 = 1_000;

/// How long, and how many at once.
#[derive(Debug, Clone)]
pub struct Patience {
    /// Open connections; who comes then waits until one closes.
    pub connections: usize,
    /// Open connections of one address; who comes then is turned away.
    pub of_source: usize,
    /// Our proxies: they speak for many and are not counted by address.
    pub proxies: Vec<IpAddr>,
    /// For the head of a request, and for the next one on a connection that is kept.
    pub head: Duration,
    /// For the whole body of a request.
    pub body: Duration,
    /// For a reader who takes nothing of what waits for him.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            connections: CONNECTIONS,
            of_source: CONNECTIONS_SOURCE,
            proxies: Vec::new(),
            head: Duration::from_millis(HEAD_READ_MS),
            body: Duration::from_millis(BODY_READ_MS),
            write: Duration::from_millis(WRITE_STALL_MS),
        }
    }
}

/// Serves until `done`, then takes nothing new and finishes the requests it has. A connection that
/// can't be taken is logged, and the next one is.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    patience: Patience,
    done: impl Future<Output = ()> + Send + 'static,
) {
    let seats = Arc::new(Semaphore::new(patience.connections));
    let sources = Sources::default();
    let (end, stop) = watch::channel(false);
    let mut open = JoinSet::new();
    let mut done = pin!(done);
    loop {
        let (seat, stream, peer) = tokio::select! {
            biased;
            () = &mut done => break,
            taken = take(&listener, &seats) => taken,
        };
        while open.try_join_next().is_some() {}
        let Some(place) = sources.place(peer.ip(), &patience) else {
            tracing::debug!("an address has too many connections: one more was turned away");
            continue;
        };
        let kept = keep(stream, peer, routes.clone(), patience.clone(), stop.clone());
        open.spawn(async move {
            kept.await;
            drop((seat, place));
        });
    }
    drop(listener);
    let _ = end.send(true);
    while open.join_next().await.is_some() {}
}

/// The next connection, once there is room for it.
async fn take(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
) -> (Option<OwnedSemaphorePermit>, TcpStream, SocketAddr) {
    // Never closed: there is always a seat in the end.
    let seat = seats.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Only speed is lost where it cannot be set.
                let _ = stream.set_nodelay(true);
                return (seat, stream, peer);
            }
            Err(fault) if is_of_one(&fault) => {}
            Err(fault) => {
                tracing::error!(%fault, "no connection can be taken");
                tokio::time::sleep(Duration::from_millis(NO_DESCRIPTOR_MS)).await;
            }
        }
    }
}

/// Whether only this connection is lost.
fn is_of_one(fault: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(fault.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// One connection, until it is over.
async fn keep(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    patience: Patience,
    mut stop: watch::Receiver<bool>,
) {
    let routes = TowerToHyperService::new(routes);
    let within = patience.body;
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(|body| timely(body, within));
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = routes.call(request);
        async move { answer.await as Result<Response<Body>, Infallible> }
    });
    let io = TokioIo::new(Flowing { stream, within: patience.write, stalled: None });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_buf_size(CONNECTION_BUFFER_BYTES);
    let mut connection = pin!(http.serve_connection(io, service));
    tokio::select! {
        ended = &mut connection => return note(ended),
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    note(connection.await);
}

/// A client that vanished or was too slow is its own affair.
fn note(ended: Result<(), hyper::Error>) {
    if let Err(fault) = ended {
        tracing::debug!(%fault, "a connection ended");
    }
}

/// The body of a request, which is whole in time or fails.
fn timely(body: Incoming, within: Duration) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    let parts = Body::new(body).into_data_stream();
    let late = Box::pin(tokio::time::sleep(within));
    Body::from_stream(stream::unfold(Some((parts, late)), |going| async move {
        let (mut parts, mut late) = going?;
        tokio::select! {
            biased;
            () = &mut late => {
                let fault = io::Error::new(io::ErrorKind::TimedOut, "the body came too slowly");
                Some((Err(fault), None))
            }
            part = parts.next() => match part? {
                Ok(part) => Some((Ok(part), Some((parts, late)))),
                Err(fault) => Some((Err(io::Error::other(fault)), None)),
            },
        }
    }))
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    TooSlow,
}

/// A body of at most so many bytes.
pub(super) async fn read(body: Body, most: usize) -> Result<Bytes, Unread> {
    let fault = match axum::body::to_bytes(body, most).await {
        Ok(body) => return Ok(body),
        Err(fault) => fault,
    };
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&fault);
    while let Some(here) = cause {
        let slow = here.downcast_ref::<io::Error>();
        if slow.is_some_and(|fault| fault.kind() == io::ErrorKind::TimedOut) {
            return Err(Unread::TooSlow);
        }
        cause = here.source();
    }
    Err(Unread::TooLarge)
}

/// Open connections by address.
#[derive(Clone, Default)]
struct Sources(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of them, counted until it is dropped.
struct Place(Option<(Sources, IpAddr)>);

impl Sources {
    fn place(&self, ip: IpAddr, patience: &Patience) -> Option<Place> {
        let ip = ip.to_canonical();
        if patience.proxies.contains(&ip) {
            return Some(Place(None));
        }
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.entry(ip).or_default();
        if *own >= patience.of_source {
            return None;
        }
        *own += 1;
        Some(Place(Some((self.clone(), ip))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((sources, ip)) = &self.0 else {
            return;
        };
        let mut open = sources.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(ip) {
            *own -= 1;
            if *own == 0 {
                open.remove(ip);
            }
        }
    }
}

/// A stream that fails when what is written to it has not moved for so long.
struct Flowing {
    stream: TcpStream,
    within: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Flowing {
    /// What a write has come to: a time-out where it has waited for too long.
    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let within = self.within;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the reader takes nothing")))
    }
}

impl AsyncRead for Flowing {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Flowing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
