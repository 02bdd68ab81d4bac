//! A chunk on the wire, of households or of single persons alike: gate, calls of as many messages
//! as the gateway takes at once, and the look at the store between the calls, so that an order
//! taken back or a lease lost calls nobody else. It keeps no outcome and decides no wait.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use futures_util::StreamExt;
use futures_util::stream;

use super::access::Bearing;
use super::{Engine, EngineFault, Gateway, words};
use crate::base::limits::RETRY_WAITS_MS;
use crate::channel::{self, Message, Moment};
use crate::domain::gate::{self, AlertKind, Pass};
use crate::domain::lane::Realm;
use crate::domain::outcome::Outcome;
use crate::store::batch::{self as rows, Leased};

/// How long calls go on from one look at the store, machine ms.
const LOOK_LASTS_MS: i64 = 1_000;
/// Tries to note what was called, each as long as the store is waited for: an outcome that is not
/// noted is a message sent again.
const KEEP_TRIES: u32 = 6;

/// A call that was made for a member, or not, and what came of it.
pub(crate) struct Call<T> {
    pub member: T,
    pub outcome: Outcome,
}

/// A message with its pass, or why it is not to be sent at all.
pub(crate) type Prepared = Result<(Pass, Message), Outcome>;

/// How far a chunk was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    All,
    /// The gateway is busy, or the lease was slept through: nobody else of the chunk.
    Busy,
    /// The gateway can't be reached: nobody else of the chunk, and who was called was not.
    Away,
    /// The version has ended or the lease is another's: nobody else of the chunk.
    Ended,
}

/// What the calls of one chunk tell each other.
struct Going {
    busy: AtomicBool,
    away: AtomicBool,
    ended: AtomicBool,
    looked_at: AtomicI64,
    /// Held by the one that looks; the others wait for what it sees.
    looking: tokio::sync::Mutex<()>,
}

/// How long a busy gateway asked us to wait.
pub(super) fn longest_wait_ms<T>(made: &[Call<T>]) -> i64 {
    let asked = made.iter().filter_map(|call| call.outcome.after_ms());
    asked.max().unwrap_or(RETRY_WAITS_MS[0]).max(1)
}

/// Counts the tries to note what was called.
pub(super) struct Keeping(u32);

impl Keeping {
    pub(super) fn begin() -> Keeping {
        Keeping(1)
    }

    /// Whether the store only lost the transaction, so that it is noted once more.
    pub(super) fn goes_on(&mut self, fault: &EngineFault) -> bool {
        let again = fault.is_again() && self.0 < KEEP_TRIES;
        if again {
            tracing::debug!(%fault, tries = self.0, "outcomes not noted: again");
            self.0 += 1;
        }
        again
    }
}

impl Engine {
    /// Calls the members; once the gateway says that it is busy, the order is taken back, or the
    /// lease has run out meanwhile, nobody else of the chunk.
    pub(super) async fn call_chunk<T: Send>(
        &self,
        gateway: &Gateway,
        batches: &[Leased],
        ready: Vec<(T, Prepared)>,
    ) -> (Vec<Call<T>>, Reach) {
        let going = Going {
            busy: AtomicBool::new(false),
            away: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            looked_at: AtomicI64::new(self.clock.machine_ms()),
            looking: tokio::sync::Mutex::new(()),
        };
        let asked = ready.len();
        let (groups, told) = grouped(gateway, ready);
        let calls =
            groups.into_iter().map(|group| self.call_group(gateway, batches, &going, group));
        let calls = stream::iter(calls).buffer_unordered(self.settings.calls_open.max(1));
        let made: Vec<Vec<Call<T>>> = calls.collect().await;
        let mut made: Vec<Call<T>> = made.into_iter().flatten().collect();
        // Who is spoken for is noted after whoever speaks for him.
        if !told.is_empty() && !self.must_stop(batches, &going).await {
            made.extend(told);
        }
        let reach = match going.ended.load(Ordering::Relaxed) {
            _ if made.len() == asked => Reach::All,
            true => Reach::Ended,
            false if going.away.load(Ordering::Relaxed) => Reach::Away,
            false => Reach::Busy,
        };
        (made, reach)
    }

    /// One call of the gateway, or more where it says that one of the messages is wrong and not
    /// which: then none was taken, and halves tell it apart.
    async fn call_group<T>(
        &self,
        gateway: &Gateway,
        batches: &[Leased],
        going: &Going,
        group: Group<T>,
    ) -> Vec<Call<T>> {
        // Looked at with the line in hand: batches wait long for one behind a slow gateway.
        let Ok(_open) = self.calls.acquire().await else { return Vec::new() };
        let mut members: Vec<Option<T>> = group.members.into_iter().map(Some).collect();
        let mut made = Vec::with_capacity(members.len());
        let all = 0..members.len();
        let mut parts = vec![all];
        while let Some(part) = parts.pop() {
            if self.must_stop(batches, going).await {
                break;
            }
            let messages = &group.messages[part.clone()];
            let outcomes = self.call(gateway, &group.pass, messages).await;
            let first = outcomes.first().cloned().unwrap_or_else(no_outcome);
            if self.is_away(gateway, &first) {
                going.away.store(true, Ordering::Relaxed);
                break;
            }
            if part.len() > 1 && gateway.provider.blames_one(&first) {
                let middle = part.start + part.len() / 2;
                parts.extend([middle..part.end, part.start..middle]);
                continue;
            }
            let throttled = outcomes.iter().any(|said| matches!(said, Outcome::Throttled { .. }));
            going.busy.fetch_or(throttled, Ordering::Relaxed);
            let called = members[part].iter_mut().filter_map(Option::take);
            let outcomes = outcomes.into_iter().chain(std::iter::repeat_with(no_outcome));
            made.extend(called.zip(outcomes).map(|(member, outcome)| Call { member, outcome }));
        }
        made
    }

