//! `/api/v1`: the same acts for programs. **To add a call:** a file here with a handler and a route
//! below:
//!
//! ```ignore
//! pub(super) async fn submit(
//!     State(face): State<Arc<Face>>,
//!     bearer: Bearer,
//!     Path(uid): Path<String>,
//!     Sent(form): Sent<OrderForm>,
//! ) -> Answer {
//!     face.engine.submit(bearer.may(Action::SubmitAlert)?, &uid).await?;
//!     give(json!({"alert": uid}))
//! }
//! ```
//!
//! [`Bearer`] is who holds the token of `Authorization: Bearer …`; the actor comes out of it only
//! by [`Bearer::may`], which judges the token's scopes, and the engine judges his rights by place.
//! Cookies count for nothing here, so no other site can use them. Every [`Problem`] is
//! `application/problem+json`.

mod alerts;
mod bearer;
mod board;
mod desk;
mod me;
mod problem;
mod sent;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;

pub(in crate::web) use self::bearer::Bearer;
pub(in crate::web) use self::problem::Problem;

use super::Face;

/// What a handler gives.
pub(in crate::web) type Answer = Result<Response, Problem>;

pub(super) fn routes() -> Router<Arc<Face>> {
    Router::new()
        .route("/me", get(me::show))
        .route("/alerts", post(alerts::draft))
        .route("/alerts/{uid}/board", get(board::show))
        .route("/alerts/{uid}/lists", get(board::lists))
        .route("/desk", get(desk::show))
        .route("/desk/{task}/{act}", post(desk::act))
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(map_response(problem::worded))
}

/// A document.
pub(in crate::web) fn give(document: &Value) -> Answer {
    let json = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::OK, json, format!("{document}\n")).into_response())
}
