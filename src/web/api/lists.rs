//! `GET /api/v1/lists/{list}`: a leader's list with its open doors; `POST …/{act}`: `take`,
//! `give {human}`, `tick {household, seen, persons}`, for whoever has him on the phone. And the
//! links: `POST /api/v1/alerts/{alert}/link {human}` or `{household}`, `…/revoke {human}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sent::Sent;
use super::{Answer, Bearer, Problem, give};
use crate::domain::access::Action;
use crate::engine::dossier::list_json;
use crate::engine::hands::Tick;
use crate::store::view::{self, DoorView};
use crate::web::Face;

/// What an act needs; what it does not need is left out.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Said {
    human: Option<String>,
    household: Option<String>,
    seen: Option<String>,
    persons: Option<i64>,
}

async fn known(face: &Face, list: &str) -> Result<(), Problem> {
    view::list(&face.engine.store, list).await?.map(drop).ok_or(Problem::NotFound)
}

fn door(door: &DoorView) -> Value {
    let reach = match door.reach {
        1 => "unsent",
        2 => "no_phone",
        3 => "answered",
        _ => "silent",
    };
    json!({"household": door.code, "name": door.name, "building": door.building,
        "floor": door.floor, "door": door.door, "persons": door.persons,
        "vulnerable": door.vulnerable == 1, "help": door.helps > 0,
        "refused": door.refused == 1, "reach": reach})
}

pub(super) async fn show(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(list): Path<String>,
) -> Answer {
    let actor = bearer.may(Action::LookAtPeople)?;
    known(&face, &list).await?;
    let (list, reach, doors) = face.engine.show_list(actor, &list).await?;
    let mut document = list_json(&list, true);
    document["reach"] = json!({"doors": reach.doors, "silent": reach.silent,
        "unsent": reach.unsent, "no_phone": reach.no_phone});
    document["open"] = doors.iter().map(door).collect();
    give(&document)
}

pub(super) async fn act(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path((list, act)): Path<(String, String)>,
    Sent(said): Sent<Said>,
) -> Answer {
    let engine = &face.engine;
    let needs = |field: &str| Problem::Form(format!("{act} needs {field}"));
    let allowed = match act.as_str() {
        "take" => bearer.may(Action::TakeList)?,
        "give" => bearer.may(Action::GiveList)?,
        "tick" => bearer.may(Action::TickList)?,
        _ => return Err(Problem::NotFound),
    };
    known(&face, &list).await?;
    let mut closed = None;
    let shown = match act.as_str() {
        "take" => engine.take_list(allowed, &list).await?.uid,
        "give" => {
            let human = said.human.ok_or_else(|| needs("human: a code of the roster"))?;
            engine.give_list(allowed, &list, &human).await?.uid
        }
        _ => {
            let household = said.household;
            let household = household.ok_or_else(|| needs("household: a code of the roster"))?;
            let words = Tick::WORDS.map(|(word, _)| word).join(", ");
            let claim = said.seen.as_deref().and_then(Tick::claim);
            let claim = claim.ok_or_else(|| needs(&format!("seen: one of {words}")))?;
            let tick = Tick { household, claim, persons: said.persons };
            closed = Some(engine.tick_list(allowed, &list, &tick).await?);
            list
        }
    };
    give(&json!({"list": shown, "done": act, "closed": closed}))
}

/// Whose link.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Whose {
    human: Option<String>,
    household: Option<String>,
}

pub(super) async fn link(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(alert): Path<String>,
    Sent(whose): Sent<Whose>,
) -> Answer {
    let link = match (whose.human, whose.household) {
        (Some(human), None) => {
            let actor = bearer.may(Action::GiveList)?;
            face.engine.leader_link(actor, &alert, &human).await?
        }
        (None, Some(household)) => {
            let actor = bearer.may(Action::LookAtPeople)?;
            face.engine.resident_link(actor, &alert, &household).await?
        }
        _ => return Err(Problem::Form("link needs human or household, and not both".into())),
    };
    give(&json!({"link": link}))
}

pub(super) async fn revoke(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(alert): Path<String>,
    Sent(whose): Sent<Whose>,
) -> Answer {
    let human = whose.human.filter(|_| whose.household.is_none());
    let needs =
        || Problem::Form("revoke needs human: a code of the roster, and nothing else".into());
    let human = human.ok_or_else(needs)?;
    let link = face.engine.revoke_link(bearer.may(Action::GiveList)?, &alert, &human).await?;
    give(&json!({"link": link}))
}
