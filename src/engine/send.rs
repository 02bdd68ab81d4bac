//! The step from a batch to its messages: lease, look, permits, render, call, append, finish.
//! Decides no wording, no wait and no order; how a chunk is called is `chunk`'s.

use std::collections::{HashMap, HashSet};

use super::chunk::{Call, Keeping, Reach, longest_wait_ms};
use super::{Engine, EngineFault, Gateway, Order, situation, words};
use crate::base::limits::{BATCH_ADDRESSES, SHARED_NUMBER};
use crate::domain::batch::{self as rules};
use crate::domain::gate::AlertKind;
use crate::domain::lane::{Lane, Realm};
use crate::domain::outcome::Outcome;
use crate::store::batch::{self as rows, FollowRow, Leased, Member, OutcomeRow};
use crate::store::{order, permit};

/// The outcome code of an address that another one with the same number spoke for.
const SPOKEN_FOR: i64 = 6;

/// What became of a batch in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All members have an outcome.
    Done { calls: usize },
    /// No permit now: it goes back until then, story ms.
    Later { calls: usize, not_before: i64 },
    /// The lease was lost; somebody else goes on.
    Lost { calls: usize },
}

/// Whether another row of the same shared number is messaged for this one.
fn is_spoken_for(member: &Member) -> bool {
    member.shares > SHARED_NUMBER && member.speaks_for == 0
}

impl Engine {
    /// Sends those of `batches` that are open and free. One entry for each that was leased.
    pub async fn send_once(&self, batches: &[i64]) -> Result<Vec<(i64, Sent)>, EngineFault> {
        let machine = self.clock.machine_ms();
        let leased = rows::lease(&self.store, batches, &self.settings.owner, machine).await?;
        let mut sent = Vec::with_capacity(leased.len());
        for batch in &leased {
            sent.push((batch.id, self.send_batch(batch).await?));
        }
        self.report_names().await;
        Ok(sent)
    }

    async fn send_batch(&self, batch: &Leased) -> Result<Sent, EngineFault> {
        if batch.kind == 2 {
            return self.send_notices(batch).await;
        }
        let Some(order) = self.order(batch.alert_id, batch.version).await? else {
            return self.finish_empty(batch, 0).await;
        };
        let roll = match order.kind {
            AlertKind::Exercise => order::roll(&self.store, batch.alert_id).await?,
            AlertKind::Live | AlertKind::Rehearsal => Vec::new(),
        };
        let roll: HashSet<Vec<u8>> = roll.into_iter().collect();
        if let Some(later) = situation::quiet(&order, batch, self.clock.story_ms()) {
            rows::put_back(&self.store, batch, later).await?;
            return Ok(Sent::Later { calls: 0, not_before: later });
        }
        let has_others = self.has_others(&order).await?;
        let mut texts = words::Texts::new(&self.messages, &order, &self.settings.signature);
        let (mut calls, mut again) = (0, false);
        loop {
            let Some(gateway) = self.gateway_for(batch, &order) else {
                let later = self.clock.story_ms() + 30_000;
                rows::put_back(&self.store, batch, later).await?;
                return Ok(Sent::Later { calls, not_before: later });
            };
            let grant = self.permits(gateway, BATCH_ADDRESSES + 1).await?;
            if grant.count == 0 {
                rows::put_back(&self.store, batch, grant.next_at).await?;
                return Ok(Sent::Later { calls, not_before: grant.next_at });
            }
            let owner = &self.settings.owner;
            if again && !rows::is_ours(&self.store, batch.id, owner, batch.lease_epoch).await? {
                return Ok(Sent::Lost { calls });
            }
            let members = rows::look(&self.store, batch, grant.count, words::in_force()).await?;
            let all = i64::try_from(members.len()).unwrap_or(0) < grant.count;
            if members.is_empty() {
                return self.finish_empty(batch, calls).await;
            }
            let members = self.hold_back(batch, &order, members).await?;
            if has_others {
                texts.merge(self.others(&order, &members).await?);
            }
            let (made, reach) =
                self.call_members(gateway, batch, &order, &mut texts, &roll, members).await?;
            let last = all && reach == Reach::All;
            calls += made.iter().filter(|call| call.member.speaks_for == 1).count();
            if !self.keep(batch, &order, gateway, &made, last).await? {
                return Ok(Sent::Lost { calls });
            }
            if last {
                return Ok(Sent::Done { calls });
            }
            if reach == Reach::Busy {
                let not_before = self.clock.story_ms() + longest_wait_ms(&made);
                rows::put_back(&self.store, batch, not_before).await?;
                return Ok(Sent::Later { calls, not_before });
            }
            again = true;
        }
    }

    fn gateway_for(&self, batch: &Leased, order: &Order) -> Option<&Gateway> {
        let practice = self.settings.practice || order.kind == AlertKind::Rehearsal;
        let realm = if practice { Realm::Practice } else { Realm::Live };
        let lane = Lane::from_code(batch.lane).unwrap_or(Lane::Sms);
        self.gateway(lane, realm, batch.wave - 1 + batch.tries - 1)
    }

