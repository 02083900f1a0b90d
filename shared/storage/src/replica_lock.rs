//! One SQLite file, one replica.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::StorageError;
use crate::sqlite::{named, owner_only};

/// An exclusive lock next to a SQLite file, held as long as this lives.
///
/// SQLite itself would let two replicas take turns, but each would believe to be the only writer. The operating system
/// gives the lock back when the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct ReplicaLock {
    _file: File,
}

impl ReplicaLock {
    /// Takes the lock, or says at once that another holds it.
    pub(crate) fn take(database: &Path) -> Result<Self, StorageError> {
        let path = lock_path(database);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        owner_only(&mut options);
        let file = options.open(&path).map_err(|error| named(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StorageError::ReplicaLock {
                path: database.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(named(&path, &error)),
        }
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}
