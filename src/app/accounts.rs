//! Accounts from the command line, and who acts: by name for whoever may open the store, or by
//! token. Rights are judged by the engine.

use std::io::Read;

use anyhow::{Context, anyhow, bail};
use serde_json::json;

use super::Said;
use crate::domain::access::{Action, Role};
use crate::domain::password;
use crate::engine::Engine;
use crate::engine::issue::Actor;
use crate::store::account::{self, Login, NewAccount};
use crate::store::journal::{self, NewEntry};
use crate::store::order::{self, AreaRow};
use crate::store::view;

/// The environment's name for a token.
pub const TOKEN_VARIABLE: &str = "TONGLUO_TOKEN";

/// Who acts: the account named, else the one whose token the environment holds.
pub async fn actor(engine: &Engine, name: Option<&str>) -> anyhow::Result<Actor> {
    let login = match name {
        Some(name) => account::by_name(&engine.store, name).await?.ok_or_else(|| {
            anyhow!("--as: no open account {name:?}: `tongluo user add` makes one")
        })?,
        None => by_token(engine).await?,
    };
    as_actor(engine, login).await
}

async fn by_token(engine: &Engine) -> anyhow::Result<Login> {
    let Ok(token) = std::env::var(TOKEN_VARIABLE) else {
        bail!("say who acts: --as NAME, or a token in {TOKEN_VARIABLE}");
    };
    let hash = password::token_hash(&token);
    let login = account::by_token(&engine.store, &hash).await?;
    login.ok_or_else(|| anyhow!("{TOKEN_VARIABLE}: no open account has this token"))
}

async fn as_actor(engine: &Engine, login: Login) -> anyhow::Result<Actor> {
    Ok(Actor {
        rights: account::rights(&engine.store, login.id).await?,
        account_id: login.id,
        name: login.name,
    })
}

/// A role at a place's code, as `desk@330281001`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAsked {
    pub role: Role,
    pub place: String,
}

impl RoleAsked {
    /// Reads `ROLE@PLACE_CODE`; the role by either of its words.
    pub fn parse(text: &str) -> Result<RoleAsked, String> {
        let (role, place) = text
            .split_once('@')
            .filter(|(_, place)| !place.is_empty())
            .ok_or_else(|| format!("{text:?}: write ROLE@PLACE_CODE"))?;
        let words: Vec<&str> = Role::ALL.iter().map(|role| role.word()).collect();
        let role = Role::parse(role)
            .ok_or_else(|| format!("{role:?}: the roles are {}", words.join(", ")))?;
        Ok(RoleAsked { role, place: place.into() })
    }
}

/// Makes an account with its roles and a token, which is shown this once. The very first account
/// of an installation is made by whoever holds the store.
pub async fn add(
    engine: &Engine,
    by: Option<&str>,
    name: &str,
    roles: &[RoleAsked],
) -> anyhow::Result<Said> {
    let chars = name.trim().chars().count();
    if !(1..=account::MAX_NAME_CHARS).contains(&chars) || name.contains('\0') {
        bail!("NAME: 1 to {} characters", account::MAX_NAME_CHARS);
    }
    let places = place_ids(engine, roles).await?;
    let first = account::list(&engine.store, "", 1).await?.is_empty();
    let acting = if first && by.is_none() {
        "installation".to_owned()
    } else {
        let actor = actor(engine, by).await?;
        let ids: Vec<i64> = match view::root(&engine.store).await? {
            Some(root) if places.is_empty() => vec![root],
            _ => places.iter().map(|(_, place)| *place).collect(),
        };
        engine.check_access(&actor, Action::ManageAccounts, &ids).await?;
        actor.name
    };
    let now = engine.clock.story_ms();
    let secret: [u8; 20] = engine.entropy.bytes();
    let token: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let new = NewAccount {
        name: name.into(),
        password_hash: None,
        token_hash: Some(password::token_hash(&token)),
        human_id: None,
        created_at: now,
    };
    let mut tx = engine.store.begin().await?;
    let id = account::create(&mut tx, &new)
        .await?
        .ok_or_else(|| anyhow!("NAME: {name:?} is taken: choose another one"))?;
    for (role, place) in &places {
        account::grant(&mut tx, id, *role, *place).await?;
    }
    let held: Vec<String> =
        roles.iter().map(|r| format!("{}@{}", r.role.word(), r.place)).collect();
    let entry = NewEntry {
        at: now,
        actor: acting,
        act: Action::ManageAccounts.word().into(),
        alert_id: None,
        detail: json!({"added": name, "roles": held}),
    };
    journal::append(&mut tx, &[entry]).await?;
    tx.commit().await?;
    let text = format!("{name}: {}\ntoken (shown once): {token}", held.join(", "));
    Ok(Said::new(json!({"name": name, "roles": held, "token": token}), text))
}

async fn place_ids(engine: &Engine, roles: &[RoleAsked]) -> anyhow::Result<Vec<(Role, i64)>> {
    let row = |asked: &RoleAsked| AreaRow { code: asked.place.clone(), excluded: 0 };
    let rows: Vec<AreaRow> = roles.iter().map(row).collect();
    let known = order::known_codes(&engine.store, &rows).await?;
    roles
        .iter()
        .map(|asked| {
            let found = known.iter().find(|k| k.0 == asked.place && k.1 != 0);
            let place = found.ok_or_else(|| {
                anyhow!(
                    "--role: no place {:?} in the roster: codes stand in the first column of \
                     places.csv",
                    asked.place
                )
            })?;
            Ok((asked.role, place.1))
        })
        .collect()
}

/// All accounts with their roles, at most one page after a name.
pub async fn list(engine: &Engine, by: Option<&str>, after: &str) -> anyhow::Result<Said> {
    let actor = actor(engine, by).await?;
    let root: Vec<i64> = view::root(&engine.store).await?.into_iter().collect();
    engine.check_access(&actor, Action::ManageAccounts, &root).await?;
    let accounts = account::list(&engine.store, after, account::MAX_PAGE).await?;
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for one in &accounts {
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
    let actor = actor(engine, by).await?;
    let login = account::by_name(&engine.store, name)
        .await?
        .ok_or_else(|| anyhow!("NAME: no open account {name:?}: see `tongluo user list`"))?;
    if login.id != actor.account_id {
        let root: Vec<i64> = view::root(&engine.store).await?.into_iter().collect();
        engine.check_access(&actor, Action::ManageAccounts, &root).await?;
    }
    let mut text = String::new();
    std::io::stdin()
        .take(4_096)
        .read_to_string(&mut text)
        .context("the password is read from standard input")?;
    let salt: [u8; 16] = engine.entropy.bytes();
    let hash = password::hash(text.trim_end_matches(['\r', '\n']), &salt)?;
    let mut tx = engine.store.begin().await?;
    account::set_password(&mut tx, login.id, &hash).await?;
    let entry = NewEntry {
        at: engine.clock.story_ms(),
        actor: actor.name,
        act: Action::ManageAccounts.word().into(),
        alert_id: None,
        detail: json!({"password": login.name}),
    };
    journal::append(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok(Said::new(json!({"name": login.name}), format!("{}: password set", login.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_names_its_place() {
        let desk = RoleAsked::parse("desk@330281001").unwrap();
        assert_eq!((desk.role, desk.place.as_str()), (Role::Desk, "330281001"));
        assert_eq!(RoleAsked::parse("签发@1").unwrap().role, Role::Approver);
        assert!(RoleAsked::parse("cook@1").unwrap_err().contains("author"));
        assert!(RoleAsked::parse("desk").unwrap_err().contains("ROLE@PLACE_CODE"));
    }
}
