//! A practice centre as a process of its own: the session protocol on one port of loopback, and on
//! another a few pages under `/practice` to look at it, to steer it and to write as a resident. All
//! deciding is the centre's.

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::center::{CenterHandle, CenterVices};
use super::gateway_serve::{json, on_loopback};

/// A centre and the number that residents answer.
pub struct Desk {
    pub center: CenterHandle,
    pub number: String,
}

/// Serves the pages until `stop`, on loopback only.
pub async fn serve(
    pages: TcpListener,
    desk: Desk,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    on_loopback(&pages)?;
    let routes = Router::new()
        .route("/practice/stats", get(stats))
        .route("/practice/inbound", post(write_in))
        .route("/practice/vices", get(show_vices).put(set_vices))
        .with_state(Arc::new(desk));
    axum::serve(pages, routes).with_graceful_shutdown(stop).await
}

async fn stats(State(desk): State<Arc<Desk>>) -> Response {
    let (submits, unanswered_most) = desk.center.submits();
    let (kept, refused, owed) = desk.center.deliveries();
    json(&json!({
        "binds": desk.center.binds(), "submits": submits, "unanswered_most": unanswered_most,
        "arrived": desk.center.arrived().len(),
        "deliveries": {"kept": kept, "refused": refused, "owed": owed},
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    from: String,
    text: String,
}

/// Somebody writes: `{"from": "+86…", "text": "水进屋了"}`.
async fn write_in(State(desk): State<Arc<Desk>>, body: Bytes) -> Response {
    match serde_json::from_slice::<Written>(&body) {
        Ok(written) => {
            let from = written.from.trim_start_matches('+');
            desk.center.write_in(from, &desk.number, &written.text);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(why) => (StatusCode::BAD_REQUEST, why.to_string()).into_response(),
    }
}

async fn show_vices(State(desk): State<Arc<Desk>>) -> Response {
    json(&desk.center.vices())
}

async fn set_vices(State(desk): State<Arc<Desk>>, body: Bytes) -> Response {
    match serde_json::from_slice::<CenterVices>(&body) {
        Ok(vices) => {
            desk.center.turn(vices);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(why) => (StatusCode::BAD_REQUEST, why.to_string()).into_response(),
    }
}
