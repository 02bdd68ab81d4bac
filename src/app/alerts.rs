//! `tongluo alert …`: forms and ids in, the engine's acts, and what became of them. No rule is
//! here: what may follow what is the engine's. What is shown of one alert stands in `show`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

mod show;

use super::Said;
use crate::base::instant;
use crate::base::limits::PAGE_ROWS;
use crate::domain::access::Action;
use crate::domain::alert::State;
use crate::domain::list::ListState;
use crate::engine::Engine;
use crate::engine::issue::Actor;
pub use crate::engine::issue::OrderForm;
pub use crate::engine::narrow::Farewell;
use crate::store::order::AlertRow;
use crate::store::{custody, order};

pub use show::show;

/// Bytes of a form at most.
const FORM_BYTES: u64 = 1 << 20;

/// Reads a form from a file, or from standard input where it is `-`.
pub fn read_form(path: &Path) -> anyhow::Result<OrderForm> {
    use std::io::Read;
    let name = path.display();
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(FORM_BYTES).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(FORM_BYTES).read_to_string(&mut text))
            .with_context(|| format!("--form {name}"))?;
    }
    serde_json::from_str(&text).with_context(|| format!("--form {name}"))
}

/// Writes a draft.
pub async fn draft(engine: &Engine, actor: &Actor, form: &OrderForm) -> anyhow::Result<Said> {
    let uid = engine.draft(actor, form).await?;
    said(engine, &uid).await
}

/// Draft, submission and bypass approval in one.
pub async fn send(engine: &Engine, actor: &Actor, form: &OrderForm) -> anyhow::Result<Said> {
    let uid = engine.send_now(actor, form).await?;
    said(engine, &uid).await
}

/// Hands a draft in.
pub async fn submit(engine: &Engine, actor: &Actor, uid: &str) -> anyhow::Result<Said> {
    engine.submit(actor, uid).await?;
    said(engine, uid).await
}

/// Releases what another wrote.
pub async fn approve(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    bypass: bool,
) -> anyhow::Result<Said> {
    engine.approve(actor, uid, bypass).await?;
    said(engine, uid).await
}

/// Gives it back with a reason.
pub async fn give_back(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    reason: &str,
) -> anyhow::Result<Said> {
    engine.give_back(actor, uid, reason).await?;
    said(engine, uid).await
}

/// Writes the next version as a draft.
pub async fn update(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    form: &OrderForm,
) -> anyhow::Result<Said> {
    let version = engine.update(actor, uid, form).await?;
    let text = format!("{uid}: version {version} is a draft");
    Ok(Said::new(json!({"alert": uid, "version": version}), text))
}

/// Takes a wrong alert back; `vars` fill the correction's text.
pub async fn withdraw(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    vars: &BTreeMap<String, String>,
) -> anyhow::Result<Said> {
    engine.withdraw(actor, uid, vars).await?;
    said(engine, uid).await
}

/// Puts the second signature under a bypass.
pub async fn countersign(engine: &Engine, actor: &Actor, uid: &str) -> anyhow::Result<Said> {
    let signed = engine.countersign(actor, uid).await?;
    let text = format!("{uid}: countersigned");
    Ok(Said::new(json!({"alert": uid, "countersigned": signed}), text))
}

/// Lets an alert go on.
pub async fn extend(engine: &Engine, actor: &Actor, uid: &str, hours: i64) -> anyhow::Result<Said> {
    let until = engine.extend(actor, uid, hours).await?;
    let text = format!("{uid}: goes on until {}", instant::words(until));
    Ok(Said::new(json!({"alert": uid, "expires_at": until}), text))
}

/// Tells whoever an update left out.
pub async fn narrow(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    farewell: Farewell,
    places: &[String],
) -> anyhow::Result<Said> {
    let messages = engine.tell_dropped(actor, uid, farewell, places).await?;
    let text = format!("{uid}: {messages} messages to who had an older text");
    Ok(Said::new(json!({"alert": uid, "messages": messages}), text))
}

