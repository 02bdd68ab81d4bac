//! The step from a batch to its messages: lease, look, permits, render, call, append, finish.
//! Decides no wording, no wait and no order; how a chunk is called is `chunk`'s.

use std::collections::{BTreeMap, HashSet};

use super::chunk::{Call, Keeping, Reach, longest_wait_ms};
use super::receipt::About;
use super::{Engine, EngineFault, Gateway, Order, situation, words};
use crate::base::limits::{BATCH_ADDRESSES, SHARED_NUMBER};
use crate::domain::batch::{self as rules};
use crate::domain::burial::Verdict;
use crate::domain::gate::AlertKind;
use crate::domain::lane::{Lane, Realm};
use crate::domain::outcome::Outcome;
use crate::store::batch::{self as rows, FollowRow, Leased, Member, OutcomeRow};
use crate::store::{order, permit};

/// What a gateway's unused time is worth at most: story ms, and real ms where the story runs fast.
const BURST_MS: i64 = 1_000;
const BURST_REAL_MS: i64 = 250;
/// The outcome code of an address that another one with the same number spoke for.
const SPOKEN_FOR: i64 = 6;
/// That of a number refused for good.
const DEAD: i64 = 2;
/// The outcome code of what a gateway refused for now.
const REFUSED_NOW: i64 = 3;

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

impl Sent {
    fn without_calls(self) -> Sent {
        match self {
            Sent::Done { .. } => Sent::Done { calls: 0 },
            Sent::Later { not_before, .. } => Sent::Later { calls: 0, not_before },
            Sent::Lost { .. } => Sent::Lost { calls: 0 },
        }
    }
}

/// Whether another row of the same shared number is messaged for this one.
fn is_spoken_for(member: &Member) -> bool {
    member.shares > SHARED_NUMBER && member.speaks_for == 0
}

fn book_key(call: &Call<Member>) -> (i64, i64) {
    (call.member.batch_id, call.member.address_id)
}

impl Engine {
    /// Sends those of `batches` that are open and free, leasing as many at a time as one look
    /// covers. One entry for each that was leased; calls made together count at the first.
    pub async fn send_once(&self, batches: &[i64]) -> Result<Vec<(i64, Sent)>, EngineFault> {
        let mut sent: Vec<(i64, Sent)> = Vec::with_capacity(batches.len());
        let mut left = batches.to_vec();
        while !left.is_empty() {
            let machine = self.clock.machine_ms();
            let leased = rows::lease(&self.store, &left, &self.settings.owner, machine).await?;
            if leased.is_empty() {
                break;
            }
            left.retain(|id| leased.iter().all(|batch| batch.id != *id));
            for group in leased.chunk_by(Leased::goes_with) {
                let mut done = match group {
                    [notices] if notices.kind == 2 => self.send_notices(notices).await?,
                    homes => self.send_homes(homes).await?,
                };
                for batch in group {
                    sent.push((batch.id, done));
                    done = done.without_calls();
                }
            }
        }
        self.report_names().await;
        self.report_outages().await;
        Ok(sent)
    }

