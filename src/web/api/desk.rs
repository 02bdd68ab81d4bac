//! `GET /api/v1/desk`: what waits at the help desk, and `POST /api/v1/desk/{task}/{act}`: `take`
//! (another's: `{from}`), `assign {human}`, `close {result}`, `class {class}`, `read {read}`.
//! Rights by place and what an act means are the engine's.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sent::Sent;
use super::{Answer, Bearer, Problem, give};
use crate::domain::access::Action;
use crate::domain::triage::Triage;
use crate::engine::desk::{DeskTask, Read};
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
    let next = page.next.map(|(class, at, id)| format!("{class}.{at}.{id}"));
    let tasks: Vec<Value> = page.tasks.iter().map(task).collect();
    give(&json!({"tasks": tasks, "next": next, "counts": counts}))
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
            engine.close_task(bearer.may(Action::CloseTask)?, &task, &result).await?;
        }
        "class" => {
            let class = said.class.and_then(Triage::from_code);
            let class = class.ok_or_else(|| needs("class: 1 A, 2 B, 3 C"))?;
            engine.set_task_class(bearer.may(Action::RecordStatement)?, &task, class).await?;
        }
        "read" => {
            let read = said.read.as_deref().and_then(Read::from_word);
            let read = read.ok_or_else(|| needs("read: heard, left, safe, nothing"))?;
            engine.read_task(bearer.may(Action::RecordStatement)?, &task, read).await?;
        }
        _ => return Err(Problem::NotFound),
    }
    give(&json!({"task": task, "done": act}))
}

fn read_after(text: &str) -> Result<After, Problem> {
    if text.is_empty() {
        return Ok((0, 0, 0));
    }
    let parts: Vec<i64> = text.split('.').filter_map(|part| part.parse().ok()).collect();
    match parts[..] {
        [class, at, id] => Ok((class, at, id)),
        _ => Err(Problem::Form("after: the next of the page before".into())),
    }
}

fn task(one: &DeskTask) -> Value {
    let row = &one.row;
    let gear: Vec<&str> = one.gear.iter().map(|gear| gear.word()).collect();
    let dials: Vec<Value> = one
        .dials
        .iter()
        .map(|dial| json!({"number": dial.number, "relative": dial.relative}))
        .collect();
    let goers: Vec<Value> = one
        .goers
        .iter()
        .map(|goer| json!({"human": goer.code, "name": goer.name, "role": goer.role}))
        .collect();
    json!({
        "task": row.uid, "alert": row.alert, "kind": row.kind, "class": row.class,
        "taken": row.state == 1, "owner": row.owner, "text": row.text,
        "opened_at": row.opened_at, "deadline_at": row.deadline_at,
        "household": row.household, "name": row.name, "grid": row.grid,
        "building": row.building, "door": row.door, "persons": row.persons, "bring": gear,
        "numbers": dials, "number_ends": row.last4, "goers": goers,
    })
}
