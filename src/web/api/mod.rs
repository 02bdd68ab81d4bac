//! `/api/v1`: the same acts for programs. **To add a call:** a file here with a handler, a line in
//! `calls!` below and its description in `templates/api/openapi.json` (a test misses it):
//!
//! ```ignore
//! pub(super) async fn submit(
//!     State(face): State<Arc<Face>>,
//!     bearer: Bearer,
//!     Path(uid): Path<String>,
//!     Sent(form): Sent<OrderForm>,
//! ) -> Answer {
//!     face.engine.submit(bearer.may(Action::SubmitAlert)?, &uid).await?;
//!     give(json!({"alert": uid}))
//! }
//! ```
//!
//! [`Bearer`] is who holds the token of `Authorization: Bearer …`; the actor comes out of it only
//! by [`Bearer::may`], which judges the token's scopes, and the engine judges his rights by place.
//! Cookies count for nothing here, so no other site can use them. Every [`Problem`] is
//! `application/problem+json`.

mod accounts;
mod alerts;
mod bearer;
mod board;
mod catalog;
mod desk;
mod home;
mod lists;
mod me;
mod openapi;
mod problem;
mod relay;
mod roll;
mod sent;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde_json::Value;

pub(in crate::web) use self::bearer::Bearer;
pub(in crate::web) use self::problem::Problem;

use super::Face;

/// What a handler gives.
pub(in crate::web) type Answer = Result<Response, Problem>;

/// The routes, and their list for the test that holds the description to them.
macro_rules! calls {
    ($($method:ident $path:literal $handler:path;)+) => {
        /// Every call: method in lower case, path below `/api/v1`.
        pub const CALLS: &[(&str, &str)] = &[$((stringify!($method), $path)),+];

        pub(super) fn routes() -> Router<Arc<Face>> {
            Router::new()
                $(.route($path, $method($handler)))+
                .fallback(async || Problem::NotFound)
                .method_not_allowed_fallback(async || Problem::Method)
                .layer(map_response(problem::worded))
        }
    };
}

calls! {
    get "/openapi.json" openapi::show;
    get "/me" me::show;
    get "/templates" catalog::templates;
    get "/places" catalog::places;
    get "/zones" catalog::zones;
    get "/alerts" alerts::list;
    post "/alerts" alerts::draft;
    post "/alerts/preview" alerts::preview;
    get "/alerts/{alert}" alerts::show;
    put "/alerts/{alert}" alerts::edit;
    get "/alerts/{alert}/audit" alerts::audit;
    get "/alerts/{alert}/board" board::show;
    get "/alerts/{alert}/lists" board::lists;
    get "/desk" desk::show;
    post "/desk/{task}/{act}" desk::act;
    get "/lists/{list}" lists::show;
    post "/lists/{list}/{act}" lists::act;
    post "/alerts/{alert}/link" lists::link;
    post "/alerts/{alert}/revoke" lists::revoke;
    post "/alerts/{alert}/submit" alerts::submit;
    post "/alerts/{alert}/approve" alerts::approve;
    post "/alerts/{alert}/return" alerts::give_back;
    post "/alerts/{alert}/update" alerts::update;
    post "/alerts/{alert}/withdraw" alerts::withdraw;
    post "/alerts/{alert}/discard" alerts::discard;
    post "/alerts/{alert}/end" alerts::end;
    post "/alerts/{alert}/extend" alerts::extend;
    post "/alerts/{alert}/countersign" alerts::countersign;
    get "/alerts/{alert}/narrow" alerts::dropped;
    post "/alerts/{alert}/narrow" alerts::narrow;
    get "/alerts/{alert}/roll" roll::show;
    post "/alerts/{alert}/roll" roll::fill;
    post "/alerts/{alert}/roll/confirm" roll::confirm;
    get "/alerts/{alert}/households/{household}" relay::show_home;
    post "/alerts/{alert}/households/{household}/{word}" relay::say;
    post "/alerts/{alert}/rounds/{human}/{act}" relay::walk;
    get "/home" home::show;
    get "/accounts" accounts::list;
    post "/accounts" accounts::add;
    get "/accounts/{account}" accounts::show;
    post "/accounts/{account}/roles/{act}" accounts::role;
    post "/accounts/{account}/password" accounts::password;
    post "/accounts/{account}/disable" accounts::disable;
    post "/accounts/{account}/tokens" accounts::add_token;
    post "/accounts/{account}/tokens/{token}/revoke" accounts::revoke_token;
}

/// A document.
pub(in crate::web) fn give(document: &Value) -> Answer {
    let json = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::OK, json, format!("{document}\n")).into_response())
}
