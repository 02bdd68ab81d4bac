//! The pages officials use. **To add a page:**
//!
//! 1. `templates/pages/zh-CN/desk.html` that extends `base.html` (blocks `title`, `main`; `shape`
//!    is `wide`, `middle` or `narrow`), and a line `page!("desk")` in `render/pages.rs`. A style or
//!    script of its own is one more part in `STYLES` or `SCRIPTS` there; never inline.
//! 2. `src/web/pages/desk.rs` with handlers, a line in `pages!` below (a test asks for its call of
//!    `/api/v1`, or why it has none), and a line in [`NAV`] if it has a menu
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

/// The routes of a frame, and their list for the test that holds the API to them.
macro_rules! pages {
    ($list:ident $routes:ident $($method:ident $path:literal $handler:path;)+) => {
        const $list: &[(&str, &str)] = &[$((stringify!($method), $path)),+];

        fn $routes() -> Router<Arc<Face>> {
            Router::new()$(.route($path, $method($handler)))+
        }
    };
}

pages! { LINKS links
    get "/l/{token}" round::show;
    post "/l/{token}" round::act;
    get "/r/{token}" resident::show;
    post "/r/{token}" resident::act;
}

pages! { ORDERS orders
    get "/alerts" alerts::list;
    get "/alerts/new" compose::show_new;
    post "/alerts/new" compose::write_new;
    get "/alerts/{uid}/edit" compose::show_edit;
    post "/alerts/{uid}/edit" compose::write_edit;
    get "/alerts/{uid}/update" compose::show_update;
    post "/alerts/{uid}/update" compose::write_update;
    get "/alerts/{uid}/approve" approve::show;
    post "/alerts/{uid}/approve" approve::approve;
    post "/alerts/{uid}/return" approve::give_back;
    post "/alerts/{uid}/countersign" approve::countersign;
    get "/alerts/{uid}/withdraw" act::show_withdraw;
    post "/alerts/{uid}/withdraw" act::withdraw;
    get "/alerts/{uid}/discard" act::show_discard;
    post "/alerts/{uid}/discard" act::discard;
    get "/alerts/{uid}/end" act::show_end;
    post "/alerts/{uid}/end" act::end;
    get "/alerts/{uid}/extend" act::show_extend;
    post "/alerts/{uid}/extend" act::extend;
    get "/alerts/{uid}/narrow" narrow::show;
    post "/alerts/{uid}/narrow" narrow::tell;
    get "/alerts/{uid}/roll" roll::show;
    post "/alerts/{uid}/roll" roll::act;
}

pages! { OFFICE office
    get "/" home::show;
    get "/alerts/{uid}" board::show;
    get "/alerts/{uid}/fragment" board::fragment;
    get "/alerts/{uid}/events" events::stream;
    get "/desk" desk::show;
    post "/desk/{task}" desk::act;
    get "/lists/{list}" list::show;
    post "/lists/{list}" list::act;
    get "/login" login::show;
    post "/login" login::enter;
    post "/logout" login::leave;
    get "/setup" setup::show;
    post "/setup" setup::make;
    get "/me" me::show;
    post "/me/password" me::password;
    get "/accounts" accounts::list;
    post "/accounts" accounts::add;
    get "/accounts/{id}" accounts::show;
    post "/accounts/{id}/roles/{act}" accounts::role;
    post "/accounts/{id}/password" accounts::password;
    post "/accounts/{id}/disable" accounts::disable;
    post "/accounts/{id}/tokens" accounts::add_token;
    post "/accounts/{id}/tokens/{token}/revoke" accounts::revoke_token;
}

/// Every page: method in lower case, and path.
pub const PAGES: [&[(&str, &str)]; 3] = [LINKS, ORDERS, OFFICE];

/// All pages, and what is shown where there is none.
pub(super) fn routes(face: &Arc<Face>) -> Router<Arc<Face>> {
    let links = links()
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(face.clone(), bearer::admit));
    orders()
        .merge(office())
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
