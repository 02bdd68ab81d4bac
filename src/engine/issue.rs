//! The life of an order: draft, submit, return, approve (or bypass), update, withdraw, end.
//! Every act is checked by place, journaled with its change, and one transaction. What may follow
//! what is `domain::alert`'s; the wording is `render`'s.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::{Engine, EngineFault};
use crate::base::instant;
use crate::domain::access::{Action, Role};
use crate::domain::alert::{self, Act, State, Urgency};
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::domain::need;
use crate::domain::plan::TimerKind;
use crate::store::journal::NewEntry;
use crate::store::order::{
    self, AlertRow, AreaRow, NewAlert, NewVersion, Release, RingRow, VersionRow,
};
use crate::store::{expand, journal, timer};

/// Who acts, with his rights by place.
#[derive(Debug, Clone)]
pub struct Actor {
    pub account_id: i64,
    pub name: String,
    pub rights: Vec<(Role, i64)>,
}

/// An order as its author writes it. Instants in words or ms UTC, places and zones by code.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrderForm {
    /// `own` or `forwarded`.
    pub origin: String,
    /// `live`, `exercise` or `rehearsal`. A first version must say which, see [`AlertKind::said`].
    pub kind: String,
    pub hazard: String,
    pub title: String,
    pub issuer: String,
    pub number: Option<String>,
    pub colour: Option<String>,
    #[serde(deserialize_with = "issued_at")]
    pub issued_at: Option<i64>,
    pub template: String,
    pub vars: BTreeMap<String, String>,
    /// `notice`, `urgent` or `flash`; none: suggested.
    pub urgency: Option<String>,
    #[serde(deserialize_with = "act_by")]
    pub act_by: Option<i64>,
    #[serde(deserialize_with = "expires_at")]
    pub expires_at: Option<i64>,
    pub places: Vec<String>,
    pub exclude: Vec<String>,
    pub zones: Vec<String>,
    /// None: ring 1 `Evacuation`, ring 2 `Receipt`, ring 3 `Inform`.
    pub rings: Option<Vec<RingRow>>,
}

/// The parts of a version that its form may leave to us.
pub(super) struct Settled {
    pub rings: Vec<RingRow>,
    pub urgency: Urgency,
    pub expires_at: i64,
}

fn issued_at<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    instant::field(from, "issued_at")
}

fn act_by<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    instant::field(from, "act_by")
}

fn expires_at<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    instant::field(from, "expires_at")
}

/// A signature, before it is put under a version.
struct Signed<'a> {
    version: i64,
    /// The mark of what was checked just now,
    checked: String,
    /// and of what the signer read, where that was elsewhere.
    seen: Option<&'a str>,
    bypass: bool,
    action: Action,
}

pub(super) const HOUR_MS: i64 = 3_600_000;
/// Longest reason for which a version is given back, in characters.
const REASON_CHARS: usize = 500;

pub(super) fn refused(text: impl Into<String>) -> EngineFault {
    EngineFault::Refused(text.into())
}

pub(super) fn default_rings(demand: Demand) -> Vec<RingRow> {
    let ring =
        |ring: i64, demand: Demand, pursued: i64| RingRow { ring, demand: demand.code(), pursued };
    if demand == Demand::Inform {
        return vec![
            ring(1, Demand::Inform, 0),
            ring(2, Demand::Inform, 0),
            ring(3, Demand::Inform, 0),
        ];
    }
    vec![ring(1, demand, 1), ring(2, Demand::Receipt, 1), ring(3, Demand::Inform, 0)]
}

impl Engine {
    /// Writes a draft; gives its outside id.
    pub async fn draft(&self, actor: &Actor, form: &OrderForm) -> Result<String, EngineFault> {
        let now = self.clock.story_ms();
        let (origin, kind) = self.check_form(actor, form, None, 1).await?;
        let new = NewAlert {
            uid: self.entropy.uuid(now),
            origin: origin.code(),
            kind: kind.code(),
            hazard: form.hazard.clone(),
            title: form.title.clone(),
            issuer: form.issuer.clone(),
            number: form.number.clone(),
            colour: form.colour.clone(),
            issued_at: form.issued_at.unwrap_or(now),
            state: State::Draft.code(),
            author_id: actor.account_id,
            created_at: now,
        };
        let mut tx = self.store.begin().await?;
        let alert = order::insert_alert(&mut tx, &new).await?;
        self.write_version(&mut tx, actor, form, alert, 1).await?;
        let detail = json!({"uid": new.uid, "title": form.title, "kind": kind.word()});
        self.note(&mut tx, &actor.name, Action::DraftAlert.word(), Some(alert), detail).await?;
        tx.commit().await?;
        Ok(new.uid)
    }

