//! Who is signed in: sessions opened, found, ended. A cookie's value is random and only its hash
//! is kept. Passwords and attempts are `signin`'s; cookies are the web's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::issue::Actor;
use super::{Engine, EngineFault};
use crate::base::limits::{SESSION_IDLE_MS, SESSION_MS, SESSION_SEEN_MS, SESSIONS_ACCOUNT};
use crate::domain::password::token_hash;
use crate::store::session::Since;
use crate::store::{Tx, account, session};

impl Engine {
    fn sessions_since(&self) -> Since {
        let now = self.clock.machine_ms();
        Since { opened_at: now - SESSION_MS, seen_at: now - SESSION_IDLE_MS }
    }

    /// Begins a session; gives the cookie's value, which is nowhere else.
    pub(super) async fn open_session(
        &self,
        tx: &mut Tx,
        account_id: i64,
    ) -> Result<String, EngineFault> {
        let secret: [u8; 32] = self.entropy.bytes();
        let value = URL_SAFE_NO_PAD.encode(secret);
        let most = SESSIONS_ACCOUNT - 1;
        session::drop_ended(tx, self.sessions_since(), account_id, most).await?;
        session::open(tx, &token_hash(&value), account_id, self.clock.machine_ms()).await?;
        Ok(value)
    }

    /// Who is signed in under a cookie's value, with his rights as they are now.
    pub async fn signed_in(&self, value: &str) -> Result<Option<Actor>, EngineFault> {
        let hash = token_hash(value);
        let Some(row) = session::find(&self.store, &hash, self.sessions_since()).await? else {
            return Ok(None);
        };
        let now = self.clock.machine_ms();
        if now - row.seen_at >= SESSION_SEEN_MS {
            session::saw(&self.store, &hash, now).await?;
        }
        let rights = account::rights(&self.store, row.account_id).await?;
        Ok(Some(Actor { account_id: row.account_id, name: row.name, rights }))
    }

    /// The same without noting a use, for what only stands open.
    pub async fn watches(&self, value: &str) -> Result<Option<Actor>, EngineFault> {
        let hash = token_hash(value);
        let Some(row) = session::find(&self.store, &hash, self.sessions_since()).await? else {
            return Ok(None);
        };
        let rights = account::rights(&self.store, row.account_id).await?;
        Ok(Some(Actor { account_id: row.account_id, name: row.name, rights }))
    }

    /// Signs out.
    pub async fn sign_out(&self, actor: &Actor, value: &str) -> Result<(), EngineFault> {
        let mut tx = self.store.begin().await?;
        if session::end(&mut tx, &token_hash(value)).await? {
            let detail = serde_json::json!({});
            self.note(&mut tx, &actor.name, "session.end", None, detail).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
