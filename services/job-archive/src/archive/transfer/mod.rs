//! From the archive to the tables and back, and looking at an archive: for operators. Memory does not grow with the archive.

mod export;
mod import;
mod info;
mod verify;

pub use export::{ExportOptions, export};
pub use import::{ImportOptions, Imported, import};
pub use info::{ClusterInfo, info};
pub use verify::{Verified, verify};

use muster_storage::StorageError;

use super::files::ArchiveError;

/// Jobs that are read, or written, together.
const CHUNK: usize = 512;

/// Problems that are kept to be shown; of further ones only the number is.
const SHOWN_PROBLEMS: usize = 1_000;

/// Called for each job that is done.
pub type Seen<'a> = &'a (dyn Fn() + Sync);

/// Why something had to stop.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The tables.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no `version.txt`.
    #[error("{place} is no archive: it has no version.txt")]
    NoArchive {
        /// The place.
        place: String,
    },
    /// An archive is in one version.
    #[error("{place} is an archive of version {found}; choose another place for version {wanted}")]
    OtherVersion {
        /// The place.
        place: String,
        /// Its version.
        found: u32,
        /// The one that was asked for.
        wanted: u32,
    },
}

/// What is wrong with something in an archive.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file or directory.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Problems, the first of them in full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    /// The first ones.
    pub shown: Vec<Problem>,
    /// All of them.
    pub count: u64,
}

impl Problems {
    fn add(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        self.count += 1;
        if self.shown.len() < SHOWN_PROBLEMS {
            self.shown.push(Problem {
                place: place.into(),
                problem: problem.into(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
