//! Calls that need their gateway's token: it is got once for all processes (under a lease; the
//! others wait a little and read it), kept sealed, taken anew before its end or when the vendor
//! refuses it, and the refused call is repeated once. Without a token nothing leaves, which is a
//! gateway that can't be reached. How tokens are asked for is `channel::keyed`'s.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use super::Engine;
use crate::channel::keyed::{self, Keyed};
use crate::channel::{CallFault, Transport};
use crate::store::access::{self, Kept};
use crate::store::lease;

/// How long one process may ask, machine ms; more than the whole call to the vendor.
const ASKING_MS: i64 = 15_000;
/// How often another process looks for what it got, and how many times.
const LOOK_MS: u64 = 100;
const LOOKS: u32 = 50;
/// A token this young that is refused is not asked for anew: the vendors allow no more.
const YOUNG_MS: i64 = 30_000;

/// What this process knows of its gateways' tokens.
#[derive(Default)]
pub(crate) struct Accesses {
    known: Mutex<HashMap<String, (String, i64)>>,
    /// One of this process asks, by gateway; its others wait.
    asking: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Accesses {
    fn known(&self) -> MutexGuard<'_, HashMap<String, (String, i64)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token in hand, where it is good and not the refused one.
    fn good(&self, gateway: &str, refused: Option<&str>, machine: i64) -> Option<String> {
        let known = self.known();
        let (token, until) = known.get(gateway)?;
        (*until > machine && refused != Some(token.as_str())).then(|| token.clone())
    }

    fn turn(&self, gateway: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.entry(gateway.to_owned()).or_default().clone()
    }
}

/// The way out of a gateway whose calls take a token.
pub(super) struct Bearing<'a> {
    pub engine: &'a Engine,
    pub gateway: &'a str,
    pub keyed: &'a dyn Keyed,
}

#[async_trait]
impl Transport for Bearing<'_> {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        let bear = |token: &str| {
            keyed::bear(&request, token).map_err(|fault| CallFault::NotSent(fault.to_string()))
        };
        let wire = self.engine.transport.as_ref();
        let token = self.engine.access(self.gateway, self.keyed, None).await?;
        let answer = wire.call(bear(&token)?).await?;
        if !keyed::is_stale(&answer) {
            return Ok(answer);
        }
        // Refused, so nothing left: once more with a new one.
        let token = self.engine.access(self.gateway, self.keyed, Some(&token)).await?;
        wire.call(bear(&token)?).await
    }
}

impl Engine {
    /// A token that is good now and not the refused one.
    ///
    /// # Errors
    /// Always `NotSent`: the vendor gives none, the store is away, or another process takes long.
    async fn access(
        &self,
        gateway: &str,
        keyed: &dyn Keyed,
        refused: Option<&str>,
    ) -> Result<String, CallFault> {
        let machine = self.clock.machine_ms();
        if let Some(token) = self.accesses.good(gateway, refused, machine) {
            return Ok(token);
        }
        let turn = self.accesses.turn(gateway);
        let _one = turn.lock().await;
        let lost = |why: String| CallFault::NotSent(format!("token: {why}"));
        for _ in 0..LOOKS {
            let machine = self.clock.machine_ms();
            if let Some(token) = self.accesses.good(gateway, refused, machine) {
                return Ok(token);
            }
            let kept = access::find(&self.store, gateway).await;
            let kept = kept.map_err(|fault| lost(fault.to_string()))?;
            if let Some(token) = self.open_access(gateway, kept.as_ref(), refused, machine) {
                return Ok(token);
            }
            if refused.is_some() && kept.is_some_and(|kept| machine - kept.got_at < YOUNG_MS) {
                return Err(lost("refused, though it is new".into()));
            }
            let name = format!("access:{gateway}");
            let owner = &self.settings.owner;
            let held = lease::take(&self.store, &name, owner, machine, ASKING_MS).await;
            if let Some(held) = held.map_err(|fault| lost(fault.to_string()))? {
                let got = self.ask_access(gateway, keyed, refused.is_some()).await;
                if let Err(fault) = lease::release(&self.store, &held).await {
                    tracing::debug!(%fault, gateway, "a token's lease runs out by itself");
                }
                return got;
            }
            let never = std::future::pending::<()>();
            let _ = tokio::time::timeout(Duration::from_millis(LOOK_MS), never).await;
        }
        Err(lost("another process is asking for it".into()))
    }

    /// What the store keeps, where it opens, is good and not the refused one.
    fn open_access(
        &self,
        gateway: &str,
        kept: Option<&Kept>,
        refused: Option<&str>,
        machine: i64,
    ) -> Option<String> {
        let kept = kept.filter(|kept| kept.good_until > machine)?;
        let token = self.sealer.open(&kept.sealed).ok()?;
        self.accesses.known().insert(gateway.to_owned(), (token.clone(), kept.good_until));
        (refused != Some(token.as_str())).then_some(token)
    }

    async fn ask_access(
        &self,
        gateway: &str,
        keyed: &dyn Keyed,
        force: bool,
    ) -> Result<String, CallFault> {
        let lost = |why: String| CallFault::NotSent(format!("token: {why}"));
        let request = keyed.ask(force).map_err(|fault| lost(fault.to_string()))?;
        let machine = self.clock.machine_ms();
        let answer = match self.transport.call(request).await {
            Ok(answer) => answer,
            // Whatever became of the question, of the message nothing has left.
            Err(CallFault::NotSent(why) | CallFault::Unknown(why)) => return Err(lost(why)),
        };
        let grant = keyed::grant(&answer).map_err(lost)?;
        let good_until = machine.saturating_add(grant.lasts_ms);
        let sealed = self.sealer.seal(&grant.token);
        let kept = Kept { sealed, good_until, got_at: machine };
        if let Err(fault) = access::keep(&self.store, gateway, &kept).await {
            tracing::warn!(%fault, gateway, "a token is known to this process alone");
        }
        tracing::info!(gateway, force, "a new token");
        self.accesses.known().insert(gateway.to_owned(), (grant.token.clone(), good_until));
        Ok(grant.token)
    }
}
