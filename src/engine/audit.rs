//! The auditor: custody computed every minute, orphans named and put to the duty room; tallies held
//! against standings, and counted again where they differ. It never only logs.

use super::{Engine, EngineFault};
use crate::domain::alert::State;
use crate::store::custody::{self, Custody};
use crate::store::desk::{self, NewTask};
use crate::store::{order, recount};

/// Orphans taken care of by one audit of an alert.
const ORPHANS_STEP: i64 = 500;
/// How long after its end an order is audited each minute, story ms.
const EACH_MINUTE_MS: i64 = 24 * 3_600_000;
/// Grids named by one entry of the journal.
const NAMED_MAX: usize = 100;

impl Engine {
    /// Computes custody of an alert. Changes nothing.
    pub async fn custody(&self, alert: i64) -> Result<Custody, EngineFault> {
        Ok(custody::compute(&self.store, alert, self.clock.story_ms()).await?)
    }

    /// Audits every alert that is live, every minute those that ended within a day, once an hour
    /// those that ended before (nobody falls off a search list of last week, and a year of orders
    /// is not walked each minute): an orphan becomes a task of the duty room with a
    /// timer, is logged and journaled. Gives the number of orphans found.
    pub async fn audit_once(&self) -> Result<i64, EngineFault> {
        self.report_names().await;
        let mut found = 0;
        for (alert, uid, _, _, _) in order::live(&self.store, State::Live.code()).await? {
            found += self.audit_alert(alert, &uid, false).await?;
        }
        let now = self.clock.story_ms();
        let (since, minute) = (now - EACH_MINUTE_MS, now / 60_000 % 60);
        let ended = State::Ended.code();
        for (alert, uid) in custody::ended_to_audit(&self.store, ended, since, minute).await? {
            found += self.audit_alert(alert, &uid, false).await?;
        }
        // Nobody has to move for an order that was wrong; who asked for help still waits.
        let withdrawn = State::Withdrawn.code();
        for (alert, uid) in custody::with_open_help(&self.store, withdrawn).await? {
            found += self.audit_alert(alert, &uid, true).await?;
        }
        self.watch_file().await?;
        Ok(found)
    }

    async fn audit_alert(
        &self,
        alert: i64,
        uid: &str,
        helps_only: bool,
    ) -> Result<i64, EngineFault> {
        self.audit_tallies(alert, uid).await?;
        let now = self.clock.story_ms();
        let orphans = custody::orphans(&self.store, alert, helps_only, now, ORPHANS_STEP).await?;
        if orphans.is_empty() {
            return Ok(0);
        }
        tracing::error!(alert = uid, orphans = orphans.len(), "households in nobody's hands");
        let tasks: Vec<NewTask> = orphans
            .iter()
            .map(|(household, _, building)| NewTask {
                uid: self.entropy.uuid(now),
                alert,
                household: Some(*household),
                building: Some(*building),
                inbound: None,
                key: format!("audit:{alert}.{household}.{now}"),
                kind: 3,
                class: 2,
                text: "无人负责，请值班室落实".into(),
            })
            .collect();
        let mut tx = self.store.begin().await?;
        desk::open_tasks(&mut tx, &tasks, now).await?;
        let detail = serde_json::json!({"orphans": orphans.len()});
        self.note(&mut tx, "auditor", "audit.orphans", Some(alert), detail).await?;
        tx.commit().await?;
        Ok(i64::try_from(orphans.len()).unwrap_or(i64::MAX))
    }

    /// What a board sums up must be what the doors say. A wrong tally is no household lost, but a
    /// wrong figure before whoever decides: it is put right, and that it was wrong is kept.
    async fn audit_tallies(&self, alert: i64, uid: &str) -> Result<(), EngineFault> {
        let wrong = recount::wrong_grids(&self.store, alert).await?;
        if wrong.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        let grids = recount::recount(&mut tx, alert, &wrong).await?;
        if !grids.is_empty() {
            tracing::error!(alert = uid, grids = grids.len(), "tallies were wrong: counted again");
            let named = grids.get(..NAMED_MAX).unwrap_or(&grids);
            let detail = serde_json::json!({"grids": grids.len(), "first": named});
            self.note(&mut tx, "auditor", "audit.tallies", Some(alert), detail).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
