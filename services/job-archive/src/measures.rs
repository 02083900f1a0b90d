//! Levels of the job archive, for metrics.

use muster_messaging::Measure;
use muster_platform::Timestamp;
use muster_storage::{Database, StorageError};
use muster_telemetry::{
    metrics::{LevelMetrics, Reading},
    names::metric,
};

use crate::store::archive_work::backlog;

/// What is still to be done to the archive's files.
pub(crate) struct ArchiveLevels(pub(crate) Database);

impl Measure for ArchiveLevels {
    async fn measure(&self, levels: &LevelMetrics, _now: Timestamp) -> Result<(), StorageError> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts are far below 2^53, up to which it is exact"
        )]
        let jobs = backlog(&self.0).await? as f64;
        levels.set(metric::MUSTER_ARCHIVE_BACKLOG, vec![Reading::new([], jobs)]);
        Ok(())
    }
}
