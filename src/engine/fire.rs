//! Silence across: due timers are claimed, their acts and successors written in one transaction.
//! The step keeps the gap between rungs, so a ladder resumes after an outage and never avalanches.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Engine, EngineFault, Order};
use crate::domain::alert::State;
use crate::domain::batch::RANK_LEADER;
use crate::domain::climb;
use crate::domain::notice::Purpose;
use crate::domain::plan::{RUNG_GAP_MIN_MS, TimerKind};
use crate::render::NoticeText;
use crate::store::notice::Post;
use crate::store::order::Head;
use crate::store::timer::{self, PlaceTimer, TimerRow};
use crate::store::{Tx, correct, order, wave};

const MINUTE_MS: i64 = 60_000;
/// The wave number of the first look for evidence, as the store's look knows it: whoever said a
/// word is passed over. Ordinary waves stay far below.
const EVIDENCE_WAVE: i64 = 50;

impl Engine {
    /// Fires what is due at this story time, at most one step's worth. Gives the number fired.
    pub async fn fire_due(&self) -> Result<usize, EngineFault> {
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        let heads = order::share_due(&mut tx, now).await?;
        let alerts: Vec<i64> = heads.iter().map(|head| head.id).collect();
        let due = timer::claim_due(&mut tx, now, &alerts).await?;
        let fired = due.len();
        match self.fire_set(&mut tx, &heads, &due, now).await {
            Ok(()) => tx.commit().await?,
            Err(fault) if fault.is_again() => return Err(fault),
            Err(fault) => {
                tx.rollback().await?;
                self.fire_apart(due, now, fault).await?;
            }
        }
        self.report_names().await;
        Ok(fired)
    }

    pub(super) async fn fire_set(
        &self,
        tx: &mut Tx,
        heads: &[Head],
        due: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let mut groups: BTreeMap<(i64, i64), Vec<TimerRow>> = BTreeMap::new();
        for row in due {
            groups.entry((row.alert_id, row.kind)).or_default().push(row.clone());
        }
        for ((alert, kind), rows) in groups {
            let head = heads.iter().find(|head| head.id == alert);
            self.fire(tx, head, kind, &rows, now).await?;
        }
        Ok(())
    }

    async fn fire(
        &self,
        tx: &mut Tx,
        head: Option<&Head>,
        kind: i64,
        rows: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some(kind) = TimerKind::from_code(kind) else {
            return Ok(());
        };
        if kind == TimerKind::Task {
            return self.fire_tasks(tx, rows, now).await;
        }
        let Some(head) = head else {
            return Ok(());
        };
        // A ladder that was being climbed in the moment of the end has left its next rung behind.
        if head.state != State::Live.code() && !kind.outlives_order() {
            return Ok(());
        }
        let Some(order) = self.order(head.id, head.version).await? else {
            return Ok(());
        };
        match kind {
            TimerKind::FirstWaveMax => self.start_clocks(tx, &order, rows, now).await,
            TimerKind::Wave => self.fire_waves(tx, &order, rows, now).await,
            TimerKind::Evidence => self.fire_evidence(tx, &order, rows, now).await,
            TimerKind::List => self.fire_lists(tx, &order, rows, now).await,
            TimerKind::Summons => self.fire_summons(tx, &order, rows, now).await,
            TimerKind::Unwoken => self.fire_unwoken(tx, &order, now).await,
            TimerKind::Expiry => self.fire_expiry(tx, &order, rows, now).await,
            TimerKind::Search => self.fire_search(tx, &order, rows, now).await,
            TimerKind::Correction => self.fire_correction(tx, &order, rows, now).await,
            TimerKind::Pace => self.fire_pace(tx, &order, rows, now).await,
            TimerKind::Countersign => self.fire_countersign(tx, &order, rows, now).await,
            TimerKind::Helpers => self.fire_helpers(tx, &order, now).await,
            TimerKind::Farewell => self.fire_farewells(tx, &order, rows, now).await,
            TimerKind::Joined => self.fire_joined(tx, &order, rows, now).await,
            TimerKind::Look => self.fire_look(tx, &order, rows, now).await,
            TimerKind::Task => Ok(()),
        }
    }

    /// A grid's clock starts: its first wave was handed over, or has taken too long.
    async fn start_clocks(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        rows: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some(plan) = &order.plan else {
            return Ok(());
        };
        let grids: Vec<i64> = rows.iter().map(|r| r.place_id).collect();
        timer::start_grids(tx, order.alert_id, order.version, &grids, now).await?;
        let each = |step: i64, due: i64| -> Vec<PlaceTimer> {
            grids.iter().map(|place| PlaceTimer { place: *place, step, due }).collect()
        };
        if let Some(wait_ms) = plan.waves_ms.first() {
            let timers = each(0, now + wait_ms);
            timer::set_for_places(tx, order.alert_id, TimerKind::Wave.code(), &timers).await?;
        }
        if let Some((step, due)) = climb::first_due(plan, now) {
            let timers = each(step.code(), due);
            timer::set_for_places(tx, order.alert_id, TimerKind::List.code(), &timers).await?;
        }
        if plan.evidence_times > 0 {
            let timers = each(0, now + plan.evidence_every_ms);
            timer::set_for_places(tx, order.alert_id, TimerKind::Evidence.code(), &timers).await?;
        }
        Ok(())
    }

