//! Numbers called dead by a gateway, and numbers that live again. A gateway that finds dead numbers
//! everywhere buries nobody and is the desk's to look after; a receipt from the handset, a reply,
//! or an official's word bring a number back, and who was told of nothing because of it is sent
//! the order in force. The rule is `domain::burial`'s.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::issue::{Actor, refused};
use super::{Engine, EngineFault, words};
use crate::base::limits::RETRY_WAITS_MS;
use crate::base::phone::Phone;
use crate::channel::ReceiptEvent;
use crate::domain::access::Action;
use crate::domain::burial::{Verdict, WINDOW_MS, Window};
use crate::store::batch::owed;
use crate::store::desk::ReceiptRow;
use crate::store::number::{self, Delivered};
use crate::store::{Tx, view};

/// Of one gateway the desk is alarmed at most so often, story ms.
const ALARM_MS: i64 = 3_600_000;
/// Numbers named by one command at most.
const NAMED_MAX: usize = 10_000;

/// What gateways said of numbers lately, in one process.
#[derive(Default)]
pub(crate) struct Burials(Mutex<HashMap<String, Window>>);

impl Burials {
    /// Counts the outcomes of a chunk of this gateway.
    pub(super) fn judge(&self, gateway: &str, now: i64, outcomes: usize, dead: &[i64]) -> Verdict {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        windows.entry(gateway.to_owned()).or_default().judge(now, outcomes, dead)
    }
}

/// Which dead numbers an official wants back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revival {
    /// These, as they are written in the roster.
    Numbers(Vec<String>),
    /// All that were called dead at this instant or later.
    Since(i64),
}

impl Engine {
    /// Does what was judged, in the transaction of the outcomes.
    pub(super) async fn bury_or_doubt(
        &self,
        tx: &mut Tx,
        alert: i64,
        gateway: &str,
        verdict: &Verdict,
        now: i64,
    ) -> Result<(), EngineFault> {
        if !verdict.bury.is_empty() {
            number::bury(tx, &verdict.bury, now).await?;
        }
        if verdict.doubt.is_empty() {
            return Ok(());
        }
        number::doubt(tx, &verdict.doubt, now).await?;
        let due = now + self.entropy.jitter(RETRY_WAITS_MS[1]);
        owed::plan_revived(tx, &verdict.doubt, due, now, words::in_force()).await?;
        let (dead, outcomes) = (verdict.dead, verdict.outcomes);
        tracing::error!(gateway, dead, outcomes, "too many dead numbers: they are not believed");
        let minutes = WINDOW_MS / 60_000;
        let key = format!("dead:{gateway}.{}", now / ALARM_MS);
        let text = format!(
            "通道{gateway}：{minutes}分钟内{outcomes}条里有{dead}条报空号，疑为通道故障。\
             这些号码没有停用，还会再发；请马上联系通道"
        );
        if self.alarm(tx, alert, key, text, now).await? {
            let detail = json!({"gateway": gateway, "outcomes": outcomes, "dead": dead});
            self.note(tx, "dispatch", "gateway.doubted", Some(alert), detail).await?;
        }
        Ok(())
    }

    /// Messages that reached their handsets bring their numbers back.
    pub(super) async fn revive_delivered(
        &self,
        tx: &mut Tx,
        events: &[ReceiptEvent],
        rows: &[ReceiptRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let known = rows.iter().zip(events).filter(|(row, event)| {
            event.class.is_delivered() && (row.address.is_some() || row.notice.is_some())
        });
        let delivered: Vec<Delivered> = known
            .map(|(row, _)| Delivered {
                address: row.address,
                notice: row.notice,
                at: row.at.unwrap_or(now).min(now),
            })
            .collect();
        let dead = number::delivered_dead(tx, &delivered).await?;
        self.revive(tx, "receipt", &dead, now).await
    }

    /// These addresses have given a sign of life.
    pub(super) async fn revive(
        &self,
        tx: &mut Tx,
        by: &str,
        addresses: &[i64],
        now: i64,
    ) -> Result<(), EngineFault> {
        let revived = number::revive(tx, addresses, now).await?;
        if revived > 0 {
            let ranges = owed::plan_revived(tx, addresses, now, now, words::in_force()).await?;
            let detail = json!({"numbers": revived, "by": by, "ranges": ranges});
            self.note(tx, "intake", "number.revived", None, detail).await?;
        }
        Ok(())
    }

    /// Dead numbers that an official knows to be good. Gives how many rows of the roster they are.
    ///
    /// # Errors
    /// [`EngineFault::Refused`] names a number that is none.
    pub async fn revive_numbers(
        &self,
        actor: &Actor,
        revival: &Revival,
    ) -> Result<u64, EngineFault> {
        let root: Vec<i64> = view::root(&self.store).await?.into_iter().collect();
        self.check_access(actor, Action::ImportRoster, &root).await?;
        let mut hashes = Vec::new();
        if let Revival::Numbers(numbers) = revival {
            if !(1..=NAMED_MAX).contains(&numbers.len()) {
                return Err(refused(format!("numbers: 1 to {NAMED_MAX} of them, one a line")));
            }
            for (n, text) in numbers.iter().enumerate() {
                let phone = Phone::parse(text).map_err(|fault| {
                    refused(format!("numbers: the one at place {}: {fault}", n + 1))
                })?;
                hashes.extend(self.sealer.hash(phone.e164()));
            }
        }
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        let dead = match revival {
            Revival::Since(since) => number::dead_since(&mut tx, *since).await?,
            Revival::Numbers(_) => number::dead_of(&mut tx, &hashes).await?,
        };
        let revived = number::revive(&mut tx, &dead, now).await?;
        let ranges = owed::plan_revived(&mut tx, &dead, now, now, words::in_force()).await?;
        let detail = match revival {
            Revival::Since(since) => json!({"numbers": revived, "since": since, "ranges": ranges}),
            Revival::Numbers(numbers) => {
                json!({"numbers": revived, "asked": numbers.len(), "ranges": ranges})
            }
        };
        self.note(&mut tx, &actor.name, "number.revived", None, detail).await?;
        tx.commit().await?;
        Ok(revived)
    }
}
