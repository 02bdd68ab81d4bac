//! `GET /assets/{version}/{name}`: the stylesheet, the script, the icon; kept by browsers for a
//! year, since a change gives them another address.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Face;
use crate::render::Asset;

const KEPT: &str = "public, max-age=31536000, immutable";

pub(super) async fn give(
    State(face): State<Arc<Face>>,
    Path((version, name)): Path<(String, String)>,
) -> Response {
    let Some(asset) = Asset::from_name(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // A page of an older program still gets its dress, but nobody keeps it.
    let kept = if version == face.pages.version() { KEPT } else { "no-store" };
    let headers = [(header::CONTENT_TYPE, asset.media_type()), (header::CACHE_CONTROL, kept)];
    (headers, face.pages.asset(asset).to_owned()).into_response()
}