    async fn fire_waves(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        rows: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some(plan) = &order.plan else {
            return Ok(());
        };
        let machine = self.clock.machine_ms();
        for (step, grids) in by_step(rows) {
            let (alert, version) = (order.alert_id, order.version);
            wave::plan_wave(tx, alert, version, &grids, step + 2, now, machine).await?;
            let here = usize::try_from(step).unwrap_or(usize::MAX - 1);
            let gap = match (plan.waves_ms.get(here), plan.waves_ms.get(here + 1)) {
                (Some(this), Some(next)) => next - this,
                (Some(_) | None, None) | (None, Some(_)) => continue,
            };
            let timers: Vec<PlaceTimer> = grids
                .iter()
                .map(|place| PlaceTimer { place: *place, step: step + 1, due: now + gap })
                .collect();
            timer::set_for_places(tx, alert, TimerKind::Wave.code(), &timers).await?;
        }
        Ok(())
    }

    async fn fire_evidence(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        rows: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some(plan) = &order.plan else {
            return Ok(());
        };
        let machine = self.clock.machine_ms();
        for (step, grids) in by_step(rows) {
            let (alert, version) = (order.alert_id, order.version);
            let due = now + plan.evidence_every_ms;
            // After an outage both tracks may be due at once: nobody is sent the text twice.
            let since = now - RUNG_GAP_MIN_MS;
            let waves = TimerKind::Wave.code();
            let sent = wave::just_sent(tx, alert, &grids, since, waves, now).await?;
            let (later, grids): (Vec<i64>, Vec<i64>) =
                grids.into_iter().partition(|grid| sent.contains(grid));
            let wave = EVIDENCE_WAVE + step;
            wave::plan_wave(tx, alert, version, &grids, wave, now, machine).await?;
            let mut timers: Vec<PlaceTimer> =
                later.into_iter().map(|place| PlaceTimer { place, step, due }).collect();
            if step + 1 < plan.evidence_times {
                let next = |place| PlaceTimer { place, step: step + 1, due };
                timers.extend(grids.into_iter().map(next));
            }
            timer::set_for_places(tx, alert, TimerKind::Evidence.code(), &timers).await?;
        }
        Ok(())
    }

    /// The correction runs again until no lease of an older version is left.
    async fn fire_correction(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        rows: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let machine = self.clock.machine_ms();
        let spread = self.spread(order);
        for row in rows {
            let done = correct::again(
                &self.store,
                tx,
                order.alert_id,
                order.version,
                &spread,
                machine,
                row.step,
            )
            .await?;
            if !done {
                let kind = TimerKind::Correction.code();
                timer::set(tx, order.alert_id, kind, 0, row.subject_id, row.step + 1, now + 5_000)
                    .await?;
            }
        }
        Ok(())
    }

    /// 60, 30 and 10 minutes before it expires the duty room is told; unanswered, it goes on for
    /// two hours more. Expiry stops sending, never custody.
    async fn fire_expiry(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        rows: &[TimerRow],
        now: i64,
    ) -> Result<(), EngineFault> {
        let Some(row) = rows.first() else {
            return Ok(());
        };
        let (left_min, next_ms) = match row.step {
            0 => (60, 30 * MINUTE_MS),
            1 => (30, 20 * MINUTE_MS),
            2 => (10, 10 * MINUTE_MS),
            _ => (0, 60 * MINUTE_MS),
        };
        let step = if left_min == 0 { 0 } else { row.step + 1 };
        let kind = TimerKind::Expiry.code();
        timer::set(tx, order.alert_id, kind, 0, 0, step, now + next_ms).await?;
        if left_min == 0 {
            let detail = serde_json::json!({"version": order.version, "extended_hours": 2});
            order::extend(tx, order.alert_id, order.expires_at, 2 * 60 * MINUTE_MS).await?;
            return self.note(tx, "clock", "alert.extended", Some(order.alert_id), detail).await;
        }
        self.tell_expiring(tx, order, row.step, left_min, now).await
    }

    pub(super) async fn tell_expiring(
        &self,
        tx: &mut Tx,
        order: &Arc<Order>,
        times: i64,
        left_min: u32,
        now: i64,
    ) -> Result<(), EngineFault> {
        let (open, _) = timer::count_open(tx, order.alert_id).await?;
        let text = NoticeText::Expiring {
            alert_title: &order.title,
            left_min,
            doors: super::summons::count(open),
            extend_hours: 2,
        };
        let text = self.say_in(order.kind, &text, now)?;
        let post = |(human, address): (i64, i64)| Post {
            address,
            purpose: Purpose::Expiring.code(),
            n: now,
            human: Some(human),
            household: None,
            text: text.clone(),
        };
        let called = self.duty_called(tx, times, now).await?;
        let posts: Vec<Post> = called.into_iter().map(post).collect();
        self.post(tx, order.alert_id, RANK_LEADER, &posts, now).await
    }
}

fn by_step(rows: &[TimerRow]) -> BTreeMap<i64, Vec<i64>> {
    let mut steps: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for row in rows {
        steps.entry(row.step).or_default().push(row.place_id);
    }
    steps
}
