//! The second signature under a bypass: due by the end of the shift, and the duty room hears of
//! it every hour that it is late. It stops nothing: the order went out and holds.

use std::sync::Arc;

use serde_json::json;

use super::issue::{Actor, HOUR_MS, refused};
use super::saying::Under;
use super::{Engine, EngineFault, Order};
use crate::domain::access::Action;
use crate::domain::alert::second_person;
use crate::domain::batch::RANK_LEADER;
use crate::domain::notice::Purpose;
use crate::domain::plan::TimerKind;
use crate::domain::shift::shift_end;
use crate::render::NoticeText;
use crate::store::notice::Post;
use crate::store::timer::TimerRow;
use crate::store::{Tx, order, timer};

impl Engine {
    /// Sets by when a bypass must be countersigned, and the timer that asks for it.
    pub(super) async fn ask_countersign(
        &self,
        tx: &mut Tx,
        alert: i64,
        version: i64,
        now: i64,
    ) -> Result<(), EngineFault> {
        let due = shift_end(&self.settings.shift_ends, now);
        order::set_countersign_due(tx, alert, version, due).await?;
        let kind = TimerKind::Countersign.code();
        timer::set(tx, alert, kind, 0, version, 0, due).await?;
        Ok(())
    }

    /// Signs the versions of an alert that went out by bypass. Gives how many.
    pub async fn countersign(&self, actor: &Actor, uid: &str) -> Result<u64, EngineFault> {
        let (row, newest) = self.newest(uid).await?;
        self.allowed(actor, Action::CountersignAlert, row.id, row.version.max(1)).await?;
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        let mut signed = 0;
        for version in 1..=newest {
            let Some(v) = order::version(&self.store, row.id, version).await? else {
                continue;
            };
            if v.bypass == 0 || v.countersigned_at.is_some() {
                continue;
            }
            second_person(v.approver_id.unwrap_or(v.author_id), actor.account_id)
                .map_err(|fault| refused(fault.to_string()))?;
            signed += order::countersign(&mut tx, row.id, version, actor.account_id, now).await?;
            timer::drop_one(&mut tx, row.id, TimerKind::Countersign.code(), version).await?;
            let late = v.countersign_due.is_some_and(|due| now > due);
            let detail = json!({"version": version, "due": v.countersign_due, "late": late});
            let act = Action::CountersignAlert.word();
            self.note(&mut tx, &actor.name, act, Some(row.id), detail).await?;
        }
        if signed == 0 {
            return Err(refused("nothing waits for a countersignature: see `tongluo alert show`"));
        }
        tx.commit().await?;
        Ok(signed)
    }

    /// The shift has ended and nobody signed: the duty room is told, every hour until somebody
    /// does.
    pub(super) async fn fire_countersign(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        timers: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        for row in timers {
            let version = order::version(&self.store, row.alert_id, row.subject_id).await?;
            if version.is_none_or(|v| v.countersigned_at.is_some()) {
                continue;
            }
            let (kind, step) = (TimerKind::Countersign.code(), row.step + 1);
            timer::set(tx, row.alert_id, kind, 0, row.subject_id, step, now + HOUR_MS).await?;
            let detail = json!({"version": row.subject_id, "hours": row.step});
            let alert = Some(row.alert_id);
            self.note(tx, "clock", "alert.uncountersigned", alert, detail).await?;
            let called = self.duty_called(tx, row.step, now).await?;
            if called.is_empty() {
                tracing::error!(alert = order.uid, "no duty room hears that a signature is due");
            }
            let hours = u32::try_from(row.step).unwrap_or(0);
            let text = NoticeText::CountersignDue { alert_title: &order.title, hours };
            let text = self.say_in(order.kind, &text, now)?;
            let post = |(human, address): (i64, i64)| Post {
                address,
                purpose: Purpose::Countersign.code(),
                n: now,
                human: Some(human),
                household: None,
                text: text.clone(),
            };
            let posts: Vec<Post> = called.into_iter().map(post).collect();
            // Not under an exercise: its roll need not have the duty room on it, and the signature
            // is a real one.
            let under = Under { alert: order.alert_id, kind: order.kind }.for_help();
            self.post(tx, under.alert, RANK_LEADER, &posts, now).await?;
        }
        Ok(())
    }
}
