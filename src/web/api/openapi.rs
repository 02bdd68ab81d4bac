//! `GET /api/v1/openapi.json`: the description of this API, as any generator of clients reads it.
//! It is written by hand; a test holds it to the routes, and the routes to it.

use axum::http::header;
use axum::response::IntoResponse;

use super::Answer;

const DOCUMENT: &str = include_str!("../../../templates/api/openapi.json");

pub(super) async fn show() -> Answer {
    Ok(([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response())
}
