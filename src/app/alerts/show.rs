//! `tongluo alert show`: what a second person signs (texts, whom, by when), custody, persons not
//! woken, lists and what waits for somebody. It changes nothing.

use serde_json::{Value, json};

use super::{Farewell, audit, find, head, list_word, may_look};
use crate::app::Said;
use crate::app::hands;
use crate::base::instant;
use crate::base::limits::PAGE_ROWS;
use crate::domain::access::Action;
use crate::domain::alert::{State, Urgency};
use crate::domain::list::SEARCH;
use crate::engine::Engine;
use crate::engine::issue::Actor;
use crate::store::order::{AlertRow, VersionRow};
use crate::store::{climb, journal, order, situation, view};

/// Custody, persons not woken, lists with their holders.
pub async fn show(engine: &Engine, actor: &Actor, uid: &str) -> anyhow::Result<Said> {
    let row = find(engine, uid).await?;
    may_look(engine, actor, &row).await?;
    let mut doc = head(&row);
    let newest = order::latest_version(&engine.store, row.id).await?;
    doc["newest_version"] = json!(newest);
    let mut lines = Vec::new();
    let shown = if row.version == 0 { newest } else { row.version };
    if let Some(version) = order::version(&engine.store, row.id, shown).await? {
        let until = row.extended_to.unwrap_or(version.expires_at);
        let (said, words) = said_of(engine, &row, &version, until).await?;
        for (field, value) in said {
            doc[field] = value;
        }
        lines.extend(words);
    }
    if newest > shown
        && let Some(version) = order::version(&engine.store, row.id, newest).await?
    {
        lines.push(format!("next, version {newest}:"));
        let (said, words) = said_of(engine, &row, &version, version.expires_at).await?;
        doc["next"] = Value::Object(said);
        lines.extend(words);
    }
    let (said, _) = audit(engine, actor, uid).await?;
    doc["custody"] = said.json;
    lines.insert(0, said.text);
    lines.extend(pending(engine, &row, newest, &mut doc).await?);
    let (all, woken, reported) = climb::persons(&engine.store, row.id).await?;
    doc["persons"] = json!({"all": all, "woken": woken, "reported": reported});
    lines.push(format!("responsible persons {all}, woken {woken}"));
    let unwoken = unwoken(engine, &row).await?;
    for one in &unwoken {
        let (person, place) = (&one["person"], &one["place"]);
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        lines.push(format!("  not woken: {} {}", text(place), text(person)));
    }
    doc["unwoken"] = json!(unwoken);
    let reach = view::reach_of_alert(&engine.store, row.id).await?;
    doc["reach"] = serde_json::to_value(reach)?;
    lines.push(hands::reach_words(&reach));
    let lists = view::lists(&engine.store, row.id, 0).await?;
    for list in &lists {
        let state = list_word(list.state);
        let (place, human, doors) = (&list.place, &list.human, list.doors);
        let word = if list.rung == SEARCH { "清点名单" } else { "list" };
        lines.push(format!("  {word} {} {place}: {state} {human}, {doors} doors", list.uid));
    }
    doc["lists"] = lists.iter().map(hands::list_json).collect();
    Ok(Said::new(doc, lines.join("\n")))
}

