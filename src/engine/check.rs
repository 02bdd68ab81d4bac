//! Before an order moves: does what it names exist, may this person, and is anything in its way.
//! Changes nothing; the defects themselves are `domain::alert`'s.

use std::collections::BTreeMap;

use super::issue::{Actor, OrderForm, refused};
use super::{Engine, EngineFault};
use crate::domain::access::{self, Action};
use crate::domain::alert::{
    self, Defect, Origin, RingAsked, Roll, State, Submission, Told, Urgency,
};
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::render::{MAX_TITLE_UNITS, Origin as Speaker, check_wording};
use crate::store::order::{self, AlertRow, AreaRow, RingRow};
use crate::store::{account, expand, roll, view};

/// Unknown codes of one form that are named at most.
const CODES_NAMED: usize = 20;

/// What the rings are asked. A code that means nothing is refused, not taken for another.
pub(super) fn read_rings(rows: &[RingRow]) -> Result<Vec<RingAsked>, EngineFault> {
    let read = |row: &RingRow| {
        let RingRow { ring, demand, pursued } = *row;
        if !(0..=1).contains(&pursued) {
            return Err(refused(format!("rings: ring {ring}: pursued {pursued}: write 0 or 1")));
        }
        let demand = alert::Demand::from_code(demand).ok_or_else(|| {
            refused(format!(
                "rings: ring {ring}: demand {demand}: write 0 inform, 1 receipt, 2 safety, \
                 3 upstairs or 4 evacuation"
            ))
        })?;
        Ok(RingAsked { ring, demand, pursued: pursued == 1 })
    };
    rows.iter().map(read).collect()
}

/// What a text says that the order says as well.
pub(super) fn told_of(vars: &BTreeMap<String, String>) -> Told<'_> {
    let word = |name: &str| vars.get(name).map_or("", String::as_str);
    Told { by: word("by"), colour: word("colour"), title: word("title") }
}

impl Engine {
    /// Whether a form may be written down as this version: everything wrong with it is named at
    /// once, and the right must reach every place it names. `row`: the alert, where there is one.
    pub(super) async fn check_form(
        &self,
        actor: &Actor,
        form: &OrderForm,
        row: Option<&AlertRow>,
        version: i64,
    ) -> Result<(Origin, AlertKind), EngineFault> {
        let mut faults: Vec<String> = Vec::new();
        let origin = match form.origin.as_str() {
            "own" | "" => Origin::Own,
            "forwarded" => Origin::Forwarded,
            other => {
                faults.push(format!("origin {other:?}: write own or forwarded"));
                Origin::Own
            }
        };
        let known = row.and_then(|row| AlertKind::from_code(row.kind));
        let kind = AlertKind::said(&form.kind, known);
        faults.extend(kind.as_ref().err().map(ToString::to_string));
        let vars = self.messages.check_vars(&form.template, &form.vars);
        faults.extend(vars.err().map(|fault| fault.to_string()));
        // Notices say it all night long; that one is missing is for the submission to say.
        if version == 1 && !form.title.trim().is_empty() {
            let title = check_wording("title", &form.title, MAX_TITLE_UNITS);
            faults.extend(title.err().map(|fault| fault.to_string()));
        }
        if version == 1 && form.places.is_empty() {
            faults.push("places: name at least one place by its code".into());
        }
        let rings = read_rings(form.rings.as_deref().unwrap_or_default());
        faults.extend(rings.err().map(|fault| fault.to_string()));
        let settled = self.settle(form, self.clock.story_ms());
        faults.extend(settled.err().map(|fault| fault.to_string()));
        let places = self.check_codes(form, &mut faults).await?;
        match (kind, faults.is_empty()) {
            (Ok(kind), true) => {
                if !places.is_empty() {
                    self.check_access(actor, Action::DraftAlert, &places).await?;
                }
                Ok((origin, kind))
            }
            (Ok(_) | Err(_), _) => Err(refused(faults.join("; "))),
        }
    }

    /// The places of a form; which of its codes are none is a fault.
    async fn check_codes(
        &self,
        form: &OrderForm,
        faults: &mut Vec<String>,
    ) -> Result<Vec<i64>, EngineFault> {
        if let Some(code) = form.exclude.iter().find(|code| form.places.contains(code)) {
            faults.push(format!("exclude: {code:?} is among the places as well: leave one"));
        }
        let area = |code: &String| AreaRow { code: code.clone(), excluded: 0 };
        let asked: Vec<AreaRow> =
            form.places.iter().chain(&form.exclude).chain(&form.zones).map(area).collect();
        let known = order::known_codes(&self.store, &asked).await?;
        let unknown = asked.iter().filter(|row| !known.iter().any(|k| k.0 == row.code));
        let unknown: Vec<String> =
            unknown.take(CODES_NAMED).map(|row| format!("{:?}", row.code)).collect();
        if !unknown.is_empty() {
            faults.push(format!(
                "place or zone {} is not in the roster: look it up with `roster export`",
                unknown.join(", ")
            ));
        }
        let included = known.iter().filter(|k| form.places.contains(&k.0));
        Ok(included.map(|k| k.1).collect())
    }