/// Lifts an alert; says how many stay open.
pub async fn end(engine: &Engine, actor: &Actor, uid: &str) -> anyhow::Result<Said> {
    let open = engine.end(actor, uid).await?;
    let text = format!("{uid}: ended, {open} households stay on the search list");
    Ok(Said::new(json!({"alert": uid, "state": "ended", "open": open}), text))
}

/// Alerts, newest first: those whose places the actor may see.
pub async fn list(engine: &Engine, actor: &Actor) -> anyhow::Result<Said> {
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for row in order::list(&engine.store, i64::MAX, PAGE_ROWS).await? {
        if may_look(engine, actor, &row).await.is_err() {
            continue;
        }
        lines.push(line(&row));
        rows.push(head(&row));
    }
    Ok(Said::new(json!(rows), lines.join("\n")))
}

/// The sums of custody. An orphan or a sum that does not hold is an error, after it was shown.
pub async fn audit(engine: &Engine, actor: &Actor, uid: &str) -> anyhow::Result<(Said, bool)> {
    let row = find(engine, uid).await?;
    may_look(engine, actor, &row).await?;
    let c = engine.custody(row.id).await?;
    let attempts = custody::attempts(&engine.store, row.id).await?;
    let whole = c.balances() && c.orphans == 0;
    let mut doc = serde_json::to_value(c)?;
    doc["alert"] = json!(uid);
    doc["balances"] = json!(c.balances());
    doc["attempts"] = json!(attempts.0);
    doc["unknown"] = json!(attempts.2);
    doc["no_phone"] = json!(custody::without_phone(&engine.store, row.id).await?);
    let text = format!(
        "{}\naudience {} = pursued {} + told {}\npursued {} = answered {} + open {}\n\
         open {} = desk {} + list {} + sheet {} + system {} + orphans {}\n{}",
        line(&row),
        c.audience,
        c.pursued,
        c.told,
        c.pursued,
        c.answered,
        c.open,
        c.open,
        c.open_desk,
        c.open_list,
        c.open_sheet,
        c.open_system,
        c.orphans,
        if whole { "holds" } else { "DOES NOT HOLD: households in nobody's hands" },
    );
    Ok((Said::new(doc, text), whole))
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
        None => "unknown",
    }
}

fn state_word(row: &AlertRow) -> &'static str {
    State::from_code(row.state).map_or("unknown", State::word)
}

fn head(row: &AlertRow) -> Value {
    json!({"alert": row.uid, "title": row.title, "issuer": row.issuer, "number": row.number,
        "hazard": row.hazard, "colour": row.colour, "state": state_word(row),
        "version": row.version, "created_at": row.created_at, "live_at": row.live_at,
        "ended_at": row.ended_at})
}

fn line(row: &AlertRow) -> String {
    format!("{}  {}  v{}  {}", row.uid, state_word(row), row.version, row.title)
}

async fn said(engine: &Engine, uid: &str) -> anyhow::Result<Said> {
    let row = find(engine, uid).await?;
    Ok(Said::new(head(&row), line(&row)))
}

async fn find(engine: &Engine, uid: &str) -> anyhow::Result<AlertRow> {
    let row = order::by_uid(&engine.store, uid).await?;
    row.ok_or_else(|| anyhow!("no alert {uid}: see `tongluo alert list`"))
}

async fn may_look(engine: &Engine, actor: &Actor, row: &AlertRow) -> anyhow::Result<()> {
    let version = order::latest_version(&engine.store, row.id).await?.min(row.version.max(1));
    let places: Vec<i64> = order::areas(&engine.store, row.id, version)
        .await?
        .into_iter()
        .filter(|(_, excluded)| *excluded == 0)
        .map(|(place, _)| place)
        .collect();
    engine.check_access(actor, Action::LookAtBoard, &places).await?;
    Ok(())
}
