//! Callbacks over real HTTP: forged, too large, replayed, with U+0000, in groups. The gateway's
//! own simulation signs them; what is kept is read from the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tongluo::channel::Transport;
use tongluo::channel::http::{HttpLimits, HttpTransport};
use tongluo::engine::pump::Pulse;
use tongluo::web::{self, Patience, WebSettings};

use crate::plant::{HOME, home_number};
use crate::town::{Setup, Town, on_both};

struct Server {
    base: String,
    client: Arc<HttpTransport>,
    end: watch::Sender<bool>,
    pulse: Arc<Pulse>,
}

impl Server {
    async fn open(town: &Town) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (end, stop) = watch::channel(false);
        let pulse = Arc::new(Pulse::default());
        let routes = web::routes(town.engine.clone(), pulse.clone(), WebSettings::default(), &stop);
        let routes = routes.unwrap();
        let mut stop = stop.clone();
        tokio::spawn(web::serve(listener, routes, Patience::default(), async move {
            let _ = stop.wait_for(|stop| *stop).await;
        }));
        let client = Arc::new(HttpTransport::new(HttpLimits::default(), Vec::new()).unwrap());
        Server { base, client, end, pulse }
    }

    async fn call(&self, mut request: Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path_and_query().unwrap().to_string();
        *request.uri_mut() = format!("{}{path}", self.base).parse().unwrap();
        self.client.call(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response<Bytes> {
        let uri = format!("{}{path}", self.base);
        let request = Request::get(uri).body(Bytes::new()).unwrap();
        self.client.call(request).await.unwrap()
    }
}

/// The signed callbacks of replies, as the gateway would bring them.
fn replies(town: &Town, texts: &[(&str, &str)]) -> Vec<Request<Bytes>> {
    town.sim.due(town.now());
    for (from, text) in texts {
        town.sim.write_in(town.now(), from, text);
    }
    town.sim.due(town.now())
}

fn again(request: &Request<Bytes>) -> Request<Bytes> {
    let mut copy = Request::new(request.body().clone());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

#[tokio::test]
async fn a_process_whose_clock_disagrees_is_not_ready() {
    on_both(Setup::default(), async |town| {
        let server = Server::open(&town).await;
        assert_eq!(server.get("/readyz").await.status(), StatusCode::OK);
        server.pulse.hold.store(true, Ordering::Relaxed);
        let red = server.get("/readyz").await;
        assert_eq!(red.status(), StatusCode::SERVICE_UNAVAILABLE);
        let said = String::from_utf8(red.body().to_vec()).unwrap();
        assert!(said.contains("off by more than 2 s"), "{said}");
        server.end.send(true).unwrap();
        town
    })
    .await;
}

#[tokio::test]
async fn only_the_gateway_is_heard() {
    on_both(Setup::default(), async |town| {
        let server = Server::open(&town).await;
        let (_, alert) = town.flood_order().await;
        town.settle().await;
        town.seconds(70).await;
        let home = home_number(HOME + 2);
        let hook = replies(&town, &[(&home, "收到")]).remove(0);

        let mut forged = again(&hook);
        *forged.body_mut() = Bytes::from([hook.body(), &b"&x=1"[..]].concat());
        assert_eq!(server.call(forged).await.status(), StatusCode::FORBIDDEN);
        let mut unsigned = again(&hook);
        unsigned.headers_mut().clear();
        assert_eq!(server.call(unsigned).await.status(), StatusCode::FORBIDDEN);
        let mut large = again(&hook);
        *large.body_mut() = Bytes::from(vec![b'a'; 1 << 20]);
        let status = server.call(large).await.status();
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        let mut elsewhere = again(&hook);
        *elsewhere.uri_mut() = "http://x/hooks/nobody".parse().unwrap();
        assert_eq!(server.call(elsewhere).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(town.custody(alert).await.heard, 0);

        let taken = server.call(again(&hook)).await;
        assert_eq!(taken.status(), StatusCode::OK);
        assert!(String::from_utf8_lossy(taken.body()).contains("Response"));
        let heard = town.custody(alert).await;
        assert_eq!(heard.heard, 1);
        let replayed = server.call(hook).await;
        assert_eq!(replayed.status(), StatusCode::OK);
        assert_eq!(town.custody(alert).await, heard);
        server.end.send(true).unwrap();
        town
    })
    .await;
}

#[tokio::test]
async fn a_poison_text_does_not_keep_its_group_from_being_heard() {
    on_both(Setup::default(), async |town| {
        let server = Server::open(&town).await;
        let (_, alert) = town.flood_order().await;
        town.settle().await;
        town.seconds(70).await;
        let numbers: Vec<String> = (1..=8).map(|n| home_number(HOME + n)).collect();
        let mut texts: Vec<(&str, &str)> = numbers.iter().map(|n| (n.as_str(), "收到")).collect();
        texts[3].1 = "救命\0水进屋了";
        texts[5].1 = "";
        let hooks = replies(&town, &texts);
        assert_eq!(hooks.len(), 8);
        let calls = hooks.into_iter().map(|hook| server.call(hook));
        for answer in futures_util::future::join_all(calls).await {
            assert_eq!(answer.status(), StatusCode::OK);
        }
        let custody = town.custody(alert).await;
        assert_eq!(custody.help, 1, "{custody:?}");
        assert_eq!(custody.heard, 7, "{custody:?}");
        server.end.send(true).unwrap();
        town
    })
    .await;
}

#[tokio::test]
async fn a_watchdog_is_told_how_it_is() {
    on_both(Setup::default(), async |town| {
        let server = Server::open(&town).await;
        assert_eq!(server.get("/healthz").await.body().as_ref(), b"ok\n");
        let ready = server.get("/readyz").await;
        assert_eq!(ready.status(), StatusCode::OK);
        let shown: serde_json::Value = serde_json::from_slice(ready.body()).unwrap();
        assert_eq!(shown["ready"], true);
        assert_eq!(shown["direct_mode"], false);
        assert_eq!(shown["store"], "ok");
        assert_eq!(server.get("/hooks/practice").await.status(), 403, "a look is not a callback");
        server.end.send(true).unwrap();
        town
    })
    .await;
}
