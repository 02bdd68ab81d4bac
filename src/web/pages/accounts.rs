//! `/accounts`: who may do what where, for administrators. Rights, and what ends with a change, are
//! `engine::accounts`'s.

use axum::extract::{Path, Query};
use serde::Deserialize;

use super::{PageFault, PageResult, Posted, Signed};
use crate::base::limits::TOKEN_DAYS;
use crate::domain::access::Role;
use crate::domain::password::MIN_CHARS;
use crate::domain::scope::{Scope, Scopes};
use crate::engine::accounts::{By, RoleAsked};
use crate::render::pages::{Value, context};
use crate::store::account::{self, Listed};
use crate::store::token;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    after: String,
    done: String,
}

pub(super) async fn list(page: Signed, Query(asked): Query<Asked>) -> PageResult {
    let accounts = page.engine().managed_accounts(&page.actor, &asked.after).await?;
    if accounts.is_empty() && asked.after.is_empty() {
        return Err(PageFault::Denied("账号由管理员管理。".into()));
    }
    // A full page may be followed by another.
    let last = accounts.last().filter(|_| accounts.len() == account::MAX_PAGE);
    let next = last.map_or_else(String::new, |last| {
        let mut query = form_urlencoded::Serializer::new("/accounts?".to_owned());
        query.append_pair("after", &last.name).finish()
    });
    let rows: Vec<Value> = accounts.iter().map(row).collect();
    let words = context! { rows, next, done => asked.done, roles => roles(),
    places => places(&page).await?, least => MIN_CHARS };
    page.view("accounts.html", words)
}

pub(super) async fn add(page: Signed, Posted(form): Posted) -> PageResult {
    let (name, role) = (form.text("name")?, asked(form.text("role")?, form.text("place")?)?);
    let password = Some(form.secret("password")).filter(|typed| !typed.is_empty());
    let by = By::Actor(&page.actor);
    let id = page.engine().add_account(by, name, &[role], password).await?;
    page.go(&format!("/accounts/{id}?done=added"))
}

pub(super) async fn show(
    page: Signed,
    Path(id): Path<i64>,
    Query(asked): Query<Asked>,
) -> PageResult {
    one(&page, id, &asked.done, "").await
}

/// Gives a role or takes one away.
pub(super) async fn role(
    page: Signed,
    Path((id, act)): Path<(i64, String)>,
    Posted(form): Posted,
) -> PageResult {
    let role = asked(form.text("role")?, form.text("place")?)?;
    match act.as_str() {
        "grant" => page.engine().grant_role(&page.actor, id, &role).await?,
        "revoke" => page.engine().revoke_role(&page.actor, id, &role).await?,
        _ => return Err(PageFault::NotFound),
    }
    page.go(&format!("/accounts/{id}?done={act}"))
}

pub(super) async fn password(
    page: Signed,
    Path(id): Path<i64>,
    Posted(form): Posted,
) -> PageResult {
    page.engine().set_password(&page.actor, id, form.secret("password")).await?;
    page.go(&format!("/accounts/{id}?done=password"))
}

pub(super) async fn disable(page: Signed, Path(id): Path<i64>, Posted(_): Posted) -> PageResult {
    page.engine().disable_account(&page.actor, id).await?;
    page.go(&format!("/accounts/{id}?done=disabled"))
}

/// The token stands on the answer itself, and nowhere ever again.
pub(super) async fn add_token(
    page: Signed,
    Path(id): Path<i64>,
    Posted(form): Posted,
) -> PageResult {
    let scopes: Scopes = form.all("scope").into_iter().filter_map(Scope::from_word).collect();
    let days = form.number("days")?.unwrap_or(TOKEN_DAYS);
    let word = page.engine().add_token(&page.actor, id, form.text("for")?, scopes, days).await?;
    one(&page, id, "token", &word).await
}

pub(super) async fn revoke_token(
    page: Signed,
    Path((id, token)): Path<(i64, i64)>,
    Posted(_): Posted,
) -> PageResult {
    page.engine().revoke_token(&page.actor, id, token).await?;
    page.go(&format!("/accounts/{id}?done=token_revoked"))
}

async fn one(page: &Signed, id: i64, done: &str, word: &str) -> PageResult {
    let found = page.engine().managed_account(&page.actor, id).await?;
    let machine = page.engine().clock.machine_ms();
    let tokens: Vec<Value> = token::list(&page.engine().store, id)
        .await?
        .into_iter()
        .map(|token| {
            let scopes: Vec<&str> =
                Scopes::from_bits(token.scopes).iter().map(Scope::chinese).collect();
            context! { id => token.id, name => token.name, scopes, used_at => token.used_at,
            expires_at => token.expires_at, expired => token.expires_at <= machine }
        })
        .collect();
    let scopes: Vec<Value> = Scope::ALL
        .into_iter()
        .map(|scope| context! { word => scope.word(), title => scope.chinese() })
        .collect();
    let words = context! { account => row(&found), tokens, scopes, done, word,
    own => found.id == page.actor.account_id, roles => roles(), days_most => TOKEN_DAYS,
    places => places(page).await?, least => MIN_CHARS };
    page.view("account.html", words)
}

fn row(account: &Listed) -> Value {
    let held: Vec<Value> = account
        .roles
        .iter()
        .map(|at| {
            let (code, place) = (at.place_code.as_str(), at.place_name.as_str());
            context! { word => at.role.word(), title => at.role.chinese(), code, place }
        })
        .collect();
    context! { id => account.id, name => account.name.as_str(), roles => held,
    disabled_at => account.disabled_at, has_password => account.has_password,
    has_token => account.has_token }
}

fn roles() -> Vec<Value> {
    let role = |role: Role| context! { word => role.word(), title => role.chinese() };
    Role::ALL.into_iter().map(role).collect()
}

fn asked(role: &str, place: &str) -> Result<RoleAsked, PageFault> {
    let role = Role::parse(role).ok_or_else(|| PageFault::Form("没有这种职责。".into()))?;
    Ok(RoleAsked { role, place: place.to_owned() })
}

async fn places(page: &Signed) -> Result<Vec<Value>, PageFault> {
    let upper = account::upper_places(&page.engine().store).await?;
    Ok(upper.into_iter().map(|(code, name)| context! { code, name }).collect())
}
