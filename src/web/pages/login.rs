//! `/login` and `/logout`. Who may and how often is `engine::signin`'s; this turns it into a page
//! and a cookie.

use axum::extract::Query;
use axum::http::StatusCode;
use serde::Deserialize;

use super::{PageFault, PageResult, Posted, Signed, Visitor};
use crate::render::pages::context;
use crate::web::cookies::{self, Cookie};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    to: String,
    out: Option<String>,
}

pub(super) async fn show(page: Visitor, Query(asked): Query<Asked>) -> PageResult {
    if page.actor().is_some() {
        return page.go("/");
    }
    let words = context! { to => asked.to, out => asked.out.is_some(), name => "", wrong => "" };
    page.view("login.html", words)
}

pub(super) async fn enter(page: Visitor, Posted(form): Posted) -> PageResult {
    let (name, to) = (form.maybe("name").unwrap_or(""), form.secret("to"));
    let signed = page.engine().sign_in(name, form.secret("password")).await?;
    let Some(value) = signed else {
        let wrong = "姓名或密码不对。";
        let words = context! { to, out => false, name, wrong };
        return page.view_as(StatusCode::UNPROCESSABLE_ENTITY, "login.html", words);
    };
    let mut response = page.go(inside(to))?;
    // A session found in this browser ends: two never stand beside each other.
    if let (Some(actor), Some(old)) = (page.actor(), page.session()) {
        page.engine().sign_out(actor, old).await?;
    }
    let settings = &page.face().settings;
    cookies::drop(response.headers_mut(), settings, Cookie::Visit);
    cookies::set(response.headers_mut(), settings, Cookie::Session, &value);
    Ok(response)
}

pub(super) async fn leave(page: Signed, Posted(_): Posted) -> PageResult {
    let value = page.session().ok_or(PageFault::Broken)?;
    page.engine().sign_out(&page.actor, value).await?;
    let mut response = page.go("/login?out=1")?;
    cookies::drop(response.headers_mut(), &page.face().settings, Cookie::Session);
    Ok(response)
}

/// Only a path of ours is gone back to: `//evil.cn` and `/\\evil.cn` are other houses.
fn inside(to: &str) -> &str {
    let path = to.strip_prefix('/').filter(|rest| !rest.starts_with(['/', '\\']));
    match path {
        Some(_) if !to.starts_with("/login") && to.is_ascii() => to,
        _ => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn only_our_own_pages_are_gone_back_to() {
        for (to, goes) in [
            ("/desk?open=1", "/desk?open=1"),
            ("", "/"),
            ("//evil.cn", "/"),
            ("/\\evil.cn", "/"),
            ("https://evil.cn", "/"),
            ("/login?to=/", "/"),
        ] {
            assert_eq!(inside(to), goes, "{to}");
        }
    }
}