    /// Whether the actor may do this at all of these places; every place is judged with those
    /// above it. The refusal names the place as people know it.
    pub async fn check_access(
        &self,
        actor: &Actor,
        action: Action,
        places: &[i64],
    ) -> Result<(), EngineFault> {
        let above = account::places_above_each(&self.store, places).await?;
        let Err(mut denied) = access::allows_everywhere(&actor.rights, action, &above) else {
            return Ok(());
        };
        let known = view::place(&self.store, denied.place).await?;
        denied.place_name = known.map(|(code, name)| format!("{name} ({code})"));
        Err(denied.into())
    }

    /// Whether the text is an order of ours to leave, whatever is asked of the rings.
    pub(super) fn tells_to_move(&self, template: &str) -> bool {
        let known = self.messages.templates().into_iter().find(|known| known.name == template);
        known.is_some_and(|t| t.origin == Speaker::Own && t.strongest >= Demand::Upstairs)
    }

    pub(super) async fn newest(&self, uid: &str) -> Result<(AlertRow, i64), EngineFault> {
        let row = order::by_uid(&self.store, uid)
            .await?
            .ok_or_else(|| refused(format!("no alert {uid}: see `tongluo alert list`")))?;
        let version = order::latest_version(&self.store, row.id).await?;
        Ok((row, version))
    }

    pub(super) async fn version_state(
        &self,
        alert: i64,
        version: i64,
    ) -> Result<State, EngineFault> {
        let row = order::version(&self.store, alert, version).await?;
        let state = row.and_then(|v| State::from_code(v.state));
        state.ok_or_else(|| refused("that version does not exist"))
    }

    pub(super) async fn check_version(
        &self,
        row: &AlertRow,
        version: i64,
        bypass: bool,
        submitting: bool,
    ) -> Result<(), EngineFault> {
        let now = self.clock.story_ms();
        let Some(v) = order::version(&self.store, row.id, version).await? else {
            return Err(refused("that version does not exist"));
        };
        let audience = expand::has_audience(&self.store, row.id, version).await?;
        let rings = read_rings(&order::rings(&self.store, row.id, version).await?)?;
        // Counted only where somebody could be missing.
        let asked = |ring: i64| rings.iter().any(|asked| asked.ring == ring);
        let homes: Vec<(i64, i64)> = match (1..=3).all(asked) {
            true => Vec::new(),
            false => {
                let counted = expand::count_audience(&self.store, row.id, version).await?;
                counted.iter().map(|ring| (ring.0, ring.1)).collect()
            }
        };
        let kind = AlertKind::from_code(row.kind);
        let duty = crate::domain::duty::Role::DutyRoom.code();
        let roll = match kind {
            Some(AlertKind::Exercise) => {
                let (numbers, unconfirmed) = roll::count(&self.store, row.id).await?;
                // It is confirmed while the draft is with the second person.
                let unconfirmed = if submitting { 0 } else { unconfirmed };
                Some(Roll { numbers, unconfirmed })
            }
            Some(AlertKind::Live | AlertKind::Rehearsal) | None => None,
        };
        let vars: BTreeMap<String, String> = serde_json::from_str(&v.vars).unwrap_or_default();
        let submission = Submission {
            origin: Origin::from_code(row.origin).unwrap_or(Origin::Own),
            title: &row.title,
            issuer: &row.issuer,
            number: row.number.as_deref(),
            colour: row.colour.as_deref(),
            issued_at: row.issued_at,
            urgency: Urgency::from_code(v.urgency).unwrap_or(Urgency::Notice),
            act_by: v.act_by,
            expires_at: v.expires_at,
            told: told_of(&vars),
            audience,
            moves: self.tells_to_move(&v.template),
            homes: &homes,
            rings: &rings,
            gateway: self.can_send(kind.unwrap_or(AlertKind::Live)),
            duty_room: order::has_duty_room(&self.store, duty, now).await?,
            roll,
        };
        let mut defects = alert::check(&submission, now);
        for ring in self.preview(row, &v).await? {
            if let Err(fault) = ring.text {
                defects.push(Defect::Text(format!("ring {}: {fault}", ring.ring)));
            }
        }
        let defects: Vec<String> = defects
            .into_iter()
            .filter(|d| !(bypass && d.yields_to_bypass()))
            .map(|d| format!("{}: {d}", d.word()))
            .collect();
        if defects.is_empty() { Ok(()) } else { Err(refused(defects.join("; "))) }
    }

    pub(super) async fn allowed(
        &self,
        actor: &Actor,
        action: Action,
        alert: i64,
        version: i64,
    ) -> Result<(), EngineFault> {
        let places: Vec<i64> = order::areas(&self.store, alert, version)
            .await?
            .into_iter()
            .filter(|(_, excluded)| *excluded == 0)
            .map(|(place, _)| place)
            .collect();
        self.check_access(actor, action, &places).await
    }
}
