//! `GET /api/v1/alerts/{id}/board`: the figures of the live board, and `/lists`: its lists. The
//! same as on the page: where the account may not see people, or the token is not for them, there
//! are no names.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Bearer, Problem, give};
use crate::base::limits::PAGE_ROWS;
use crate::domain::access::Action;
use crate::engine::board::Look;
use crate::web::{Face, board, ready};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// The code of the place whose row stands open.
    node: String,
}

async fn look(face: &Face, bearer: &Bearer, uid: &str) -> Result<Look, Problem> {
    let actor = bearer.may(Action::LookAtBoard)?;
    let look = face.engine.board(&face.boards, actor, uid).await?;
    let mut look = look.ok_or(Problem::NotFound)?;
    // A token for figures shows no names, whatever its account may.
    if bearer.may(Action::LookAtPeople).is_err() {
        look.people.clear();
    }
    Ok(look)
}

pub(super) async fn show(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer {
    let look = look(&face, &bearer, &uid).await?;
    let node = board::node(&look, &asked.node).map_err(|_| Problem::NotFound)?;
    give(&board::document(&look, node, &ready::readings(&face).await))
}

pub(super) async fn lists(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
) -> Answer {
    let look = look(&face, &bearer, &uid).await?;
    let most = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
    let mut lists = board::lists(&look, most);
    lists["alert"] = json!(uid);
    lists["at"] = json!(look.quick.at);
    give(&lists)
}
