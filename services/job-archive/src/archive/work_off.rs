//! All archive work at one go, for the operator's commands.

use std::{sync::Arc, time::Duration};

use muster_platform::{Health, Shutdown, SystemClock};
use muster_storage::{Database, StorageError};

use super::{
    archiver::{Archiver, ArchiverBell},
    files::ArchiveFiles,
    measure::MeasureJobs,
};
use crate::store::{archive_work::backlog, cluster_documents::named};

/// Does all archive work that there is and returns when nothing is left: what the service does, for whoever has the tables to
/// himself. `at_once` = jobs whose files are written at once.
///
/// # Errors
/// The tables cannot be read.
pub async fn work_off(
    database: &Database,
    files: &ArchiveFiles,
    metrics: Arc<dyn MeasureJobs>,
    at_once: usize,
) -> Result<(), StorageError> {
    const LOOK: Duration = Duration::from_millis(20);
    let tasks = Shutdown::new();
    let archiver = Archiver {
        database: database.clone(),
        files: files.clone(),
        metrics,
        clock: Arc::new(SystemClock),
        clusters: named(database).await?,
        at_once,
        bell: ArchiverBell::default(),
        health: Health::new().register("job archive: files"),
        stop: tasks.token(),
    };
    let working = tasks.spawn("archiver", archiver.run());
    while backlog(database).await? > 0 && !working.is_finished() {
        tokio::time::sleep(LOOK).await;
    }
    tasks.trigger();
    // What it says of itself is in the log.
    let _ = working.await;
    Ok(())
}
