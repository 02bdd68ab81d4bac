//! The words of `tongluo roster`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Roster {
    /// All or nothing; each bad row is named by file, row, column, value and reason.
    Import {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[arg(long)]
        dry_run: bool,
        /// Retire what the store has and the files don't name.
        #[arg(long)]
        retire_missing: bool,
    },
    /// Files that re-import to no difference.
    Export {
        #[arg(long)]
        out: PathBuf,
    },
    /// A made-up town on Yuyao's real streets; same seed, same bytes.
    Generate {
        #[arg(long)]
        households: u64,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[arg(long)]
        out: PathBuf,
    },
    /// Numbers that a gateway called dead are good again; the journal says by whose word.
    Revive {
        /// A file with a telephone number a line; - is standard input.
        #[arg(long, value_name = "FILE", required_unless_present = "since")]
        numbers: Option<PathBuf>,
        /// All that were called dead since, as "2026-07-25 15:00".
        #[arg(long, value_name = "WHEN", conflicts_with = "numbers")]
        since: Option<String>,
    },
}
