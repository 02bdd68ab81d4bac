//! `tongluo alert …`: forms and ids in, the engine's acts, and what became of them. No rule is
//! here: what may follow what is the engine's. What is shown of one alert stands in `show`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

mod show;

use super::Said;
use crate::base::instant;
use crate::base::limits::PAGE_ROWS;
use crate::engine::Engine;
use crate::engine::dossier;
use crate::engine::issue::Actor;
pub use crate::engine::issue::OrderForm;
pub use crate::engine::narrow::Farewell;

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

/// Releases what another wrote. `seen`: the mark of what he read, as [`show`] gives it.
pub async fn approve(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    seen: &str,
    bypass: bool,
) -> anyhow::Result<Said> {
    engine.approve_seen(actor, uid, seen, bypass).await?;
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

/// Throws away what never went out.
pub async fn discard(engine: &Engine, actor: &Actor, uid: &str) -> anyhow::Result<Said> {
    let version = engine.discard(actor, uid).await?;
    let text = format!("{uid}: version {version} is discarded, nobody was told anything");
    Ok(Said::new(json!({"alert": uid, "version": version, "state": "discarded"}), text))
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
    let (papers, _) = engine.papers(actor, i64::MAX, PAGE_ROWS).await?;
    let docs: Vec<Value> = papers.iter().map(dossier::paper_json).collect();
    let lines: Vec<String> = docs.iter().map(line).collect();
    Ok(Said::new(json!(docs), lines.join("\n")))
}

/// The sums of custody. An orphan or a sum that does not hold is an error, after it was shown.
pub async fn audit(engine: &Engine, actor: &Actor, uid: &str) -> anyhow::Result<(Said, bool)> {
    let row = engine.find_alert(uid).await?;
    let (doc, whole) = engine.show_audit(actor, uid).await?;
    let text = audit_words(&dossier::head(&row), &doc, whole);
    Ok((Said::new(doc, text), whole))
}

fn audit_words(head: &Value, c: &Value, whole: bool) -> String {
    let n = |field: &str| c[field].as_i64().unwrap_or(0);
    format!(
        "{}\naudience {} = pursued {} + told {}\npursued {} = answered {} + open {}\n\
         open {} = desk {} + list {} + sheet {} + system {} + orphans {}\n{}",
        line(head),
        n("audience"),
        n("pursued"),
        n("told"),
        n("pursued"),
        n("answered"),
        n("open"),
        n("open"),
        n("open_desk"),
        n("open_list"),
        n("open_sheet"),
        n("open_system"),
        n("orphans"),
        if whole { "holds" } else { "DOES NOT HOLD: households in nobody's hands" },
    )
}

fn line(head: &Value) -> String {
    let word = |field: &str| head[field].as_str().unwrap_or_default();
    let (alert, state, kind) = (word("alert"), word("state"), word("kind"));
    format!("{alert}  {state}  {kind}  v{}  {}", head["version"], word("title"))
}

async fn said(engine: &Engine, uid: &str) -> anyhow::Result<Said> {
    let head = dossier::head(&engine.find_alert(uid).await?);
    let text = line(&head);
    Ok(Said::new(head, text))
}