    /// What a form leaves open, as it will be kept.
    pub(super) fn settle(&self, form: &OrderForm, now: i64) -> Result<Settled, EngineFault> {
        let templates = self.messages.templates();
        let strongest = templates
            .iter()
            .find(|t| t.name == form.template)
            .map_or(Demand::Inform, |t| t.strongest);
        let rings = form.rings.clone().unwrap_or_else(|| default_rings(strongest));
        let top = rings.iter().map(|r| r.demand).max().and_then(alert::Demand::from_code);
        let colour = form.colour.as_deref().and_then(alert::Colour::parse);
        let urgency = match form.urgency.as_deref() {
            Some(word) => Urgency::parse(word).ok_or_else(|| {
                refused(format!("urgency {word:?}: write notice, urgent or flash"))
            })?,
            None => alert::suggest_urgency(
                top.unwrap_or(alert::Demand::Inform),
                form.act_by.map(|at| at - now),
                colour,
            ),
        };
        let expires_at = form
            .expires_at
            .unwrap_or_else(|| form.act_by.map_or(now + 24 * HOUR_MS, |at| at + 12 * HOUR_MS));
        Ok(Settled { rings, urgency, expires_at })
    }

    pub(super) async fn write_version(
        &self,
        tx: &mut crate::store::Tx,
        actor: &Actor,
        form: &OrderForm,
        alert: i64,
        version: i64,
    ) -> Result<(), EngineFault> {
        let now = self.clock.story_ms();
        let Settled { rings, urgency, expires_at } = self.settle(form, now)?;
        let row = NewVersion {
            version,
            state: State::Draft.code(),
            urgency: urgency.code(),
            template: form.template.clone(),
            vars: serde_json::to_string(&form.vars).unwrap_or_default(),
            act_by: form.act_by,
            expires_at,
            categories: need::TRANSFER_CATEGORIES,
            needs: need::RING2_NEEDS,
            reach: 1,
            author_id: actor.account_id,
            created_at: now,
        };
        order::insert_version(tx, alert, &row, &rings).await?;
        let area = |excluded: i64| move |code: &String| AreaRow { code: code.clone(), excluded };
        // A place named twice is in once.
        let once = |codes: &[String]| codes.iter().cloned().collect::<BTreeSet<String>>();
        let (places, exclude) = (once(&form.places), once(&form.exclude));
        let areas: Vec<AreaRow> =
            places.iter().map(area(0)).chain(exclude.iter().map(area(1))).collect();
        let zones: Vec<AreaRow> = form.zones.iter().map(area(0)).collect();
        // A later version has the zones it names, or those of the version before.
        let hazard = if version == 1 { form.hazard.as_str() } else { "" };
        order::insert_areas(tx, alert, version, &areas, &zones, hazard).await?;
        Ok(())
    }

    /// Hands a draft in for approval: every defect is named at once.
    pub async fn submit(&self, actor: &Actor, uid: &str) -> Result<(), EngineFault> {
        let (row, version) = self.newest(uid).await?;
        self.allowed(actor, Action::SubmitAlert, row.id, version).await?;
        still_wanted(&row, version)?;
        let state = self.version_state(row.id, version).await?;
        state.next(Act::Submit).map_err(|fault| refused(fault.to_string()))?;
        // What an emergency bypass may overlook must not keep it from being submitted.
        self.check_version(&row, version, true, true).await?;
        self.move_version(actor, &row, version, Act::Submit, Action::SubmitAlert, None).await
    }

    /// Gives a submitted version back with a reason.
    pub async fn give_back(
        &self,
        actor: &Actor,
        uid: &str,
        reason: &str,
    ) -> Result<(), EngineFault> {
        let (row, version) = self.newest(uid).await?;
        self.allowed(actor, Action::ReturnAlert, row.id, version).await?;
        let reason = reason.trim().replace('\0', "");
        if !(1..=REASON_CHARS).contains(&reason.chars().count()) {
            let text = format!("reason: say in 1 to {REASON_CHARS} characters what to change");
            return Err(refused(text));
        }
        let reason = Some(reason);
        self.move_version(actor, &row, version, Act::Return, Action::ReturnAlert, reason).await
    }

