//! The door by which whoever started a demo comes in: an address with a code that opens one
//! session in one browser, once, and leads to the board. Used up, it leads there all the same, and
//! the pages ask who it is. It stands only in a demo, which listens only on loopback.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;

use super::officials::Guest;
use crate::base::seal;
use crate::engine::Engine;
use crate::engine::signin::{Caller, SignIn};
use crate::web::{self, WebSettings};

/// What the door knows. Whom it lets in as and where it leads are told when they are known.
pub struct Entry {
    code: String,
    used: AtomicBool,
    guest: OnceLock<Guest>,
    board: Mutex<String>,
}

impl Entry {
    pub fn new(code: String) -> Entry {
        let board = Mutex::new("/".to_owned());
        Entry { code, used: AtomicBool::new(false), guest: OnceLock::new(), board }
    }

    pub fn path(&self) -> String {
        format!("/demo/{}", self.code)
    }

    pub fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// As whom a visitor is signed in.
    pub fn let_in_as(&self, guest: Guest) {
        let _ = self.guest.set(guest);
    }

    /// Where it leads from now on.
    pub fn lead_to(&self, board: String) {
        *self.board.lock().unwrap_or_else(PoisonError::into_inner) = board;
    }

    pub fn board(&self) -> String {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The cookie of a new session, for the first who comes with the code.
    async fn open(&self, engine: &Engine) -> Option<HeaderValue> {
        let guest = self.guest.get()?;
        if self.used.swap(true, Ordering::Relaxed) {
            return None;
        }
        let caller = Caller {
            name: guest.name,
            password: &guest.password,
            source: "127.0.0.1",
            device: None,
        };
        match engine.sign_in(caller).await {
            Ok(SignIn::Opened(value)) => web::session_cookie(&WebSettings::default(), &value),
            Ok(SignIn::Wrong | SignIn::Wait(_) | SignIn::Busy) | Err(_) => None,
        }
    }
}

type Shared = (Arc<Entry>, Arc<Engine>);

pub fn routes(entry: Arc<Entry>, engine: Arc<Engine>) -> Router {
    Router::new().route("/demo/{code}", get(enter)).with_state((entry, engine))
}

async fn enter(State((entry, engine)): State<Shared>, Path(code): Path<String>) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !seal::same(&entry.code, &code) {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let place = HeaderValue::from_str(&entry.board()).unwrap_or(HeaderValue::from_static("/"));
    headers.insert(header::LOCATION, place);
    if let Some(cookie) = entry.open(&engine).await {
        headers.append(header::SET_COOKIE, cookie);
    }
    *response.status_mut() = StatusCode::SEE_OTHER;
    response
}
