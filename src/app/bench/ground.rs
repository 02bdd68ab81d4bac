//! What one run stands on: a schema or a file, and queues under a prefix, all of this run alone and
//! removed at its end. What a run that was killed has left behind, the next one removes: its claim
//! ended with it. Nothing is measured here.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use super::FanoutArgs;
use crate::base::clock::calendar_ms;
use crate::queue::{Queue, QueueSettings, RabbitQueue};
use crate::store::bench::{self as bare, Claim};

const FILE_OPENS: &str = "tongluo_bench_";
const LOCK_ENDS: &str = ".lock";

/// A schema or file and a queue prefix of this run alone.
pub(super) struct Ground {
    name: String,
    pub database: String,
    place: Place,
    queue: String,
}

enum Place {
    Schema { admin: String, claim: Claim },
    File { path: PathBuf, claim: File },
}

impl Ground {
    pub async fn new(args: &FanoutArgs) -> anyhow::Result<Ground> {
        let name = format!("bench_{}_{}", std::process::id(), calendar_ms());
        let queue = args.queue.clone().unwrap_or_else(|| "memory:".into());
        let Some(base) = &args.database else {
            for dead in remove_dead_files()? {
                remove_queues(&queue, &dead).await?;
            }
            let path = std::env::temp_dir().join(format!("tongluo_{name}.db"));
            let claim = File::create_new(lock_of(&path)).context("a file of its own")?;
            claim.try_lock().context("a file of its own")?;
            let database = format!("sqlite:{}", path.display());
            return Ok(Ground { name, database, place: Place::File { path, claim }, queue });
        };
        if !base.starts_with("postgres") {
            bail!("--database: postgres://…; without it a SQLite file is made and removed");
        }
        for dead in bare::remove_dead_schemas(base).await.context("--database")? {
            remove_queues(&queue, &dead).await?;
        }
        let claim = bare::claim_schema(base, &name).await;
        let (claim, database) = claim.context("--database: a schema of its own")?;
        let place = Place::Schema { admin: base.clone(), claim };
        Ok(Ground { name, database, place, queue })
    }

    pub fn store_word(&self) -> &'static str {
        match self.place {
            Place::Schema { .. } => "postgres",
            Place::File { .. } => "sqlite",
        }
    }

    pub fn queue_word(&self) -> &'static str {
        if self.queue.starts_with("amqp") { "rabbitmq" } else { "memory" }
    }

    pub async fn connect(&self) -> anyhow::Result<Arc<dyn Queue>> {
        let queue = crate::queue::connect(&queue_settings(&self.queue, &self.name)).await?;
        if !queue.health().connected {
            bail!("--queue: no connection to the broker");
        }
        Ok(queue)
    }

    pub async fn remove(self) -> anyhow::Result<()> {
        remove_queues(&self.queue, &self.name).await?;
        match self.place {
            Place::Schema { admin, claim } => {
                bare::drop_schema(&admin, &self.name).await?;
                claim.end().await;
            }
            Place::File { path, claim } => {
                remove_file(&path);
                drop(claim);
            }
        }
        Ok(())
    }
}

fn queue_settings(url: &str, prefix: &str) -> QueueSettings {
    QueueSettings { prefix: prefix.into(), ..QueueSettings::new(url) }
}

async fn remove_queues(url: &str, prefix: &str) -> anyhow::Result<()> {
    if url.starts_with("amqp") {
        let settings = QueueSettings { consume: Vec::new(), ..queue_settings(url, prefix) };
        RabbitQueue::connect(&settings).await?.close_and_delete().await?;
    }
    Ok(())
}

fn lock_of(path: &Path) -> PathBuf {
    let mut lock = path.as_os_str().to_owned();
    lock.push(LOCK_ENDS);
    lock.into()
}

/// Files of runs that hold their lock no more; gives their names.
fn remove_dead_files() -> anyhow::Result<Vec<String>> {
    let mut dead = Vec::new();
    for entry in fs::read_dir(std::env::temp_dir())? {
        let lock = entry?.path();
        let name = lock.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(file) = name.strip_suffix(LOCK_ENDS).filter(|n| n.starts_with(FILE_OPENS)) else {
            continue;
        };
        // One that is not ours to open, or is gone meanwhile, is somebody else's affair.
        if File::open(&lock).is_ok_and(|claim| claim.try_lock().is_ok()) {
            remove_file(&lock.with_file_name(file));
            let name = file.trim_start_matches("tongluo_").trim_end_matches(".db");
            dead.push(name.to_owned());
        }
    }
    Ok(dead)
}

fn remove_file(path: &Path) {
    for end in ["", "-wal", "-shm", LOCK_ENDS] {
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
}
