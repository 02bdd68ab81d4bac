//! `tongluo alert show`: what a second person signs (texts, whom, by when), custody, persons not
//! woken, lists and what waits for somebody, for reading. What is told is the engine's `dossier`.

use serde_json::Value;

use super::audit_words;
use crate::app::Said;
use crate::app::hands::reach_words;
use crate::base::instant;
use crate::domain::alert::Urgency;
use crate::domain::demand::Demand;
use crate::engine::Engine;
use crate::engine::issue::Actor;
use crate::store::view::Reach;

/// Custody, persons not woken, lists with their holders; names where he may see people and `names`
/// are wanted.
pub async fn show(engine: &Engine, actor: &Actor, uid: &str, names: bool) -> anyhow::Result<Said> {
    let doc = engine.show_alert(actor, uid, names).await?;
    let c = &doc["custody"];
    let whole = c["balances"] == true && n(&c["orphans"]) == 0;
    let mut lines = vec![audit_words(&doc, c, whole)];
    if !doc["version_state"].is_null() {
        lines.extend(version_words(&doc));
    }
    if !doc["next"].is_null() {
        lines.push(format!("next, version {}:", doc["newest_version"]));
        lines.extend(version_words(&doc["next"]));
    }
    lines.extend(pending_words(&doc));
    let persons = &doc["persons"];
    lines.push(format!("responsible persons {}, woken {}", persons["all"], persons["woken"]));
    for one in rows(&doc["unwoken"]) {
        lines.push(format!("  not woken: {} {}", text(&one["place"]), text(&one["person"])));
    }
    let reach: Reach = Reach {
        doors: n(&doc["reach"]["doors"]),
        silent: n(&doc["reach"]["silent"]),
        unsent: n(&doc["reach"]["unsent"]),
        no_phone: n(&doc["reach"]["no_phone"]),
    };
    lines.push(reach_words(&reach));
    for list in rows(&doc["lists"]) {
        let word = if list["kind"] == "search" { "清点名单" } else { "list" };
        let (uid, place, state) = (text(&list["list"]), text(&list["place"]), text(&list["state"]));
        let holder = text(&list["holder"]);
        lines.push(format!("  {word} {uid} {place}: {state} {holder}, {} doors", list["doors"]));
    }
    Ok(Said::new(doc, lines.join("\n")))
}

fn n(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What a version says, to whom and until when.
fn version_words(said: &Value) -> Vec<String> {
    let urgency = Urgency::parse(text(&said["urgency"])).map_or("", Urgency::chinese);
    let by = said["act_by"].as_i64();
    let by = by.map_or("无时限".into(), |at| format!("{} 前", instant::words(at)));
    let (state, until) = (text(&said["version_state"]), instant::words(n(&said["expires_at"])));
    let mut lines = vec![format!("{state}, {urgency}, {by}, until {until}")];
    if state == "submitted" {
        lines.push(format!("to sign what stands here: --seen {}", text(&said["seen"])));
    }
    if let Some(reason) = said["reason"].as_str() {
        lines.push(format!("given back: {reason}"));
    }
    for (excluded, word) in [(false, "places"), (true, "without")] {
        let named = rows(&said["places"]).filter(|place| place["excluded"] == excluded);
        let named: Vec<String> =
            named.map(|at| format!("{} {}", text(&at["place"]), text(&at["name"]))).collect();
        if !named.is_empty() {
            lines.push(format!("{word}: {}", named.join(", ")));
        }
    }
    for ring in rows(&said["rings"]) {
        let demand = Demand::from_word(text(&ring["demand"])).map_or("", Demand::title_zh);
        let mut line = format!("ring {} {demand}", ring["ring"]);
        if let Some(count) = Some(&ring["counted"]).filter(|count| !count.is_null()) {
            let (doors, persons) = (&count["households"], &count["persons"]);
            line.push_str(&format!(", {doors} doors, {persons} persons, "));
            line.push_str(&format!("{} without a phone", count["no_phone"]));
        }
        match ring["text"].as_str() {
            Some(text) => line.push_str(&format!(", {} parts:\n    {text}", ring["parts"])),
            None => line.push_str(&format!(": NO TEXT: {}", text(&ring["fault"]))),
        }
        lines.push(line);
    }
    lines
}

/// What waits for morning, for a signature or for somebody's word.
fn pending_words(doc: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for one in rows(&doc["uncountersigned"]) {
        let word = if one["late"] == true { "LATE" } else { "due by the end of the shift" };
        lines.push(format!("version {}: bypass not countersigned, {word}", one["version"]));
    }
    for reason in rows(&doc["waiting"]["reasons"]) {
        let why = match text(&reason["why"]) {
            "quiet_hours" => "for 6:00 (quiet hours)".into(),
            "no_gateway" => "for an SMS gateway: the settings name none for this kind of alert, \
                             add a [[provider]] block and restart"
                .into(),
            _ => {
                let next = instant::words(n(&reason["until"]));
                format!("for their turn at the gateway, next at {next}")
            }
        };
        lines.push(format!("{} households wait {why}", reason["households"]));
    }
    let left = n(&doc["dropped"]["households"]) - n(&doc["dropped"]["told"]);
    if left > 0 {
        lines.push(format!("{left} households had an older text and no longer belong: see narrow"));
    }
    let withheld = n(&doc["withheld"]);
    if withheld > 0 {
        lines.push(format!("{withheld} messages not sent: three a day are enough"));
    }
    lines
}
