//! `tongluo alert roll…`: the roll of an exercise from places or a file, shown and confirmed. Who
//! may do it, and that the second person is another, is the engine's.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::json;

use super::Said;
use crate::base::limits::PAGE_ROWS;
use crate::domain::access::Action;
use crate::engine::Engine;
pub use crate::engine::exercise::RollFill;
use crate::engine::issue::Actor;
use crate::store::{order, roll};

/// Bytes of a file at most.
const FILE_BYTES: u64 = 1 << 20;

/// Reads lines of `household code` or `number,name`; empty lines and those after # are left out.
pub fn read_lines(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let name = path.display();
    let mut text = String::new();
    let mut file = std::fs::File::open(path).with_context(|| format!("--file {name}"))?;
    if file.metadata()?.len() > FILE_BYTES {
        bail!("--file {name}: larger than 1 MB");
    }
    file.read_to_string(&mut text)
        .with_context(|| format!("--file {name}: it must be UTF-8 text"))?;
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines
        .map(|line| {
            let (what, name) = line.split_once(',').unwrap_or((line, ""));
            (what.trim().to_owned(), name.trim().to_owned())
        })
        .collect())
}

/// Adds numbers to a roll.
pub async fn fill(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    fill: &RollFill,
) -> anyhow::Result<Said> {
    let added = engine.fill_roll(actor, uid, fill).await?;
    let text = format!("{uid}: {added} numbers added, each to be confirmed by a second person");
    Ok(Said::new(json!({"alert": uid, "added": added}), text))
}

/// Confirms lines of a roll; none: all of them.
pub async fn confirm(
    engine: &Engine,
    actor: &Actor,
    uid: &str,
    names: Option<&[String]>,
) -> anyhow::Result<Said> {
    let (confirmed, waiting) = engine.confirm_roll(actor, uid, names).await?;
    let text = format!("{uid}: {confirmed} confirmed, {waiting} still wait");
    Ok(Said::new(json!({"alert": uid, "confirmed": confirmed, "waiting": waiting}), text))
}

/// The names on a roll and whether each is confirmed.
pub async fn show(engine: &Engine, actor: &Actor, uid: &str) -> anyhow::Result<Said> {
    let row = order::by_uid(&engine.store, uid).await?;
    let row = row.ok_or_else(|| anyhow!("no alert {uid}: see `tongluo alert list`"))?;
    let version = order::latest_version(&engine.store, row.id).await?;
    let areas = order::areas(&engine.store, row.id, version).await?;
    let places: Vec<i64> = areas.into_iter().filter(|a| a.1 == 0).map(|a| a.0).collect();
    engine.check_access(actor, Action::LookAtBoard, &places).await?;
    let (numbers, waiting) = roll::count(&engine.store, row.id).await?;
    let mut lines = vec![format!("{uid}: {numbers} numbers, {waiting} wait to be confirmed")];
    let mut rows = Vec::new();
    for (name, _, confirmed) in roll::read(&engine.store, row.id, PAGE_ROWS).await? {
        let word = if confirmed.is_some() { "confirmed" } else { "waits" };
        lines.push(format!("  {name}  {word}"));
        rows.push(json!({"name": name, "confirmed": confirmed.is_some()}));
    }
    let doc = json!({"alert": uid, "numbers": numbers, "waiting": waiting, "roll": rows});
    Ok(Said::new(doc, lines.join("\n")))
}
