//! Changing an order that is live: its next version, taking it back because it was wrong, lifting
//! it. Nothing waits for anything; what was sent is corrected by `store::correct`.

use std::collections::BTreeMap;

use serde_json::json;

use super::issue::{Actor, HOUR_MS, OrderForm, default_rings, refused};
use super::{Engine, EngineFault};
use crate::domain::access::Action;
use crate::domain::alert::{Act, State, Urgency};
use crate::domain::demand::Demand;
use crate::domain::plan::TimerKind;
use crate::render::{CORRECTION, WhyWithdrawn};
use crate::store::order::{self, NewVersion, Release};
use crate::store::{correct, link, timer};

impl Engine {
    /// Writes the next version of a live alert as a draft; it is submitted and approved like any.
    pub async fn update(
        &self,
        actor: &Actor,
        uid: &str,
        form: &OrderForm,
    ) -> Result<i64, EngineFault> {
        let (row, newest) = self.newest(uid).await?;
        let state = State::from_code(row.state).unwrap_or(State::Draft);
        state.next(Act::Update).map_err(|fault| refused(fault.to_string()))?;
        let version = newest + 1;
        self.check_form(actor, form, Some(&row), version).await?;
        self.allowed(actor, Action::DraftAlert, row.id, row.version).await?;
        let mut tx = self.store.begin().await?;
        self.hold(&mut tx, &row).await?;
        self.write_version(&mut tx, actor, form, row.id, version).await?;
        if form.places.is_empty() {
            order::copy_areas(&mut tx, row.id, row.version, version).await?;
        }
        if form.zones.is_empty() {
            order::copy_zones(&mut tx, row.id, row.version, version).await?;
        }
        let detail = json!({"version": version});
        self.note(&mut tx, &actor.name, Action::DraftAlert.word(), Some(row.id), detail).await?;
        tx.commit().await?;
        Ok(version)
    }

    /// Takes a live alert back: it was wrong. Waits for nothing; the correction goes to everyone
    /// who may have had the text, and again when the leases of this moment have ended.
    pub async fn withdraw(
        &self,
        actor: &Actor,
        uid: &str,
        vars: &BTreeMap<String, String>,
    ) -> Result<(), EngineFault> {
        let (row, newest) = self.newest(uid).await?;
        self.allowed(actor, Action::WithdrawAlert, row.id, row.version.max(1)).await?;
        let state = State::from_code(row.state).unwrap_or(State::Draft);
        let next = state.next(Act::Withdraw).map_err(|fault| refused(fault.to_string()))?;
        self.messages.check_vars(CORRECTION, vars)?;
        if vars.get("right").is_some_and(|right| vars.get("wrong") == Some(right)) {
            return Err(refused("right: this is what was said before; write what holds instead"));
        }
        let now = self.clock.story_ms();
        let version = newest + 1;
        let new = NewVersion {
            version,
            state: State::Draft.code(),
            urgency: Urgency::Flash.code(),
            template: CORRECTION.into(),
            vars: serde_json::to_string(vars).unwrap_or_default(),
            act_by: None,
            expires_at: now + 24 * HOUR_MS,
            categories: 0,
            needs: 0,
            reach: 2,
            author_id: actor.account_id,
            created_at: now,
        };
        let mut tx = self.store.begin().await?;
        self.hold(&mut tx, &row).await?;
        order::insert_version(&mut tx, row.id, &new, &default_rings(Demand::Inform)).await?;
        // Rights are judged by places: who could see it can see what became of it.
        order::copy_areas(&mut tx, row.id, row.version, version).await?;
        order::supersede(&mut tx, row.id, State::Live.code(), next.code()).await?;
        let release = Release {
            approver_id: actor.account_id,
            bypass: false,
            plan: "",
            alert_state: next.code(),
            live_state: State::Live.code(),
            at: now,
        };
        order::release(&mut tx, row.id, version, &release).await?;
        order::plan_correction(&mut tx, row.id, version).await?;
        correct::recall(&mut tx, row.id, version, now).await?;
        self.let_people_go(&mut tx, &row, WhyWithdrawn::Wrong, vars, now).await?;
        link::end(&mut tx, row.id, now).await?;
        timer::set(&mut tx, row.id, TimerKind::Correction.code(), 0, version, 1, now + 5_000)
            .await?;
        let detail = json!({"version": version, "vars": vars});
        self.note(&mut tx, &actor.name, Action::WithdrawAlert.word(), Some(row.id), detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Lets an alert go on for some hours more: the answer to the call before it expires. Gives
    /// until when.
    pub async fn extend(&self, actor: &Actor, uid: &str, hours: i64) -> Result<i64, EngineFault> {
        if !(1..=72).contains(&hours) {
            return Err(refused("hours: 1 to 72"));
        }
        let (row, _) = self.newest(uid).await?;
        self.allowed(actor, Action::ExtendAlert, row.id, row.version.max(1)).await?;
        if row.state != State::Live.code() {
            return Err(refused("only a live alert can be extended"));
        }
        let version = order::version(&self.store, row.id, row.version).await?;
        let expires_at = version.map_or(0, |v| v.expires_at);
        let until = row.extended_to.unwrap_or(expires_at).max(expires_at) + hours * HOUR_MS;
        let mut tx = self.store.begin().await?;
        self.hold(&mut tx, &row).await?;
        order::extend(&mut tx, row.id, expires_at, hours * HOUR_MS).await?;
        let kind = TimerKind::Expiry.code();
        timer::set(&mut tx, row.id, kind, 0, 0, 0, until - HOUR_MS).await?;
        let detail = json!({"version": row.version, "extended_hours": hours, "until": until});
        self.note(&mut tx, &actor.name, Action::ExtendAlert.word(), Some(row.id), detail).await?;
        tx.commit().await?;
        Ok(until)
    }

    /// Lifts an alert. Sending and the ladders stop; whoever is still open stands on the search
    /// list (清点名单), see `search`.
    pub async fn end(&self, actor: &Actor, uid: &str) -> Result<i64, EngineFault> {
        let (row, _) = self.newest(uid).await?;
        self.allowed(actor, Action::EndAlert, row.id, row.version.max(1)).await?;
        let state = State::from_code(row.state).unwrap_or(State::Draft);
        let next = state.next(Act::End).map_err(|fault| refused(fault.to_string()))?;
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        self.hold(&mut tx, &row).await?;
        order::supersede(&mut tx, row.id, State::Live.code(), State::Ended.code()).await?;
        order::set_alert_state(&mut tx, row.id, next.code(), Some(now)).await?;
        self.let_people_go(&mut tx, &row, WhyWithdrawn::Ended, &BTreeMap::new(), now).await?;
        let open = self.open_search(&mut tx, actor, &row, now).await?;
        link::end(&mut tx, row.id, now).await?;
        let detail = json!({"open": open});
        self.note(&mut tx, &actor.name, Action::EndAlert.word(), Some(row.id), detail).await?;
        tx.commit().await?;
        Ok(open)
    }
}
