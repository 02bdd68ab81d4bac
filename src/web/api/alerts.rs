//! `/api/v1/alerts…`: orders from draft to end, by forms as the command line takes them. Which act
//! may follow which, and who may do it where, is the engine's.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sent::Sent;
use super::{Answer, Bearer, Problem, give};
use crate::base::limits::{PAGE_ROWS, PAPERS_PAGE};
use crate::domain::access::Action;
use crate::engine::dossier;
use crate::engine::issue::{Actor, OrderForm};
use crate::engine::narrow::Farewell;
use crate::engine::sketch::Of;
use crate::store::order;
use crate::web::Face;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Page {
    before: Option<i64>,
    limit: Option<i64>,
}

/// Orders of his places, newest first, and where the next page begins.
pub(super) async fn list(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Query(page): Query<Page>,
) -> Answer {
    let actor = bearer.may(Action::LookAtBoard)?;
    let limit = page.limit.unwrap_or(PAPERS_PAGE).clamp(1, PAGE_ROWS);
    let before = page.before.unwrap_or(i64::MAX);
    let (papers, next) = face.engine.papers(actor, before, limit).await?;
    let rows: Vec<Value> = papers.iter().map(dossier::paper_json).collect();
    give(&json!({"alerts": rows, "next": next}))
}

