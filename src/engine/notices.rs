//! Sending notices: the same lease, permits, gate and calls as for households, one text each.
//! Who gets a notice and why is decided where it is posted.

use std::collections::HashSet;
use std::slice::from_ref;

use super::chunk::{Call, Keeping, Prepared, Reach, longest_wait_ms};
use super::receipt::About;
use super::send::Sent;
use super::{Engine, EngineFault, words};
use crate::base::limits::{
    ATTEMPTS, ATTEMPTS_NUMBERED, BATCH_ADDRESSES, RECEIPT_WINDOW_MS, RETRY_WAITS_MS, SLOW_WAITS_MS,
};
use crate::domain::burial::Verdict;
use crate::domain::gate::AlertKind;
use crate::domain::lane::{Lane, Realm};
use crate::domain::notice::Purpose;
use crate::domain::outcome::Outcome;
use crate::store::batch::{self, Leased};
use crate::store::notice::{self, NoticeRow, SettleRow};
use crate::store::{Tx, order};

/// The outcome code of a number refused for good.
const DEAD: i64 = 2;

impl Engine {
    /// An order is over: what its leaders have not been told yet, they are not told any more.
    pub(super) async fn recall_notices(
        &self,
        tx: &mut Tx,
        alert: i64,
        now: i64,
    ) -> Result<u64, EngineFault> {
        let purposes: Vec<i64> = Purpose::WHILE_IN_FORCE.iter().map(|p| p.code()).collect();
        Ok(notice::recall(tx, alert, &purposes, now).await?)
    }

    /// Sends one leased batch of notices.
    pub(super) async fn send_notices(&self, leased: &Leased) -> Result<Sent, EngineFault> {
        let kind = notice::kind_of(&self.store, leased.alert_id).await?;
        let kind = kind.and_then(AlertKind::from_code).unwrap_or(AlertKind::Live);
        let roll: HashSet<Vec<u8>> = match kind {
            AlertKind::Exercise => {
                order::roll(&self.store, leased.alert_id).await?.into_iter().collect()
            }
            AlertKind::Live | AlertKind::Rehearsal => HashSet::new(),
        };
        let practice = self.settings.practice || kind == AlertKind::Rehearsal;
        let realm = if practice { Realm::Practice } else { Realm::Live };
        let lane = Lane::from_code(leased.lane).unwrap_or(Lane::Sms);
        if let Some(later) = self.rests_until().await {
            batch::put_back(&self.store, from_ref(leased), later).await?;
            return Ok(Sent::Later { calls: 0, not_before: later });
        }
        let now = self.clock.story_ms();
        let gateway = match self.gateway_now(lane, realm, leased.attempt - 1) {
            Ok(gateway) => gateway,
            Err(later) => {
                batch::put_back(&self.store, from_ref(leased), later).await?;
                return Ok(Sent::Later { calls: 0, not_before: later });
            }
        };
        let grant = self.permits(gateway, BATCH_ADDRESSES).await?;
        if grant.count == 0 {
            batch::put_back(&self.store, from_ref(leased), grant.next_at).await?;
            return Ok(Sent::Later { calls: 0, not_before: grant.next_at });
        }
        if leased.lease_epoch > 1 {
            notice::known_by_receipt(&self.store, leased.id).await?;
        }
        let found = notice::look(&self.store, leased.id, grant.count, now).await?;
        let asked = i64::try_from(found.len()).unwrap_or(0);
        self.return_permits(gateway, grant.count - asked).await?;
        let ready: Vec<(NoticeRow, Prepared)> = found
            .into_iter()
            .map(|row| {
                let (text, reference) = (row.text.clone(), format!("n{}", row.id));
                let (sealed, hash) = (&row.sealed, &row.hash);
                let prepared =
                    self.prepare(gateway, kind, &roll, sealed, hash, row.realm, text, &reference);
                // Called already: only its outcome is still to be noted.
                let made = self.books.made((0, row.id));
                (row, made.map_or(prepared, Err))
            })
            .collect();
        let (made, reach) = self.call_chunk(gateway, from_ref(leased), ready).await;
        let sent = self.keep_notices(leased, gateway.provider.name(), &made).await?;
        let Sent::Later { calls, not_before } = sent else {
            return Ok(sent);
        };
        let not_before = match reach {
            Reach::All => not_before,
            Reach::Busy => not_before.max(self.clock.story_ms() + longest_wait_ms(&made)),
            Reach::Away => {
                let free = self.gateway_now(lane, realm, leased.attempt - 1);
                free.err().unwrap_or_default()
            }
            Reach::Ended => return Ok(Sent::Lost { calls }),
        };
        batch::put_back(&self.store, from_ref(leased), not_before).await?;
        Ok(Sent::Later { calls, not_before })
    }

