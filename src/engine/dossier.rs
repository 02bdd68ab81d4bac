//! What is told of one alert: its papers, texts, head-counts, custody, persons and lists, as one
//! document for the command line, the API and whoever reads it by a program. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::board::held;
use super::exercise::RollLook;
use super::forecast::GridForecast;
use super::issue::{Actor, refused};
use super::narrow::{DroppedLook, Farewell};
use super::sketch::{RingSketch, Sketch};
use super::{Engine, EngineFault};
use crate::base::limits::PAGE_ROWS;
use crate::domain::access::Action;
use crate::domain::alert::{State, Urgency};
use crate::domain::gate::AlertKind;
use crate::domain::list::{ListState, SEARCH};
use crate::store::order::{self, AlertRow, VersionRow};
use crate::store::paper::PaperRow;
use crate::store::roll::RollName;
use crate::store::situation::DroppedGrid;
use crate::store::view::ListView;
use crate::store::{account, climb, custody, journal, paper, situation, view};

/// What a first message waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Waits {
    /// The morning.
    QuietHours,
    /// A gateway: there is none for this kind of alert.
    NoGateway,
    /// Its turn there.
    Gateway,
}

impl Waits {
    fn word(self) -> &'static str {
        match self {
            Waits::QuietHours => "quiet_hours",
            Waits::NoGateway => "no_gateway",
            Waits::Gateway => "gateway",
        }
    }
}

/// The word for a list's state.
pub fn list_word(state: i64) -> &'static str {
    match ListState::from_code(state) {
        Some(ListState::Offered) => "offered",
        Some(ListState::Taken) => "taken",
        Some(ListState::Declined) => "declined",
        Some(ListState::PassedOn) => "passed_on",
        Some(ListState::Done) => "done",
        Some(ListState::Withdrawn) => "withdrawn",
        Some(ListState::Finished) => "finished",
        None => "unknown",
    }
}

/// A list, without what stands on it; whose it is only where that may be seen.
pub fn list_json(list: &ListView, named: bool) -> Value {
    let (holder, code) = (named.then_some(&list.human), named.then_some(&list.human_code));
    let kind = if list.rung == SEARCH { "search" } else { "doors" };
    json!({"list": list.uid, "kind": kind, "place": list.place, "place_code": list.place_code,
        "holder": holder, "holder_code": code, "rung": list.rung,
        "state": list_word(list.state), "doors": list.doors, "offered_at": list.offered_at,
        "answered_at": list.answered_at, "acted_at": list.acted_at})
}

fn state_word(state: i64) -> &'static str {
    State::from_code(state).map_or("unknown", State::word)
}

/// What an alert is.
pub fn head(row: &AlertRow) -> Value {
    json!({"alert": row.uid, "kind": kind_word(row.kind), "title": row.title,
        "issuer": row.issuer, "number": row.number,
        "hazard": row.hazard, "colour": row.colour, "state": state_word(row.state),
        "version": row.version, "created_at": row.created_at, "live_at": row.live_at,
        "ended_at": row.ended_at})
}

fn kind_word(code: i64) -> Option<&'static str> {
    AlertKind::from_code(code).map(AlertKind::word)
}

/// The same of a line of a list.
pub fn paper_json(row: &PaperRow) -> Value {
    json!({"alert": row.uid, "kind": kind_word(row.kind), "title": row.title,
        "issuer": row.issuer, "number": row.number,
        "hazard": row.hazard, "colour": row.colour, "state": state_word(row.state),
        "version": row.version, "created_at": row.created_at, "live_at": row.live_at,
        "ended_at": row.ended_at})
}

