//! `/setup`: the first administrator, once. Afterwards, and for everybody without the code, there
//! is no such page.

use axum::http::StatusCode;

use super::{PageFault, PageResult, Posted, Visitor};
use crate::domain::password::MIN_CHARS;
use crate::engine::EngineFault;
use crate::render::pages::context;
use crate::store::view;

pub(super) async fn show(page: Visitor) -> PageResult {
    must_stand(&page).await?;
    form(&page, StatusCode::OK, "", "").await
}

pub(super) async fn make(page: Visitor, Posted(typed): Posted) -> PageResult {
    must_stand(&page).await?;
    let (name, password) = (typed.maybe("name").unwrap_or(""), typed.secret("password"));
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    if password != typed.secret("again") {
        return form(&page, wrong, name, "两次输入的密码不一样。").await;
    }
    let setup = &page.face().setup;
    if !setup.take_guess(typed.secret("code")) {
        must_stand(&page).await?;
        return form(&page, wrong, name, "启动码不对。").await;
    }
    match page.engine().set_up(name, password).await {
        Ok(()) => {
            setup.close();
            page.go("/login?first=1")
        }
        Err(EngineFault::Refused(why)) => form(&page, wrong, name, &why).await,
        Err(fault) => Err(fault.into()),
    }
}

async fn must_stand(page: &Visitor) -> Result<(), PageFault> {
    let open = page.face().setup.is_open(page.engine()).await?;
    if open { Ok(()) } else { Err(PageFault::NotFound) }
}

async fn form(page: &Visitor, status: StatusCode, name: &str, wrong: &str) -> PageResult {
    let roster = view::root(&page.engine().store).await?.is_some();
    let words = context! { name, wrong, roster, least => MIN_CHARS };
    page.view_as(status, "setup.html", words)
}
