//! `/api/v1/alerts/{id}/roll` and `…/roll/confirm`: whom an exercise may reach. Who adds and who
//! confirms, and that they are two, is the engine's.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::json;

use super::alerts::on;
use super::sent::Sent;
use super::{Answer, Bearer, give};
use crate::base::limits::PAGE_ROWS;
use crate::domain::access::Action;
use crate::engine::dossier;
use crate::engine::exercise::RollFill;
use crate::web::Face;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// Words of a name; empty: all.
    find: String,
}

/// A token for figures alone shows no names, so this needs one for alerts.
pub(super) async fn show(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer {
    let actor = on(&face, &bearer, Action::ConfirmRoll, &uid).await?;
    let look = face.engine.look_at_roll(actor, &uid, asked.find.trim(), PAGE_ROWS).await?;
    give(&dossier::roll_json(&look))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct More {
    places: Vec<String>,
    lines: Vec<String>,
}

pub(super) async fn fill(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Sent(more): Sent<More>,
) -> Answer {
    let actor = on(&face, &bearer, Action::DraftAlert, &uid).await?;
    let lines = RollFill::read_lines(&more.lines.join("\n"));
    let fill = RollFill { places: more.places, lines };
    let added = face.engine.fill_roll(actor, &uid, &fill).await?;
    give(&json!({"alert": uid, "added": added}))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Names {
    /// None: all that another added.
    names: Option<Vec<String>>,
}

pub(super) async fn confirm(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Sent(sent): Sent<Names>,
) -> Answer {
    let actor = on(&face, &bearer, Action::ConfirmRoll, &uid).await?;
    let (confirmed, waiting) = face.engine.confirm_roll(actor, &uid, sent.names.as_deref()).await?;
    give(&json!({"alert": uid, "confirmed": confirmed, "waiting": waiting}))
}