/// A sketch as a document.
pub fn sketch_json(sketch: &Sketch) -> Value {
    let ring = |one: &RingSketch| {
        let text = &one.text;
        json!({"ring": text.ring, "demand": text.demand.word(), "pursued": text.pursued,
            "text": text.text.as_ref().ok(), "family": text.family, "parts": text.parts,
            "households": one.count.households, "persons": one.count.persons,
            "no_phone": one.count.no_phone, "messages": one.count.messages})
    };
    let (pace, all) = (sketch.pace, sketch.all());
    let grid = |one: &GridForecast| {
        json!({"place": one.code, "name": one.name, "households": one.households,
            "messages": one.messages, "doors": one.doors, "last_ms": one.last_ms})
    };
    let most = usize::try_from(PAGE_ROWS).unwrap_or(500);
    let grids = &sketch.forecast.grids;
    let forecast = json!({"grids_all": grids.len(),
        "grids": grids.iter().take(most).map(grid).collect::<Vec<Value>>(),
        "lists": sketch.forecast.lists(), "doors": sketch.forecast.doors()});
    json!({"rings": sketch.rings.iter().map(ring).collect::<Vec<Value>>(),
        "households": all.households, "persons": all.persons, "no_phone": all.no_phone,
        "messages": pace.messages, "rate_per_second": pace.rate_per_second,
        "last_ms": pace.last_ms, "gateway": sketch.gateway, "urgency": sketch.urgency.word(),
        "expires_at": sketch.expires_at, "plan": sketch.plan, "forecast": forecast,
        "faults": sketch.faults})
}

/// The roll of an exercise as a document; names only where they may be seen.
pub fn roll_json(look: &RollLook) -> Value {
    let name = |one: &RollName| {
        json!({"name": one.name, "numbers": one.numbers, "confirmed": one.waiting == 0,
            "added_by": one.added_by, "confirmed_by": one.confirmed_by})
    };
    json!({"alert": look.alert.uid, "numbers": look.numbers, "waiting": look.waiting,
        "open": look.open, "roll": look.names.iter().map(name).collect::<Vec<Value>>(),
        "more": look.more})
}

/// Who was dropped where as a document.
pub fn dropped_json(look: &DroppedLook) -> Value {
    let grid = |one: &DroppedGrid| {
        json!({"place": one.code, "name": one.name, "households": one.households,
            "corrected": one.corrected, "sent_home": one.sent_home})
    };
    json!({"alert": look.alert.uid, "texts": {"range_correction": look.correction,
        "return_notice": look.homeward},
        "grids": look.grids.iter().map(grid).collect::<Vec<Value>>()})
}

impl Engine {
    /// An alert by its outside id; refused where there is none.
    pub async fn find_alert(&self, uid: &str) -> Result<AlertRow, EngineFault> {
        let row = order::by_uid(&self.store, uid).await?;
        row.ok_or_else(|| refused(format!("no alert {uid}: see `tongluo alert list`")))
    }

    /// The same, for somebody who may see its board.
    pub async fn look_at_alert(&self, actor: &Actor, uid: &str) -> Result<AlertRow, EngineFault> {
        let row = self.find_alert(uid).await?;
        self.allowed(actor, Action::LookAtBoard, row.id, row.version.max(1)).await?;
        Ok(row)
    }

    /// The sums of custody, and whether they hold.
    pub async fn show_audit(&self, actor: &Actor, uid: &str) -> Result<(Value, bool), EngineFault> {
        let row = self.look_at_alert(actor, uid).await?;
        let c = self.custody(row.id).await?;
        let attempts = custody::attempts(&self.store, row.id).await?;
        let whole = c.balances() && c.orphans == 0;
        let mut doc = json!(c);
        doc["alert"] = json!(uid);
        doc["balances"] = json!(c.balances());
        doc["attempts"] = json!(attempts.0);
        doc["unknown"] = json!(attempts.2);
        doc["no_phone"] = json!(custody::without_phone(&self.store, row.id).await?);
        Ok((doc, whole))
    }