    /// Sends batches of one order and attempt, of which one look may cover several.
    async fn send_homes(&self, batches: &[Leased]) -> Result<Sent, EngineFault> {
        let Some(head) = batches.first() else {
            return Ok(Sent::Done { calls: 0 });
        };
        let Some(order) = self.order(head.alert_id, head.version).await? else {
            return self.finish_empty(batches, 0).await;
        };
        let roll = match order.kind {
            AlertKind::Exercise => order::roll(&self.store, head.alert_id).await?,
            AlertKind::Live | AlertKind::Rehearsal => Vec::new(),
        };
        let roll: HashSet<Vec<u8>> = roll.into_iter().collect();
        if let Some(later) = self.rests_until().await {
            return self.hand_back(batches, 0, later).await;
        }
        if let Some(later) = situation::quiet(&order, head, self.clock.story_ms()) {
            return self.hand_back(batches, 0, later).await;
        }
        let has_others = self.has_others(&order).await?;
        let mut texts = words::Texts::new(&self.messages, &order, &self.settings.signature);
        let (mut calls, mut again) = (0, false);
        loop {
            let gateway = match self.gateway_for(head, &order) {
                Ok(gateway) => gateway,
                Err(later) => return self.hand_back(batches, calls, later).await,
            };
            let grant = self.permits(gateway, BATCH_ADDRESSES + 1).await?;
            if grant.count == 0 {
                return self.hand_back(batches, calls, grant.next_at).await;
            }
            let owner = &self.settings.owner;
            if again && !rows::are_ours(&self.store, batches, owner).await? {
                return Ok(Sent::Lost { calls });
            }
            let members = rows::look(&self.store, batches, grant.count, words::in_force()).await?;
            let found = i64::try_from(members.len()).unwrap_or(0);
            let all = found < grant.count;
            self.return_permits(gateway, grant.count - found).await?;
            if members.is_empty() {
                return self.finish_empty(batches, calls).await;
            }
            let members = self.hold_back(head, &order, members).await?;
            if has_others {
                texts.merge(self.others(&order, &members).await?);
            }
            let (made, reach) =
                self.call_members(gateway, batches, &order, &mut texts, &roll, members).await?;
            let last = all && reach == Reach::All;
            calls += made.iter().filter(|call| call.member.speaks_for == 1).count();
            if !self.keep(batches, &order, gateway, &made, last).await? {
                return Ok(Sent::Lost { calls });
            }
            if last {
                return Ok(Sent::Done { calls });
            }
            let later = match reach {
                Reach::All | Reach::Ended => None,
                Reach::Busy => Some(self.clock.story_ms() + longest_wait_ms(&made)),
                // Nothing left: by another gateway now, or by this one when it has rested.
                Reach::Away => Some(self.gateway_for(head, &order).err().unwrap_or_default()),
            };
            if let Some(later) = later {
                return self.hand_back(batches, calls, later).await;
            }
            again = true;
        }
    }

    async fn hand_back(
        &self,
        batches: &[Leased],
        calls: usize,
        not_before: i64,
    ) -> Result<Sent, EngineFault> {
        rows::put_back(&self.store, batches, not_before).await?;
        Ok(Sent::Later { calls, not_before })
    }

    /// The gateway for a batch, or when there may be one, story ms.
    fn gateway_for(&self, batch: &Leased, order: &Order) -> Result<&Gateway, i64> {
        let practice = self.settings.practice || order.kind == AlertKind::Rehearsal;
        let realm = if practice { Realm::Practice } else { Realm::Live };
        let lane = Lane::from_code(batch.lane).unwrap_or(Lane::Sms);
        self.gateway_now(lane, realm, batch.wave - 1 + batch.tries - 1)
    }

    /// Permits for at most `want` calls of this gateway now.
    pub(crate) async fn permits(
        &self,
        gateway: &Gateway,
        want: i64,
    ) -> Result<permit::Grant, EngineFault> {
        let now = self.clock.story_ms();
        let Some(rate) = self.rate(gateway) else {
            return Ok(permit::Grant { count: want, next_at: now });
        };
        Ok(permit::take(&self.store, gateway.provider.name(), rate, want, now).await?)
    }

    /// Gives permits back that no call was found for: a chunk asks before it looks.
    pub(super) async fn return_permits(
        &self,
        gateway: &Gateway,
        unused: i64,
    ) -> Result<(), EngineFault> {
        let Some(rate) = self.rate(gateway) else { return Ok(()) };
        Ok(permit::give_back(&self.store, gateway.provider.name(), rate, unused).await?)
    }

    fn rate(&self, gateway: &Gateway) -> Option<permit::Rate> {
        let per_second = gateway.rate_per_second?;
        Some(permit::Rate { per_second, burst_ms: self.story_span_ms(BURST_MS, BURST_REAL_MS) })
    }

    /// A span that hides the machine's own delays: in a night that is played faster a short one
    /// of the story would be over before anybody could use it.
    pub(super) fn story_span_ms(&self, story_ms: i64, machine_ms: i64) -> i64 {
        story_ms.max((machine_ms as f64 * self.clock.speed()) as i64)
    }