    /// Notes what was called, again where the store lost the transaction.
    async fn keep_notices(
        &self,
        leased: &Leased,
        provider: &str,
        made: &[Call<NoticeRow>],
    ) -> Result<Sent, EngineFault> {
        let mut keeping = Keeping::begin();
        let verdict = self.judge_notices(provider, made);
        loop {
            match self.settle_notices(leased, provider, made, &verdict).await {
                Err(fault) if keeping.goes_on(&fault) => {}
                Ok(sent) => {
                    self.books.noted(made.iter().map(|call| (0, call.member.id)));
                    return Ok(sent);
                }
                Err(fault) => {
                    let calls = made.iter().map(|c| ((0, c.member.id), c.outcome.clone()));
                    self.books.unnoted(calls, self.clock.machine_ms());
                    return Err(fault);
                }
            }
        }
    }

    /// What this chunk says of numbers that it found dead.
    fn judge_notices(&self, provider: &str, made: &[Call<NoticeRow>]) -> Verdict {
        let ours = |outcome: &Outcome| ["gate", "realm", "sealed"].contains(&outcome.detail());
        let asked = made.iter().filter(|call| !ours(&call.outcome));
        let dead = asked.clone().filter(|call| call.outcome.code() == DEAD);
        let dead: Vec<i64> = dead.map(|call| call.member.address_id).collect();
        self.burials.judge(provider, self.clock.story_ms(), asked.count(), &dead)
    }

    /// Notes what was called; the batch ends with its last notice.
    async fn settle_notices(
        &self,
        leased: &Leased,
        provider: &str,
        made: &[Call<NoticeRow>],
        verdict: &Verdict,
    ) -> Result<Sent, EngineFault> {
        let now = self.clock.story_ms();
        let calls = made.len();
        let mut rows = Vec::with_capacity(calls);
        for call in made {
            let wait_ms = retry_wait(&call.outcome, &call.member);
            let settled = SettleRow {
                id: call.member.id,
                kind: call.outcome.code(),
                due: wait_ms.map(|wait_ms| now + wait_ms),
                x: call.outcome.external_id().map(str::to_owned),
                c: (call.outcome.code() != 1).then(|| call.outcome.detail().to_owned()),
            };
            rows.push((call.member.clone(), settled));
        }
        let mut tx = self.store.begin().await?;
        if !rows.is_empty() {
            let settled: Vec<&SettleRow> = rows.iter().map(|row| &row.1).collect();
            let kept = notice::settle(&mut tx, &settled, provider, now).await?;
            let about = made.iter().map(|call| (About::Notice(call.member.id), &call.outcome));
            let about: Vec<(About, &Outcome)> = about.collect();
            self.note_names(&mut tx, provider, &about, now).await?;
            rows.retain(|row| kept.contains(&row.1.id));
            self.seal_notices(&mut tx, leased, provider, &rows, now).await?;
            let refused = rows.iter().filter(|row| row.1.kind == DEAD).map(|row| row.1.id);
            let refused: Vec<i64> = refused.collect();
            let alert = leased.alert_id;
            self.bury_notices(&mut tx, alert, provider, verdict, &refused, now).await?;
        }
        let Some(next_at) = notice::next_at(&mut tx, leased.id).await? else {
            let ours = batch::finish(&mut tx, from_ref(leased), now, words::in_force()).await?;
            tx.commit().await?;
            return Ok(if ours { Sent::Done { calls } } else { Sent::Lost { calls } });
        };
        tx.commit().await?;
        Ok(Sent::Later { calls, not_before: next_at.max(now) })
    }
}

/// How long until a notice is tried again; none: what came of it is final.
fn retry_wait(outcome: &Outcome, row: &NoticeRow) -> Option<i64> {
    let attempt = row.attempt;
    if attempt >= ATTEMPTS_NUMBERED {
        return None;
    }
    let nth = |waits: &[i64], n: i64| waits[usize::try_from(n).unwrap_or(0).min(waits.len() - 1)];
    match outcome {
        Outcome::RefusedRetry { after_ms, .. } => {
            let own_ms = match attempt < ATTEMPTS {
                true => nth(&RETRY_WAITS_MS, attempt - 1),
                false => nth(&SLOW_WAITS_MS, attempt - ATTEMPTS),
            };
            Some(after_ms.unwrap_or(own_ms).max(own_ms))
        }
        Outcome::Throttled { after_ms } => Some(after_ms.unwrap_or(RETRY_WAITS_MS[0])),
        // It may have been taken: a word of thanks is not said twice, whatever else is.
        Outcome::Unknown { .. } => {
            let purpose = Purpose::from_code(row.purpose);
            let again = purpose.is_none_or(Purpose::bears_repeating) && attempt < ATTEMPTS;
            again.then_some(RECEIPT_WINDOW_MS)
        }
        Outcome::Accepted { .. } | Outcome::RefusedPermanent { .. } | Outcome::NotSent { .. } => {
            None
        }
    }
}
