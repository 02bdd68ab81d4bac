//! What is wrong with a call, as RFC 9457 has it: `application/problem+json`. Details of our own
//! defects go to the log.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::scope::OutOfScope;
use crate::engine::EngineFault;
use crate::render::RenderFault;
use crate::store::StoreFault;
use crate::web::listen::Unread;

/// Why a call was not carried out, by what the caller does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) enum Problem {
    /// No token, or none that is good.
    Unknown,
    /// The token or its account may not do this.
    Denied(String),
    NotFound,
    Method,
    TooLarge,
    TooSlow,
    /// The call can't be read.
    Form(String),
    /// It can't be done as things stand.
    Refused(String),
    Again,
    Broken,
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Problem::Unknown => StatusCode::UNAUTHORIZED,
            Problem::Denied(_) => StatusCode::FORBIDDEN,
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::Method => StatusCode::METHOD_NOT_ALLOWED,
            Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Problem::Form(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Problem::Refused(_) => StatusCode::CONFLICT,
            Problem::Again => StatusCode::SERVICE_UNAVAILABLE,
            Problem::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn detail(&self) -> &str {
        match self {
            Problem::Unknown => "send Authorization: Bearer with a token that is good",
            Problem::Denied(why) | Problem::Form(why) | Problem::Refused(why) => why,
            Problem::NotFound => "there is nothing under this address",
            Problem::Method => "this address does not take this method",
            Problem::TooLarge => "the body is larger than this call takes",
            Problem::TooSlow => {
                "the body was not whole in time: nothing was changed, send it again"
            }
            Problem::Again => "nothing was changed: try again in a few seconds",
            Problem::Broken => "a defect of ours: it is in the log",
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = json!({"type": "about:blank", "status": status.as_u16(),
            "title": status.canonical_reason().unwrap_or_default(), "detail": self.detail()});
        let headers = [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        let mut response = (status, headers, format!("{body}\n")).into_response();
        if self == Problem::Unknown {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

/// An extractor's bare refusal is a problem as well.
pub(super) async fn worded(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let worded = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/"));
    if worded || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    match status {
        StatusCode::NOT_FOUND => Problem::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Problem::Method,
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        StatusCode::REQUEST_TIMEOUT => Problem::TooSlow,
        status if status.is_client_error() => {
            Problem::Form("the address or its query can't be read".into())
        }
        _ => Problem::Broken,
    }
    .into_response()
}

impl From<Unread> for Problem {
    fn from(fault: Unread) -> Problem {
        match fault {
            Unread::TooLarge => Problem::TooLarge,
            Unread::TooSlow => Problem::TooSlow,
        }
    }
}

impl From<OutOfScope> for Problem {
    fn from(fault: OutOfScope) -> Problem {
        Problem::Denied(fault.to_string())
    }
}

impl From<EngineFault> for Problem {
    fn from(fault: EngineFault) -> Problem {
        match fault {
            EngineFault::Store(fault) => fault.into(),
            EngineFault::Queue(fault) => {
                tracing::warn!(%fault, "a call met a silent queue");
                Problem::Again
            }
            EngineFault::Render(RenderFault::Broken { template, reason }) => {
                tracing::error!(template, reason, "a call broke");
                Problem::Broken
            }
            EngineFault::Render(fault) => Problem::Refused(fault.to_string()),
            EngineFault::Denied(denied) => Problem::Denied(denied.to_string()),
            EngineFault::Refused(why) => Problem::Refused(why),
        }
    }
}

impl From<StoreFault> for Problem {
    fn from(fault: StoreFault) -> Problem {
        if fault.is_again() {
            tracing::warn!(%fault, "a call may be tried again");
            return Problem::Again;
        }
        tracing::error!(%fault, "a call broke");
        Problem::Broken
    }
}
