//! `GET /api/v1/desk`: the cards that wait at the help desk, and `POST /api/v1/desk/{task}/{act}`:
//! `take` (another's: `{from}`), `assign {human}`, `close {result, whole, seen}`,
//! `class {class, seen}`, `read {read, seen}`. An act is of the whole card; closing
//! of one home, unless `whole`. Rights by place and what an act means are the engine's.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sent::Sent;
use super::{Answer, Bearer, Problem, give};
use crate::domain::access::Action;
use crate::domain::triage::Triage;
use crate::engine::desk::{DeskHome, DeskTask, Read};
use crate::engine::tasks::Closing;
use crate::store::desk_page::After;
use crate::store::order;
use crate::web::Face;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Only of this alert.
    alert: String,
    /// `next` of the page before.
    after: String,
}

/// What an act needs; what it does not need is left out.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Said {
    /// Who has it now, to take it over.
    from: Option<String>,
    human: Option<String>,
    result: Option<String>,
    class: Option<i64>,
    read: Option<String>,
    /// Close all homes of the incident.
    whole: Option<bool>,
    /// The cries or replies that were read: what came after is neither closed nor read away.
    seen: Option<i64>,
}

pub(super) async fn show(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Query(asked): Query<Asked>,
) -> Answer {
    let actor = bearer.may(Action::LookAtPeople)?;
    let alert = match asked.alert.as_str() {
        "" => 0,
        uid => order::by_uid(&face.engine.store, uid).await?.ok_or(Problem::NotFound)?.id,
    };
    let after = read_after(&asked.after)?;
    let page = face.engine.desk_page(&face.looks, actor, alert, after).await?;
    let counts: Vec<Value> = page
        .counts
        .iter()
        .map(|(class, state, tasks)| json!({"class": class, "state": state, "tasks": tasks}))
        .collect();
    let next = page.next.map(|next| next.to_string());
    let tasks: Vec<Value> = page.tasks.iter().map(task).collect();
    let promised = json!({"households": page.promises.homes, "first_at": page.promises.first_at});
    give(&json!({"tasks": tasks, "next": next, "counts": counts, "grave": page.grave,
        "promised": promised}))
}

pub(super) async fn act(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path((task, act)): Path<(String, String)>,
    Sent(said): Sent<Said>,
) -> Answer {
    let engine = &face.engine;
    let needs = |field: &str| Problem::Form(format!("{act} needs {field}"));
    match act.as_str() {
        "take" => {
            let from = said.from.as_deref();
            engine.take_task(bearer.may(Action::TakeTask)?, &task, from).await?;
        }
        "assign" => {
            let human = said.human.ok_or_else(|| needs("human: a code of the roster"))?;
            engine.assign_task(bearer.may(Action::TakeTask)?, &task, &human).await?;
        }
        "close" => {
            let result = said.result.ok_or_else(|| needs("result: how it ended"))?;
            let closing = Closing { whole: said.whole.unwrap_or(false), seen: said.seen };
            engine.close_card(bearer.may(Action::CloseTask)?, &task, &result, closing).await?;
        }
        "class" => {
            let class = said.class.and_then(Triage::from_code);
            let class = class.ok_or_else(|| needs("class: 1 A, 2 B, 3 C"))?;
            engine
                .set_task_class(bearer.may(Action::RecordStatement)?, &task, class, said.seen)
                .await?;
        }
        "read" => {
            let read = said.read.as_deref().and_then(Read::from_word);
            let read = read.ok_or_else(|| needs("read: heard, left, safe, nothing"))?;
            engine.read_task(bearer.may(Action::RecordStatement)?, &task, read, said.seen).await?;
        }
        _ => return Err(Problem::NotFound),
    }
    give(&json!({"task": task, "done": act}))
}

fn read_after(text: &str) -> Result<After, Problem> {
    After::read(text).ok_or_else(|| Problem::Form("after: the next of the page before".into()))
}

fn home(one: &DeskHome) -> Value {
    let row = &one.row;
    let gear: Vec<&str> = one.gear.iter().map(|gear| gear.word()).collect();
    let dials: Vec<Value> = one
        .dials
        .iter()
        .map(|dial| json!({"number": dial.number, "relative": dial.relative}))
        .collect();
    json!({
        "task": row.uid, "alert": row.alert, "other_alerts": one.others, "class": row.class,
        "taken": row.state == 1, "owner": row.owner, "text": row.text, "cries": row.cries,
        "cried_at": row.cried_at, "opened_at": row.opened_at, "deadline_at": row.deadline_at,
        "household": row.household, "name": row.name, "grid": row.grid,
        "building": row.building, "door": row.door, "persons": row.persons, "bring": gear,
        "numbers": dials, "number_ends": row.last4,
    })
}

fn task(one: &DeskTask) -> Value {
    let goers: Vec<Value> = one
        .goers
        .iter()
        .map(|goer| json!({"human": goer.code, "name": goer.name, "role": goer.role}))
        .collect();
    let homes: Vec<Value> = one.homes.iter().map(home).collect();
    json!({
        "task": one.at.anchor, "kind": one.row.kind, "class": one.at.class,
        "taken": one.at.held == 2, "opened_at": one.at.opened_at, "cries": one.cries(),
        "promise": one.row.promise == 1, "homes": homes, "goers": goers,
    })
}
