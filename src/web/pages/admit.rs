//! What happens to every request of a page before and after its handler: who is signed in, whether
//! a form is ours, and a page for every fault. No handler can forget it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::fault::PageFault;
use super::fields::Fields;
use super::visit::{Visit, Visitor};
use crate::base::limits::FORM_BODY_BYTES;
use crate::web::Face;
use crate::web::cookies::{self, Cookie};
use crate::web::{listen, origin};

pub(super) async fn admit(State(face): State<Arc<Face>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let session = cookies::read(headers, &face.settings, Cookie::Session);
    let known = cookies::read(headers, &face.settings, Cookie::Visit);
    let visiting = known.clone().unwrap_or_else(|| {
        let secret: [u8; 32] = face.engine.entropy.bytes();
        URL_SAFE_NO_PAD.encode(secret)
    });
    let signed = match &session {
        Some(value) => face.engine.signed_in(value).await,
        None => Ok(None),
    };
    let (actor, trouble) = match signed {
        Ok(actor) => (actor, None),
        Err(fault) => (None, Some(PageFault::from(fault))),
    };
    let session = session.filter(|_| actor.is_some());
    let key = session.as_ref().unwrap_or(&visiting);
    let whole_path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let visit = Arc::new(Visit {
        csrf: face.engine.sealer.mark(&format!("form:{key}")),
        path: request.uri().path().to_owned(),
        whole_path: whole_path.to_owned(),
        source: origin::source(&request, &face.settings),
        known: cookies::read(headers, &face.settings, Cookie::Known),
        actor,
        session,
    });
    let visitor = Visitor::new(face.clone(), visit.clone());
    let mut response = match (trouble, read(&face, &visit, request).await) {
        (Some(fault), _) | (None, Err(fault)) => visitor.fault(&fault),
        (None, Ok(request)) => next.run(request).await,
    };
    if let Some(fault) = fault_of(&mut response) {
        response = match fault {
            PageFault::SignIn(path) => to_sign_in(&path),
            other => visitor.fault(&other),
        };
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if known.is_none() && visit.session.is_none() {
        cookies::set(headers, &face.settings, Cookie::Visit, &visiting);
    }
    response
}

/// Reads a form and judges whether it is ours; a request that changes nothing passes as it is.
async fn read(face: &Face, visit: &Arc<Visit>, request: Request) -> Result<Request, PageFault> {
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(visit.clone());
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(Request::from_parts(parts, Body::empty()));
    }
    let fields = read_form(face, &parts, body).await?;
    let ours =
        subtle::ConstantTimeEq::ct_eq(fields.secret("csrf").as_bytes(), visit.csrf.as_bytes());
    if !bool::from(ours) {
        return Err(PageFault::Forged);
    }
    parts.extensions.insert(Arc::new(fields));
    Ok(Request::from_parts(parts, Body::empty()))
}

/// The fields of a form that a page of ours sent, as far as a browser says so.
pub(super) async fn read_form(face: &Face, parts: &Parts, body: Body) -> Result<Fields, PageFault> {
    if !origin::is_ours(&parts.headers, &face.settings) {
        return Err(PageFault::Forged);
    }
    let form = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !form.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(PageFault::Form("只接受本系统页面上的表单。".into()));
    }
    let body = listen::read(body, FORM_BODY_BYTES).await?;
    Fields::parse(&body)
        .ok_or_else(|| PageFault::Form("表单里有不能保存的字符，或内容太多。".into()))
}

/// The fault a handler gave, or one made of a bare status: also an extractor's refusal is a page.
pub(super) fn fault_of(response: &mut Response) -> Option<PageFault> {
    if let Some(fault) = response.extensions_mut().remove::<PageFault>() {
        return Some(fault);
    }
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let worded = kind
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/html") || kind.starts_with("application/"));
    let bare = (status.is_client_error() || status.is_server_error()) && !worded;
    bare.then(|| PageFault::of_status(status))
}

fn to_sign_in(path: &str) -> Response {
    let back: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("to", path).finish();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = axum::http::StatusCode::SEE_OTHER;
    let place = HeaderValue::from_str(&format!("/login?{back}"));
    let place = place.unwrap_or(HeaderValue::from_static("/login"));
    response.headers_mut().insert(header::LOCATION, place);
    response
}
