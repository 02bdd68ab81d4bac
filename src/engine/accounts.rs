//! Accounts, their roles by place, passwords and tokens: who may change them, and what ends with a
//! change. Each is one transaction with its journal entry. Signing in is `signin`'s.

use serde_json::json;

use super::issue::{Actor, refused};
use super::{Engine, EngineFault};
use crate::base::limits::{SESSION_SEEN_MS, TOKEN_DAYS};
use crate::domain::access::{Action, Role};
use crate::domain::account::check_name;
use crate::domain::password;
use crate::domain::scope::Scopes;
use crate::store::account::{self, Listed, NewAccount};
use crate::store::order::{self, AreaRow};
use crate::store::token::{self, NewToken};
use crate::store::{Tx, session, view};

const DAY_MS: i64 = 86_400_000;
/// Longest name of a token, in characters.
const TOKEN_NAME_CHARS: usize = 40;

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

    /// The same in writing.
    pub fn word(&self) -> String {
        format!("{}@{}", self.role.word(), self.place)
    }
}

/// On whose word an account is made.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// Whoever can open the store, and only while there is no account.
    Installation,
    Actor(&'a Actor),
}

impl Actor {
    /// The places at which he may do something, sorted.
    pub fn places(&self, action: Action) -> Vec<i64> {
        let held = self.rights.iter().filter(|(role, _)| action.roles().contains(role));
        let mut places: Vec<i64> = held.map(|(_, place)| *place).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

impl Engine {
    /// Whether there is no account yet.
    pub async fn is_without_accounts(&self) -> Result<bool, EngineFault> {
        Ok(account::list(&self.store, "", 1).await?.is_empty())
    }

    /// The first administrator, at the root. Whoever calls this has shown that he may.
    pub async fn set_up(&self, name: &str, typed: &str) -> Result<(), EngineFault> {
        let root = view::root(&self.store).await?;
        let root = root.ok_or_else(|| refused("还没有底册，管理员没有可管的地方：请先导入底册"))?;
        let hash = self.hash_password(typed).await?;
        let mut tx = self.store.begin().await?;
        if !account::claim_first(&mut tx, name).await? {
            return Err(refused("已经有账号了：请用它登录"));
        }
        let id = self.make(&mut tx, name, Some(hash)).await?;
        account::grant(&mut tx, id, Role::Admin, root).await?;
        let detail = json!({"added": name, "roles": ["admin at the root"]});
        self.note(&mut tx, "setup", Action::ManageAccounts.word(), None, detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes an account with its roles; gives its id.
    pub async fn add_account(
        &self,
        by: By<'_>,
        name: &str,
        roles: &[RoleAsked],
        typed: Option<&str>,
    ) -> Result<i64, EngineFault> {
        let places = self.places_of(roles).await?;
        let acting = match by {
            By::Installation if self.is_without_accounts().await? => "installation",
            By::Installation => {
                return Err(refused("there are accounts already: say who acts, --as NAME"));
            }
            By::Actor(actor) => {
                let ids: Vec<i64> = places.iter().map(|(_, place)| *place).collect();
                self.manages(actor, &ids).await?;
                actor.name.as_str()
            }
        };
        let hash = match typed {
            Some(typed) => Some(self.hash_password(typed).await?),
            None => None,
        };
        let mut tx = self.store.begin().await?;
        let id = self.make(&mut tx, name, hash).await?;
        for (role, place) in &places {
            account::grant(&mut tx, id, *role, *place).await?;
        }
        let held: Vec<String> = roles.iter().map(RoleAsked::word).collect();
        let detail = json!({"added": name, "roles": held});
        self.note(&mut tx, acting, Action::ManageAccounts.word(), None, detail).await?;
        tx.commit().await?;
        Ok(id)
    }

    async fn make(
        &self,
        tx: &mut Tx,
        name: &str,
        password_hash: Option<String>,
    ) -> Result<i64, EngineFault> {
        check_name(name).map_err(|fault| refused(format!("NAME / 名字 {name:?}：{fault}")))?;
        let created_at = self.clock.story_ms();
        let new = NewAccount { name: name.into(), password_hash, human_id: None, created_at };
        let made = account::create(tx, &new).await?;
        made.ok_or_else(|| refused(format!("NAME / 名字 {name:?}：已有人用，请换一个 (taken)")))
    }

    async fn places_of(&self, roles: &[RoleAsked]) -> Result<Vec<(Role, i64)>, EngineFault> {
        let row = |asked: &RoleAsked| AreaRow { code: asked.place.clone(), excluded: 0 };
        let rows: Vec<AreaRow> = roles.iter().map(row).collect();
        let known = order::known_codes(&self.store, &rows).await?;
        let place = |asked: &RoleAsked| {
            let found = known.iter().find(|known| known.0 == asked.place && known.1 != 0);
            let found = found.ok_or_else(|| {
                refused(format!(
                    "--role / 角色：底册里没有这个地点 {:?}，地点编码在 places.csv 第一列",
                    asked.place
                ))
            })?;
            Ok((asked.role, found.1))
        };
        roles.iter().map(place).collect()
    }

    /// May change accounts at all of these places; where there is none, at the root.
    async fn manages(&self, actor: &Actor, places: &[i64]) -> Result<(), EngineFault> {
        let root: Vec<i64> = match places {
            [] => view::root(&self.store).await?.into_iter().collect(),
            _ => places.to_vec(),
        };
        self.check_access(actor, Action::ManageAccounts, &root).await
    }

    /// An account that the actor may change: one that has roles beyond his places is not his.
    pub async fn managed_account(&self, actor: &Actor, id: i64) -> Result<Listed, EngineFault> {
        let found = account::by_id(&self.store, id).await?;
        let found = found.ok_or_else(|| refused("没有这个账号"))?;
        let places: Vec<i64> = found.roles.iter().map(|role| role.place_id).collect();
        self.manages(actor, &places).await?;
        Ok(found)
    }

    /// Accounts after a name that the actor may change.
    pub async fn managed_accounts(
        &self,
        actor: &Actor,
        after: &str,
    ) -> Result<Vec<Listed>, EngineFault> {
        let root: Vec<i64> = view::root(&self.store).await?.into_iter().collect();
        let all = account::list(&self.store, after, account::MAX_PAGE).await?;
        if self.check_access(actor, Action::ManageAccounts, &root).await.is_ok() {
            return Ok(all);
        }
        // A street's administrator sees those whose roles are all below his places.
        let mut his = Vec::new();
        for one in all {
            let places: Vec<i64> = one.roles.iter().map(|role| role.place_id).collect();
            if self.manages(actor, &places).await.is_ok() {
                his.push(one);
            }
        }
        Ok(his)
    }

    /// Gives a role.
    pub async fn grant_role(
        &self,
        actor: &Actor,
        id: i64,
        asked: &RoleAsked,
    ) -> Result<(), EngineFault> {
        let found = self.managed_account(actor, id).await?;
        let places = self.places_of(std::slice::from_ref(asked)).await?;
        let mut tx = self.store.begin().await?;
        for (role, place) in places {
            self.manages(actor, &[place]).await?;
            account::grant(&mut tx, id, role, place).await?;
        }
        let detail = json!({"account": found.name, "granted": asked.word()});
        self.note(&mut tx, &actor.name, Action::ManageAccounts.word(), None, detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a role away, but not the last administrator's.
    pub async fn revoke_role(
        &self,
        actor: &Actor,
        id: i64,
        asked: &RoleAsked,
    ) -> Result<(), EngineFault> {
        let found = self.managed_account(actor, id).await?;
        let places = self.places_of(std::slice::from_ref(asked)).await?;
        let mut tx = self.store.begin().await?;
        if asked.role == Role::Admin {
            self.keep_an_admin(&mut tx, id, places.first().map(|place| place.1)).await?;
        }
        for (role, place) in places {
            account::revoke(&mut tx, id, role, place).await?;
        }
        let detail = json!({"account": found.name, "revoked": asked.word()});
        self.note(&mut tx, &actor.name, Action::ManageAccounts.word(), None, detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Refuses what would leave the root without an administrator.
    async fn keep_an_admin(
        &self,
        tx: &mut Tx,
        id: i64,
        at: Option<i64>,
    ) -> Result<(), EngineFault> {
        let root = view::root(&self.store).await?;
        if at.is_some() && at != root {
            return Ok(());
        }
        let admins = account::lock_admins(tx, root.unwrap_or(0)).await?;
        if admins == [id] {
            return Err(refused("这是最后一个管理员：请先另设一个"));
        }
        Ok(())
    }

    /// Sets a password, of an account that is the actor's or his to change; whoever is signed in
    /// under it is signed out. Another's was lost or is known to somebody: his tokens end too.
    pub async fn set_password(
        &self,
        actor: &Actor,
        id: i64,
        typed: &str,
    ) -> Result<(), EngineFault> {
        let name = match id == actor.account_id {
            true => actor.name.clone(),
            false => self.managed_account(actor, id).await?.name,
        };
        self.keep_password(actor, id, &name, typed, None).await
    }

    /// Changes one's own, with the old one; one's other sessions end.
    pub async fn change_password(
        &self,
        actor: &Actor,
        old: &str,
        typed: &str,
        session: &str,
    ) -> Result<(), EngineFault> {
        if !self.is_password_of(actor, old).await? {
            return Err(refused("原密码不对"));
        }
        let session = password::token_hash(session);
        self.keep_password(actor, actor.account_id, &actor.name, typed, Some(&session)).await
    }

    async fn keep_password(
        &self,
        actor: &Actor,
        id: i64,
        name: &str,
        typed: &str,
        session: Option<&[u8; 32]>,
    ) -> Result<(), EngineFault> {
        let hash = self.hash_password(typed).await?;
        let mut tx = self.store.begin().await?;
        account::set_password(&mut tx, id, &hash).await?;
        let ended = session::end_all(&mut tx, id, session).await?;
        let tokens = match id == actor.account_id {
            true => 0,
            false => token::revoke_all(&mut tx, id).await?,
        };
        let detail = json!({"password": name, "sessions_ended": ended, "tokens_ended": tokens});
        self.note(&mut tx, &actor.name, Action::ManageAccounts.word(), None, detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Shuts an account for good: its sessions and tokens end.
    pub async fn disable_account(&self, actor: &Actor, id: i64) -> Result<(), EngineFault> {
        let found = self.managed_account(actor, id).await?;
        let mut tx = self.store.begin().await?;
        self.keep_an_admin(&mut tx, id, None).await?;
        let closed = account::disable(&mut tx, id, self.clock.story_ms()).await?;
        session::end_all(&mut tx, id, None).await?;
        token::revoke_all(&mut tx, id).await?;
        if closed {
            let detail = json!({"disabled": found.name});
            self.note(&mut tx, &actor.name, Action::ManageAccounts.word(), None, detail).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Makes a token for an account, which is shown this once.
    pub async fn add_token(
        &self,
        actor: &Actor,
        id: i64,
        name: &str,
        scopes: Scopes,
        days: i64,
    ) -> Result<String, EngineFault> {
        let owner = self.managed_account(actor, id).await?.name;
        if name.is_empty() || name.chars().count() > TOKEN_NAME_CHARS {
            return Err(refused(format!("令牌的用途：1到{TOKEN_NAME_CHARS}个字")));
        }
        if scopes.is_empty() || !(1..=TOKEN_DAYS).contains(&days) {
            return Err(refused(format!("令牌至少有一个范围，有效1到{TOKEN_DAYS}天")));
        }
        let secret: [u8; 20] = self.entropy.bytes();
        let word: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let now = self.clock.machine_ms();
        let new = NewToken {
            hash: password::token_hash(&word),
            account_id: id,
            name,
            scopes: scopes.bits(),
            created_at: now,
            expires_at: now + days * DAY_MS,
        };
        let mut tx = self.store.begin().await?;
        token::make(&mut tx, &new).await?;
        let detail = json!({"token": name, "account": owner, "scopes": scopes.to_string(),
            "days": days});
        self.note(&mut tx, &actor.name, Action::ManageAccounts.word(), None, detail).await?;
        tx.commit().await?;
        Ok(word)
    }

    /// Takes a token back.
    pub async fn revoke_token(
        &self,
        actor: &Actor,
        id: i64,
        token: i64,
    ) -> Result<(), EngineFault> {
        let found = self.managed_account(actor, id).await?;
        let mut tx = self.store.begin().await?;
        if token::revoke(&mut tx, id, token).await? {
            let detail = json!({"token_revoked": token, "account": found.name});
            self.note(&mut tx, &actor.name, Action::ManageAccounts.word(), None, detail).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Who bears a token, and what it may be used for.
    pub async fn bearer(&self, word: &str) -> Result<Option<(Actor, Scopes)>, EngineFault> {
        let now = self.clock.machine_ms();
        let hash = password::token_hash(word);
        let Some(found) = token::find(&self.store, &hash, now).await? else {
            return Ok(None);
        };
        if found.used_at.is_none_or(|at| now - at >= SESSION_SEEN_MS) {
            token::used(&self.store, found.id, now).await?;
        }
        let rights = account::rights(&self.store, found.account_id).await?;
        let actor = Actor { account_id: found.account_id, name: found.name, rights };
        Ok(Some((actor, Scopes::from_bits(found.scopes))))
    }
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
        assert_eq!(desk.word(), "desk@330281001");
    }
}
