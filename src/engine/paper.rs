//! An order as a paper that is written, written anew and compared: the form behind a version, a
//! draft that was given back, what a version changes. Nothing here releases anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::issue::{Actor, OrderForm, refused};
use super::{Engine, EngineFault};
use crate::base::instant;
use crate::domain::access::{self, Action};
use crate::domain::alert::{Act, Origin, Urgency};
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::store::order::{self, AlertRow, RingRow, VersionRow};
use crate::store::paper::{self, Head, PaperRow};
use crate::store::{account, places};

/// One thing in which two versions differ, in the officials' words; empty where there was nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    pub what: String,
    pub was: String,
    pub is: String,
}

impl Engine {
    /// The form that would write this version.
    pub async fn form_of(
        &self,
        row: &AlertRow,
        version: &VersionRow,
    ) -> Result<OrderForm, EngineFault> {
        let areas = paper::areas(&self.store, row.id, version.version).await?;
        let codes = |excluded: i64| {
            areas.iter().filter(|a| a.excluded == excluded).map(|a| a.code.clone()).collect()
        };
        let zones = paper::zones(&self.store, row.id, version.version).await?;
        let origin = match Origin::from_code(row.origin) {
            Some(Origin::Forwarded) => "forwarded",
            Some(Origin::Own) | None => "own",
        };
        Ok(OrderForm {
            origin: origin.into(),
            kind: AlertKind::from_code(row.kind).map_or("live", AlertKind::word).into(),
            hazard: row.hazard.clone(),
            title: row.title.clone(),
            issuer: row.issuer.clone(),
            number: row.number.clone(),
            colour: row.colour.clone(),
            issued_at: Some(row.issued_at),
            template: version.template.clone(),
            vars: serde_json::from_str(&version.vars).unwrap_or_default(),
            urgency: Urgency::from_code(version.urgency).map(|u| u.word().to_owned()),
            act_by: version.act_by,
            expires_at: Some(version.expires_at),
            places: codes(0),
            exclude: codes(1),
            zones: zones.into_iter().map(|zone| zone.0).collect(),
            rings: Some(order::rings(&self.store, row.id, version.version).await?),
        })
    }

    /// The mark of all that a version says, to whom and by whom: what is written anew has another.
    /// A signature names the mark of what was read.
    pub async fn mark_of(
        &self,
        row: &AlertRow,
        version: &VersionRow,
    ) -> Result<String, EngineFault> {
        let form = self.form_of(row, version).await?;
        let said = serde_json::to_string(&form).unwrap_or_default();
        let digest = Sha256::digest(format!("{}\n{said}", version.author_id));
        let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{}.{short}", version.version))
    }

    /// Writes a draft, or a version that was given back, anew. Who does it is its author now.
    pub async fn edit(
        &self,
        actor: &Actor,
        uid: &str,
        form: &OrderForm,
    ) -> Result<i64, EngineFault> {
        let (row, version) = self.newest(uid).await?;
        self.allowed(actor, Action::DraftAlert, row.id, version).await?;
        let old = order::version(&self.store, row.id, version).await?;
        let state = self.version_state(row.id, version).await?;
        let next = state.next(Act::Edit).map_err(|fault| refused(fault.to_string()))?;
        let (origin, kind) = self.check_form(actor, form, Some(&row), version).await?;
        let mut tx = self.store.begin().await?;
        self.hold(&mut tx, &row).await?;
        if !paper::drop_draft(&mut tx, row.id, version, state.code()).await? {
            return Err(refused("it is no draft any more: somebody was faster"));
        }
        self.write_version(&mut tx, actor, form, row.id, version).await?;
        if version == 1 {
            let head = Head {
                origin: origin.code(),
                kind: kind.code(),
                hazard: &form.hazard,
                title: &form.title,
                issuer: &form.issuer,
                number: form.number.clone(),
                colour: form.colour.clone(),
                issued_at: form.issued_at.unwrap_or(row.issued_at),
                state: next.code(),
            };
            paper::rewrite(&mut tx, row.id, &head).await?;
        } else {
            if form.places.is_empty() {
                order::copy_areas(&mut tx, row.id, row.version, version).await?;
            }
            if form.zones.is_empty() {
                order::copy_zones(&mut tx, row.id, row.version, version).await?;
            }
        }
        // Why it was given back stays with it, for whoever looks at it next.
        let reason = old.and_then(|old| old.reason);
        order::set_version_state(&mut tx, row.id, version, next.code(), None, reason).await?;
        let detail = json!({"version": version, "edited": true, "title": form.title});
        self.note(&mut tx, &actor.name, Action::DraftAlert.word(), Some(row.id), detail).await?;
        tx.commit().await?;
        Ok(version)
    }

    /// Throws a version away that never went out; nobody is told anything. A first one stays as a
    /// paper that was discarded; of a later one the journal alone keeps what it said. Gives the
    /// version.
    pub async fn discard(&self, actor: &Actor, uid: &str) -> Result<i64, EngineFault> {
        let (row, version) = self.newest(uid).await?;
        self.allowed(actor, Action::DiscardAlert, row.id, version).await?;
        let now = self.clock.story_ms();
        let mut tx = self.store.begin().await?;
        self.hold(&mut tx, &row).await?;
        let state = self.version_state(row.id, version).await?;
        let next = state.next(Act::Discard).map_err(|fault| refused(fault.to_string()))?;
        let said = order::version(&self.store, row.id, version).await?;
        let (template, vars) = said.map(|said| (said.template, said.vars)).unwrap_or_default();
        if version == 1 {
            let code = next.code();
            order::set_version_state(&mut tx, row.id, version, code, None, None).await?;
            order::set_alert_state(&mut tx, row.id, code, Some(now)).await?;
        } else if !paper::drop_draft(&mut tx, row.id, version, state.code()).await? {
            return Err(refused("it has changed in the same moment: look at it again"));
        }
        let detail = json!({"version": version, "was": state.word(), "title": row.title,
            "template": template, "vars": vars});
        self.note(&mut tx, &actor.name, Action::DiscardAlert.word(), Some(row.id), detail).await?;
        tx.commit().await?;
        Ok(version)
    }

