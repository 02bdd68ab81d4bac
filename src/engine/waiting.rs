//! What waits at the duty room: tasks that nobody took, or whose deadline passed, are called out
//! there and, with every time in vain, to one more number: its next persons, their second numbers,
//! then whoever answers for the place. Taking and closing are `hands`'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::saying::Under;
use super::summons::count;
use super::{Engine, EngineFault};
use crate::domain::batch::RANK_LEADER;
use crate::domain::calling::{again_at, called};
use crate::domain::gate::AlertKind;
use crate::domain::notice::Purpose;
use crate::domain::triage::Triage;
use crate::render::NoticeText;
use crate::store::Tx;
use crate::store::expand::paired;
use crate::store::notice::Post;
use crate::store::timer::TimerRow;
use crate::store::waiting::{self as rows, TaskTimer, WaitingRow};

const MINUTE_MS: i64 = 60_000;
/// Tasks that an entry of the journal names.
const NAMED_MAX: usize = 20;

/// What one number is told.
struct Told {
    human: i64,
    /// The cards that wait: one, however many tasks stand on it.
    cards: BTreeSet<i64>,
    /// Since when the oldest waits.
    since: i64,
}

impl Engine {
    /// The duty room's numbers that are called for the time after `times` in vain: human, address.
    pub(super) async fn duty_called(
        &self,
        tx: &mut Tx,
        times: i64,
        now: i64,
    ) -> Result<Vec<(i64, i64)>, EngineFault> {
        Ok(called(&rows::duty_room(tx, now).await?, times))
    }

    /// Tasks nobody took, or whose deadline passed: back to open, and called out.
    pub(super) async fn fire_tasks(
        &self,
        tx: &mut Tx,
        timers: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let subjects: Vec<i64> = timers.iter().map(|t| t.subject_id).collect();
        paired::end_done(tx, &subjects, now).await?;
        let open = rows::waiting(tx, &subjects).await?;
        let of = |task: &WaitingRow| timers.iter().find(|t| t.subject_id == task.id);
        let all: Vec<(&TimerRow, &WaitingRow)> =
            open.iter().filter_map(|task| Some((of(task)?, task))).collect();
        let next = |(timer, task): &(&TimerRow, &WaitingRow)| {
            let class = Triage::from_code(task.class).unwrap_or(Triage::B);
            let kept = task.kept_until > now;
            TaskTimer {
                alert: timer.alert_id,
                task: task.id,
                step: timer.step + i64::from(!kept),
                due: if kept { task.kept_until } else { again_at(class, now) },
            }
        };
        rows::set_timers(tx, &all.iter().map(next).collect::<Vec<_>>()).await?;
        let due: Vec<(&TimerRow, &WaitingRow)> =
            all.into_iter().filter(|(_, task)| task.kept_until <= now).collect();
        if due.is_empty() {
            return Ok(());
        }
        rows::reopen(tx, &due.iter().map(|(_, task)| task.id).collect::<Vec<_>>()).await?;
        self.note_unanswered(tx, &due, now).await?;
        self.call_out(tx, &due, now).await
    }

    /// What was called out once and nobody took is kept: one entry an alert, once a task.
    async fn note_unanswered(
        &self,
        tx: &mut Tx,
        due: &[(&TimerRow, &WaitingRow)],
        now: i64,
    ) -> Result<(), EngineFault> {
        let mut unanswered: BTreeMap<i64, Vec<&WaitingRow>> = BTreeMap::new();
        for (timer, task) in due.iter().filter(|(timer, _)| timer.step == 1) {
            unanswered.entry(timer.alert_id).or_default().push(task);
        }
        for (alert, tasks) in unanswered {
            let since = tasks.iter().map(|task| task.since).min().unwrap_or(now);
            let named: Vec<i64> = tasks.iter().take(NAMED_MAX).map(|task| task.id).collect();
            let detail = json!({"tasks": tasks.len(), "first": named,
                "waited_min": (now - since) / MINUTE_MS});
            let alert = (alert != 0).then_some(alert);
            self.note(tx, "clock", "task.unanswered", alert, detail).await?;
        }
        Ok(())
    }

    /// Tells each number how many tasks wait; those of a rehearsal are counted for themselves.
    async fn call_out(
        &self,
        tx: &mut Tx,
        due: &[(&TimerRow, &WaitingRow)],
        now: i64,
    ) -> Result<(), EngineFault> {
        let alerts: Vec<i64> = due.iter().map(|(timer, _)| timer.alert_id).collect();
        let mut staged = self.each_under(tx, &alerts).await?;
        staged.retain(|under| under.kind == AlertKind::Rehearsal);
        let duty = rows::duty_room(tx, now).await?;
        let grids: Vec<i64> = due.iter().map(|(_, task)| task.grid_id).collect();
        let above = rows::above(tx, &grids, now).await?;
        let mut told: BTreeMap<(i64, i64), Told> = BTreeMap::new();
        for (timer, task) in due {
            let theirs = above.iter().filter(|row| row.0 == task.grid_id);
            let round: Vec<(i64, i64)> =
                duty.iter().copied().chain(theirs.map(|row| (row.1, row.2))).collect();
            if round.is_empty() {
                tracing::error!(task = task.id, "there is nobody to call for what waits");
            }
            let under = staged.iter().find(|under| under.alert == timer.alert_id);
            let alert = under.map_or(0, |under| under.alert);
            for (human, address) in called(&round, timer.step) {
                let own = Told { human, cards: BTreeSet::new(), since: now };
                let told = told.entry((alert, address)).or_insert(own);
                told.cards.insert(task.card);
                told.since = told.since.min(task.since);
            }
        }
        for under in staged.iter().copied().chain([Under::NONE]) {
            let mut posts = Vec::new();
            for ((_, address), told) in told.iter().filter(|(key, _)| key.0 == under.alert) {
                let waited_min = count((now - told.since) / MINUTE_MS);
                let helps = u32::try_from(told.cards.len()).unwrap_or(u32::MAX);
                let text = NoticeText::DeskWaits { helps, waited_min };
                posts.push(Post {
                    address: *address,
                    purpose: Purpose::Reminder.code(),
                    n: now,
                    human: Some(told.human),
                    household: None,
                    text: self.say_in(under.kind, &text, now)?,
                });
            }
            self.post(tx, under.alert, RANK_LEADER, &posts, now).await?;
        }
        Ok(())
    }
}
