//! Accounts and their roles by place. Lookups for logging in give only accounts that may log in.
//!
//! Passwords arrive hashed (`domain::password`), tokens are `token`'s; what a role allows is
//! decided by `domain::access`.

use super::{Store, StoreFault, Tx};
use crate::args;
use crate::domain::access::Role;
use crate::domain::account::check_name;

/// Accounts of one page at most.
pub const MAX_PAGE: usize = 500;
/// Places offered where a role is given.
const UPPER: usize = 400;

macro_rules! listed {
    () => {
        "SELECT a.id, a.name, a.human_id, a.created_at, a.disabled_at, \
         CASE WHEN a.password_hash IS NULL THEN 0 ELSE 1 END AS has_password, \
         CASE WHEN EXISTS (SELECT 1 FROM token t WHERE t.account_id = a.id) THEN 1 ELSE 0 END \
         AS has_token FROM account a "
    };
}

crate::statements! {
    CREATE_ACCOUNT = "INSERT INTO account (name, password_hash, human_id, created_at)
        VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING RETURNING id";
    CLAIM_FIRST = "INSERT INTO setting (name, value) SELECT 'first_account', CAST($1 AS text)
        WHERE NOT EXISTS (SELECT 1 FROM account) ON CONFLICT (name) DO NOTHING";
    ACCOUNT_PAGE = concat!(listed!(), "WHERE a.name > $1 ORDER BY a.name LIMIT $2");
    ACCOUNT_BY_ID = concat!(listed!(), "WHERE a.id = $1");
    LOCK_ADMINS = "SELECT a.id FROM account a JOIN account_role r ON r.account_id = a.id
        WHERE r.role = $1 AND r.place_id = $2 AND a.disabled_at IS NULL ORDER BY a.id {lock}";
    ROLES_OF = "SELECT a.account_id, a.role, a.place_id, p.code, p.name
        FROM account_role a JOIN place p ON p.id = a.place_id
        WHERE a.account_id {in $1} ORDER BY a.account_id, a.role, p.ord";
    RIGHTS = "SELECT role, place_id FROM account_role WHERE account_id = $1";
    ACCOUNT_BY_NAME = "SELECT id, name, password_hash, human_id FROM account
        WHERE name = $1 AND disabled_at IS NULL";
    GRANT_ROLE = "INSERT INTO account_role (account_id, place_id, role)
        VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    REVOKE_ROLE = "DELETE FROM account_role
        WHERE account_id = $1 AND place_id = $2 AND role = $3";
    SET_PASSWORD = "UPDATE account SET password_hash = $2 WHERE id = $1";
    DISABLE_ACCOUNT = "UPDATE account SET disabled_at = $2
        WHERE id = $1 AND disabled_at IS NULL";
    UPPER_PLACES = "SELECT code, name FROM place WHERE depth <= 2 AND retired_at IS NULL
        ORDER BY depth, ord LIMIT $1";
    PLACES_ABOVE = "SELECT above_id FROM place_above WHERE place_id = $1 ORDER BY distance";
    PLACES_ABOVE_EACH = "SELECT place_id, above_id FROM place_above
        WHERE place_id {in $1} ORDER BY place_id, distance";
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub name: String,
    /// An Argon2 string; none for an account that acts by token only.
    pub password_hash: Option<String>,
    /// The human of the roster who acts under it.
    pub human_id: Option<i64>,
    pub created_at: i64,
}

/// An account as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: i64,
    pub name: String,
    pub human_id: Option<i64>,
    pub created_at: i64,
    pub disabled_at: Option<i64>,
    pub has_password: bool,
    pub has_token: bool,
    pub roles: Vec<RoleAt>,
}

/// A role with the place it is held at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAt {
    pub role: Role,
    pub place_id: i64,
    pub place_code: String,
    pub place_name: String,
}

/// What logging in needs.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Login {
    pub id: i64,
    pub name: String,
    pub password_hash: Option<String>,
    pub human_id: Option<i64>,
}

/// Makes an account. `None`: the name is taken, or no name (`domain::account`).
pub async fn create(tx: &mut Tx, new: &NewAccount) -> Result<Option<i64>, StoreFault> {
    let name = new.name.trim();
    if check_name(name).is_err() {
        return Ok(None);
    }
    let args = args![name, new.password_hash.clone(), new.human_id, new.created_at];
    let made: Option<(i64,)> = tx.first(&CREATE_ACCOUNT, args).await?;
    Ok(made.map(|(id,)| id))
}

/// Whether this is the first account of the installation: once, whoever else tries meanwhile.
pub async fn claim_first(tx: &mut Tx, name: &str) -> Result<bool, StoreFault> {
    Ok(tx.exec(&CLAIM_FIRST, args![name]).await? == 1)
}

