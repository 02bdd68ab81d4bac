//! What is done on the calendar: the nightly check, retention, upkeep. A step like the others: any
//! process may run it at any time, and each slot is worked once.
//!
//! Which slots are due is `domain::calendar`'s; who wakes the step is `app`'s.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::chain::{self, VerifyFault};
use super::{Engine, EngineFault};
use crate::domain::calendar::{Job, Slot, due_slots};
use crate::domain::journal::hex;
use crate::store::Tx;
use crate::store::calendar;
use crate::store::upkeep;

/// A slot whose process died, or whose job broke off, is another's after this.
const SLOT_LEASE_MS: i64 = 600_000;
/// Slots are remembered for so long.
const SLOTS_KEPT_MS: i64 = 400 * DAY_MS;
/// A permit's row unused for so long is dropped.
const PERMITS_KEPT_MS: i64 = DAY_MS;
const DAY_MS: i64 = 86_400_000;

/// By whose day, and for how long texts are kept.
#[derive(Debug, Clone)]
pub struct Calendar {
    pub zone: TimeZone,
    pub retention_days: i64,
}

impl Engine {
    /// Works the slots that are due and that nobody else has. Gives those it did.
    pub async fn calendar_once(&self, calendar: &Calendar) -> Result<Vec<Slot>, EngineFault> {
        let now = self.clock.story_ms();
        let done = calendar::done(&self.store).await?;
        let last = |job: Job| done.iter().find(|(word, _)| word == job.word()).map(|row| row.1);
        let mut worked = Vec::new();
        for slot in due_slots(now, last, &calendar.zone) {
            let machine = self.clock.machine_ms();
            let until = machine.saturating_add(SLOT_LEASE_MS);
            let word = slot.job.word();
            if !calendar::claim(&self.store, word, slot.at, machine, until).await? {
                continue;
            }
            if self.work_slot(slot, calendar).await? {
                worked.push(slot);
            }
        }
        Ok(worked)
    }

    async fn work_slot(&self, slot: Slot, calendar: &Calendar) -> Result<bool, EngineFault> {
        match slot.job {
            Job::Check => self.check_all(slot).await,
            Job::Retention => {
                let kept_ms = calendar.retention_days.saturating_mul(DAY_MS);
                let before = self.clock.story_ms().saturating_sub(kept_ms);
                let erased = calendar::erase_texts(&self.store, before).await?;
                let detail = json!({"before": before, "texts": erased});
                let mut tx = self.store.begin().await?;
                self.close_slot(&mut tx, slot, "retention.erased", detail).await?;
                tx.commit().await?;
                Ok(true)
            }
            Job::Upkeep => {
                let now = self.clock.story_ms();
                let permits = calendar::drop_permits(&self.store, now - PERMITS_KEPT_MS).await?;
                let slots = calendar::forget(&self.store, now - SLOTS_KEPT_MS).await?;
                upkeep::optimize(&self.store).await?;
                let detail = json!({"permits": permits, "slots": slots});
                let mut tx = self.store.begin().await?;
                self.close_slot(&mut tx, slot, "upkeep.done", detail).await?;
                tx.commit().await?;
                Ok(true)
            }
        }
    }

    async fn close_slot(
        &self,
        tx: &mut Tx,
        slot: Slot,
        act: &str,
        detail: Value,
    ) -> Result<bool, EngineFault> {
        let now = self.clock.story_ms();
        let first = calendar::finish(tx, slot.job.word(), slot.at, now).await?;
        if first {
            self.note(tx, "calendar", act, None, detail).await?;
        }
        Ok(first)
    }

    /// The journal from where it was last found whole, and custody. What is wrong stands at the
    /// desk as well as in the journal.
    async fn check_all(&self, slot: Slot) -> Result<bool, EngineFault> {
        let orphans = self.audit_once().await?;
        let known = calendar::verified(&self.store).await?;
        let last = known.as_ref().and_then(|(pos, hash)| Some((*pos, hex::parse(hash)?)));
        let found = match chain::verify_after(&self.store, &self.sealer, last).await {
            Ok(found) => Ok(found),
            Err(VerifyFault::Broken(broken)) => Err((broken.pos, broken.to_string())),
            Err(VerifyFault::Row(row)) => Err((row.pos, row.to_string())),
            Err(VerifyFault::Store(fault)) => return Err(fault.into()),
        };
        let mut tx = self.store.begin().await?;
        let first = match found {
            Ok(found) if orphans == 0 => {
                let (entries, head) = (found.verified.entries, hex::text(&found.verified.head));
                let detail = json!({"entries": entries, "head": head, "orphans": 0});
                calendar::set_verified(&mut tx, entries, &head).await?;
                self.close_slot(&mut tx, slot, "check.passed", detail).await?
            }
            Ok(_) => {
                let text = format!("夜间检查：{orphans}户无人负责，已转值班室");
                self.fail_check(&mut tx, slot, text, json!({"orphans": orphans})).await?
            }
            Err((pos, why)) => {
                tracing::error!(pos, why, "the journal does not hold");
                let text = format!("夜间检查：日志链在第{pos}条断裂，请保护现场并核查");
                let detail = json!({"broken_at": pos, "why": why, "orphans": orphans});
                self.fail_check(&mut tx, slot, text, detail).await?
            }
        };
        tx.commit().await?;
        Ok(first)
    }

    async fn fail_check(
        &self,
        tx: &mut Tx,
        slot: Slot,
        text: String,
        detail: Value,
    ) -> Result<bool, EngineFault> {
        let now = self.clock.story_ms();
        self.alarm(tx, 0, format!("check:{}", slot.at), text, now).await?;
        self.close_slot(tx, slot, "check.failed", detail).await
    }
}
