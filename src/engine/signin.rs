//! Signing in: a name and a password become a session. The same answer and the same work for a
//! name that does not exist; whoever guesses waits longer each time; hashing is done on threads of
//! its own, few at a time. Attempts are counted per process; cookies are the web's.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::sync::Semaphore;

use super::issue::Actor;
use super::{Engine, EngineFault};
use crate::base::limits::{ATTEMPT_KEYS, HASHINGS, HASHINGS_WAITING};
use crate::domain::account::NAME_MAX;
use crate::domain::guessing::{Attempts, NAME, PAIR, Patience, SOURCE};
use crate::domain::password::{self, Unusable};
use crate::render::time::say_span;
use crate::store::account;

/// What an unknown name's password is held against: hashed like any other, matched by none.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
                      AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// Whoever acts in the journal before anybody is known.
const AT_THE_DOOR: &str = "signin";

/// What stands at the door of one process.
pub(super) struct Door {
    /// A password costs 19 MB and a core for a moment.
    hashing: Semaphore,
    /// Those at it and those waiting for it.
    waiting: Semaphore,
    attempts: Mutex<Attempts>,
}

impl Default for Door {
    fn default() -> Door {
        Door {
            hashing: Semaphore::new(HASHINGS),
            waiting: Semaphore::new(HASHINGS + HASHINGS_WAITING),
            attempts: Mutex::new(Attempts::new(ATTEMPT_KEYS)),
        }
    }
}

impl Door {
    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody at the door.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    pub name: &'a str,
    pub password: &'a str,
    /// The address that is counted.
    pub source: &'a str,
    /// A browser that signed in under this name before: nobody else's guesses hold it up.
    pub device: Option<&'a str>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// Signed in under this cookie's value.
    Opened(String),
    Wrong,
    /// Too many failures: not before so long.
    Wait(i64),
    /// Too many at once.
    Busy,
}

impl Caller<'_> {
    fn keys(&self) -> Vec<(&'static str, String, Patience)> {
        let name = self.name.trim();
        if let Some(device) = self.device {
            return vec![("device", format!("d:{device}:{name}"), PAIR)];
        }
        vec![
            ("pair", format!("p:{}:{name}", self.source), PAIR),
            ("source", format!("s:{}", self.source), SOURCE),
            ("name", format!("n:{name}"), NAME),
        ]
    }
}

impl Engine {
    /// Begins a session where name and password fit.
    pub async fn sign_in(&self, caller: Caller<'_>) -> Result<SignIn, EngineFault> {
        if caller.name.chars().count() > NAME_MAX {
            return Ok(SignIn::Wrong);
        }
        let Ok(place) = self.door.waiting.try_acquire() else {
            return Ok(SignIn::Busy);
        };
        let keys = caller.keys();
        let held = match self.count_attempt(&keys) {
            Ok(held) => held,
            Err(wait_ms) => return Ok(SignIn::Wait(wait_ms)),
        };
        let login = account::by_name(&self.store, caller.name).await?;
        let kept = login.as_ref().and_then(|login| login.password_hash.clone());
        let fits = self.fits(caller.password, kept).await?;
        drop(place);
        // A text that is no name may be a password in the wrong field: it is not written down.
        let name = login.as_ref().map(|login| login.name.clone());
        let Some(login) = login.filter(|_| fits) else {
            tracing::warn!(name, source = caller.source, "a sign-in failed");
            for (kind, patience) in held {
                let detail = json!({"by": kind, "name": name, "source": caller.source,
                    "failures": patience.free + 1});
                self.journal(AT_THE_DOOR, "session.held", detail).await?;
            }
            return Ok(SignIn::Wrong);
        };
        self.forgive(&keys);
        let mut tx = self.store.begin().await?;
        let value = self.open_session(&mut tx, login.id).await?;
        let detail = json!({"source": caller.source});
        self.note(&mut tx, &login.name, "session.open", None, detail).await?;
        tx.commit().await?;
        Ok(SignIn::Opened(value))
    }

    /// Counted before the work, so that many at once are counted as well. Gives the keys that
    /// from now on wait, or how long the caller has to.
    fn count_attempt(
        &self,
        keys: &[(&'static str, String, Patience)],
    ) -> Result<Vec<(&'static str, Patience)>, i64> {
        let now = self.clock.machine_ms();
        let mut attempts = self.door.attempts();
        let wait = keys.iter().map(|(_, key, patience)| attempts.wait_ms(key, *patience, now));
        match wait.max() {
            Some(wait_ms) if wait_ms > 0 => Err(wait_ms),
            Some(_) | None => Ok(keys
                .iter()
                .filter(|(_, key, patience)| attempts.failed(key, *patience, now))
                .map(|(kind, _, patience)| (*kind, *patience))
                .collect()),
        }
    }

    /// The person is who he says: his own failures are forgotten, others' under the same address
    /// or name are not.
    fn forgive(&self, keys: &[(&'static str, String, Patience)]) {
        let mut attempts = self.door.attempts();
        for (at, (_, key, _)) in keys.iter().enumerate() {
            if at == 0 { attempts.forget(key) } else { attempts.take_back(key) }
        }
    }

    async fn fits(&self, typed: &str, kept: Option<String>) -> Result<bool, EngineFault> {
        let typed = typed.to_owned();
        self.hashing(move || {
            let known = kept.is_some();
            password::matches(&typed, kept.as_deref().unwrap_or(NOBODY)) && known
        })
        .await
    }

    /// Whether a password is that of an account: asked again before it is changed.
    /// Guesses count as at the door.
    pub(super) async fn is_password_of(
        &self,
        actor: &Actor,
        typed: &str,
    ) -> Result<bool, EngineFault> {
        let keys = [("account", format!("a:{}", actor.account_id), PAIR)];
        if let Err(wait_ms) = self.count_attempt(&keys) {
            let wait = say_span(wait_ms + 999);
            return Err(EngineFault::Refused(format!("错误次数太多，请过{wait}再试")));
        }
        let login = account::by_name(&self.store, &actor.name).await?;
        let fits = self.fits(typed, login.and_then(|login| login.password_hash)).await?;
        if fits {
            self.forgive(&keys);
        }
        Ok(fits)
    }

    /// A password as it is kept.
    pub(super) async fn hash_password(&self, typed: &str) -> Result<String, EngineFault> {
        let (typed, salt) = (typed.to_owned(), self.entropy.bytes());
        let hashed = self.hashing(move || password::hash(&typed, &salt)).await?;
        hashed.map_err(|unusable| {
            EngineFault::Refused(match unusable {
                Unusable::TooShort => format!("密码太短：至少{}个字", password::MIN_CHARS),
                Unusable::TooLong => format!("密码太长：至多{}字节", password::MAX_BYTES),
                Unusable::Hash(why) => format!("密码没有存下：{why}"),
            })
        })
    }

    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, EngineFault> {
        let broken = || EngineFault::Refused("密码没有核对，请再试一次".into());
        let turn = self.door.hashing.acquire().await.map_err(|_| broken())?;
        let done = tokio::task::spawn_blocking(work).await.map_err(|_| broken())?;
        drop(turn);
        Ok(done)
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
        let head = |kept: &str| kept.rsplit_once('$').unwrap().0.len();
        assert_eq!(head(&real), head(NOBODY));
        assert!(!password::matches("防汛值班室的密码一二三", NOBODY));
    }
}
