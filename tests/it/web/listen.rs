//! Slow, greedy and vanished clients on real sockets: none of them holds up the others, and what
//! is streamed to a reader or in flight at the end is not cut off.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tongluo::web::{self, Patience};

use super::Faces;
use crate::town::{Setup, on_both};

/// Only a failure takes so long.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

struct Host {
    address: SocketAddr,
    end: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Host {
    async fn open(routes: Router, patience: Patience) -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, mut stop) = watch::channel(false);
        let served = tokio::spawn(web::serve(listener, routes, patience, async move {
            let _ = stop.wait_for(|stop| *stop).await;
        }));
        Host { address, end, served }
    }

    /// A client that has said this so far.
    fn client(&self, said: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        stream
    }
}

/// Everything that comes until the other side closes.
async fn rest(mut stream: TcpStream) -> String {
    let read = spawn_blocking(move || {
        let mut all = Vec::new();
        match stream.read_to_end(&mut all) {
            Ok(_) => {}
            // What was still on its way to it is answered with a reset.
            Err(fault) => assert_eq!(fault.kind(), std::io::ErrorKind::ConnectionReset),
        }
        String::from_utf8(all).unwrap()
    });
    read.await.unwrap()
}

/// One whole answer of a connection that stays open: it ends with this.
async fn answer(mut stream: TcpStream, end: &'static str) -> (TcpStream, String) {
    let read = spawn_blocking(move || {
        let (mut all, mut part) = (Vec::new(), [0; 1024]);
        while !all.ends_with(end.as_bytes()) {
            let taken = stream.read(&mut part).unwrap();
            assert!(taken > 0, "closed after {:?}", String::from_utf8_lossy(&all));
            all.extend_from_slice(&part[..taken]);
        }
        (stream, String::from_utf8(all).unwrap())
    });
    read.await.unwrap()
}

fn plain() -> Router {
    Router::new().route("/", get(|| async { "here" }))
}

const ASK: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";
const ASK_ONCE: &str = "GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn heads_that_never_end_are_cut_off_and_hold_nobody_up() {
    let patience = Patience { connections: 3, head: SHORT, ..Patience::default() };
    let host = Host::open(plain(), patience).await;
    let slow: Vec<JoinHandle<()>> = (0..3)
        .map(|_| {
            let mut stream = host.client("GET / HTTP/1.1\r\nhost: here\r\nx-slow: ");
            spawn_blocking(move || {
                let mut came = [0; 64];
                stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                // A letter now and then, as long as anybody takes it.
                while stream.write_all(b"a").is_ok() {
                    match stream.read(&mut came) {
                        Ok(0) => return,
                        Ok(_) => panic!("a head without an end was answered"),
                        Err(_) => {}
                    }
                }
            })
        })
        .collect();
    // All places are taken: he waits until one is free, and no longer.
    let fine = rest(host.client(ASK_ONCE)).await;
    assert!(fine.starts_with("HTTP/1.1 200") && fine.ends_with("here"), "{fine}");
    for one in slow {
        tokio::time::timeout(LONG, one).await.expect("they are cut off").unwrap();
    }
}

#[tokio::test]
async fn a_kept_connection_serves_on_and_is_closed_when_nothing_is_asked() {
    let host = Host::open(plain(), Patience { head: 3 * SHORT, ..Patience::default() }).await;
    let (stream, first) = answer(host.client(ASK), "here").await;
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    (&stream).write_all(ASK.as_bytes()).unwrap();
    let (stream, second) = answer(stream, "here").await;
    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
    assert_eq!(rest(stream).await, "");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_and_its_connection_closed() {
    on_both(Setup::default(), async |town| {
        let faces = Faces::open(&town);
        let patience = Patience { body: SHORT, ..Patience::default() };
        let host = Host::open(faces.routes.clone(), patience).await;
        let ask = |path: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nhost: here\r\ncontent-length: 1000\r\n\
                 content-type: application/x-www-form-urlencoded\r\n\r\nname="
            )
        };
        let page = rest(host.client(&ask("/login"))).await;
        assert!(page.starts_with("HTTP/1.1 408") && page.contains("没有收全"), "{page}");
        let hook = rest(host.client(&ask("/hooks/practice"))).await;
        assert!(hook.starts_with("HTTP/1.1 408"), "{hook}");
        let health = "GET /healthz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
        let fine = rest(host.client(health)).await;
        assert!(fine.starts_with("HTTP/1.1 200"), "{fine}");
        town
    })
    .await;
}