    /// Whether nobody else of a chunk may be called: the gateway is busy or away, the lease was
    /// slept through, or the store says so.
    async fn must_stop(&self, batches: &[Leased], going: &Going) -> bool {
        going.busy.load(Ordering::Relaxed)
            || going.away.load(Ordering::Relaxed)
            || !batches.iter().all(|batch| self.still_holds(batch))
            || self.has_ended(batches, going).await
    }

    /// What the store says of the order and the leases. A slow gateway makes a chunk last: the
    /// store is looked at again, by one call for all of them.
    async fn has_ended(&self, batches: &[Leased], going: &Going) -> bool {
        let relaxed = Ordering::Relaxed;
        let machine = self.clock.machine_ms();
        let is_stale = || machine - going.looked_at.load(relaxed) >= LOOK_LASTS_MS;
        if is_stale() {
            let _one = going.looking.lock().await;
            if is_stale() {
                let owner = &self.settings.owner;
                match rows::may_go_on(&self.store, batches, owner, words::in_force()).await {
                    Ok(goes_on) => drop(going.ended.fetch_or(!goes_on, relaxed)),
                    Err(fault) => tracing::debug!(%fault, "the store was not looked at"),
                }
                going.looked_at.store(machine, relaxed);
            }
        }
        going.ended.load(relaxed)
    }

    /// The gate, the opened number and the signed reference: everything one call needs.
    #[expect(clippy::too_many_arguments, reason = "one call's whole truth, used at two places")]
    pub(super) fn prepare(
        &self,
        gateway: &Gateway,
        kind: AlertKind,
        roll: &HashSet<Vec<u8>>,
        sealed: &[u8],
        hash: &[u8],
        realm: i64,
        text: String,
        reference: &str,
    ) -> Prepared {
        let refused = |code: &str| Outcome::RefusedPermanent { code: code.into() };
        let address = Realm::from_code(realm).ok_or_else(|| refused("realm"))?;
        let on_roll = roll.contains(hash);
        let pass = gate::admit(
            kind,
            self.settings.practice,
            gateway.provider.realm(),
            address,
            on_roll,
            &text,
        )
        .map_err(|refusal| {
            tracing::debug!(%refusal, "the gate refused a message");
            refused("gate")
        })?;
        let to = self.sealer.open(sealed).map_err(|_| refused("sealed"))?;
        Ok((pass, Message { to, text, reference: self.sealer.sign(reference) }))
    }

    /// Whether this process has renewed the lease in time, as far as it knows by itself.
    fn still_holds(&self, batch: &Leased) -> bool {
        self.renewals.hold(batch.leased_at, self.clock.machine_ms())
    }

    /// One call by whoever has a line in hand; an outcome for each message, in order.
    async fn call(&self, gateway: &Gateway, pass: &Pass, messages: &[Message]) -> Vec<Outcome> {
        let provider = gateway.provider.as_ref();
        let nonce = u128::from_be_bytes(self.entropy.bytes());
        let at = Moment { now_ms: self.clock.machine_ms(), nonce };
        match provider.http().and_then(|codec| codec.keyed()) {
            Some(keyed) => {
                let wire = Bearing { engine: self, gateway: provider.name(), keyed };
                channel::send(&wire, provider, pass, messages, at).await
            }
            None => channel::send(self.transport.as_ref(), provider, pass, messages, at).await,
        }
    }
}

fn no_outcome() -> Outcome {
    Outcome::Unknown { why: "no outcome".into() }
}

/// The messages that share a call, with their members in the same order.
struct Group<T> {
    pass: Pass,
    members: Vec<T>,
    messages: Vec<Message>,
}

/// A chunk as its calls, and those of it whose outcome needs none.
fn grouped<T>(gateway: &Gateway, ready: Vec<(T, Prepared)>) -> (Vec<Group<T>>, Vec<Call<T>>) {
    let (mut told, mut members) = (Vec::new(), Vec::with_capacity(ready.len()));
    let (mut passes, mut messages) = (Vec::new(), Vec::with_capacity(ready.len()));
    for (member, prepared) in ready {
        match prepared {
            Err(outcome) => told.push(Call { member, outcome }),
            Ok((pass, message)) => {
                members.push(Some(member));
                passes.push(pass);
                messages.push(message);
            }
        }
    }
    let planned = channel::calls(&gateway.provider, messages.iter());
    for (place, outcome) in planned.told {
        told.extend(members[place].take().map(|member| Call { member, outcome }));
    }
    let mut messages: Vec<Option<Message>> = messages.into_iter().map(Some).collect();
    let group = |places: Vec<usize>| {
        // All of a chunk are of one alert, so one pass serves it; `send` asks it for each text.
        let pass = passes[*places.first()?];
        let messages = places.iter().filter_map(|place| messages[*place].take()).collect();
        let members = places.iter().filter_map(|place| members[*place].take()).collect();
        Some(Group { pass, members, messages })
    };
    (planned.calls.into_iter().filter_map(group).collect(), told)
}
