//! The roster in and out: files made up for practice, files imported all or nothing, files
//! exported that re-import to no difference. Numbers are opened only for an export by right.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use serde_json::json;

use super::Said;
use super::accounts;
use super::build::EngineHandle as Engine;
use crate::base::instant;
use crate::domain::access::Action;
use crate::domain::roster::{Fault, RosterFile};
use crate::domain::scope::Scope;
use crate::engine::burial::Revival;
use crate::exchange::roster::{Reader, check_size, write_header, write_row};
use crate::practice::roster as practice;
use crate::store::roster::{self, Change, Cursor, Finish, Import, Missing, Summary};
use crate::store::{upkeep, view};

const OTHER_IMPORT: &str = "another roster import is under way; nothing was changed: try again \
                            when it has ended, at the latest two minutes after it died";
/// Faults named by one import; the rest are counted.
const FAULTS_SHOWN: usize = 200;
/// Bytes of a file of numbers that are read.
const NUMBERS_BYTES: u64 = 1 << 20;

/// Writes a made-up town as roster files.
pub fn generate(households: u64, seed: u64, out: &Path) -> anyhow::Result<Said> {
    let most = practice::HOUSEHOLDS_MAX;
    if !(1..=most).contains(&households) {
        bail!("--households: 1 to {most}; nothing was written");
    }
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let mut files: HashMap<RosterFile, BufWriter<File>> = HashMap::new();
    let mut head = Vec::new();
    for file in RosterFile::ALL {
        let path = out.join(file.name());
        let opened = File::create(&path).with_context(|| path.display().to_string())?;
        let mut opened = BufWriter::with_capacity(1 << 16, opened);
        head.clear();
        write_header(&mut head, file);
        opened.write_all(&head)?;
        files.insert(file, opened);
    }
    let mut rows = 0_u64;
    let mut line = Vec::with_capacity(256);
    practice::generate(households, seed, &mut |row| {
        line.clear();
        write_row(&mut line, row);
        rows += 1;
        match files.get_mut(&row.file()) {
            Some(file) => file.write_all(&line),
            None => Ok(()),
        }
    })?;
    for file in files.values_mut() {
        file.flush()?;
    }
    let text = format!("{rows} rows of {households} households in {}", out.display());
    Ok(Said::new(json!({"rows": rows, "households": households}), text))
}

/// What an import is asked to do besides importing.
#[derive(Debug, Clone, Copy)]
pub struct ImportWish {
    pub dry_run: bool,
    pub retire_missing: bool,
}

/// Imports roster files (or directories of them): staged, checked, all or nothing. False in the
/// second place: there were faults, and nothing was changed. An installation without a place takes
/// its first roster from whoever can open its store.
pub async fn import(
    engine: &Engine,
    by: Option<&str>,
    paths: &[PathBuf],
    wish: ImportWish,
) -> anyhow::Result<(Said, bool)> {
    let root: Vec<i64> = view::root(&engine.store).await?.into_iter().collect();
    let mut who = "installation".to_owned();
    if !root.is_empty() {
        let actor = accounts::actor(engine, by, Scope::Admin).await?;
        engine.check_access(&actor, Action::ImportRoster, &root).await?;
        who = actor.name;
    }
    let files = named_files(paths)?;
    let machine = engine.clock.machine_ms();
    let begun = roster::begin(&engine.store, &engine.settings.owner, machine).await?;
    let mut import = begun.ok_or_else(|| anyhow!(OTHER_IMPORT))?;
    let done = work(engine, &mut import, &files, wish).await;
    import.end().await?;
    let summary = match done? {
        Ok(summary) => summary,
        Err(faults) => return Ok((told(&faults), false)),
    };
    if !wish.dry_run {
        upkeep::analyze_roster(&engine.store).await?;
    }
    let mut changes = serde_json::Map::new();
    let mut text = Vec::new();
    for (file, _) in &files {
        let change = summary.of(*file);
        text.push(format!("{}: {}", file.name(), change_words(change)));
        changes.insert(file.name().into(), json!(change));
    }
    if summary.is_empty() {
        text.push("no difference".into());
    }
    if wish.dry_run {
        text.push("a dry run: nothing was changed".into());
    }
    if !wish.dry_run {
        engine.journal(&who, Action::ImportRoster.word(), json!({"changes": changes})).await?;
    }
    let document = json!({"dry_run": wish.dry_run, "changes": changes, "faults": []});
    Ok((Said::new(document, text.join("\n")), true))
}

fn change_words(change: Change) -> String {
    let Change { added, changed, retired, phones } = change;
    let words = format!("{added} added, {changed} changed, {retired} retired");
    if phones > 0 { format!("{words}, {phones} numbers") } else { words }
}

/// Stage, check, compare, merge; or what is wrong with the files.
async fn work(
    engine: &Engine,
    import: &mut Import,
    files: &[(RosterFile, PathBuf)],
    wish: ImportWish,
) -> anyhow::Result<Result<Summary, Vec<Fault>>> {
    let missing = if wish.retire_missing { Missing::Retire } else { Missing::Keep };
    let finish = if wish.dry_run { Finish::DryRun } else { Finish::Commit };
    let mut faults = Vec::new();
    for (file, path) in files {
        faults.extend(stage(engine, import, *file, path).await?);
    }
    if faults.is_empty() {
        faults = import.check(missing).await?;
    }
    if !faults.is_empty() {
        return Ok(Err(faults));
    }
    renew(engine, import).await?;
    import.compare(missing).await?;
    renew(engine, import).await?;
    let merged = import.merge(engine.clock.story_ms(), finish).await?;
    Ok(Ok(merged.ok_or_else(|| anyhow!(OTHER_IMPORT))?))
}

