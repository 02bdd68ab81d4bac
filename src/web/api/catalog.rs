//! What a form of an order may name: templates with their variables, places, danger zones. Nobody's
//! name or number is here.

use std::sync::Arc;

use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Bearer, Problem, give};
use crate::domain::access::Action;
use crate::render::Origin;
use crate::store::places;
use crate::web::Face;

pub(super) async fn templates(State(face): State<Arc<Face>>, bearer: Bearer) -> Answer {
    bearer.may(Action::LookAtBoard)?;
    let row = |known: crate::render::TemplateInfo| {
        let variables: Vec<Value> = known
            .variables
            .iter()
            .map(|v| {
                json!({"name": v.name, "title": v.title_zh, "required": v.required,
                    "sample": v.sample, "max_units": v.max_units})
            })
            .collect();
        let origin = match known.origin {
            Origin::Own => "own",
            Origin::Forwarded => "forwarded",
        };
        json!({"name": known.name, "title": known.title_zh, "origin": origin,
            "strongest": known.strongest.word(), "variables": variables})
    };
    let rows: Vec<Value> = face.engine.messages.templates().into_iter().map(row).collect();
    give(&json!({"templates": rows}))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Where {
    /// A code: what stands right below it.
    under: String,
    /// Words of a name, or a code.
    find: String,
}

/// Places by name or code, or those below one; without either, those below the root.
pub(super) async fn places(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Query(asked): Query<Where>,
) -> Answer {
    bearer.may(Action::LookAtBoard)?;
    let store = &face.engine.store;
    if !asked.find.trim().is_empty() {
        return give(&json!({"places": places::find(store, asked.find.trim()).await?}));
    }
    let chain = places::chain(store, &asked.under).await?;
    let Some(place) = chain.last() else {
        return give(&json!({"places": []}));
    };
    if !asked.under.is_empty() && place.code != asked.under {
        return Err(Problem::NotFound);
    }
    let below = places::children(store, place.id).await?;
    give(&json!({"under": place, "places": below}))
}

pub(super) async fn zones(State(face): State<Arc<Face>>, bearer: Bearer) -> Answer {
    bearer.may(Action::LookAtBoard)?;
    give(&json!({"zones": places::zones(&face.engine.store).await?}))
}