/// Open accounts with the role of an administrator at a place, held until the transaction ends.
pub async fn lock_admins(tx: &mut Tx, place_id: i64) -> Result<Vec<i64>, StoreFault> {
    let args = args![Role::Admin.code(), place_id];
    let rows: Vec<(i64,)> = tx.rows(&LOCK_ADMINS, args).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

#[derive(sqlx::FromRow)]
struct PageRow {
    id: i64,
    name: String,
    human_id: Option<i64>,
    created_at: i64,
    disabled_at: Option<i64>,
    has_password: i32,
    has_token: i32,
}

/// Accounts with their roles, by name, after a name ("" from the start).
pub async fn list(store: &Store, after: &str, limit: usize) -> Result<Vec<Listed>, StoreFault> {
    let args = args![after, limit.clamp(1, MAX_PAGE)];
    with_roles(store, store.rows(&ACCOUNT_PAGE, args).await?).await
}

/// One account with its roles.
pub async fn by_id(store: &Store, id: i64) -> Result<Option<Listed>, StoreFault> {
    let rows = store.rows(&ACCOUNT_BY_ID, args![id]).await?;
    Ok(with_roles(store, rows).await?.pop())
}

async fn with_roles(store: &Store, accounts: Vec<PageRow>) -> Result<Vec<Listed>, StoreFault> {
    let ids: Vec<i64> = accounts.iter().map(|account| account.id).collect();
    let held: Vec<(i64, i64, i64, String, String)> =
        store.rows(&ROLES_OF, args![super::db::ids(&ids)]).await?;
    let listed = |account: PageRow| {
        let roles = held.iter().filter(|row| row.0 == account.id);
        Listed {
            roles: roles
                .filter_map(|(_, role, place_id, code, name)| {
                    Some(RoleAt {
                        role: Role::from_code(*role)?,
                        place_id: *place_id,
                        place_code: code.clone(),
                        place_name: name.clone(),
                    })
                })
                .collect(),
            id: account.id,
            name: account.name,
            human_id: account.human_id,
            created_at: account.created_at,
            disabled_at: account.disabled_at,
            has_password: account.has_password != 0,
            has_token: account.has_token != 0,
        }
    };
    Ok(accounts.into_iter().map(listed).collect())
}

/// What `domain::access::allows` judges by. A role this program doesn't know gives no right.
pub async fn rights(store: &Store, account_id: i64) -> Result<Vec<(Role, i64)>, StoreFault> {
    let rows: Vec<(i64, i64)> = store.rows(&RIGHTS, args![account_id]).await?;
    let known = |(role, place): (i64, i64)| Some((Role::from_code(role)?, place));
    Ok(rows.into_iter().filter_map(known).collect())
}

/// An account that is not disabled, by its name.
pub async fn by_name(store: &Store, name: &str) -> Result<Option<Login>, StoreFault> {
    if name.contains('\0') {
        return Ok(None);
    }
    store.first(&ACCOUNT_BY_NAME, args![name.trim()]).await
}

/// Gives a role at a place. Whether it was not held before.
pub async fn grant(
    tx: &mut Tx,
    account_id: i64,
    role: Role,
    place_id: i64,
) -> Result<bool, StoreFault> {
    let args = args![account_id, place_id, role.code()];
    Ok(tx.exec(&GRANT_ROLE, args).await? == 1)
}

/// Takes a role at a place away. Whether it was held.
pub async fn revoke(
    tx: &mut Tx,
    account_id: i64,
    role: Role,
    place_id: i64,
) -> Result<bool, StoreFault> {
    let args = args![account_id, place_id, role.code()];
    Ok(tx.exec(&REVOKE_ROLE, args).await? == 1)
}

/// Sets the password's hash. Whether there is such an account.
pub async fn set_password(tx: &mut Tx, account_id: i64, hash: &str) -> Result<bool, StoreFault> {
    Ok(tx.exec(&SET_PASSWORD, args![account_id, hash]).await? == 1)
}

/// Shuts an account for good. Whether it was open.
pub async fn disable(tx: &mut Tx, account_id: i64, now: i64) -> Result<bool, StoreFault> {
    Ok(tx.exec(&DISABLE_ACCOUNT, args![account_id, now]).await? == 1)
}

/// Code and name of the county, its streets and communities: what a role is mostly given at.
pub async fn upper_places(store: &Store) -> Result<Vec<(String, String)>, StoreFault> {
    store.rows(&UPPER_PLACES, args![UPPER]).await
}

/// A place and every place above it, itself first; empty for an unknown one.
pub async fn places_above(store: &Store, place_id: i64) -> Result<Vec<i64>, StoreFault> {
    let rows: Vec<(i64,)> = store.rows(&PLACES_ABOVE, args![place_id]).await?;
    Ok(rows.into_iter().map(|(above,)| above).collect())
}

/// The same for several places, one path each; an unknown place has an empty one, which no role
/// covers.
pub async fn places_above_each(
    store: &Store,
    place_ids: &[i64],
) -> Result<Vec<Vec<i64>>, StoreFault> {
    let args = args![super::db::ids(place_ids)];
    let rows: Vec<(i64, i64)> = store.rows(&PLACES_ABOVE_EACH, args).await?;
    let mut paths = std::collections::HashMap::<i64, Vec<i64>>::new();
    for (place, above) in rows {
        paths.entry(place).or_default().push(above);
    }
    let path = |place: &i64| paths.get(place).cloned().unwrap_or_default();
    Ok(place_ids.iter().map(path).collect())
}

#[cfg(test)]
mod tests;