/// What a version says, to whom and until when: its fields, and the same for reading.
async fn said_of(
    engine: &Engine,
    row: &AlertRow,
    version: &VersionRow,
    until: i64,
) -> anyhow::Result<(serde_json::Map<String, Value>, Vec<String>)> {
    let mut doc = serde_json::Map::new();
    let state = State::from_code(version.state).map_or("unknown", State::word);
    let urgency = Urgency::from_code(version.urgency);
    let urgency_zh = urgency.map_or("", Urgency::chinese);
    let by = version.act_by.map_or("无时限".into(), |at| format!("{} 前", instant::words(at)));
    let mut lines = vec![format!("{state}, {urgency_zh}, {by}, until {}", instant::words(until))];
    if let Some(reason) = &version.reason {
        lines.push(format!("given back: {reason}"));
    }
    let counts = submitted(engine, row, version.version).await?;
    let mut texts = Vec::new();
    for ring in engine.preview(row, version).await? {
        let count = counts.iter().find(|count| count["ring"] == ring.ring);
        let demand = ring.demand.title_zh();
        let mut line = format!("ring {} {demand}", ring.ring);
        if let Some(count) = count {
            let (doors, persons) = (&count["households"], &count["persons"]);
            line.push_str(&format!(", {doors} doors, {persons} persons, "));
            line.push_str(&format!("{} without a phone", count["no_phone"]));
        }
        match &ring.text {
            Ok(text) => line.push_str(&format!(", {} parts:\n    {text}", ring.parts)),
            Err(fault) => line.push_str(&format!(": NO TEXT: {fault}")),
        }
        lines.push(line);
        texts.push(json!({"ring": ring.ring, "demand": ring.demand.word(),
            "pursued": ring.pursued, "text": ring.text.as_ref().ok(), "parts": ring.parts,
            "fault": ring.text.as_ref().err().map(ToString::to_string), "counted": count}));
    }
    for (field, value) in [
        ("version_state", json!(state)),
        ("urgency", json!(urgency.map(Urgency::word))),
        ("act_by", json!(version.act_by)),
        ("expires_at", json!(until)),
        ("template", json!(version.template)),
        ("vars", serde_json::from_str(&version.vars).unwrap_or_default()),
        ("reason", json!(version.reason)),
        ("rings", json!(texts)),
    ] {
        doc.insert(field.into(), value);
    }
    Ok((doc, lines))
}

/// The head-counts of each ring, as the roster was when the version was submitted.
async fn submitted(engine: &Engine, row: &AlertRow, version: i64) -> anyhow::Result<Vec<Value>> {
    let act = Action::SubmitAlert.word();
    let detail = journal::last_detail(&engine.store, row.id, act).await?;
    let detail: Value = serde_json::from_str(&detail.unwrap_or_default()).unwrap_or_default();
    let of_it = detail["version"] == version;
    Ok(detail["audience"].as_array().filter(|_| of_it).cloned().unwrap_or_default())
}

/// What waits for morning, for a signature or for somebody's word.
async fn pending(
    engine: &Engine,
    row: &AlertRow,
    newest: i64,
    doc: &mut Value,
) -> anyhow::Result<Vec<String>> {
    let (store, now) = (&engine.store, engine.clock.story_ms());
    let mut lines = Vec::new();
    let mut unsigned = Vec::new();
    for version in 1..=newest {
        let Some(v) = order::version(store, row.id, version).await? else {
            continue;
        };
        if v.bypass == 1 && v.countersigned_at.is_none() {
            let late = v.countersign_due.is_some_and(|due| now > due);
            let word = if late { "LATE" } else { "due by the end of the shift" };
            lines.push(format!("version {version}: bypass not countersigned, {word}"));
            unsigned.push(json!({"version": version, "due": v.countersign_due, "late": late}));
        }
    }
    doc["uncountersigned"] = json!(unsigned);
    let (waiting, until) = situation::waiting(store, row.id, now).await?;
    doc["waiting"] = json!({"households": waiting, "until": until});
    if waiting > 0 {
        lines.push(format!("{waiting} households wait for 6:00 (quiet hours)"));
    }
    let (dropped, told) = situation::dropped(store, row.id, &Farewell::purposes()).await?;
    doc["dropped"] = json!({"households": dropped, "told": told});
    if dropped > told {
        let left = dropped - told;
        lines.push(format!("{left} households had an older text and no longer belong: see narrow"));
    }
    let withheld = situation::withheld(store, row.id).await?;
    doc["withheld"] = json!(withheld);
    if withheld > 0 {
        lines.push(format!("{withheld} messages not sent: three a day are enough"));
    }
    Ok(lines)
}

async fn unwoken(engine: &Engine, row: &AlertRow) -> anyhow::Result<Vec<Value>> {
    let mut tx = engine.store.begin().await?;
    let rows = climb::unwoken(&mut tx, row.id, row.version).await?;
    let shown = |r: &climb::UnwokenRow| {
        json!({"person": r.human, "place": r.place, "doors": r.doors,
            "reachable": r.address_id != 0})
    };
    let most = usize::try_from(PAGE_ROWS).unwrap_or(500);
    Ok(rows.iter().take(most).map(shown).collect())
}
