//! HTTP in: pages, the API, callbacks as raw bytes, and the two questions an operator's watchdog
//! asks. It decodes no callback and decides nothing: rights and acts are the engine's.

mod api;
mod assets;
mod board;
mod cookies;
mod events;
mod guesses;
mod headers;
mod hooks;
mod listen;
mod origin;
mod pages;
mod ready;
mod setup;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware::map_response_with_state;
use axum::routing::get;
use tokio::sync::watch;

use self::guesses::Guesses;
use crate::domain::setup_code::SetupCode;
use crate::engine::Engine;
use crate::engine::board::Boards;
use crate::engine::desk::Looks;
use crate::engine::inbox::Inbox;
use crate::engine::pump::Pulse;
use crate::render::{Pages, RenderFault};

pub use self::api::CALLS as API_CALLS;
pub use self::listen::{Patience, serve};
pub use self::pages::PAGES;

/// What an installation says of its faces.
#[derive(Debug, Clone, Default)]
pub struct WebSettings {
    /// The address by which people and gateways reach it.
    pub public_url: Option<String>,
    /// Proxies of ours, believed about the address they speak for.
    pub proxies: Vec<IpAddr>,
    /// What makes the first administrator, while there is none.
    pub setup_code: Option<SetupCode>,
}

impl WebSettings {
    /// Whether browsers reach it by TLS.
    pub fn is_tls(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// What requests are answered from.
pub struct Face {
    engine: Arc<Engine>,
    inbox: Inbox,
    pulse: Arc<Pulse>,
    pages: Pages,
    settings: WebSettings,
    guesses: Guesses,
    setup: setup::Setup,
    ready: ready::Kept,
    boards: Boards,
    looks: Looks,
    watchers: events::Watchers,
}

/// The routes over an engine. The grouping of callbacks ends with `stop`.
///
/// # Errors
/// A page that does not parse: a defect of ours.
pub fn routes(
    engine: Arc<Engine>,
    pulse: Arc<Pulse>,
    settings: WebSettings,
    stop: &watch::Receiver<bool>,
) -> Result<Router, RenderFault> {
    let inbox = Inbox::open(&engine, stop);
    let pages = Pages::embedded()?;
    let (setup, guesses) = (setup::Setup::new(settings.setup_code.clone()), Guesses::default());
    let ready = ready::Kept::default();
    let (boards, looks) = (Boards::default(), Looks::default());
    let watchers = events::Watchers::new(stop);
    let face = Arc::new(Face {
        engine,
        inbox,
        pulse,
        pages,
        settings,
        guesses,
        setup,
        ready,
        boards,
        looks,
        watchers,
    });
    let routes = Router::new()
        .route("/hooks/{provider}", get(hooks::take).post(hooks::take))
        .route("/healthz", get(ready::healthz))
        .route("/readyz", get(ready::readyz))
        .route("/assets/{version}/{name}", get(assets::give))
        .nest("/api/v1", api::routes())
        .merge(pages::routes(&face))
        .layer(map_response_with_state(face.clone(), headers::put))
        .with_state(face);
    Ok(routes)
}

/// What a browser is told so that a session opened by [`Engine::sign_in`] is its own.
pub fn session_cookie(settings: &WebSettings, value: &str) -> Option<HeaderValue> {
    cookies::session(settings, value)
}