    async fn finish_empty(&self, batches: &[Leased], calls: usize) -> Result<Sent, EngineFault> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.story_ms();
        let ours = rows::finish(&mut tx, batches, now, words::in_force()).await?;
        tx.commit().await?;
        Ok(if ours { Sent::Done { calls } } else { Sent::Lost { calls } })
    }

    /// Renders the members' texts and calls them, as far as the chunk may go.
    async fn call_members(
        &self,
        gateway: &Gateway,
        batches: &[Leased],
        order: &Order,
        texts: &mut words::Texts<'_>,
        roll: &HashSet<Vec<u8>>,
        members: Vec<Member>,
    ) -> Result<(Vec<Call<Member>>, Reach), EngineFault> {
        let mut ready = Vec::with_capacity(members.len());
        for member in members {
            let text = texts.for_member(&member)?;
            let reference = format!("b{}.{}", member.batch_id, member.address_id);
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
            // Called already: only its outcome is still to be noted.
            let made = self.books.made((member.batch_id, member.address_id));
            let prepared = made.map_or(prepared, Err);
            ready.push((member, prepared));
        }
        self.names.note(texts.take_mended());
        Ok(self.call_chunk(gateway, batches, ready).await)
    }

    /// Notes what was called, again where the store lost the transaction.
    async fn keep(
        &self,
        batches: &[Leased],
        order: &Order,
        gateway: &Gateway,
        made: &[Call<Member>],
        last: bool,
    ) -> Result<bool, EngineFault> {
        let mut keeping = Keeping::begin();
        let verdict = self.judge_dead(gateway, made);
        loop {
            match self.keep_once(batches, order, gateway, made, last, &verdict).await {
                Err(fault) if keeping.goes_on(&fault) => {}
                Ok(ours) => {
                    self.books.noted(made.iter().map(book_key));
                    return Ok(ours);
                }
                Err(fault) => {
                    let calls = made.iter().map(|call| (book_key(call), call.outcome.clone()));
                    self.books.unnoted(calls, self.clock.machine_ms());
                    return Err(fault);
                }
            }
        }
    }

    /// What this chunk says of numbers that it found dead.
    fn judge_dead(&self, gateway: &Gateway, made: &[Call<Member>]) -> Verdict {
        let ours = |outcome: &Outcome| ["gate", "realm", "sealed"].contains(&outcome.detail());
        let asked = made.iter().filter(|c| !is_spoken_for(&c.member) && !ours(&c.outcome));
        let dead = asked.clone().filter(|call| call.outcome.code() == DEAD);
        let dead: Vec<i64> = dead.map(|call| call.member.address_id).collect();
        let now = self.clock.story_ms();
        self.burials.judge(gateway.provider.name(), now, asked.count(), &dead)
    }

    /// Appends outcomes, buries dead numbers, plans what follows and, at the last chunk, finishes.
    async fn keep_once(
        &self,
        batches: &[Leased],
        order: &Order,
        gateway: &Gateway,
        made: &[Call<Member>],
        last: bool,
        verdict: &Verdict,
    ) -> Result<bool, EngineFault> {
        let now = self.clock.story_ms();
        let mut follows: BTreeMap<(i64, i64), FollowRow> = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(made.len());
        let doubted: HashSet<i64> = verdict.doubt.iter().copied().collect();
        for call in made {
            let spoken_for = is_spoken_for(&call.member);
            let kind = match call.outcome.code() {
                _ if spoken_for => SPOKEN_FOR,
                // Not believed: the number is good, and tried again as one refused for now.
                DEAD if doubted.contains(&call.member.address_id) => REFUSED_NOW,
                kind => kind,
            };
            let batch = batches.iter().find(|batch| batch.id == call.member.batch_id);
            let next = batch.and_then(|b| self.follow_row(b, order, kind, &call.outcome, now));
            if let Some(next) = next {
                let row = follows.entry((next.b, next.pick)).or_insert(next.clone());
                row.due = row.due.max(next.due);
            }
            outcomes.push(OutcomeRow {
                b: call.member.batch_id,
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
        let appended = rows::append(&mut tx, name, &outcomes, now).await?;
        let about = |m: &Member| About::Home(m.batch_id, m.address_id);
        let made: Vec<_> = made.iter().map(|c| (about(&c.member), &c.outcome)).collect();
        self.note_names(&mut tx, name, &made, now).await?;
        self.seal_sends(&mut tx, batches, name, &outcomes, appended, now).await?;
        self.bury_or_doubt(&mut tx, order.alert_id, name, verdict, now).await?;
        if !follows.is_empty() {
            rows::follow(&mut tx, &follows, now).await?;
        }
        let ours = !last || rows::finish(&mut tx, batches, now, words::in_force()).await?;
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
            | rules::Pick::Revived
            | rules::Pick::Slow
            | rules::Pick::Unknown
            | rules::Pick::Elsewhere
            | rules::Pick::Next => next.wait_ms,
        };
        Some(FollowRow {
            b: batch.id,
            pick: next.pick.code(),
            tries: next.tries,
            due: now + wait_ms,
        })
    }
}
