//! `/login` and `/logout`. Who may and how often is `engine::signin`'s; this turns it into a page
//! and a cookie.

use axum::extract::Query;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::{PageFault, PageResult, Posted, Signed, Visitor};
use crate::engine::signin::{Caller, SignIn};
use crate::render::pages::context;
use crate::render::time::say_span;
use crate::web::cookies::{self, Cookie};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    to: String,
    out: Option<String>,
    first: Option<String>,
}

pub(super) async fn show(page: Visitor, Query(asked): Query<Asked>) -> PageResult {
    if page.actor().is_some() {
        return page.go("/");
    }
    if page.face().setup.is_open(page.engine()).await? {
        return page.go("/setup");
    }
    let told = match (asked.out, asked.first) {
        (Some(_), _) => "已退出。",
        (None, Some(_)) => "管理员已创建，请登录。",
        (None, None) => "",
    };
    let words = context! { to => asked.to, told, name => "", wrong => "" };
    page.view("login.html", words)
}

pub(super) async fn enter(page: Visitor, Posted(form): Posted) -> PageResult {
    let (name, to) = (form.maybe("name").unwrap_or(""), form.secret("to"));
    let caller = Caller {
        name,
        password: form.secret("password"),
        source: page.source(),
        device: device(&page, name),
    };
    let (status, wrong) = match page.engine().sign_in(caller).await? {
        SignIn::Opened(value) => return opened(&page, name, to, &value).await,
        SignIn::Wrong => (StatusCode::UNPROCESSABLE_ENTITY, "姓名或密码不对。".to_owned()),
        SignIn::Wait(wait_ms) => {
            let wait = say_span(wait_ms + 999);
            (StatusCode::TOO_MANY_REQUESTS, format!("错误次数太多，请过{wait}再试。"))
        }
        SignIn::Busy => (StatusCode::SERVICE_UNAVAILABLE, "登录的人太多，请过几秒再试。".into()),
    };
    let words = context! { to, told => "", name, wrong };
    page.view_as(status, "login.html", words)
}

/// The random word of a browser in which this name was signed in before, if the mark is ours.
fn device<'a>(page: &'a Visitor, name: &str) -> Option<&'a str> {
    let (word, mark) = page.known()?.split_once('.')?;
    let ours = page.engine().sealer.is_mark(&known_as(word, name), mark);
    ours.then_some(word)
}

fn known_as(word: &str, name: &str) -> String {
    format!("known:{word}:{}", name.trim())
}

async fn opened(page: &Visitor, name: &str, to: &str, value: &str) -> PageResult {
    let mut response = page.go(inside(to))?;
    // A session found in this browser ends: two never stand beside each other.
    if let (Some(actor), Some(old)) = (page.actor(), page.session()) {
        page.engine().sign_out(actor, old).await?;
    }
    let settings = &page.face().settings;
    cookies::drop(response.headers_mut(), settings, Cookie::Visit);
    cookies::set(response.headers_mut(), settings, Cookie::Session, value);
    let word: [u8; 12] = page.engine().entropy.bytes();
    let word = URL_SAFE_NO_PAD.encode(word);
    let mark = page.engine().sealer.mark(&known_as(&word, name));
    cookies::set(response.headers_mut(), settings, Cookie::Known, &format!("{word}.{mark}"));
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
