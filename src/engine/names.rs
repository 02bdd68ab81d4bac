//! Names that a message could not say as they stand: collected where texts are made, and told
//! once, in the log and the journal. What is said instead was decided by `render`; it stops nobody.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};

use serde_json::json;

use super::Engine;
use crate::render::Mended;

/// Names remembered by one process; more of them are no news.
const KNOWN_MAX: usize = 10_000;

/// What this process has met of such names.
#[derive(Debug, Default)]
pub(crate) struct OddNames(Mutex<Met>);

#[derive(Debug, Default)]
struct Met {
    known: HashSet<(String, String)>,
    /// In the log already, and not in the journal yet.
    owed: Vec<Mended>,
}

impl OddNames {
    fn met(&self) -> MutexGuard<'_, Met> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Notes names; each is logged the first time.
    pub(crate) fn note(&self, mended: Vec<Mended>) {
        if mended.is_empty() {
            return;
        }
        let mut met = self.met();
        for one in mended {
            let key = (one.field.clone(), one.value.clone());
            if met.known.len() < KNOWN_MAX && met.known.insert(key) {
                tracing::warn!(
                    field = one.field,
                    rule = %one.rule,
                    "a name of the roster may not stand in a message and was mended: \
                     `roster export` and `roster import --dry-run` say where"
                );
                met.owed.push(one);
            }
        }
    }

    fn take_owed(&self) -> Vec<Mended> {
        std::mem::take(&mut self.met().owed)
    }

    fn owe(&self, mended: Vec<Mended>) {
        self.met().owed.extend(mended);
    }
}

impl Engine {
    /// Journals the names that were mended since. Nothing fails for it: what could not be written
    /// is still owed.
    pub(crate) async fn report_names(&self) {
        let owed = self.names.take_owed();
        if owed.is_empty() {
            return;
        }
        // Not the names themselves: the journal keeps nobody's for ever.
        let names: Vec<serde_json::Value> = owed
            .iter()
            .map(|one| json!({"field": one.field, "rule": one.rule.to_string()}))
            .collect();
        let detail = json!({"names": names});
        if let Err(fault) = self.journal("engine", "wording.mended", detail).await {
            tracing::debug!(%fault, "mended names not journaled: once more later");
            self.names.owe(owed);
        }
    }
}