    async fn move_version(
        &self,
        actor: &Actor,
        row: &AlertRow,
        version: i64,
        act: Act,
        action: Action,
        reason: Option<String>,
    ) -> Result<(), EngineFault> {
        let now = self.clock.story_ms();
        let audience = if act == Act::Submit {
            self.head_counts(row.id, version).await?
        } else {
            serde_json::Value::Null
        };
        let mut tx = self.store.begin().await?;
        self.hold(&mut tx, row).await?;
        let state = self.version_state(row.id, version).await?;
        let next = state.next(act).map_err(|fault| refused(fault.to_string()))?;
        let submitted_at = (act == Act::Submit).then_some(now);
        order::set_version_state(
            &mut tx,
            row.id,
            version,
            next.code(),
            submitted_at,
            reason.clone(),
        )
        .await?;
        if version == 1 {
            order::set_alert_state(&mut tx, row.id, next.code(), None).await?;
        }
        let detail = json!({"version": version, "reason": reason, "audience": audience});
        self.note(&mut tx, &actor.name, action.word(), Some(row.id), detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What the approver is shown and the journal keeps: each ring's doors, persons, and homes
    /// without a phone, as the roster was when the version was submitted.
    async fn head_counts(
        &self,
        alert: i64,
        version: i64,
    ) -> Result<serde_json::Value, EngineFault> {
        let rings = expand::count_audience(&self.store, alert, version).await?;
        let row = |(ring, doors, persons, no_phone): (i64, i64, i64, i64)| {
            json!({"ring": ring,
            "households": doors, "persons": persons, "no_phone": no_phone})
        };
        Ok(rings.into_iter().map(row).collect())
    }

    /// Releases a submitted version as it stands. `bypass`: an emergency role alone, countersigned
    /// later.
    pub async fn approve(&self, actor: &Actor, uid: &str, bypass: bool) -> Result<(), EngineFault> {
        self.sign(actor, uid, None, bypass).await
    }

    /// The same for who read it elsewhere: `seen` is the [`Engine::mark_of`] that he was shown, and
    /// another is refused.
    pub async fn approve_seen(
        &self,
        actor: &Actor,
        uid: &str,
        seen: &str,
        bypass: bool,
    ) -> Result<(), EngineFault> {
        self.sign(actor, uid, Some(seen), bypass).await
    }

    async fn sign(
        &self,
        actor: &Actor,
        uid: &str,
        seen: Option<&str>,
        bypass: bool,
    ) -> Result<(), EngineFault> {
        let (row, version) = self.newest(uid).await?;
        let action = if bypass { Action::BypassAlert } else { Action::ApproveAlert };
        self.allowed(actor, action, row.id, version).await?;
        let draft = self.version_of(row.id, version).await?;
        if !bypass {
            alert::second_person(draft.author_id, actor.account_id)
                .map_err(|fault| refused(fault.to_string()))?;
        }
        let state = self.version_state(row.id, version).await?;
        state.next(Act::Approve).map_err(|fault| refused(fault.to_string()))?;
        still_wanted(&row, version)?;
        self.no_exercise_beside_danger(&row).await?;
        let checked = self.mark_of(&row, &draft).await?;
        self.check_version(&row, version, bypass, false).await?;
        let release = Signed { version, checked, seen, bypass, action };
        self.release(actor, &row, &release).await
    }

    async fn version_of(&self, alert: i64, version: i64) -> Result<VersionRow, EngineFault> {
        let found = order::version(&self.store, alert, version).await?;
        found.ok_or_else(|| refused("that version does not exist"))
    }

    /// The version as it is inside the lock, if that is what was checked and what was read.
    async fn as_read(
        &self,
        row: &AlertRow,
        signed: &Signed<'_>,
    ) -> Result<VersionRow, EngineFault> {
        let state = self.version_state(row.id, signed.version).await?;
        state.next(Act::Approve).map_err(|fault| refused(fault.to_string()))?;
        let version = self.version_of(row.id, signed.version).await?;
        let row = order::by_id(&self.store, row.id).await?.unwrap_or_else(|| row.clone());
        let mark = self.mark_of(&row, &version).await?;
        if mark != signed.checked || signed.seen.is_some_and(|seen| seen != mark) {
            return Err(refused(
                "seen: this is not the mark of what waits now: read it first (`tongluo alert show \
                 ID`, GET /api/v1/alerts/ID), then sign with the mark shown there",
            ));
        }
        Ok(version)
    }

    async fn release(
        &self,
        actor: &Actor,
        row: &AlertRow,
        signed: &Signed<'_>,
    ) -> Result<(), EngineFault> {
        let now = self.clock.story_ms();
        let (version, bypass) = (signed.version, signed.bypass);
        let mut tx = self.store.begin().await?;
        // One at a time: what stands beside it is judged again by who comes second.
        order::take_turn(&mut tx).await?;
        self.hold(&mut tx, row).await?;
        self.no_exercise_beside_danger(row).await?;
        let v = self.as_read(row, signed).await?;
        let urgency = Urgency::from_code(v.urgency).unwrap_or(Urgency::Notice);
        let plan = self.plan_for(urgency, v.act_by.map(|at| at - now));
        let plan_text = serde_json::to_string(&plan).unwrap_or_default();
        order::supersede(&mut tx, row.id, State::Live.code(), State::Ended.code()).await?;
        let release = Release {
            approver_id: actor.account_id,
            bypass,
            plan: &plan_text,
            alert_state: State::Live.code(),
            live_state: State::Live.code(),
            at: now,
        };
        order::release(&mut tx, row.id, version, &release).await?;
        let grids = expand::plan_expansion(&mut tx, row.id, version).await?;
        let mut dropped = 0;
        if version > 1 {
            self.leave_places(&mut tx, row, version, now).await?;
            dropped = expand::update::drop_out(&mut tx, row.id, version, now).await?;
            self.leave_helpers(&mut tx, row, version, now).await?;
        }
        if bypass {
            self.ask_countersign(&mut tx, row.id, version, now).await?;
        }
        if row.kind == AlertKind::Live.code() && urgency >= Urgency::Urgent {
            self.stop_exercises(&mut tx, actor, row, now).await?;
        }
        let mut timers = vec![(TimerKind::Expiry, 0, (v.expires_at - HOUR_MS).max(now))];
        if !plan.persons_ms.is_empty() {
            timers.push((TimerKind::Summons, 0, now));
            timers.push((TimerKind::Helpers, 0, now));
            if let Some(after_ms) = plan.unwoken_ms {
                timers.push((TimerKind::Unwoken, 0, now + after_ms));
            }
        }
        for (kind, step, due_at) in timers {
            timer::set(&mut tx, row.id, kind.code(), 0, 0, step, due_at).await?;
        }
        let detail = json!({"version": version, "grids": grids, "bypass": bypass,
            "dropped": dropped, "template": v.template, "vars": v.vars, "urgency": v.urgency,
            "act_by": v.act_by});
        self.note(&mut tx, &actor.name, signed.action.word(), Some(row.id), detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Locks an alert for an act that was judged by `row`: refused where another act came between.
    pub(super) async fn hold(
        &self,
        tx: &mut crate::store::Tx,
        row: &AlertRow,
    ) -> Result<(), EngineFault> {
        match order::lock(tx, row.id).await? {
            Some((_, state, version, _)) if (state, version) == (row.state, row.version) => Ok(()),
            Some((_, _, version, _)) if version > row.version => {
                Err(refused("another version is already in force: somebody was faster; look again"))
            }
            Some(_) | None => Err(refused(
                "this alert has changed in the same moment: look at it again before you act",
            )),
        }
    }

    /// The plan that follows an urgency with so much time left.
    pub fn plan_for(&self, urgency: Urgency, left_ms: Option<i64>) -> crate::domain::plan::Plan {
        match urgency {
            Urgency::Flash => self.plans.flash.scaled(left_ms),
            Urgency::Urgent => self.plans.urgent.scaled(left_ms),
            Urgency::Notice => self.plans.notice.clone(),
        }
    }

    /// Draft, submission and bypass approval in one: `alert send`.
    pub async fn send_now(&self, actor: &Actor, form: &OrderForm) -> Result<String, EngineFault> {
        let uid = self.draft(actor, form).await?;
        self.submit(actor, &uid).await?;
        self.approve(actor, &uid, true).await?;
        Ok(uid)
    }

    /// One journal entry of its own, for an act outside any alert.
    pub async fn journal(
        &self,
        actor: &str,
        act: &str,
        detail: serde_json::Value,
    ) -> Result<(), EngineFault> {
        let mut tx = self.store.begin().await?;
        self.note(&mut tx, actor, act, None, detail).await?;
        tx.commit().await?;
        Ok(())
    }

    /// One journal entry, in the transaction of what it tells of.
    pub(crate) async fn note(
        &self,
        tx: &mut crate::store::Tx,
        actor: &str,
        act: &str,
        alert_id: Option<i64>,
        detail: serde_json::Value,
    ) -> Result<(), EngineFault> {
        let at = self.clock.story_ms();
        let entry = NewEntry { at, actor: actor.into(), act: act.into(), alert_id, detail };
        journal::append(tx, &[entry]).await?;
        Ok(())
    }
}

/// A version after the first is for an alert that is still live.
fn still_wanted(row: &AlertRow, version: i64) -> Result<(), EngineFault> {
    if version == 1 || row.state == State::Live.code() {
        return Ok(());
    }
    Err(refused("this alert is over, so no further version of it can go out: draft a new one"))
}
