//! What a page says when it can't do what was asked: what happened and what to do now, in plain
//! words. Details of our own defects go to the log, never to the page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::domain::access::Denied;
use crate::engine::EngineFault;
use crate::render::RenderFault;
use crate::store::StoreFault;
use crate::web::listen::Unread;

/// What a handler gives.
pub(in crate::web) type PageResult = Result<Response, PageFault>;

/// Why there is no page, by what the reader does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) enum PageFault {
    NotFound,
    Method,
    /// Not signed in: to `/login`, and then to this path.
    SignIn(String),
    Denied(String),
    /// The form is not one of ours, or of an ended session.
    Forged,
    TooLarge,
    TooSlow,
    /// A field can't be read; the text says which.
    Form(String),
    /// The engine refuses the act as it stands.
    Refused(String),
    /// Too many attempts.
    Wait(String),
    Again,
    Broken,
}

impl PageFault {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            PageFault::NotFound => StatusCode::NOT_FOUND,
            PageFault::Method => StatusCode::METHOD_NOT_ALLOWED,
            PageFault::SignIn(_) => StatusCode::SEE_OTHER,
            PageFault::Denied(_) | PageFault::Forged => StatusCode::FORBIDDEN,
            PageFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            PageFault::TooSlow => StatusCode::REQUEST_TIMEOUT,
            PageFault::Form(_) => StatusCode::UNPROCESSABLE_ENTITY,
            PageFault::Refused(_) => StatusCode::CONFLICT,
            PageFault::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
            PageFault::Again => StatusCode::SERVICE_UNAVAILABLE,
            PageFault::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What happened, and what to do.
    pub(super) fn words(&self) -> (&'static str, String) {
        match self {
            PageFault::NotFound => ("没有这个页面", "请检查网址，或从首页重新进入。".into()),
            PageFault::Method => {
                ("不能这样打开", "请从页面上的按钮操作，不要直接打开网址。".into())
            }
            PageFault::SignIn(_) => ("请先登录", "登录后会回到刚才的页面。".into()),
            PageFault::Denied(why) => ("没有权限", why.clone()),
            PageFault::Forged => (
                "没有执行",
                "页面已过期，或请求不是从本系统页面发出的。请返回上一页，刷新后再试。".into(),
            ),
            PageFault::TooLarge => ("内容太长", "没有保存。请缩短后再提交。".into()),
            PageFault::TooSlow => {
                ("网络太慢", "内容没有收全，没有保存。请返回上一页，再提交一次。".into())
            }
            PageFault::Form(what) => ("填写有误", what.clone()),
            PageFault::Refused(why) => ("没有执行", why.clone()),
            PageFault::Wait(why) => ("请稍候", why.clone()),
            PageFault::Again => ("系统正忙", "没有执行。请过几秒再试一次。".into()),
            PageFault::Broken => {
                ("系统出错", "没有执行。已记入日志，请联系管理员；紧急情况请先用电话。".into())
            }
        }
    }

    /// The fault of a status that some layer gave without words.
    pub(super) fn of_status(status: StatusCode) -> PageFault {
        match status {
            StatusCode::NOT_FOUND => PageFault::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => PageFault::Method,
            StatusCode::FORBIDDEN => PageFault::Forged,
            StatusCode::PAYLOAD_TOO_LARGE => PageFault::TooLarge,
            StatusCode::REQUEST_TIMEOUT => PageFault::TooSlow,
            StatusCode::SERVICE_UNAVAILABLE => PageFault::Again,
            status if status.is_client_error() => PageFault::Form("网址或内容不对。".into()),
            _ => PageFault::Broken,
        }
    }
}

/// Only a mark: `admit` turns it into a page, for it knows who is looking.
impl IntoResponse for PageFault {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Unread> for PageFault {
    fn from(fault: Unread) -> PageFault {
        match fault {
            Unread::TooLarge => PageFault::TooLarge,
            Unread::TooSlow => PageFault::TooSlow,
        }
    }
}

impl From<Denied> for PageFault {
    fn from(denied: Denied) -> PageFault {
        PageFault::Denied(denied.chinese())
    }
}

impl From<EngineFault> for PageFault {
    fn from(fault: EngineFault) -> PageFault {
        match fault {
            EngineFault::Store(fault) => fault.into(),
            EngineFault::Render(fault) => fault.into(),
            EngineFault::Queue(fault) => {
                tracing::warn!(%fault, "a page's act met a silent queue");
                PageFault::Again
            }
            EngineFault::Denied(denied) => denied.into(),
            EngineFault::Refused(why) => {
                tracing::info!(why, "a page's act was refused");
                PageFault::Refused(in_chinese(&why).into())
            }
        }
    }
}

impl From<StoreFault> for PageFault {
    fn from(fault: StoreFault) -> PageFault {
        if fault.is_again() {
            tracing::warn!(%fault, "a page's act may be tried again");
            return PageFault::Again;
        }
        tracing::error!(%fault, "a page broke");
        PageFault::Broken
    }
}

impl From<RenderFault> for PageFault {
    fn from(fault: RenderFault) -> PageFault {
        if let RenderFault::Broken { .. } = &fault {
            tracing::error!(%fault, "a page broke");
            return PageFault::Broken;
        }
        tracing::info!(%fault, "a page's text was refused");
        PageFault::Refused(in_chinese(&fault.to_string()).into())
    }
}

/// What an official reads of a refusal: its Chinese part, without what is for a command line. One
/// that has none means mostly that somebody else was faster.
fn in_chinese(why: &str) -> &str {
    let is_latin = |text: &str| {
        let count = |is: fn(char) -> bool| text.chars().filter(|c| is(*c)).count();
        count(|c| c.is_ascii_alphabetic()) > 2 * count(|c| c > '\u{2e7f}')
    };
    let words = match why.split_once(" (") {
        Some((words, rest)) if rest.ends_with(')') && !is_latin(words) => words,
        Some(_) | None => why,
    };
    let words = match words.split_once(" / ") {
        Some((head, rest)) if is_latin(head) => rest,
        Some(_) | None => words,
    };
    match is_latin(words) {
        true => "可能别人刚办过，或内容已经变了：请返回上一页，刷新后再看。",
        false => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_official_reads_no_english() {
        let stale = "可能别人刚办过，或内容已经变了：请返回上一页，刷新后再看。";
        for (why, said) in [
            ("这件已经办结了 (this task is closed already)", "这件已经办结了"),
            ("这件在李签发手里 (held by 李签发: say --from \"李签发\")", "这件在李签发手里"),
            (
                "NAME / 名字 \"王值班\"：已有人用，请换一个 (taken)",
                "名字 \"王值班\"：已有人用，请换一个",
            ),
            ("原密码不对", "原密码不对"),
            ("this task is closed already", stale),
            ("王伟 has this list already", stale),
            ("no person \"H-01\" in the roster (see there)", stale),
        ] {
            assert_eq!(in_chinese(why), said);
        }
    }
}
