//! `/alerts/{uid}`: the live board, and the part of it that is fetched again when it has changed.
//! Without script a row is opened by its link and the page reloads by itself. It changes nothing.

use axum::extract::{Path, Query};
use axum::http::{HeaderValue, header};
use serde::Deserialize;

use super::approve::may_at;
use super::{PageFault, PageResult, Signed};
use crate::domain::access::Action;
use crate::domain::alert::State;
use crate::domain::gate::AlertKind;
use crate::engine::board::Look;
use crate::render::pages::{Value, context, document};
use crate::web::{board, ready};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// The place whose row stands open, by its code.
    node: String,
}

pub(super) async fn show(
    page: Signed,
    Path(uid): Path<String>,
    Query(asked): Query<Asked>,
) -> PageResult {
    give(&page, &uid, &asked.node, "board.html").await
}

/// Only what changes, for the script of the page.
pub(super) async fn fragment(
    page: Signed,
    Path(uid): Path<String>,
    Query(asked): Query<Asked>,
) -> PageResult {
    let mut response = give(&page, &uid, &asked.node, "board_live.html").await?;
    // A fragment kept by a browser would be shown as if it were now.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn give(page: &Signed, uid: &str, code: &str, template: &str) -> PageResult {
    let look = page.engine().board(&page.face().boards, &page.actor, uid).await?;
    let look = look.ok_or(PageFault::NotFound)?;
    let node = board::node(&look, code).map_err(|_| PageFault::NotFound)?;
    let readings = ready::readings(page.face()).await;
    let words = context! {
        board => document(&board::document(&look, node, &readings)),
        drawn => document(&board::drawings(&look, node)),
        path => format!("/alerts/{uid}"),
        acts => acts(page, &look).await?,
        now => page.now_ms(),
    };
    let kind = AlertKind::from_code(look.alert.kind).unwrap_or(AlertKind::Live);
    page.about(kind).view(template, words)
}

/// What he may do about the order: links to pages that ask once more.
async fn acts(page: &Signed, look: &Look) -> Result<Vec<Value>, PageFault> {
    let alert = &look.alert;
    if State::from_code(alert.state) != Some(State::Live) {
        return Ok(Vec::new());
    }
    let all = [
        (Action::DraftAlert, "update", "更正或更新", false),
        (Action::WithdrawAlert, "withdraw", "撤销更正", true),
        (Action::EndAlert, "end", "解除", true),
    ];
    let mut shown = Vec::new();
    for (action, act, title, grave) in all {
        // At all places of the order, as the act itself asks.
        if may_at(page, alert.id, alert.version, action).await? {
            let href = format!("/alerts/{}/{act}", alert.uid);
            shown.push(context! { href, title, grave });
        }
    }
    Ok(shown)
}