    /// Alerts below an id, newest first, of which the actor may see the board; and below which id
    /// the next page begins.
    pub async fn papers(
        &self,
        actor: &Actor,
        before: i64,
        limit: i64,
    ) -> Result<(Vec<PaperRow>, Option<i64>), EngineFault> {
        let rows = paper::page(&self.store, before, limit).await?;
        let full = i64::try_from(rows.len()).unwrap_or(0) == limit;
        let next = rows.last().filter(|_| full).map(|row| row.id);
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut places: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for (alert, place) in paper::places(&self.store, &ids).await? {
            places.entry(alert).or_default().insert(place);
        }
        let named: BTreeSet<i64> = places.values().flatten().copied().collect();
        let named: Vec<i64> = named.into_iter().collect();
        let above = account::places_above_each(&self.store, &named).await?;
        let above: BTreeMap<i64, Vec<i64>> = above
            .into_iter()
            .filter_map(|line| line.first().copied().map(|place| (place, line)))
            .collect();
        let may = |row: &PaperRow| {
            let lines: Vec<Vec<i64>> = places
                .get(&row.id)
                .into_iter()
                .flatten()
                .map(|place| above.get(place).cloned().unwrap_or_else(|| vec![*place]))
                .collect();
            access::allows_everywhere(&actor.rights, Action::LookAtBoard, &lines).is_ok()
        };
        Ok((rows.into_iter().filter(may).collect(), next))
    }

    /// In what a version differs from the form of another, in the order in which it is read.
    pub async fn changes(
        &self,
        was: &OrderForm,
        is: &OrderForm,
    ) -> Result<Vec<Change>, EngineFault> {
        let mut changes = Changes::default();
        let templates = self.messages.templates();
        let title = |name: &str| {
            let known = templates.iter().find(|known| known.name == name);
            known.map_or_else(|| name.to_owned(), |known| known.title_zh.to_owned())
        };
        changes.note("模板", title(&was.template), title(&is.template));
        let names: BTreeSet<&String> = was.vars.keys().chain(is.vars.keys()).collect();
        let variables = || templates.iter().flat_map(|known| known.variables);
        for name in names {
            let known = variables().find(|variable| variable.name == name.as_str());
            let label = known.map_or(name.as_str(), |variable| variable.title_zh);
            let value = |form: &OrderForm| form.vars.get(name).cloned().unwrap_or_default();
            changes.note(label, value(was), value(is));
        }
        let instant = |at: Option<i64>| at.map_or_else(String::new, instant::words);
        changes.note("完成时限", instant(was.act_by), instant(is.act_by));
        changes.note("失效时间", instant(was.expires_at), instant(is.expires_at));
        let urgency = |form: &OrderForm| {
            let known = form.urgency.as_deref().and_then(Urgency::parse);
            known.map_or("", Urgency::chinese).to_owned()
        };
        changes.note("紧急程度", urgency(was), urgency(is));
        for ring in 1..=3 {
            let label = format!("第{ring}圈的要求");
            changes.note(&label, ring_words(was, ring), ring_words(is, ring));
        }
        for (label, old, new) in
            [("地点", &was.places, &is.places), ("除外的地点", &was.exclude, &is.exclude)]
        {
            changes.note(label, self.names(old).await?, self.names(new).await?);
        }
        changes.note("危险区", was.zones.join("、"), is.zones.join("、"));
        Ok(changes.0)
    }

    /// Places as people know them; a code that the roster does not have stays one.
    async fn names(&self, codes: &[String]) -> Result<String, EngineFault> {
        let rows = places::by_codes(&self.store, codes).await?;
        let name = |code: &String| {
            let known = rows.iter().find(|row| row.code == *code);
            known.map_or_else(|| code.clone(), |row| row.name.clone())
        };
        let names: BTreeSet<String> = codes.iter().map(name).collect();
        Ok(names.into_iter().collect::<Vec<_>>().join("、"))
    }

    /// Whether an actor may do this at all places of a version; a refusal names what would help.
    pub async fn may_at(
        &self,
        actor: &Actor,
        action: Action,
        alert: i64,
        version: i64,
    ) -> Result<(), EngineFault> {
        self.allowed(actor, action, alert, version).await
    }
}

#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn note(&mut self, what: &str, was: String, is: String) {
        if was != is {
            self.0.push(Change { what: what.into(), was, is });
        }
    }
}

fn ring_words(form: &OrderForm, ring: i64) -> String {
    let row = form.rings.iter().flatten().find(|row| row.ring == ring);
    row.map_or_else(String::new, demand_words)
}

/// What a ring is asked, as the officials say it.
pub fn demand_words(row: &RingRow) -> String {
    let demand = Demand::from_code(row.demand).map_or("", Demand::title_zh);
    let pursued = if row.pursued == 1 { "，逐户跟进" } else { "，不跟进" };
    format!("{demand}{pursued}")
}
