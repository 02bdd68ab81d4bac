//! The file of a SQLite store on its disk: whether it still is the one that was opened. Whoever
//! moves it away or puts another in its place leaves this process writing where no later one looks.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A disk that does not answer for so long says nothing; writing will.
const LOOK_MS: u64 = 2_000;

/// What stands at the path of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// The file that was opened, or no file to speak of.
    Same,
    /// Nothing: it was moved away or removed.
    Gone,
    /// Another file.
    Replaced,
}

/// The file as it was when it was opened.
#[derive(Debug, Clone)]
pub(super) struct OpenedFile {
    path: PathBuf,
    mark: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
}

impl OpenedFile {
    /// None where there is no such file: a store in memory.
    pub(super) fn of(path: &Path) -> Option<OpenedFile> {
        Some(OpenedFile { path: path.to_owned(), mark: mark(path).ok()?? })
    }

    /// One look at the disk, bounded in time.
    pub(super) async fn state(&self) -> FileState {
        let path = self.path.clone();
        let look = tokio::task::spawn_blocking(move || mark(&path));
        match tokio::time::timeout(Duration::from_millis(LOOK_MS), look).await {
            Ok(Ok(Ok(Some(found)))) if found == self.mark => FileState::Same,
            Ok(Ok(Ok(Some(_)))) => FileState::Replaced,
            Ok(Ok(Ok(None))) => FileState::Gone,
            Ok(Ok(Err(_)) | Err(_)) | Err(_) => FileState::Same,
        }
    }
}

#[cfg(unix)]
fn mark(path: &Path) -> std::io::Result<Option<Mark>> {
    use std::os::unix::fs::MetadataExt;
    match std::fs::metadata(path) {
        Ok(found) => Ok(Some(Mark { device: found.dev(), inode: found.ino() })),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Elsewhere a file that is open can't be moved.
#[cfg(not(unix))]
fn mark(_: &Path) -> std::io::Result<Option<Mark>> {
    Ok(None)
}