#[tokio::test]
async fn an_address_with_too_many_connections_is_turned_away_but_a_proxy_is_not() {
    let host = Host::open(plain(), Patience { of_source: 2, ..Patience::default() }).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        kept.push(answer(host.client(ASK), "here").await.0);
    }
    assert_eq!(rest(TcpStream::connect(host.address).unwrap()).await, "");
    // Who goes makes room.
    drop(kept.pop());
    let again = async {
        loop {
            let stream = TcpStream::connect(host.address).unwrap();
            let _ = (&stream).write_all(ASK_ONCE.as_bytes());
            let said = rest(stream).await;
            if !said.is_empty() {
                return said;
            }
        }
    };
    let said = tokio::time::timeout(LONG, again).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");

    let proxies = vec![host.address.ip()];
    let patience = Patience { of_source: 2, proxies, ..Patience::default() };
    let host = Host::open(plain(), patience).await;
    let mut kept = Vec::new();
    for _ in 0..5 {
        kept.push(answer(host.client(ASK), "here").await.0);
    }
}

#[tokio::test]
async fn what_is_streamed_to_a_reader_outlives_every_time_out() {
    const PARTS: u64 = 12;
    let streamed = || async {
        Body::from_stream(stream::unfold(0, |n| async move {
            let _ = tokio::time::timeout(SHORT / 3, std::future::pending::<()>()).await;
            (n < PARTS).then(|| (Ok::<_, std::io::Error>(format!("part {n};")), n + 1))
        }))
    };
    let routes = Router::new().route("/", get(streamed));
    let patience = Patience { head: SHORT, body: SHORT, write: SHORT, ..Patience::default() };
    let host = Host::open(routes, patience).await;
    let said = rest(host.client(ASK_ONCE)).await;
    for n in 0..PARTS {
        assert!(said.contains(&format!("part {n};")), "{said}");
    }
    assert!(said.ends_with("0\r\n\r\n"), "it was whole: {said}");
}

#[tokio::test]
async fn a_reader_who_takes_nothing_is_cut_off() {
    // Held by the answer: closed when the answer is dropped.
    let (held, mut dropped) = watch::channel(());
    let held = Arc::new(std::sync::Mutex::new(Some(held)));
    let endless = move || {
        let held = held.lock().unwrap().take();
        async move {
            let part = Bytes::from(vec![b'x'; 64 * 1024]);
            Body::from_stream(stream::unfold((held, part), |(held, part)| async move {
                Some((Ok::<_, std::io::Error>(part.clone()), (held, part)))
            }))
        }
    };
    let routes = Router::new().route("/", get(endless));
    let host = Host::open(routes, Patience { write: SHORT, ..Patience::default() }).await;
    let silent = host.client(ASK);
    let gone = tokio::time::timeout(LONG, dropped.changed()).await;
    assert!(gone.expect("the answer is given up").is_err());
    drop(silent);
}

#[tokio::test]
async fn the_end_takes_nothing_new_and_finishes_what_is_in_flight() {
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (arrived, leave) = (came.clone(), go.clone());
    let slow = move || {
        let (came, go) = (came.clone(), go.clone());
        async move {
            came.notify_one();
            go.notified().await;
            "done"
        }
    };
    let host = Host::open(plain().route("/slow", get(slow)), Patience::default()).await;
    let (idle, _) = answer(host.client(ASK), "here").await;
    let flying = host.client("GET /slow HTTP/1.1\r\nhost: here\r\n\r\n");
    arrived.notified().await;
    host.end.send(true).unwrap();
    assert_eq!(rest(idle).await, "", "an idle one is closed at once");
    let address = host.address;
    let refused = spawn_blocking(move || {
        while TcpStream::connect(address).is_ok() {
            std::thread::yield_now();
        }
    });
    tokio::time::timeout(LONG, refused).await.expect("nothing new is taken").unwrap();
    assert!(!host.served.is_finished(), "it waits for what is in flight");
    leave.notify_one();
    let said = rest(flying).await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("done"), "{said}");
    tokio::time::timeout(LONG, host.served).await.unwrap().unwrap();
}
