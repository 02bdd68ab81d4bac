//! `/me`: what the one signed in may do where, and his password.

use axum::extract::Query;
use serde::Deserialize;

use super::{PageFault, PageResult, Posted, Signed};
use crate::domain::password::MIN_CHARS;
use crate::render::pages::{Value, context};
use crate::store::account;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    done: String,
}

pub(super) async fn show(page: Signed, Query(asked): Query<Asked>) -> PageResult {
    let found = account::by_id(&page.engine().store, page.actor.account_id).await?;
    let roles = found.map_or_else(Vec::new, |found| found.roles);
    let roles: Vec<Value> = roles
        .iter()
        .map(|at| context! { title => at.role.chinese(), place => at.place_name.as_str() })
        .collect();
    page.view("me.html", context! { roles, done => asked.done, least => MIN_CHARS })
}

pub(super) async fn password(page: Signed, Posted(form): Posted) -> PageResult {
    let (old, new) = (form.secret("old"), form.secret("password"));
    if new != form.secret("again") {
        return Err(PageFault::Form("两次输入的新密码不一样。".into()));
    }
    let session = page.session().ok_or(PageFault::Broken)?;
    page.engine().change_password(&page.actor, old, new, session).await?;
    page.go("/me?done=password")
}
