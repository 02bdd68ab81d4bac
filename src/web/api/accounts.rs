//! `/api/v1/accounts…`: who may do what where, for programs that keep accounts elsewhere. A token
//! gives no other token more than it may itself. Rights, and what ends with a change, are
//! `engine::accounts`'s; a password given here is never given back.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sent::Sent;
use super::{Answer, Bearer, Problem, give};
use crate::base::limits::TOKEN_DAYS;
use crate::domain::access::{Action, Role};
use crate::domain::scope::{Scope, Scopes};
use crate::engine::accounts::{By, RoleAsked};
use crate::engine::issue::Actor;
use crate::store::account::{self, Listed};
use crate::store::token::{self, TokenRow};
use crate::web::Face;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Page {
    /// The `next` of the page before.
    after: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleSent {
    role: String,
    place: String,
}

impl RoleSent {
    fn read(self) -> Result<RoleAsked, Problem> {
        let words: Vec<&str> = Role::ALL.iter().map(|role| role.word()).collect();
        let role = Role::ALL.into_iter().find(|role| role.word() == self.role);
        let role = role.ok_or_else(|| {
            Problem::Form(format!("role: {:?}: write one of {}", self.role, words.join(", ")))
        })?;
        Ok(RoleAsked { role, place: self.place })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: String,
    roles: Vec<RoleSent>,
    /// None: it signs in nowhere until one is set.
    password: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Password {
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    name: String,
    scopes: Vec<String>,
    days: Option<i64>,
}

fn row(found: &Listed) -> Value {
    let role = |at: &account::RoleAt| {
        let (role, place) = (at.role.word(), at.place_code.as_str());
        json!({"role": role, "place": place, "name": at.place_name})
    };
    json!({"account": found.id, "name": found.name, "created_at": found.created_at,
        "disabled_at": found.disabled_at, "has_password": found.has_password,
        "has_token": found.has_token, "roles": found.roles.iter().map(role).collect::<Vec<_>>()})
}

fn token_row(token: &TokenRow) -> Value {
    let scopes: Vec<&str> = Scopes::from_bits(token.scopes).iter().map(Scope::word).collect();
    json!({"token": token.id, "name": token.name, "scopes": scopes,
        "created_at": token.created_at, "expires_at": token.expires_at,
        "used_at": token.used_at})
}

/// The actor and an account that is there; whether it is his to change is the engine's to judge.
async fn on<'b>(face: &Face, bearer: &'b Bearer, id: i64) -> Result<&'b Actor, Problem> {
    let actor = bearer.may(Action::ManageAccounts)?;
    let found = account::by_id(&face.engine.store, id).await?;
    found.map(|_| actor).ok_or(Problem::NotFound)
}

async fn one(face: &Face, actor: &Actor, id: i64) -> Answer {
    let found = face.engine.managed_account(actor, id).await?;
    let tokens = token::list(&face.engine.store, id).await?;
    let mut document = row(&found);
    document["tokens"] = tokens.iter().map(token_row).collect();
    give(&document)
}

pub(super) async fn list(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Query(page): Query<Page>,
) -> Answer {
    let actor = bearer.may(Action::ManageAccounts)?;
    let found = face.engine.managed_accounts(actor, &page.after).await?;
    let last = found.last().filter(|_| found.len() == account::MAX_PAGE);
    let next = last.map(|last| last.name.as_str());
    give(&json!({"accounts": found.iter().map(row).collect::<Vec<_>>(), "next": next}))
}

pub(super) async fn add(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Sent(new): Sent<New>,
) -> Answer {
    let actor = bearer.may(Action::ManageAccounts)?;
    let roles: Vec<RoleAsked> =
        new.roles.into_iter().map(RoleSent::read).collect::<Result<_, _>>()?;
    let (by, password) = (By::Actor(actor), new.password.as_deref());
    let id = face.engine.add_account(by, &new.name, &roles, password).await?;
    one(&face, actor, id).await
}

pub(super) async fn show(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(id): Path<i64>,
) -> Answer {
    let actor = on(&face, &bearer, id).await?;
    one(&face, actor, id).await
}

/// Gives a role or takes one away.
pub(super) async fn role(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path((id, act)): Path<(i64, String)>,
    Sent(sent): Sent<RoleSent>,
) -> Answer {
    let actor = on(&face, &bearer, id).await?;
    let role = sent.read()?;
    match act.as_str() {
        "grant" => face.engine.grant_role(actor, id, &role).await?,
        "revoke" => face.engine.revoke_role(actor, id, &role).await?,
        _ => return Err(Problem::NotFound),
    }
    one(&face, actor, id).await
}

pub(super) async fn password(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(id): Path<i64>,
    Sent(sent): Sent<Password>,
) -> Answer {
    let actor = on(&face, &bearer, id).await?;
    face.engine.set_password(actor, id, &sent.password).await?;
    one(&face, actor, id).await
}

pub(super) async fn disable(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(id): Path<i64>,
) -> Answer {
    let actor = on(&face, &bearer, id).await?;
    face.engine.disable_account(actor, id).await?;
    one(&face, actor, id).await
}

/// The token stands in this answer, and nowhere ever again.
pub(super) async fn add_token(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path(id): Path<i64>,
    Sent(new): Sent<NewToken>,
) -> Answer {
    let actor = on(&face, &bearer, id).await?;
    let scopes = Scopes::parse(&new.scopes.join(","))
        .map_err(|fault| Problem::Form(format!("scopes: {fault}")))?;
    if let Some(more) = scopes.iter().find(|scope| !bearer.scopes().has(*scope)) {
        let why = format!("scopes: this token has not {} itself, so it can't give it", more.word());
        return Err(Problem::Denied(why));
    }
    let days = new.days.unwrap_or(TOKEN_DAYS);
    let word = face.engine.add_token(actor, id, &new.name, scopes, days).await?;
    give(&json!({"account": id, "secret": word}))
}

pub(super) async fn revoke_token(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Path((id, token)): Path<(i64, i64)>,
) -> Answer {
    let actor = on(&face, &bearer, id).await?;
    let held = token::list(&face.engine.store, id).await?;
    if !held.iter().any(|held| held.id == token) {
        return Err(Problem::NotFound);
    }
    face.engine.revoke_token(actor, id, token).await?;
    give(&json!({"account": id, "revoked": token}))
}
