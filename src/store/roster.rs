//! The roster into the store and out again: rows wait in `stage` until all of them are found good,
//! then one transaction of set-based statements makes them so; nothing is half applied.
//!
//! Sealing and checking, the long part, touch no table that replies need. The merge writes only
//! rows that differ. Reads no file; two imports at once are kept apart by the caller's lease.

mod check;
mod closing;
mod export;
mod merge;
mod stage;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::{Stmt, Store, StoreFault};
use crate::args;
use crate::base::seal::Sealer;
use crate::domain::roster::{Fault, RosterFile, Row};

pub use export::{Cursor, export};
pub use merge::{Change, Summary};

/// A stage older than this belongs to an import that died.
const STAGE_AGE_MS: i64 = 86_400_000;

crate::statements! {
    CLEAR_STAGE = "DELETE FROM stage WHERE import_id = $1 AND file = $2";
    CLEAR_OLD_STAGES = "DELETE FROM stage WHERE import_id < $1";
    ANALYZE_STAGE = "ANALYZE stage";
}

/// Every statement of the files of this room.
pub(crate) fn statements() -> Vec<&'static Stmt> {
    [ALL, stage::ALL, check::ALL, merge::ALL, closing::ALL, export::ALL].concat()
}

/// What becomes of what the store has and the files don't name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Keep,
    /// Retired; wants all nine files.
    Retire,
}

/// Whether the merge is made or only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    Commit,
    DryRun,
}

/// An import under way.
#[derive(Debug)]
pub struct Import {
    id: i64,
    files: BTreeSet<RosterFile>,
}

/// Begins an import; its stage is named by the instant, and stages left by dead imports go.
pub async fn begin(store: &Store, now: i64) -> Result<Import, StoreFault> {
    store.exec(&CLEAR_OLD_STAGES, args![now - STAGE_AGE_MS]).await?;
    Ok(Import { id: now, files: BTreeSet::new() })
}

impl Import {
    /// Says that a file belongs to the import, whether or not it has rows.
    pub fn has(&mut self, file: RosterFile) {
        self.files.insert(file);
    }

    /// Puts rows (with their lines) into the stage: numbers are sealed here and never stored
    /// open. One statement; at most `CHUNK_ROWS_MAX` rows a call keep it short.
    pub async fn stage(
        &mut self,
        store: &Store,
        sealer: &Sealer,
        rows: &[(u64, Row)],
    ) -> Result<(), StoreFault> {
        self.files.extend(rows.iter().map(|(_, row)| row.file()));
        stage::stage(store, sealer, self.id, rows).await
    }

    /// Everything wrong with the staged rows, at most `FAULTS_MAX`, by file and line.
    pub async fn check(&self, store: &Store, missing: Missing) -> Result<Vec<Fault>, StoreFault> {
        store.exec(&ANALYZE_STAGE, args![]).await?;
        check::check(store, self.id, &self.files, missing).await
    }

    /// Makes the staged rows so, all or nothing, and counts what changed. Only after a
    /// [`Import::check`] without faults.
    ///
    /// # Errors
    /// `Again`: nothing happened, merge again.
    pub async fn merge(
        &self,
        store: &Store,
        now: i64,
        missing: Missing,
        finish: Finish,
    ) -> Result<Summary, StoreFault> {
        let mut tx = store.begin().await?;
        let summary = merge::merge(&mut tx, self.id, now, missing).await?;
        match finish {
            Finish::Commit => tx.commit().await?,
            Finish::DryRun => drop(tx),
        }
        Ok(summary)
    }

    /// Empties the stage, file by file.
    pub async fn discard(self, store: &Store) -> Result<(), StoreFault> {
        for file in stage::NAMES {
            store.exec(&CLEAR_STAGE, args![self.id, *file]).await?;
        }
        Ok(())
    }
}
