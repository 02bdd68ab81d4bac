//! `GET /api/v1/me`: whose token this is, what it is for, and his roles.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::{Answer, Bearer, give};
use crate::domain::scope::Scope;
use crate::store::account;
use crate::web::Face;

pub(super) async fn show(State(face): State<Arc<Face>>, bearer: Bearer) -> Answer {
    let found = account::by_id(&face.engine.store, bearer.account_id()).await?;
    let roles: Vec<Value> = found
        .iter()
        .flat_map(|found| &found.roles)
        .map(|at| json!({"role": at.role.word(), "place": at.place_code, "name": at.place_name}))
        .collect();
    let scopes: Vec<&str> = bearer.scopes().iter().map(Scope::word).collect();
    give(&json!({"name": bearer.name(), "roles": roles, "scopes": scopes}))
}
