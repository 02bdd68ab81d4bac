//! Who is looking, and how a page is given to him: [`Visitor`] is anybody, [`Signed`] somebody with
//! an account. They judge no right; that is the engine's.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::NAV;
use super::fault::{PageFault, PageResult};
use crate::domain::gate::AlertKind;
use crate::engine::Engine;
use crate::engine::issue::Actor;
use crate::render::pages::{Value, context};
use crate::render::{Asset, RenderFault};
use crate::web::Face;

/// One request of a page, as `admit` found it.
#[derive(Clone)]
pub(in crate::web) struct Visit {
    pub(super) actor: Option<Actor>,
    /// The value of the session's cookie.
    pub(super) session: Option<String>,
    /// What every form of this visit carries.
    pub(super) csrf: String,
    pub(super) path: String,
    /// Path and query, to come back to.
    pub(super) whole_path: String,
    /// Where the request comes from, for counting attempts.
    pub(super) source: String,
    /// What a browser carries in which somebody signed in before.
    pub(super) known: Option<String>,
}

/// Anybody who looks at a page.
#[derive(Clone)]
pub(in crate::web) struct Visitor {
    face: Arc<Face>,
    visit: Arc<Visit>,
    kind: AlertKind,
}

impl Visitor {
    pub(super) fn new(face: Arc<Face>, visit: Arc<Visit>) -> Visitor {
        Visitor { face, visit, kind: AlertKind::Live }
    }

    /// The engine, for acts and looks.
    pub(in crate::web) fn engine(&self) -> &Engine {
        &self.face.engine
    }

    /// What all requests are answered from.
    pub(in crate::web) fn face(&self) -> &Arc<Face> {
        &self.face
    }

    /// Story time: what alerts go by.
    pub(in crate::web) fn now_ms(&self) -> i64 {
        self.face.engine.clock.story_ms()
    }

    /// The value of the session's cookie, where there is a session.
    pub(in crate::web) fn session(&self) -> Option<&str> {
        self.visit.session.as_deref()
    }

    /// Who is signed in, if anybody is.
    pub(in crate::web) fn actor(&self) -> Option<&Actor> {
        self.visit.actor.as_ref()
    }

    /// Where the request comes from, for counting attempts.
    pub(in crate::web) fn source(&self) -> &str {
        &self.visit.source
    }

    /// What a browser carries in which somebody signed in before.
    pub(in crate::web) fn known(&self) -> Option<&str> {
        self.visit.known.as_deref()
    }

    /// The page is about an alert of this kind: all but a live one are striped.
    #[allow(dead_code, reason = "for the pages that come next")]
    pub(in crate::web) fn about(&self, kind: AlertKind) -> Visitor {
        Visitor { kind, ..self.clone() }
    }

    /// A page from its template. The template finds `frame` beside the words.
    pub(in crate::web) fn view(&self, page: &str, words: Value) -> PageResult {
        self.view_as(StatusCode::OK, page, words)
    }

    /// The same with a status of its own: a form that is shown again with what is wrong in it.
    pub(in crate::web) fn view_as(
        &self,
        status: StatusCode,
        page: &str,
        words: Value,
    ) -> PageResult {
        Ok((status, Html(self.html(page, words)?)).into_response())
    }

    /// To another page, after something was done.
    pub(in crate::web) fn go(&self, path: &str) -> PageResult {
        let path = HeaderValue::from_str(path).map_err(|_| PageFault::Broken)?;
        let mut response = StatusCode::SEE_OTHER.into_response();
        response.headers_mut().insert(header::LOCATION, path);
        Ok(response)
    }

    fn html(&self, page: &str, words: Value) -> Result<String, RenderFault> {
        self.face.pages.render(page, context! { frame => self.frame(), ..words })
    }

    /// The page of a fault.
    pub(super) fn fault(&self, fault: &PageFault) -> Response {
        let status = fault.status();
        let (what, remedy) = fault.words();
        let words = context! { status => status.as_u16(), what, remedy };
        match self.html("fault.html", words) {
            Ok(html) => (status, Html(html)).into_response(),
            Err(broken) => {
                tracing::error!(%broken, "the page of a fault broke");
                (StatusCode::INTERNAL_SERVER_ERROR, "系统出错").into_response()
            }
        }
    }

    fn frame(&self) -> Value {
        let (pages, settings) = (&self.face.pages, &self.face.engine.settings);
        let kind = match self.kind {
            AlertKind::Live if settings.practice => "practice",
            kind => kind.word(),
        };
        let path = self.visit.path.as_str();
        let rights = self.visit.actor.iter().flat_map(|actor| &actor.rights);
        let nav: Vec<Value> = NAV
            .iter()
            .filter(|item| rights.clone().any(|(role, _)| item.needs.roles().contains(role)))
            .map(|item| {
                let below = item.path != "/" && path.starts_with(&format!("{}/", item.path));
                context! { path => item.path, title => item.title,
                here => path == item.path || below }
            })
            .collect();
        let csrf = format!("<input type=\"hidden\" name=\"csrf\" value=\"{}\">", self.visit.csrf);
        context! {
            office => settings.signature.as_str(),
            kind,
            path,
            nav,
            user => self.visit.actor.as_ref().map_or("", |actor| actor.name.as_str()),
            csrf => Value::from_safe_string(csrf),
            css => pages.path(Asset::Style),
            js => pages.path(Asset::Script),
            icon => pages.path(Asset::Icon),
            now => self.now_ms(),
        }
    }
}

impl FromRequestParts<Arc<Face>> for Visitor {
    type Rejection = PageFault;

    async fn from_request_parts(parts: &mut Parts, face: &Arc<Face>) -> Result<Visitor, PageFault> {
        let visit = parts.extensions.get::<Arc<Visit>>().cloned();
        // Only a route outside the frame has none.
        visit.map(|visit| Visitor::new(face.clone(), visit)).ok_or(PageFault::Broken)
    }
}

/// Somebody signed in, with his rights as they are now.
#[derive(Clone)]
pub(in crate::web) struct Signed {
    pub actor: Actor,
    visitor: Visitor,
}

impl Deref for Signed {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.visitor
    }
}

impl FromRequestParts<Arc<Face>> for Signed {
    type Rejection = PageFault;

    async fn from_request_parts(parts: &mut Parts, face: &Arc<Face>) -> Result<Signed, PageFault> {
        let visitor = Visitor::from_request_parts(parts, face).await?;
        match visitor.actor().cloned() {
            Some(actor) => Ok(Signed { actor, visitor }),
            None => Err(PageFault::SignIn(visitor.visit.whole_path.clone())),
        }
    }
}