/// The right to merge lasts two minutes at a time, so that a dead import holds nobody up longer.
async fn renew(engine: &Engine, import: &Import) -> anyhow::Result<()> {
    anyhow::ensure!(import.renew(engine.clock.machine_ms()).await?, OTHER_IMPORT);
    Ok(())
}

async fn stage(
    engine: &Engine,
    import: &mut Import,
    file: RosterFile,
    path: &Path,
) -> anyhow::Result<Vec<Fault>> {
    let opened = File::open(path).with_context(|| path.display().to_string())?;
    if let Err(fault) = check_size(file, opened.metadata()?.len()) {
        return Ok(vec![fault]);
    }
    import.has(file);
    let mut faults = Vec::new();
    let mut reader = Reader::new(file, BufReader::with_capacity(1 << 16, opened));
    while let Some(chunk) = reader.next_chunk()? {
        faults.extend(chunk.faults);
        if faults.is_empty() && !chunk.rows.is_empty() {
            renew(engine, import).await?;
            import.stage(&engine.sealer, &chunk.rows).await?;
        }
    }
    Ok(faults)
}

fn told(faults: &[Fault]) -> Said {
    let mut text: Vec<String> = faults.iter().take(FAULTS_SHOWN).map(Fault::to_string).collect();
    text.push(format!("{} faults; nothing was changed", faults.len()));
    let rows: Vec<_> = faults
        .iter()
        .take(FAULTS_SHOWN)
        .map(|f| {
            json!({"file": f.file, "row": f.line, "column": f.column, "value": f.value,
                "reason": f.reason})
        })
        .collect();
    Said::new(json!({"faults": rows, "count": faults.len()}), text.join("\n"))
}

/// The roster files behind the paths given, in the order in which they build on each other.
fn named_files(paths: &[PathBuf]) -> anyhow::Result<Vec<(RosterFile, PathBuf)>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let inside = RosterFile::ALL.into_iter().map(|file| (file, path.join(file.name())));
            found.extend(inside.filter(|(_, path)| path.exists()));
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let file = RosterFile::from_name(name).ok_or_else(|| {
            let known: Vec<&str> = RosterFile::ALL.iter().map(|file| file.name()).collect();
            anyhow!("{name:?} is no roster file; there are: {}", known.join(", "))
        })?;
        found.push((file, path.clone()));
    }
    if found.is_empty() {
        bail!("no roster file: name a directory or files such as places.csv");
    }
    found.sort_by_key(|(file, _)| RosterFile::ALL.iter().position(|known| known == file));
    Ok(found)
}

/// Dead numbers that are good again, by an official's word: those of a file (- is standard input),
/// one a line, or all called dead since.
pub async fn revive(
    engine: &Engine,
    by: Option<&str>,
    numbers: Option<&Path>,
    since: Option<&str>,
) -> anyhow::Result<Said> {
    let actor = accounts::actor(engine, by, Scope::Admin).await?;
    let revival = match (since, numbers) {
        (Some(text), _) => Revival::Since(instant::parse(text).ok_or_else(|| {
            anyhow!("--since: {text:?} is no time: write it as 2026-07-25 15:00")
        })?),
        (None, Some(path)) => Revival::Numbers(read_numbers(path)?),
        (None, None) => bail!("name --numbers FILE or --since WHEN"),
    };
    let revived = engine.revive_numbers(&actor, &revival).await?;
    Ok(Said::new(json!({"revived": revived}), format!("{revived} numbers are good again")))
}

fn read_numbers(path: &Path) -> anyhow::Result<Vec<String>> {
    let named = || path.display().to_string();
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().lock().take(NUMBERS_BYTES).read_to_string(&mut text),
        false => {
            File::open(path).with_context(named)?.take(NUMBERS_BYTES).read_to_string(&mut text)
        }
    };
    read.with_context(named)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

/// Writes the roster as files that re-import to no difference. Journaled: it opens every number.
pub async fn export(engine: &Engine, by: Option<&str>, out: &Path) -> anyhow::Result<Said> {
    let actor = accounts::actor(engine, by, Scope::Admin).await?;
    let root: Vec<i64> = view::root(&engine.store).await?.into_iter().collect();
    engine.check_access(&actor, Action::ExportRoster, &root).await?;
    engine.journal(&actor.name, Action::ExportRoster.word(), json!({})).await?;
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let mut rows = 0_u64;
    for file in RosterFile::ALL {
        let path = out.join(file.name());
        let opened = File::create(&path).with_context(|| path.display().to_string())?;
        let mut opened = BufWriter::new(opened);
        let mut bytes = Vec::new();
        write_header(&mut bytes, file);
        let mut cursor = Cursor::START;
        loop {
            opened.write_all(&bytes)?;
            bytes.clear();
            let part = roster::export(&engine.store, &engine.sealer, file, &mut cursor).await?;
            if part.is_empty() {
                break;
            }
            rows += u64::try_from(part.len()).unwrap_or(0);
            part.iter().for_each(|row| write_row(&mut bytes, row));
        }
        opened.flush()?;
    }
    Ok(Said::new(json!({"rows": rows}), format!("{rows} rows in {}", out.display())))
}
