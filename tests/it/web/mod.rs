//! The pages over the real router, on both engines: a browser with its cookies that follows a form
//! as a person would, and can be made to cheat.

mod accounts;
mod bearer;
mod board;
mod client;
mod desk;
mod events;
mod frame;
mod home;
mod listen;
mod lists;
mod load;
mod orders;
mod orders_api;
mod papers;
mod phone;
mod programs;
mod resident;
mod round;
mod schema;
mod signin;
mod withdrawn;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode, header};
use tokio::sync::watch;
use tongluo::domain::password;
use tongluo::engine::pump::Pulse;
use tongluo::store::{Dialect, Stmt};
use tongluo::web::{self, WebSettings};
use tower::ServiceExt;

use crate::town::Town;

pub const PASSWORD: &str = "防汛值班室的密码一二三";

/// The faces of a town, open as long as this lives.
pub struct Faces {
    pub routes: Router,
    _grouping: watch::Sender<bool>,
}

impl Faces {
    pub fn open(town: &Town) -> Faces {
        Faces::open_with(town, WebSettings::default())
    }

    pub fn open_with(town: &Town, settings: WebSettings) -> Faces {
        let (grouping, stop) = watch::channel(false);
        let pulse = Arc::new(Pulse::default());
        let routes = web::routes(town.engine.clone(), pulse, settings, &stop).unwrap();
        Faces { routes, _grouping: grouping }
    }

    pub fn browser(&self) -> Browser {
        Browser { routes: self.routes.clone(), jar: Vec::new(), extra: Vec::new() }
    }

    /// A browser in which an account is signed in.
    pub async fn signed(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let landed = browser.sign_in(name, PASSWORD).await;
        assert_eq!(landed.status, StatusCode::SEE_OTHER, "{}", landed.body);
        browser
    }
}

/// What came back.
#[derive(Debug)]
pub struct Got {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The token of the first form on the page.
    pub fn csrf(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"").expect("a form on the page");
        rest.split('"').next().unwrap().to_owned()
    }
}

/// Keeps cookies, sends forms.
#[derive(Clone)]
pub struct Browser {
    routes: Router,
    pub jar: Vec<(String, String)>,
    /// Headers sent with everything.
    pub extra: Vec<(&'static str, String)>,
}

impl Browser {
    pub async fn get(&mut self, path: &str) -> Got {
        self.send(Method::GET, path, Body::empty(), false).await
    }

    /// The form as the page at `path` gives it: with that page's token.
    pub async fn submit(&mut self, page: &str, to: &str, fields: &[(&str, &str)]) -> Got {
        let csrf = self.get(page).await.csrf();
        let fields: Vec<(&str, &str)> =
            fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        self.post(to, &fields).await
    }

    /// Exactly these fields.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Got {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.send(Method::POST, path, Body::from(form.finish()), true).await
    }

    pub async fn sign_in(&mut self, name: &str, password: &str) -> Got {
        self.submit("/login", "/login", &[("name", name), ("password", password)]).await
    }

    pub async fn send(&mut self, method: Method, path: &str, body: Body, form: bool) -> Got {
        let asked = method.to_string();
        let mut request = Request::builder().method(method).uri(path).header("host", "tongluo");
        if form {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if !self.jar.is_empty() {
            let line: Vec<String> =
                self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, line.join("; "));
        }
        for (name, value) in &self.extra {
            request = request.header(*name, value);
        }
        let answer = self.routes.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            self.keep(line.to_str().unwrap());
        }
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let call = path.strip_prefix("/api/v1").filter(|call| *call != "/openapi.json");
        if let Some(call) = call.filter(|_| parts.status == StatusCode::OK) {
            schema::conforms(&asked, call, &serde_json::from_str(&body).unwrap());
        }
        Got { status: parts.status, headers: parts.headers, body }
    }

    fn keep(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        self.jar.retain(|(known, _)| known != name);
        if !attributes.contains("Max-Age=0") {
            self.jar.push((name.to_owned(), value.to_owned()));
        }
    }
}

static GIVE_PASSWORDS: Stmt = Stmt::new("T", "UPDATE account SET password_hash = $1");
static MAKE_ACCOUNT: Stmt = Stmt::new(
    "T",
    "INSERT INTO account (id, name, password_hash, created_at) VALUES ($1, $2, $3, 0)",
);
static GIVE_ROLE: Stmt =
    Stmt::new("T", "INSERT INTO account_role (account_id, place_id, role) VALUES ($1, $2, $3)");

/// One salt and one password for all: hashing is dear without optimization.
fn kept() -> String {
    static KEPT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    KEPT.get_or_init(|| password::hash(PASSWORD, &[7; 16]).unwrap()).clone()
}

/// The town's two officials may sign in, with the roles they have in the stories.
pub async fn let_in(town: &Town) {
    let store = &town.engine.store;
    if store.dialect() == Dialect::Postgres {
        // The planted accounts brought their own ids.
        town.break_in("ALTER TABLE account ALTER COLUMN id RESTART WITH 100").await;
    }
    store.exec(&GIVE_PASSWORDS, tongluo::args![kept()]).await.unwrap();
    for actor in [&town.author, &town.approver] {
        for (role, place) in &actor.rights {
            let args = tongluo::args![actor.account_id, *place, role.code()];
            store.exec(&GIVE_ROLE, args).await.unwrap();
        }
    }
}

/// An account more, with roles by place id.
pub async fn account(
    town: &Town,
    id: i64,
    name: &str,
    roles: &[(tongluo::domain::access::Role, i64)],
) {
    let store = &town.engine.store;
    store.exec(&MAKE_ACCOUNT, tongluo::args![id, name, kept()]).await.unwrap();
    for (role, place) in roles {
        store.exec(&GIVE_ROLE, tongluo::args![id, *place, role.code()]).await.unwrap();
    }
}

static ACTS: Stmt = Stmt::new("T", "SELECT detail FROM journal WHERE act = $1 ORDER BY id");

/// What the journal says of an act.
pub async fn acts(town: &Town, act: &str) -> Vec<String> {
    let rows: Vec<(String,)> = town.engine.store.rows(&ACTS, tongluo::args![act]).await.unwrap();
    rows.into_iter().map(|row| row.0).collect()
}
