//! The JSON document of a call, bounded and read strictly; what it means is the handler's.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::Problem;
use crate::base::limits::API_BODY_BYTES;
use crate::web::listen;

/// What was sent.
pub(in crate::web) struct Sent<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Sent<T>, Problem> {
        let body = listen::read(request.into_body(), API_BODY_BYTES).await?;
        // A call that needs nothing may send nothing.
        let body = if body.is_empty() { "{}".as_bytes() } else { &body };
        serde_json::from_slice(body).map(Sent).map_err(|fault| Problem::Form(fault.to_string()))
    }
}
