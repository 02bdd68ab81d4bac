//! `/api/v1/alerts/{alert}/households/{household}`: what a household is asked, and what it says by
//! way of a hotline or another office's app; `…/rounds/{human}/{act}`: the same of a leader. `key`
//! makes a word count once. What a word means is the engine's.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::alerts::on;
use super::sent::Sent;
use super::{Answer, Bearer, Problem, give};
use crate::domain::access::Action;
use crate::domain::doorstep::Seen;
use crate::domain::statement::Claim;
use crate::domain::triage::Triage;
use crate::engine::doorstep::{Act, Acted, Tap};
use crate::engine::home::{Home, Told, Word};
use crate::web::Face;

/// A word that is passed on; what it does not need is left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    key: String,
    /// How long ago it was said.
    #[serde(default)]
    age_ms: i64,
    persons: Option<i64>,
    list: Option<String>,
    household: Option<String>,
}

impl Said {
    fn tap(&self) -> Tap<'_> {
        Tap { key: &self.key, age_ms: self.age_ms }
    }
}

fn order(told: &Told) -> Value {
    json!({"title": told.title, "issuer": told.issuer, "state": told.state.word(),
        "demand": told.demand.word(), "text": told.text, "by": told.by, "shelter": told.shelter,
        "issued_at": told.issued_at, "dropped": told.dropped})
}

/// The words by which a page's claims are passed on.
const SAID: [(Claim, &str); 7] = [
    (Claim::Heard, "heard"),
    (Claim::Help(Triage::A), "help-a"),
    (Claim::Help(Triage::B), "help-b"),
    (Claim::Help(Triage::C), "help-c"),
    (Claim::LeftAll, "left"),
    (Claim::Upstairs, "left"),
    (Claim::SafeHome, "safe"),
];

fn claim_word(claim: Claim) -> &'static str {
    SAID.iter().find(|(known, _)| *known == claim).map_or("other", |(_, word)| word)
}

fn home(home: &Home) -> Value {
    let words: Vec<Value> = home
        .words
        .iter()
        .map(|word| json!({"said": claim_word(word.claim), "persons": word.persons, "at": word.at}))
        .collect();
    json!({"name": home.name, "building": home.building, "door": home.door,
        "kind": home.kind.word(), "persons": home.persons,
        "orders": home.orders.iter().map(order).collect::<Vec<_>>(),
        "demand": home.demand.map(|demand| demand.word()), "words": words,
        "helps": home.helps, "verify": home.verify, "closed": home.closed,
        "ask_back": home.ask_back, "help_taken_at": home.help_taken_at})
}

pub(super) async fn show_home(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path((alert, household)): Path<(String, String)>,
) -> Answer {
    let actor = on(&face, &bearer, Action::LookAtPeople, &alert).await?;
    give(&home(&face.engine.look_at_home(actor, &alert, &household).await?))
}

fn read_word(word: &str, persons: Option<i64>) -> Result<Word, Problem> {
    Ok(match word {
        "heard" => Word::Heard,
        "help-a" => Word::Help(Triage::A),
        "help-b" => Word::Help(Triage::B),
        "help-c" => Word::Help(Triage::C),
        "left" => Word::Left { persons },
        "safe" => Word::SafeHome,
        _ => return Err(Problem::NotFound),
    })
}

fn done(acted: Acted) -> Result<&'static str, Problem> {
    match acted {
        Acted::Done => Ok("noted"),
        Acted::Closed => Ok("closed"),
        Acted::Again => Ok("again"),
        Acted::Elsewhere => Err(Problem::Refused("somebody else has the list by now".into())),
        Acted::Unfit => Err(Problem::Refused(
            "not noted: nothing in force asks this here, or it is not on his lists".into(),
        )),
    }
}

pub(super) async fn say(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path((alert, household, word)): Path<(String, String, String)>,
    Sent(said): Sent<Said>,
) -> Answer {
    let actor = on(&face, &bearer, Action::RecordStatement, &alert).await?;
    let meant = read_word(&word, said.persons)?;
    let engine = &face.engine;
    let acted = engine.relay_home(actor, &alert, &household, said.tap(), meant).await?;
    give(&json!({"household": household, "said": word, "result": done(acted)?}))
}

pub(super) async fn walk(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path((alert, human, act)): Path<(String, String, String)>,
    Sent(said): Sent<Said>,
) -> Answer {
    let list = said.list.as_deref();
    let door = said.household.as_deref();
    let door = || {
        door.ok_or_else(|| Problem::Form(format!("{act} needs household: a code of the roster")))
    };
    let meant = match act.as_str() {
        "take" => Act::Take { list },
        "pass" => Act::Pass { list },
        "awake" => Act::Awake,
        "called" => Act::Called { door: door()? },
        word => {
            let seen = Seen::from_word(word).ok_or(Problem::NotFound)?;
            Act::Saw { door: door()?, seen, persons: said.persons }
        }
    };
    let needs = match meant {
        Act::Called { .. } | Act::Saw { .. } | Act::Undo { .. } => Action::TickList,
        Act::Take { .. } | Act::Pass { .. } | Act::Awake => Action::TakeList,
    };
    let actor = on(&face, &bearer, needs, &alert).await?;
    let acted = face.engine.relay_round(actor, &alert, &human, said.tap(), meant).await?;
    give(&json!({"human": human, "did": act, "result": done(acted)?}))
}
