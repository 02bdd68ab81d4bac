//! A set of timers that can't be fired as one: halved until what fails stands alone. The others
//! act; that one waits a minute and a person at the desk does by hand what it would have done. It
//! decides nothing about faults that pass by themselves: such a step is simply run again.

use serde_json::json;

use super::{Engine, EngineFault};
use crate::domain::plan::TimerKind;
use crate::store::climb::place_names;
use crate::store::order;
use crate::store::timer::{self, TimerRow};

/// After so long a failing timer is tried again.
const PUT_OFF_MS: i64 = 60_000;

/// What a timer does, as the desk is told.
fn act_zh(kind: Option<TimerKind>) -> &'static str {
    match kind {
        Some(TimerKind::FirstWaveMax | TimerKind::Wave | TimerKind::Evidence) => "再次发送",
        Some(TimerKind::List | TimerKind::Joined | TimerKind::Look) => "入户名单",
        Some(TimerKind::Summons) => "叫应责任人",
        Some(TimerKind::Unwoken) => "未叫醒名单",
        Some(TimerKind::Task) => "求助受理提醒",
        Some(TimerKind::Expiry) => "到期提醒",
        Some(TimerKind::Search) => "清点名单",
        Some(TimerKind::Correction | TimerKind::Farewell) => "更正",
        Some(TimerKind::Pace) => "入户进度",
        Some(TimerKind::Countersign) => "补签提醒",
        Some(TimerKind::Helpers) => "通知结对帮扶人",
        None => "自动步骤",
    }
}

impl Engine {
    /// Fires the halves of a set that failed by `fault`, and theirs, each in its own transaction.
    pub(super) async fn fire_apart(
        &self,
        due: Vec<TimerRow>,
        now: i64,
        fault: EngineFault,
    ) -> Result<(), EngineFault> {
        let mut failed = vec![(due, fault)];
        while let Some((rows, fault)) = failed.pop() {
            if let [row] = rows.as_slice() {
                self.put_off(row, &fault, now).await?;
                continue;
            }
            let (left, right) = rows.split_at(rows.len() / 2);
            for half in [left, right] {
                if let Err(fault) = self.fire_part(half, now).await {
                    if fault.is_again() {
                        return Err(fault);
                    }
                    failed.push((half.to_vec(), fault));
                }
            }
        }
        Ok(())
    }

    async fn fire_part(&self, part: &[TimerRow], now: i64) -> Result<(), EngineFault> {
        if part.is_empty() {
            return Ok(());
        }
        let timers: Vec<i64> = part.iter().map(|t| t.id).collect();
        let alerts: Vec<i64> = part.iter().map(|t| t.alert_id).collect();
        let mut tx = self.store.begin().await?;
        let heads = order::share(&mut tx, &alerts).await?;
        let due = timer::claim_again(&mut tx, &timers, now).await?;
        match self.fire_set(&mut tx, &heads, &due, now).await {
            Ok(()) => tx.commit().await?,
            Err(fault) => {
                tx.rollback().await?;
                return Err(fault);
            }
        }
        Ok(())
    }

    async fn put_off(
        &self,
        row: &TimerRow,
        fault: &EngineFault,
        now: i64,
    ) -> Result<(), EngineFault> {
        let kind = TimerKind::from_code(row.kind);
        tracing::error!(
            alert = row.alert_id,
            kind = row.kind,
            place = row.place_id,
            %fault,
            "a timer can't act: it waits, and the desk is told"
        );
        let mut tx = self.store.begin().await?;
        timer::put_off(&mut tx, row.id, now + PUT_OFF_MS).await?;
        // A task about the reminder of a task would have a reminder of its own.
        let opened = match kind {
            Some(TimerKind::Task) => true,
            Some(_) | None => {
                let names = place_names(&mut tx, &[row.place_id]).await?;
                let place = names.into_iter().next();
                let place = place.map_or("全辖区".into(), |(_, name)| name);
                let key = format!(
                    "timer:{}.{}.{}.{}",
                    row.alert_id, row.kind, row.place_id, row.subject_id
                );
                let text = format!("{place}：{}自动执行出错，请人工办理", act_zh(kind));
                self.alarm(&mut tx, row.alert_id, key, text, now).await?
            }
        };
        if opened {
            let detail = json!({"kind": row.kind, "place": row.place_id, "step": row.step,
                "fault": fault.to_string()});
            let alert = (row.alert_id != 0).then_some(row.alert_id);
            self.note(&mut tx, "clock", "timer.failed", alert, detail).await?;
        }
        Ok(tx.commit().await?)
    }
}