    /// Everything there is to say of an alert, in numbers and words; nobody's phone, and names only
    /// where the actor may see people and they are wanted.
    pub async fn show_alert(
        &self,
        actor: &Actor,
        uid: &str,
        names: bool,
    ) -> Result<Value, EngineFault> {
        let row = self.look_at_alert(actor, uid).await?;
        let mut doc = head(&row);
        let newest = order::latest_version(&self.store, row.id).await?;
        doc["newest_version"] = json!(newest);
        let shown = if row.version == 0 { newest } else { row.version };
        if let Some(version) = order::version(&self.store, row.id, shown).await? {
            let until = row.extended_to.unwrap_or(version.expires_at);
            for (field, value) in self.say_version(&row, &version, until).await? {
                doc[field] = value;
            }
        }
        if newest > shown
            && let Some(version) = order::version(&self.store, row.id, newest).await?
        {
            let said = self.say_version(&row, &version, version.expires_at).await?;
            doc["next"] = Value::Object(said);
        }
        doc["custody"] = self.show_audit(actor, uid).await?.0;
        self.say_pending(&row, newest, &mut doc).await?;
        let (all, woken, reported) = climb::persons(&self.store, row.id).await?;
        doc["persons"] = json!({"all": all, "woken": woken, "reported": reported});
        let mut tx = self.store.begin().await?;
        let unwoken = climb::unwoken(&mut tx, row.id, row.version).await?;
        drop(tx);
        let lists = view::lists(&self.store, row.id, 0).await?;
        let most = usize::try_from(PAGE_ROWS).unwrap_or(500);
        let unwoken = &unwoken[..unwoken.len().min(most)];
        let listed = lists.iter().map(|list| list.place_id);
        let places = unwoken.iter().map(|one| one.place_id).chain(listed);
        let shown = match names {
            true => self.people_at(actor, places.collect()).await?,
            false => BTreeSet::new(),
        };
        let named = |one: &climb::UnwokenRow| unwoken_json(one, shown.contains(&one.place_id));
        doc["unwoken"] = unwoken.iter().map(named).collect();
        doc["reach"] = json!(view::reach_of_alert(&self.store, row.id).await?);
        let named = |list: &ListView| list_json(list, shown.contains(&list.place_id));
        doc["lists"] = lists.iter().map(named).collect();
        Ok(doc)
    }

    /// What a version says, to whom and until when.
    async fn say_version(
        &self,
        row: &AlertRow,
        version: &VersionRow,
        until: i64,
    ) -> Result<Map<String, Value>, EngineFault> {
        let counts = self.submitted_counts(row.id, version.version).await?;
        let mut texts = Vec::new();
        for ring in self.preview(row, version).await? {
            let count = counts.iter().find(|count| count["ring"] == ring.ring);
            texts.push(json!({"ring": ring.ring, "demand": ring.demand.word(),
                "pursued": ring.pursued, "text": ring.text.as_ref().ok(), "parts": ring.parts,
                "fault": ring.text.as_ref().err().map(ToString::to_string), "counted": count}));
        }
        let urgency = Urgency::from_code(version.urgency).map(Urgency::word);
        let vars: Value = serde_json::from_str(&version.vars).unwrap_or_default();
        let areas = paper::areas(&self.store, row.id, version.version).await?;
        let place = |area: &paper::AreaNamed| {
            let excluded = area.excluded == 1;
            json!({"place": area.code, "name": area.name, "excluded": excluded})
        };
        let fields = [
            ("seen", json!(self.mark_of(row, version).await?)),
            ("places", areas.iter().map(place).collect()),
            ("version_state", json!(state_word(version.state))),
            ("urgency", json!(urgency)),
            ("act_by", json!(version.act_by)),
            ("expires_at", json!(until)),
            ("template", json!(version.template)),
            ("vars", vars),
            ("reason", json!(version.reason)),
            ("rings", json!(texts)),
        ];
        Ok(fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect())
    }

