//! `/hooks/{provider}`, POST or (Kannel) GET: the raw bytes to the engine's inbox, and its answer
//! back. The signature is judged over these bytes and the query, so nothing here parses them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Face;
use super::listen::{self, Unread};
use crate::base::limits::HOOK_BODY_BYTES;

pub(super) async fn take(
    State(face): State<Arc<Face>>,
    Path(provider): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = match listen::read(body, HOOK_BODY_BYTES).await {
        Ok(body) => body,
        Err(Unread::TooLarge) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(Unread::TooSlow) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let request = axum::http::Request::from_parts(parts, body);
    face.inbox.take(&provider, &request).await.map(Body::from)
}
