//! Signing in: a name and a password become a session. The same answer and the same work for a
//! name that does not exist; hashing is done on a thread of its own, few at a time.

use serde_json::json;

use super::{Engine, EngineFault};
use crate::domain::password;
use crate::store::account;

/// What an unknown name's password is held against: hashed like any other, matched by none.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
                      AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Engine {
    /// Begins a session where name and password fit; gives the cookie's value.
    pub async fn sign_in(&self, name: &str, typed: &str) -> Result<Option<String>, EngineFault> {
        let login = account::by_name(&self.store, name).await?;
        let kept = login.as_ref().and_then(|login| login.password_hash.clone());
        let fits = self.fits(typed, kept).await?;
        let Some(login) = login.filter(|_| fits) else {
            return Ok(None);
        };
        let mut tx = self.store.begin().await?;
        let value = self.open_session(&mut tx, login.id).await?;
        self.note(&mut tx, &login.name, "session.open", None, json!({})).await?;
        tx.commit().await?;
        Ok(Some(value))
    }

    async fn fits(&self, typed: &str, kept: Option<String>) -> Result<bool, EngineFault> {
        let broken = |_| EngineFault::Refused("the password could not be checked".into());
        let turn = self.hashing.acquire().await.map_err(|_| broken(()))?;
        let typed = typed.to_owned();
        let work = tokio::task::spawn_blocking(move || {
            let known = kept.is_some();
            password::matches(&typed, kept.as_deref().unwrap_or(NOBODY)) && known
        });
        let fits = work.await.map_err(|_| broken(()))?;
        drop(turn);
        Ok(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_costs_as_much_as_a_known_one() {
        use argon2::password_hash::PasswordHash;
        assert!(PasswordHash::new(NOBODY).is_ok_and(|kept| kept.hash.is_some()));
        let real = password::hash("防汛值班室的密码一二三", &[7; 16]).unwrap();
        assert_eq!(
            real.rsplit_once('$').unwrap().0.len(),
            NOBODY.rsplit_once('$').unwrap().0.len()
        );
        assert!(!password::matches("防汛值班室的密码一二三", NOBODY));
    }
}
