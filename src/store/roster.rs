//! The roster into the store and out again: rows wait in a stage of the import's own until all of
//! them are found good and compared; then one transaction of set-based statements writes what
//! differs. Nothing is half applied.
//!
//! The stage is temporary, on a connection of its own: neither sealing, checking nor comparing
//! holds up anybody, and nothing is left of an import that died. Reads no file.

/// Which rows of the stage: its files by number, for `concat!`.
macro_rules! file_no {
    ("places") => {
        "1"
    };
    ("humans") => {
        "2"
    };
    ("phones") => {
        "3"
    };
    ("duties") => {
        "4"
    };
    ("absences") => {
        "5"
    };
    ("households") => {
        "6"
    };
    ("persons") => {
        "7"
    };
    ("addresses") => {
        "8"
    };
    ("zones") => {
        "9"
    };
    ("zone_places") => {
        "10"
    };
    ("zone_homes") => {
        "11"
    };
}

mod check;
mod closing;
mod compare;
mod export;
mod merge;
mod stage;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::lease::{self, Held};
use super::{Stmt, Store, StoreFault};
use crate::base::seal::Sealer;
use crate::domain::roster::{Fault, RosterFile, Row};

use compare::Differences;
pub use export::{Cursor, export};
pub use merge::{Change, Summary};

/// One import at a time: what it compared must still be so when it merges.
const LEASE: &str = "roster.import";
const LEASE_MS: i64 = 120_000;

/// Every statement of the files of this room.
pub(crate) fn statements() -> Vec<&'static Stmt> {
    [stage::ALL, check::ALL, compare::ALL, merge::ALL, closing::ALL, export::ALL].concat()
}

/// Lays the empty stage on a store of one connection, as an import does; its statements can be
/// prepared only there.
pub async fn lay_stage(store: &Store) -> Result<(), StoreFault> {
    stage::lay(store).await
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
pub struct Import {
    /// One connection, with the stage.
    store: Store,
    held: Held,
    files: BTreeSet<RosterFile>,
    differences: Option<Differences>,
}

/// Begins an import for `owner`; `None`: another one is under way. `machine_now` is machine time.
pub async fn begin(
    store: &Store,
    owner: &str,
    machine_now: i64,
) -> Result<Option<Import>, StoreFault> {
    let Some(held) = lease::take(store, LEASE, owner, machine_now, LEASE_MS).await? else {
        return Ok(None);
    };
    let store = store.alone().await?;
    stage::lay(&store).await?;
    Ok(Some(Import { store, held, files: BTreeSet::new(), differences: None }))
}

impl Import {
    /// Says that a file belongs to the import, whether or not it has rows.
    pub fn has(&mut self, file: RosterFile) {
        self.files.insert(file);
    }

    /// Goes on holding the right to merge. False: it ran out and another import has it.
    pub async fn renew(&self, machine_now: i64) -> Result<bool, StoreFault> {
        let Held { name, owner, epoch } = &self.held;
        let held = lease::take(&self.store, name, owner, machine_now, LEASE_MS).await?;
        Ok(held.is_some_and(|held| held.epoch == *epoch))
    }

    /// Puts rows (with their lines) into the stage: numbers are sealed here and never stored
    /// open. At most `CHUNK_ROWS_MAX` rows a call keep it in bounds.
    pub async fn stage(&mut self, sealer: &Sealer, rows: &[(u64, Row)]) -> Result<(), StoreFault> {
        self.files.extend(rows.iter().map(|(_, row)| row.file()));
        stage::stage(&self.store, sealer, rows).await
    }

    /// Everything wrong with the staged rows, at most `FAULTS_MAX`, by file and line.
    pub async fn check(&self, missing: Missing) -> Result<Vec<Fault>, StoreFault> {
        stage::index(&self.store).await?;
        check::check(&self.store, &self.files, missing).await
    }

    /// Finds what of the stage differs from the store, and what is to be retired. Only after a
    /// [`Import::check`] without faults.
    pub async fn compare(&mut self, missing: Missing) -> Result<(), StoreFault> {
        self.differences = Some(compare::compare(&self.store, missing).await?);
        Ok(())
    }

    /// Makes the staged rows so, all or nothing, and counts what changed; takes as long as there
    /// are differences. Only after [`Import::compare`]. `None`: the right to merge was lost to
    /// another import, and nothing happened.
    ///
    /// # Errors
    /// `Again`: nothing happened, merge again.
    pub async fn merge(&self, now: i64, finish: Finish) -> Result<Option<Summary>, StoreFault> {
        let Some(differences) = &self.differences else {
            return Ok(None);
        };
        let mut tx = self.store.begin().await?;
        if !lease::keep(&mut tx, &self.held).await? {
            return Ok(None);
        }
        let summary = merge::merge(&mut tx, differences, now).await?;
        match finish {
            Finish::Commit => tx.commit().await?,
            Finish::DryRun => drop(tx),
        }
        Ok(Some(summary))
    }

    /// Gives the right to merge back; the stage goes with its connection.
    pub async fn end(self) -> Result<(), StoreFault> {
        lease::release(&self.store, &self.held).await?;
        self.store.close().await;
        Ok(())
    }
}
