//! What a watched board is told: that it has changed, and nothing else; bounded, and no longer than
//! the session.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use http::{Request, StatusCode, header};
use tongluo::domain::access::Role;
use tower::ServiceExt;

use super::{Browser, Faces, account, let_in};
use crate::plant::{HOME, Layout, home_number};
use crate::town::{Setup, on_both};

/// An open stream of events.
struct Stream {
    body: axum::body::BodyDataStream,
    status: StatusCode,
    kind: String,
}

impl Stream {
    async fn open(faces: &Faces, browser: &Browser, path: &str) -> Stream {
        let jar: Vec<String> = browser.jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let request =
            Request::get(path).header("host", "tongluo").header(header::COOKIE, jar.join("; "));
        let answer =
            faces.routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let kind = answer.headers().get(header::CONTENT_TYPE);
        let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
        Stream { status: answer.status(), kind, body: answer.into_body().into_data_stream() }
    }

    /// The next words that are no heartbeat; none: it is over, or silent for so long.
    async fn next(&mut self, seconds: u64) -> Option<String> {
        let words = async {
            loop {
                let words = self.body.next().await?.unwrap();
                let words = String::from_utf8(words.to_vec()).unwrap();
                if !words.starts_with(':') {
                    return Some(words);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(seconds), words).await.unwrap_or(None)
    }
}

fn two_grids() -> Setup {
    Setup { layout: Layout { grids: 2, ..Layout::default() }, ..Setup::default() }
}

#[tokio::test]
async fn an_answer_makes_it_say_changed_and_nothing_more() {
    on_both(two_grids(), async |town| {
        let_in(&town).await;
        account(&town, 11, "凤山查看", &[(Role::Viewer, 2)]).await;
        let faces = Faces::open(&town);
        let (uid, _) = town.flood_order().await;
        town.minutes(2).await;
        let path = format!("/alerts/{uid}/events");
        let (viewer, other) = (faces.signed("凤山查看").await, faces.signed("李签发").await);
        let mut stream = Stream::open(&faces, &viewer, &path).await;
        let mut second = Stream::open(&faces, &other, &path).await;
        assert_eq!((stream.status, &*stream.kind), (StatusCode::OK, "text/event-stream"));
        assert!(stream.next(5).await.unwrap().contains("event: hello"));
        second.next(5).await.unwrap();
        // Nothing happens, nothing is said.
        assert_eq!(stream.next(3).await, None);
        town.says(&home_number(HOME + 2), "水进屋了").await;
        for stream in [&mut stream, &mut second] {
            let said = stream.next(10).await;
            assert_eq!(said.as_deref(), Some("event: changed\ndata: changed\n\n"));
        }
        // Two more answers are one change, and it is told.
        town.says(&home_number(HOME + 4), "1").await;
        town.says(&home_number(HOME + 6), "1").await;
        assert!(stream.next(10).await.is_some_and(|said| said.contains("changed")));
        town
    })
    .await;
}

#[tokio::test]
async fn a_stream_needs_a_right_and_an_account_has_only_so_many() {
    on_both(two_grids(), async |town| {
        let_in(&town).await;
        account(&town, 15, "新来的", &[]).await;
        let faces = Faces::open(&town);
        let (uid, _) = town.flood_order().await;
        let path = format!("/alerts/{uid}/events");
        let nobody = faces.browser();
        assert_eq!(Stream::open(&faces, &nobody, &path).await.status, StatusCode::SEE_OTHER);
        let stranger = faces.signed("新来的").await;
        assert_eq!(Stream::open(&faces, &stranger, &path).await.status, StatusCode::FORBIDDEN);
        let official = faces.signed("李签发").await;
        let mut open = Vec::new();
        for _ in 0..12 {
            open.push(Stream::open(&faces, &official, &path).await);
        }
        assert!(open.iter().all(|stream| stream.status == StatusCode::OK));
        let full = Stream::open(&faces, &official, &path).await;
        assert_eq!(full.status, StatusCode::TOO_MANY_REQUESTS);
        open.pop();
        let again = Stream::open(&faces, &official, &path).await;
        assert_eq!(again.status, StatusCode::OK, "a closed one makes room");
        town.settle().await;
        town
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    on_both(two_grids(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (uid, _) = town.flood_order().await;
        town.settle().await;
        let mut official = faces.signed("李签发").await;
        let path = format!("/alerts/{uid}/events");
        let mut stream = Stream::open(&faces, &official, &path).await;
        stream.next(5).await.unwrap();
        official.submit("/", "/logout", &[]).await;
        assert!(stream.next(20).await.is_some_and(|said| said.contains("event: ended")));
        assert_eq!(stream.next(2).await, None);
        town
    })
    .await;
}
