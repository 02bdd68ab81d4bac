//! `tongluo alert roll…`: the roll of an exercise from places or a file, shown and confirmed. Who
//! may do it, and that the second person is another, is the engine's.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::json;

use super::Said;
use crate::base::limits::PAGE_ROWS;
pub use crate::engine::exercise::RollFill;
use crate::engine::issue::Actor;
use crate::engine::{Engine, dossier};

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
    Ok(RollFill::read_lines(&text))
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
    let look = engine.look_at_roll(actor, uid, "", PAGE_ROWS).await?;
    let mut lines =
        vec![format!("{uid}: {} numbers, {} wait to be confirmed", look.numbers, look.waiting)];
    for one in &look.names {
        let word = if one.waiting == 0 { "confirmed" } else { "waits" };
        lines.push(format!("  {}  {word}", one.name));
    }
    if look.more {
        lines.push("  …".into());
    }
    Ok(Said::new(dossier::roll_json(&look), lines.join("\n")))
}
