//! Accounts from the command line, and who acts: by name for whoever may open the store, or by
//! token. Rights are judged by the engine.

use std::io::Read;

use anyhow::{Context, anyhow, bail};
use serde_json::json;

use super::Said;
use crate::domain::access::Role;
pub use crate::domain::scope::{Scope, Scopes};
use crate::engine::Engine;
use crate::engine::accounts::By;
pub use crate::engine::accounts::RoleAsked;
use crate::engine::issue::Actor;
use crate::store::account;

/// The environment's name for a token.
pub const TOKEN_VARIABLE: &str = "TONGLUO_TOKEN";

/// Who acts: the account named, else the one whose token the environment holds; the token must be
/// for this kind of act.
pub async fn actor(engine: &Engine, name: Option<&str>, scope: Scope) -> anyhow::Result<Actor> {
    let Some(name) = name else {
        return by_token(engine, scope).await;
    };
    let login = account::by_name(&engine.store, name)
        .await?
        .ok_or_else(|| anyhow!("--as: no open account {name:?}: `tongluo user add` makes one"))?;
    Ok(Actor {
        rights: account::rights(&engine.store, login.id).await?,
        account_id: login.id,
        name: login.name,
    })
}

async fn by_token(engine: &Engine, scope: Scope) -> anyhow::Result<Actor> {
    let Ok(token) = std::env::var(TOKEN_VARIABLE) else {
        bail!("say who acts: --as NAME, or a token in {TOKEN_VARIABLE}");
    };
    let found = engine.bearer(&token).await?;
    let (actor, scopes) = found
        .ok_or_else(|| anyhow!("{TOKEN_VARIABLE}: no open account has this token, or no more"))?;
    if !scopes.has(scope) {
        bail!("{TOKEN_VARIABLE}: this needs a token with the scope {}", scope.word());
    }
    Ok(actor)
}

/// Makes an account with its roles; a token is made by [`new_token`] where one is wanted. The very
/// first account of an installation is made by whoever holds the store.
pub async fn add(
    engine: &Engine,
    by: Option<&str>,
    name: &str,
    roles: &[RoleAsked],
) -> anyhow::Result<Said> {
    let first = by.is_none() && engine.is_without_accounts().await?;
    if first && !roles.iter().any(|asked| asked.role == Role::Admin) {
        bail!(
            "--role: {name} would be the first account, and nobody could make another: \
             the first needs admin@ROOT_PLACE_CODE (it may have more roles beside it)"
        );
    }
    let acting = match first {
        true => None,
        false => Some(actor(engine, by, Scope::Admin).await?),
    };
    let by = acting.as_ref().map_or(By::Installation, By::Actor);
    engine.add_account(by, name, roles, None).await?;
    let held: Vec<String> = roles.iter().map(RoleAsked::word).collect();
    let text = format!("{name}: {}", held.join(", "));
    Ok(Said::new(json!({"name": name, "roles": held}), text))
}

/// Makes one more token for an account; it is shown this once.
pub async fn new_token(
    engine: &Engine,
    by: Option<&str>,
    account: &str,
    what_for: &str,
    scopes: Scopes,
    days: i64,
) -> anyhow::Result<Said> {
    let actor = actor(engine, by, Scope::Admin).await?;
    let login = account::by_name(&engine.store, account).await?;
    let login = login
        .ok_or_else(|| anyhow!("ACCOUNT: no open account {account:?}: see `tongluo user list`"))?;
    let token = engine.add_token(&actor, login.id, what_for, scopes, days).await?;
    let (name, word) = (login.name, scopes.to_string());
    let text = format!("{name}: {what_for}: {word}, {days} days\ntoken (shown once): {token}");
    Ok(Said::new(json!({"name": name, "for": what_for, "scopes": word, "token": token}), text))
}

/// All accounts with their roles, at most one page after a name.
pub async fn list(engine: &Engine, by: Option<&str>, after: &str) -> anyhow::Result<Said> {
    if engine.is_without_accounts().await? {
        bail!(
            "no account yet: `tongluo user add NAME --role admin@ROOT_PLACE_CODE` makes the first"
        );
    }
    let actor = actor(engine, by, Scope::Admin).await?;
    if !actor.rights.iter().any(|(role, _)| *role == Role::Admin) {
        bail!(
            "{} has no role admin anywhere, and sees no accounts: ask somebody who has it, or \
             name him with --as",
            actor.name
        );
    }
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for one in &engine.managed_accounts(&actor, after).await? {
        let roles: Vec<String> =
            one.roles.iter().map(|r| format!("{}@{}", r.role.word(), r.place_code)).collect();
        let state = if one.disabled_at.is_some() { " (closed)" } else { "" };
        lines.push(format!("{}{state}\t{}", one.name, roles.join(" ")));
        rows.push(json!({"name": one.name, "roles": roles, "disabled_at": one.disabled_at,
            "has_password": one.has_password, "has_token": one.has_token}));
    }
    Ok(Said::new(json!(rows), lines.join("\n")))
}

/// Sets a password, read from standard input: an argument could be seen by others.
pub async fn passwd(engine: &Engine, by: Option<&str>, name: &str) -> anyhow::Result<Said> {
    let actor = actor(engine, by, Scope::Admin).await?;
    let login = account::by_name(&engine.store, name)
        .await?
        .ok_or_else(|| anyhow!("NAME: no open account {name:?}: see `tongluo user list`"))?;
    let mut text = String::new();
    std::io::stdin()
        .take(4_096)
        .read_to_string(&mut text)
        .context("the password is read from standard input")?;
    engine.set_password(&actor, login.id, text.trim_end_matches(['\r', '\n'])).await?;
    Ok(Said::new(json!({"name": login.name}), format!("{}: password set", login.name)))
}
