//! What an attempt to write a job's files has left behind.

use std::path::PathBuf;

use super::{
    files::{ArchiveError, ArchiveFiles, directory_of},
    place::ArchivePlace,
};
use crate::domain::archive_layout::{COMPRESSED_DATA_FILE, DATA_FILE, JobKey, META_FILE};

impl ArchiveFiles {
    /// Removes what an attempt left behind that was cut off: files under the names that they had before they were whole. S3
    /// has none.
    pub(crate) async fn remove_leftovers(&self, key: &JobKey) -> Result<(), ArchiveError> {
        let ArchivePlace::Directory(root) = self.place() else {
            return Ok(());
        };
        let directory = root.join(directory_of(key)?);
        // Small and rare: once for each job that had to be tried again.
        let removed = tokio::task::spawn_blocking(move || remove_staged(&directory)).await;
        match removed {
            Ok(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(ArchiveError::Place {
                    reason: error.to_string(),
                })
            }
            _ => Ok(()),
        }
    }
}

/// The store writes `name#1` and the like before it renames.
fn remove_staged(directory: &PathBuf) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let staged = name
            .to_str()
            .and_then(|name| name.split_once('#'))
            .is_some_and(|(name, _)| [META_FILE, DATA_FILE, COMPRESSED_DATA_FILE].contains(&name));
        if staged {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
