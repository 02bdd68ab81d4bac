//! `GET /api/v1/home`: what the first page shows: what is live at his places, what waits for
//! somebody, whether everything is ready. Names only where account and token may see people.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::{Answer, Bearer, give};
use crate::domain::access::Action;
use crate::domain::alert::{State as Stage, Urgency};
use crate::domain::gate::AlertKind;
use crate::engine::readiness::Reading;
use crate::store::overview::{self, DeskWaits, LiveNow, Unsigned, UnwokenNow};
use crate::web::{Face, ready};

fn kind_word(code: i64) -> Option<&'static str> {
    AlertKind::from_code(code).map(AlertKind::word)
}

fn urgency(code: i64) -> Option<&'static str> {
    Urgency::from_code(code).map(Urgency::word)
}

fn state(code: i64) -> Option<&'static str> {
    Stage::from_code(code).map(Stage::word)
}

fn live(row: &LiveNow) -> Value {
    json!({"alert": row.uid, "kind": kind_word(row.kind), "title": row.title,
        "issuer": row.issuer, "colour": row.colour, "state": state(row.state),
        "version": row.version, "urgency": urgency(row.urgency), "changed_at": row.changed_at,
        "act_by": row.act_by, "expires_at": row.expires_at, "pursued": row.pursued,
        "open": row.pursued - row.closed, "help": row.help})
}

fn unsigned(row: &Unsigned) -> Value {
    json!({"alert": row.uid, "kind": kind_word(row.kind), "title": row.title,
        "version": row.version, "state": state(row.state), "urgency": urgency(row.urgency),
        "author": row.author, "since": row.since, "act_by": row.act_by, "reason": row.reason,
        "countersign_due": row.countersign_due})
}

fn desk(row: &DeskWaits) -> Value {
    json!({"kind": row.kind, "class": row.class, "taken": row.state == 1, "cards": row.tasks,
        "since": row.since, "late": row.late})
}

fn asleep(row: &UnwokenNow) -> Value {
    json!({"person": row.person, "place": row.place, "alert": row.title, "calls": row.n,
        "called_at": row.called_at})
}

fn reading(row: &Reading) -> Value {
    json!({"name": row.name, "light": row.light.word(), "said": row.said, "remedy": row.remedy})
}

pub(super) async fn show(State(face): State<Arc<Face>>, bearer: Bearer) -> Answer {
    let actor = bearer.may(Action::LookAtBoard)?;
    let store = &face.engine.store;
    let board = actor.places(Action::LookAtBoard);
    // A token for figures shows no names, whatever its account may.
    let people = match bearer.may(Action::LookAtPeople) {
        Ok(actor) => actor.places(Action::LookAtPeople),
        Err(_) => Vec::new(),
    };
    let now = face.engine.clock.story_ms();
    let (lists, lists_since) = overview::untaken(store, &board).await?;
    let unwoken = overview::unwoken(store, &board).await?;
    let named = match people.is_empty() {
        true => Vec::new(),
        false => overview::unwoken(store, &people).await?,
    };
    let rows = |values: Vec<Value>| Value::Array(values);
    give(&json!({
        "at": now,
        "live": rows(overview::live_now(store, &board).await?.iter().map(live).collect()),
        "unsigned": rows(overview::unsigned(store, &board).await?.iter().map(unsigned).collect()),
        "desk": rows(overview::desk_waits(store, &actor.places(Action::TakeTask), now)
            .await?.iter().map(desk).collect()),
        "lists_untaken": lists,
        "lists_since": lists_since,
        "unwoken": unwoken.first().map_or(0, |one| one.all_of_them),
        "unwoken_named": rows(named.iter().map(asleep).collect()),
        "readiness": rows(ready::readings(&face).await.iter().map(reading).collect()),
    }))
}
