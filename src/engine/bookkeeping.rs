//! Whether outcomes can be kept. While they can't, nobody else is called: a call whose outcome is
//! not kept is a message sent again. What was called and could not be noted is remembered here and
//! noted without a second call. And whether the database's file is still in its place. Writes no
//! outcome itself: `send` and `notices` do.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use super::{Engine, EngineFault};
use crate::domain::outcome::Outcome;
use crate::store::file::FileState;
use crate::store::probe;

/// The rest after the first failure, machine ms; doubled with each further one.
const REST_MS: i64 = 2_000;
const REST_MOST_MS: i64 = 60_000;
/// How long one look at the store answers everybody who asks, machine ms.
const LOOK_KEPT_MS: i64 = 5_000;

/// The desk is told so often that the database's file is gone, story ms.
const FILE_ALARM_MS: i64 = 3_600_000;
const FILE_GONE: &str = "the database file was moved away or replaced: what is written now is lost \
                         with this process; do not restart it, put the file back";

/// A message in the books: its batch (0: a notice), and its address or notice.
pub(crate) type Key = (i64, i64);

/// What one process knows of its books.
#[derive(Debug, Default)]
pub(crate) struct Books(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Whether the store has taken a write since this process began.
    tried: bool,
    /// Failures in a row.
    failed: u32,
    /// Nobody is called before then, machine ms.
    rest_until: i64,
    /// Called, and not noted.
    made: HashMap<Key, Outcome>,
    looked: Option<(i64, Result<(), String>)>,
}

enum Turn {
    Go,
    Try,
    /// Machine ms.
    Rest(i64),
}

impl Books {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came of a call that could not be noted so far.
    pub(crate) fn made(&self, key: Key) -> Option<Outcome> {
        self.known().made.get(&key).cloned()
    }

    /// These are noted: calling goes on.
    pub(crate) fn noted(&self, keys: impl Iterator<Item = Key>) {
        let mut known = self.known();
        (known.tried, known.failed, known.rest_until) = (true, 0, 0);
        if !known.made.is_empty() {
            keys.for_each(|key| drop(known.made.remove(&key)));
        }
    }

    /// These were called and could not be noted: everybody rests.
    pub(crate) fn unnoted(&self, calls: impl Iterator<Item = (Key, Outcome)>, machine: i64) {
        let mut known = self.known();
        known.made.extend(calls.filter(|(_, outcome)| outcome.is_handed_over()));
        known.fail(machine);
    }

    fn turn(&self, machine: i64) -> Turn {
        let mut known = self.known();
        match known.rest_until - machine {
            _ if known.failed == 0 && known.tried => Turn::Go,
            _ if known.failed == 0 => Turn::Try,
            rest if (1..=REST_MOST_MS).contains(&rest) => Turn::Rest(rest),
            // One tries; until it has noted something, the others go on resting.
            _ => {
                known.rest_until = machine + known.rest_ms();
                Turn::Try
            }
        }
    }
}

impl Known {
    fn rest_ms(&self) -> i64 {
        (REST_MS << self.failed.saturating_sub(1).min(5)).min(REST_MOST_MS)
    }

    fn fail(&mut self, machine: i64) {
        self.failed = self.failed.saturating_add(1);
        self.rest_until = machine + self.rest_ms();
        let (failed, rest_ms) = (self.failed, self.rest_ms());
        tracing::error!(failed, rest_ms, "outcomes can't be kept: nobody is called meanwhile");
    }
}

impl Engine {
    /// Until when nobody is called because outcomes can't be kept, story ms. None: go on.
    pub(super) async fn rests_until(&self) -> Option<i64> {
        let machine = self.clock.machine_ms();
        let rest_ms = match self.books.turn(machine) {
            Turn::Go => return None,
            Turn::Rest(rest_ms) => rest_ms,
            Turn::Try => match probe::write(&self.store, &self.settings.owner).await {
                Ok(()) => {
                    self.books.known().tried = true;
                    return None;
                }
                Err(fault) => {
                    tracing::error!(%fault, "the store takes no write");
                    let mut known = self.books.known();
                    known.fail(machine);
                    known.rest_ms()
                }
            },
        };
        Some(self.clock.story_ms() + rest_ms)
    }

    /// Whether the store takes a write, as of a few seconds ago at most; why not.
    pub async fn takes_writes(&self) -> Result<(), String> {
        let machine = self.clock.machine_ms();
        if let Some((at, found)) = &self.books.known().looked
            && (0..LOOK_KEPT_MS).contains(&(machine - at))
        {
            return found.clone();
        }
        let found = probe::write(&self.store, &self.settings.owner).await;
        let found = found.map_err(|fault| fault.to_string());
        let found = match self.store.file_state().await {
            FileState::Same => found,
            FileState::Gone | FileState::Replaced => found.and(Err(FILE_GONE.to_owned())),
        };
        self.books.known().looked = Some((machine, found.clone()));
        found
    }

    /// Tells the desk, every hour, that the database's file is not where it was.
    pub(super) async fn watch_file(&self) -> Result<(), EngineFault> {
        let what = match self.store.file_state().await {
            FileState::Same => return Ok(()),
            FileState::Gone => "不见了（被移走或删除）",
            FileState::Replaced => "被换成了另一个文件",
        };
        tracing::error!("{FILE_GONE}");
        let now = self.clock.story_ms();
        let key = format!("store-file:{}", now / FILE_ALARM_MS);
        let text = format!(
            "数据库文件{what}：现在写下的，程序重启后就没有了。不要重启；\
             请马上把原来的文件放回原处，或请管理员处理"
        );
        let mut tx = self.store.begin().await?;
        if self.alarm(&mut tx, 0, key, text, now).await? {
            self.note(&mut tx, "auditor", "store.file_gone", None, json!({})).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Calls whose outcome this process still owes to the store.
    pub fn unnoted(&self) -> usize {
        self.books.known().made.len()
    }
}