pub(super) async fn draft(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Sent(form): Sent<OrderForm>,
) -> Answer {
    let uid = face.engine.draft(bearer.may(Action::DraftAlert)?, &form).await?;
    give(&json!({"alert": uid, "state": "draft"}))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Whose {
    /// The alert whose next version the form would be; none: a new one.
    alert: Option<String>,
}

/// What an order would be, with everything that stands in its way; nothing is written.
pub(super) async fn preview(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Query(asked): Query<Whose>,
    Sent(form): Sent<OrderForm>,
) -> Answer {
    let actor = bearer.may(Action::DraftAlert)?;
    let of = match asked.alert {
        None => Of::NEW,
        Some(uid) => {
            exists(&face, &uid).await?;
            let row = face.engine.look_at_alert(actor, &uid).await?;
            let newest = order::latest_version(&face.engine.store, row.id).await?;
            let version = if row.version == 0 { newest } else { newest + 1 };
            Of { alert: Some(row.id), version, live_at: None }
        }
    };
    let sketch = face.engine.sketch(actor, &form, of).await?;
    give(&dossier::sketch_json(&sketch))
}

pub(super) async fn show(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
) -> Answer {
    let actor = on(&face, &bearer, Action::LookAtBoard, &uid).await?;
    let names = bearer.may(Action::LookAtPeople).is_ok();
    give(&face.engine.show_alert(actor, &uid, names).await?)
}

/// The sums of custody; one that does not hold says so in `balances` and `orphans`.
pub(super) async fn audit(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
) -> Answer {
    let actor = on(&face, &bearer, Action::LookAtBoard, &uid).await?;
    give(&face.engine.show_audit(actor, &uid).await?.0)
}

pub(super) async fn edit(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Sent(form): Sent<OrderForm>,
) -> Answer {
    let actor = on(&face, &bearer, Action::DraftAlert, &uid).await?;
    let version = face.engine.edit(actor, &uid, &form).await?;
    give(&json!({"alert": uid, "version": version, "state": "draft"}))
}

pub(super) async fn submit(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
) -> Answer {
    let actor = on(&face, &bearer, Action::SubmitAlert, &uid).await?;
    face.engine.submit(actor, &uid).await?;
    head(&face, &uid).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    /// The mark of what was read; what was written anew since is refused.
    seen: String,
    /// Alone, to be countersigned.
    #[serde(default)]
    bypass: bool,
}

pub(super) async fn approve(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Sent(approval): Sent<Approval>,
) -> Answer {
    let action = if approval.bypass { Action::BypassAlert } else { Action::ApproveAlert };
    let actor = on(&face, &bearer, action, &uid).await?;
    face.engine.approve_seen(actor, &uid, &approval.seen, approval.bypass).await?;
    head(&face, &uid).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    reason: String,
}

pub(super) async fn give_back(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Sent(why): Sent<Reason>,
) -> Answer {
    let actor = on(&face, &bearer, Action::ReturnAlert, &uid).await?;
    face.engine.give_back(actor, &uid, &why.reason).await?;
    head(&face, &uid).await
}

/// The next version as a draft; it is submitted and approved like any.
pub(super) async fn update(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Sent(form): Sent<OrderForm>,
) -> Answer {
    let actor = on(&face, &bearer, Action::DraftAlert, &uid).await?;
    let version = face.engine.update(actor, &uid, &form).await?;
    give(&json!({"alert": uid, "version": version, "state": "draft"}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Correction {
    vars: BTreeMap<String, String>,
}

pub(super) async fn withdraw(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Sent(correction): Sent<Correction>,
) -> Answer {
    let actor = on(&face, &bearer, Action::WithdrawAlert, &uid).await?;
    face.engine.withdraw(actor, &uid, &correction.vars).await?;
    head(&face, &uid).await
}

/// Throws away what never went out; of a live order, its next version.
pub(super) async fn discard(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
) -> Answer {
    let actor = bearer.may(Action::DiscardAlert)?;
    exists(&face, &uid).await?;
    let version = face.engine.discard(actor, &uid).await?;
    give(&json!({"alert": uid, "version": version, "state": "discarded"}))
}

pub(super) async fn end(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
) -> Answer {
    let actor = on(&face, &bearer, Action::EndAlert, &uid).await?;
    let open = face.engine.end(actor, &uid).await?;
    give(&json!({"alert": uid, "state": "ended", "open": open}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Longer {
    hours: i64,
}

pub(super) async fn extend(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Sent(longer): Sent<Longer>,
) -> Answer {
    let actor = on(&face, &bearer, Action::ExtendAlert, &uid).await?;
    let until = face.engine.extend(actor, &uid, longer.hours).await?;
    give(&json!({"alert": uid, "expires_at": until}))
}

pub(super) async fn countersign(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
) -> Answer {
    let actor = on(&face, &bearer, Action::CountersignAlert, &uid).await?;
    let signed = face.engine.countersign(actor, &uid).await?;
    give(&json!({"alert": uid, "countersigned": signed}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Narrowing {
    tell: String,
    places: Vec<String>,
}

/// Who was dropped where, and what they may be told.
pub(super) async fn dropped(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
) -> Answer {
    let actor = on(&face, &bearer, Action::LookAtBoard, &uid).await?;
    give(&dossier::dropped_json(&face.engine.look_at_dropped(actor, &uid).await?))
}

pub(super) async fn narrow(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(uid): Path<String>,
    Sent(sent): Sent<Narrowing>,
) -> Answer {
    let farewell = Farewell::from_word(&sent.tell);
    let farewell = farewell
        .ok_or_else(|| Problem::Form("tell: write range_correction or return_notice".into()))?;
    let actor = on(&face, &bearer, farewell.action(), &uid).await?;
    let messages = face.engine.tell_dropped(actor, &uid, farewell, &sent.places).await?;
    give(&json!({"alert": uid, "messages": messages}))
}

/// Who acts on an alert that is there, as far as his token goes.
pub(super) async fn on<'b>(
    face: &Face,
    bearer: &'b Bearer,
    action: Action,
    uid: &str,
) -> Result<&'b Actor, Problem> {
    let actor = bearer.may(action)?;
    exists(face, uid).await?;
    Ok(actor)
}

/// The inside id of an alert that is there.
async fn exists(face: &Face, uid: &str) -> Result<i64, Problem> {
    let row = order::by_uid(&face.engine.store, uid).await?;
    row.map(|row| row.id).ok_or(Problem::NotFound)
}

async fn head(face: &Face, uid: &str) -> Answer {
    give(&dossier::head(&face.engine.find_alert(uid).await?))
}