    /// The head-counts of each ring, as the roster was when the version was submitted; empty where
    /// another was submitted later, or none.
    pub async fn submitted_counts(
        &self,
        alert: i64,
        version: i64,
    ) -> Result<Vec<Value>, EngineFault> {
        let act = Action::SubmitAlert.word();
        let detail = journal::last_detail(&self.store, alert, act).await?;
        let detail: Value = serde_json::from_str(&detail.unwrap_or_default()).unwrap_or_default();
        let of_it = detail["version"] == version;
        Ok(detail["audience"].as_array().filter(|_| of_it).cloned().unwrap_or_default())
    }

    /// What waits for morning, for a signature or for somebody's word.
    async fn say_pending(
        &self,
        row: &AlertRow,
        newest: i64,
        doc: &mut Value,
    ) -> Result<(), EngineFault> {
        let (store, now) = (&self.store, self.clock.story_ms());
        let mut unsigned = Vec::new();
        for version in 1..=newest {
            let Some(v) = order::version(store, row.id, version).await? else {
                continue;
            };
            if v.bypass == 1 && v.countersigned_at.is_none() {
                let late = v.countersign_due.is_some_and(|due| now > due);
                unsigned.push(json!({"version": version, "due": v.countersign_due, "late": late}));
            }
        }
        doc["uncountersigned"] = json!(unsigned);
        doc["waiting"] = self.say_waiting(row, now).await?;
        let (dropped, told) = situation::dropped(store, row.id, &Farewell::purposes()).await?;
        doc["dropped"] = json!({"households": dropped, "told": told});
        doc["withheld"] = json!(situation::withheld(store, row.id).await?);
        Ok(())
    }

    /// Whose first message waits, and what for.
    async fn say_waiting(&self, row: &AlertRow, now: i64) -> Result<Value, EngineFault> {
        let Some(order) = self.order(row.id, row.version).await? else {
            return Ok(json!({"households": 0, "until": null, "reasons": []}));
        };
        let (mut all, mut reasons): (i64, BTreeMap<Waits, (i64, i64)>) = (0, BTreeMap::new());
        // Where there is no gateway, what is due waits as well as what is put back.
        let there = self.has_gateway(order.kind);
        let after = if there { now } else { 0 };
        for (ring, homes, until) in situation::waiting(&self.store, row.id, after).await? {
            let quiet = super::situation::quiet_at(&order, ring, now);
            let why = match quiet.filter(|quiet| *quiet == until) {
                Some(_) => Waits::QuietHours,
                None if !there => Waits::NoGateway,
                None => Waits::Gateway,
            };
            let sum = reasons.entry(why).or_insert((0, until));
            *sum = (sum.0 + homes, sum.1.min(until));
            all += homes;
        }
        let until = reasons.values().map(|sum| sum.1).min();
        let reasons: Vec<Value> = reasons
            .iter()
            .map(|(why, sum)| json!({"why": why.word(), "households": sum.0, "until": sum.1}))
            .collect();
        Ok(json!({"households": all, "until": until, "reasons": reasons}))
    }

    /// Those of these places at which an actor may see people.
    async fn people_at(
        &self,
        actor: &Actor,
        places: BTreeSet<i64>,
    ) -> Result<BTreeSet<i64>, EngineFault> {
        let places: Vec<i64> = places.into_iter().collect();
        let above = account::places_above_each(&self.store, &places).await?;
        let may = held(actor, Action::LookAtPeople);
        let seen = places.iter().zip(&above).filter(|(place, above)| {
            may.contains(place) || above.iter().any(|place| may.contains(place))
        });
        Ok(seen.map(|(place, _)| *place).collect())
    }
}

/// A responsible person who has not woken; his name only where it may be seen.
fn unwoken_json(one: &climb::UnwokenRow, named: bool) -> Value {
    json!({"person": named.then_some(&one.human), "place": one.place, "doors": one.doors,
        "reachable": one.address_id != 0})
}
