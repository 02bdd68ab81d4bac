//! The pages officials use. **To add a page:**
//!
//! 1. `templates/pages/zh-CN/desk.html` that extends `base.html` (blocks `title`, `main`; `shape`
//!    is `wide`, `middle` or `narrow`), and a line `page!("desk")` in `render/pages.rs`. A style or
//!    script of its own is one more part in `STYLES` or `SCRIPTS` there; never inline.
//! 2. `src/web/pages/desk.rs` with handlers, a route below, and a line in [`NAV`] if it has a menu
//!    entry:
//!
//! ```ignore
//! pub(super) async fn show(page: Signed, Path(uid): Path<String>) -> PageResult {
//!     let places = …;
//!     page.engine().check_access(&page.actor, Action::TakeTask, &places).await?;
//!     page.view("desk.html", context! { tasks, now => page.now_ms() })
//! }
//! pub(super) async fn take(page: Signed, Posted(form): Posted) -> PageResult {
//!     page.engine().take_task(&page.actor, form.text("task")?, None).await?;
//!     page.go("/desk")
//! }
//! ```
//!
//! [`Signed`] is somebody signed in (`page.actor` is the engine's; else the visitor is sent to
//! `/login` and back), [`Visitor`] anybody. [`Visitor::about`] stripes a page of an exercise or
//! rehearsal. [`Posted`] is a form; every form carries `{{ frame.csrf }}`, and `admit` has refused
//! it before a handler runs where that or its origin is not ours. Rights by place are the
//! engine's: its refusals, like every [`PageFault`], become a page of their own through `?`.
//! A GET changes nothing. Pages behind a link (`/l/`, `/r/`) have no account, no cookie and no
//! `csrf`: `bearer` lets them in, and their forms carry a nonce of the link.

mod accounts;
mod act;
mod admit;
mod alerts;
mod approve;
mod bearer;
mod board;
mod compose;
mod desk;
mod fault;
mod fields;
mod home;
mod list;
mod login;
mod me;
mod narrow;
mod resident;
mod roll;
mod round;
mod setup;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

pub(in crate::web) use self::fault::{PageFault, PageResult};
pub(in crate::web) use self::fields::Posted;
pub(in crate::web) use self::visit::{Signed, Visitor};

use super::{Face, events};
use crate::domain::access::Action;

/// A menu entry, shown to whoever may do this somewhere.
struct NavItem {
    path: &'static str,
    title: &'static str,
    needs: Action,
}

/// The main menu, in its order.
const NAV: &[NavItem] = &[
    NavItem { path: "/", title: "首页", needs: Action::LookAtBoard },
    NavItem { path: "/alerts", title: "预警与指令", needs: Action::LookAtBoard },
    NavItem { path: "/desk", title: "求助受理席", needs: Action::TakeTask },
    NavItem { path: "/accounts", title: "账号", needs: Action::ManageAccounts },
];

/// All pages, and what is shown where there is none.
pub(super) fn routes(face: &Arc<Face>) -> Router<Arc<Face>> {
    let links = Router::new()
        .route("/l/{token}", get(round::show).post(round::act))
        .route("/r/{token}", get(resident::show).post(resident::act))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(face.clone(), bearer::admit));
    let orders = Router::new()
        .route("/alerts", get(alerts::list))
        .route("/alerts/new", get(compose::show_new).post(compose::write_new))
        .route("/alerts/{uid}/edit", get(compose::show_edit).post(compose::write_edit))
        .route("/alerts/{uid}/update", get(compose::show_update).post(compose::write_update))
        .route("/alerts/{uid}/approve", get(approve::show).post(approve::approve))
        .route("/alerts/{uid}/return", post(approve::give_back))
        .route("/alerts/{uid}/countersign", post(approve::countersign))
        .route("/alerts/{uid}/withdraw", get(act::show_withdraw).post(act::withdraw))
        .route("/alerts/{uid}/discard", get(act::show_discard).post(act::discard))
        .route("/alerts/{uid}/end", get(act::show_end).post(act::end))
        .route("/alerts/{uid}/extend", get(act::show_extend).post(act::extend))
        .route("/alerts/{uid}/narrow", get(narrow::show).post(narrow::tell))
        .route("/alerts/{uid}/roll", get(roll::show).post(roll::act));
    Router::new()
        .merge(orders)
        .route("/", get(home::show))
        .route("/alerts/{uid}", get(board::show))
        .route("/alerts/{uid}/fragment", get(board::fragment))
        .route("/alerts/{uid}/events", get(events::stream))
        .route("/desk", get(desk::show))
        .route("/desk/{task}", post(desk::act))
        .route("/lists/{list}", get(list::show).post(list::act))
        .route("/login", get(login::show).post(login::enter))
        .route("/logout", post(login::leave))
        .route("/setup", get(setup::show).post(setup::make))
        .route("/me", get(me::show))
        .route("/me/password", post(me::password))
        .route("/accounts", get(accounts::list).post(accounts::add))
        .route("/accounts/{id}", get(accounts::show))
        .route("/accounts/{id}/roles/{act}", post(accounts::role))
        .route("/accounts/{id}/password", post(accounts::password))
        .route("/accounts/{id}/disable", post(accounts::disable))
        .route("/accounts/{id}/tokens", post(accounts::add_token))
        .route("/accounts/{id}/tokens/{token}/revoke", post(accounts::revoke_token))
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(face.clone(), admit::admit))
        .merge(links)
}

async fn nowhere() -> PageFault {
    PageFault::NotFound
}

async fn wrong_method() -> PageFault {
    PageFault::Method
}