    /// Permits for at most `want` calls of this gateway now.
    pub(crate) async fn permits(
        &self,
        gateway: &Gateway,
        want: i64,
    ) -> Result<permit::Grant, EngineFault> {
        let now = self.clock.story_ms();
        let Some(rate) = gateway.rate_per_second else {
            return Ok(permit::Grant { count: want, next_at: now });
        };
        let want = want.min((rate * 2.0).ceil() as i64).max(1);
        Ok(permit::take(&self.store, gateway.provider.name(), rate, want, now).await?)
    }

    async fn finish_empty(&self, batch: &Leased, calls: usize) -> Result<Sent, EngineFault> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.story_ms();
        let ours = rows::finish(&mut tx, batch, now, words::in_force()).await?;
        tx.commit().await?;
        Ok(if ours { Sent::Done { calls } } else { Sent::Lost { calls } })
    }

    /// Renders the members' texts and calls them, as far as the chunk may go.
    async fn call_members(
        &self,
        gateway: &Gateway,
        batch: &Leased,
        order: &Order,
        texts: &mut words::Texts<'_>,
        roll: &HashSet<Vec<u8>>,
        members: Vec<Member>,
    ) -> Result<(Vec<Call<Member>>, Reach), EngineFault> {
        let mut ready = Vec::with_capacity(members.len());
        for member in members {
            let text = texts.for_member(&member)?;
            let reference = format!("b{}.{}", batch.id, member.address_id);
            let prepared = self.prepare(
                gateway,
                order.kind,
                roll,
                &member.sealed,
                &member.hash,
                member.realm,
                text,
                &reference,
            );
            let spoken_for = is_spoken_for(&member);
            let prepared = prepared.and_then(|ready| match spoken_for {
                true => Err(Outcome::Unknown { why: String::new() }),
                false => Ok(ready),
            });
            ready.push((member, prepared));
        }
        self.names.note(texts.take_mended());
        Ok(self.call_chunk(gateway, batch, ready).await)
    }

    /// Notes what was called, again where the store lost the transaction.
    async fn keep(
        &self,
        batch: &Leased,
        order: &Order,
        gateway: &Gateway,
        made: &[Call<Member>],
        last: bool,
    ) -> Result<bool, EngineFault> {
        let mut keeping = Keeping::begin();
        loop {
            match self.keep_once(batch, order, gateway, made, last).await {
                Err(fault) if keeping.goes_on(&fault) => {}
                kept => return kept,
            }
        }
    }

    /// Appends outcomes, buries dead numbers, plans what follows and, at the last chunk, finishes.
    async fn keep_once(
        &self,
        batch: &Leased,
        order: &Order,
        gateway: &Gateway,
        made: &[Call<Member>],
        last: bool,
    ) -> Result<bool, EngineFault> {
        let now = self.clock.story_ms();
        let mut dead = Vec::new();
        let mut follows: HashMap<i64, FollowRow> = HashMap::new();
        let mut outcomes = Vec::with_capacity(made.len());
        for call in made {
            let spoken_for = is_spoken_for(&call.member);
            let kind = if spoken_for { SPOKEN_FOR } else { call.outcome.code() };
            if kind == 2 && !["gate", "realm", "sealed"].contains(&call.outcome.detail()) {
                dead.push(call.member.address_id);
            }
            if let Some(next) = self.follow_row(batch, order, kind, &call.outcome, now) {
                let row = follows.entry(next.pick).or_insert(next.clone());
                row.due = row.due.max(next.due);
            }
            outcomes.push(OutcomeRow {
                seq: call.member.seq,
                a: call.member.address_id,
                k: kind,
                x: call.outcome.external_id().map(str::to_owned),
                c: (kind != 1 && !spoken_for).then(|| call.outcome.detail().to_owned()),
            });
        }
        let follows: Vec<FollowRow> = follows.into_values().collect();
        let name = gateway.provider.name();
        let mut tx = self.store.begin().await?;
        let appended = rows::append(&mut tx, batch.id, name, &outcomes, now).await?;
        self.seal_sends(&mut tx, batch, name, &outcomes, appended, now).await?;
        if !dead.is_empty() {
            rows::bury(&mut tx, &dead, now).await?;
        }
        if !follows.is_empty() {
            rows::follow(&mut tx, batch.id, &follows, now).await?;
        }
        let ours = !last || rows::finish(&mut tx, batch, now, words::in_force()).await?;
        tx.commit().await?;
        Ok(ours)
    }

    fn follow_row(
        &self,
        batch: &Leased,
        order: &Order,
        kind: i64,
        outcome: &Outcome,
        now: i64,
    ) -> Option<FollowRow> {
        let next = rules::follow(
            kind,
            batch.attempt,
            batch.tries,
            outcome.after_ms(),
            order.is_life_safety(),
        )?;
        let wait_ms = match next.pick {
            rules::Pick::Retry | rules::Pick::Throttled => self.entropy.jitter(next.wait_ms),
            rules::Pick::First
            | rules::Pick::Again
            | rules::Pick::Told
            | rules::Pick::Unknown
            | rules::Pick::Next => next.wait_ms,
        };
        Some(FollowRow { pick: next.pick.code(), tries: next.tries, due: now + wait_ms })
    }
}
