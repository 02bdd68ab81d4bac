//! `tongluo journal …`: the whole chain verified, and one sealed row proved without the others.
//! What holds is decided in `engine::chain` and `engine::proof`.

use anyhow::bail;
use serde_json::json;

use super::Said;
use crate::domain::access::Action;
use crate::domain::journal::{check_row, hex};
use crate::engine::Engine;
use crate::engine::chain;
use crate::engine::issue::Actor;
use crate::engine::proof::{self, Seal};
use crate::store::{journal, view};

/// Verifies the whole journal.
pub async fn verify(engine: &Engine, actor: &Actor) -> anyhow::Result<Said> {
    may(engine, actor, Action::VerifyJournal).await?;
    let found = chain::verify(&engine.store, &engine.sealer).await?;
    let head = hex::text(&found.verified.head);
    let (entries, unchained) = (found.verified.entries, found.unchained);
    let doc = json!({"holds": true, "entries": entries, "head": head, "unchained": unchained,
        "rows": found.rows.proved, "erased": found.rows.erased});
    let (proved, erased) = (found.rows.proved, found.rows.erased);
    let mut text = format!(
        "the journal holds: {entries} entries; {proved} messages and replies as sealed, \
         {erased} erased since\nhead {head}"
    );
    if unchained > 0 {
        text.push_str(&format!("\n{unchained} entries wait for `tongluo serve` to chain them"));
    }
    Ok(Said::new(doc, text))
}

/// The proof of one row of a sealed entry, held against its seal before it is given out; without a
/// row, which rows the entry seals. Journaled: it opens what somebody was told or said.
pub async fn prove(
    engine: &Engine,
    actor: &Actor,
    pos: i64,
    row: Option<i64>,
) -> anyhow::Result<Said> {
    may(engine, actor, Action::ExportJournal).await?;
    let page = journal::page(&engine.store, pos - 1, 1).await?;
    let Some(entry) = page.into_iter().find(|entry| entry.pos == pos) else {
        bail!("--at: no entry has position {pos}: see `tongluo journal verify` for how many");
    };
    let Ok(seal) = serde_json::from_str::<Seal>(&entry.detail) else {
        bail!("--at: the entry at {pos} is {:?}, which seals no messages or replies", entry.act);
    };
    let Some(row) = row else {
        let text = format!("{pos}  {}: rows {:?}", entry.act, seal.rows);
        return Ok(Said::new(json!({"entry": entry, "rows": seal.rows}), text));
    };
    if seal.repeated {
        bail!(
            "--at: calls of this entry were repeated after a crash; only their first outcome is \
               kept, which another entry proves"
        );
    }
    let Some(proof) = proof::prove_row(&engine.store, &engine.sealer, pos, row).await? else {
        bail!("--row: the entry at {pos} has no row {row}, or its text is erased");
    };
    let salt = hex::parse(&proof.salt).unwrap_or_default();
    if let Err(fault) = check_row(&seal.seal, &salt, proof.index, proof.text.as_bytes()) {
        bail!("row {row} of the entry at {pos} is not what was sealed: {fault}");
    }
    let detail = json!({"at": pos, "row": row});
    engine.journal(&actor.name, Action::ExportJournal.word(), detail).await?;
    let text = format!("{pos}  {}  row {row}\n{}\nsalt {}", entry.act, proof.text, proof.salt);
    Ok(Said::new(json!({"entry": entry, "proof": proof}), text))
}

async fn may(engine: &Engine, actor: &Actor, action: Action) -> anyhow::Result<()> {
    let root: Vec<i64> = view::root(&engine.store).await?.into_iter().collect();
    Ok(engine.check_access(actor, action, &root).await?)
}
