//! The pages behind a link: whoever has the token may look, and acts with a nonce of that page.
//! No account, no cookie, nothing kept by browsers or found by engines. What looks like a link
//! preview is shown nothing of anybody. It knows no page's content.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::admit::{fault_of, read_form};
use super::fault::{PageFault, PageResult};
use super::fields::Fields;
use super::visit::{Visit, Visitor};
use crate::base::limits::ACT_TRIES;
use crate::domain::link::Kind;
use crate::engine::EngineFault;
use crate::engine::doorstep::Tap;
use crate::engine::link::Link;
use crate::render::pages::context;
use crate::web::{Face, origin};

const BACKOFF_MS: u64 = 20;
/// What fetches a page to show a picture of it in a chat, by a part of its name.
const PREVIEWS: [&str; 14] = [
    "facebookexternalhit",
    "twitterbot",
    "slackbot",
    "telegrambot",
    "whatsapp",
    "discordbot",
    "linkedinbot",
    "skypeuripreview",
    "googlebot",
    "bingbot",
    "baiduspider",
    "bytespider",
    "dingtalkbot",
    "yisouspider",
];

pub(super) async fn admit(State(face): State<Arc<Face>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let visit = Arc::new(Visit {
        actor: None,
        session: None,
        csrf: String::new(),
        known: None,
        whole_path: path.clone(),
        path,
        source: origin::source(&request, &face.settings),
    });
    let visitor = Visitor::new(face.clone(), visit.clone());
    let mut response = match read(&face, visit, request).await {
        Ok(request) => next.run(request).await,
        Err(fault) => visitor.fault(&fault),
    };
    if let Some(fault) = fault_of(&mut response) {
        response = visitor.fault(&fault);
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow, noarchive"));
    response
}

async fn read(face: &Face, visit: Arc<Visit>, request: Request) -> Result<Request, PageFault> {
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(visit);
    if parts.method == Method::POST {
        let fields = read_form(face, &parts, body).await?;
        parts.extensions.insert(Arc::new(fields));
    }
    Ok(Request::from_parts(parts, Body::empty()))
}

/// The link of this token, or the page that says it opens nothing.
pub(super) async fn find(
    page: &Visitor,
    kind: Kind,
    token: &str,
) -> Result<Result<Link, Response>, PageFault> {
    // Looked up first: a whole street may come from one address, and a good link always opens.
    if let Some(link) = page.engine().find_link(kind, token).await? {
        return Ok(Ok(link));
    }
    let (guesses, machine_ms) = (&page.face().guesses, page.engine().clock.machine_ms());
    if guesses.is_too_many(page.source(), machine_ms) {
        return Err(PageFault::Wait("打不开的链接试得太多了。请过一分钟再试。".into()));
    }
    guesses.miss(page.source(), machine_ms);
    let gone = page.view_as(StatusCode::NOT_FOUND, "link_gone.html", context! {})?;
    Ok(Err(gone))
}

/// What a robot that draws previews is given instead of a page, as far as it says what it is.
pub(super) fn preview(page: &Visitor, headers: &HeaderMap, path: &str) -> Option<PageResult> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let agent = text("user-agent").unwrap_or_default().to_ascii_lowercase();
    let robot = PREVIEWS.iter().any(|name| agent.contains(name));
    let ahead = ["purpose", "sec-purpose", "x-purpose", "x-moz"];
    let fetched_ahead = ahead.iter().filter_map(|name| text(name)).any(|what| {
        let what = what.to_ascii_lowercase();
        what.contains("prefetch") || what.contains("preview")
    });
    (robot || fetched_ahead).then(|| page.view("link_preview.html", context! { path }))
}

/// The tap of a form: its key, and how long ago it was made where the phone says so.
pub(super) fn tap(form: &Fields) -> Tap<'_> {
    let age_ms = form.maybe("age").and_then(|age| age.parse().ok()).unwrap_or(0);
    Tap { key: form.maybe("key").unwrap_or_default(), age_ms }
}

/// A key for the taps of one rendered page, for phones without script.
pub(super) fn page_key(page: &Visitor) -> String {
    let noise: [u8; 8] = page.engine().entropy.bytes();
    noise.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether an act that lost a deadlock or a connection is worth another turn; waits before it.
pub(super) async fn may_repeat(fault: &EngineFault, turn: u32) -> bool {
    if !fault.is_again() || turn >= ACT_TRIES {
        return false;
    }
    let never = std::future::pending::<()>();
    let wait = Duration::from_millis(BACKOFF_MS << turn);
    let _ = tokio::time::timeout(wait, never).await;
    true
}
