//! Having the files that describe jobs follow the tables.

use muster_storage::{ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::archive_work::{ArchiveAction, request_archive_work};
use crate::domain::archive_layout::JobKey;

/// A job that has not ended has no files yet, and one that is not monitored gets none.
pub(super) static DESCRIBED: SetStatement = SetStatement::new(
    "SELECT job.cluster, job.job_id, job.start_time FROM {rows} JOIN job ON job.id = r.id \
     WHERE job.monitoring_status <> 0 AND job.state <> 'running' AND job.state <> 'pending' AND job.state <> 'suspended'",
    &[("id", ColumnType::Integer)],
);

#[derive(Debug, FromRow)]
struct KeyRow {
    cluster: String,
    job_id: i64,
    start_time: i64,
}

/// The tags or meta data of these jobs have changed: of those that have files, the one that tells of them is written anew.
pub(crate) async fn describe_jobs(
    transaction: &mut Transaction,
    ids: &[i64],
) -> Result<(), StorageError> {
    let rows: Vec<_> = ids.iter().map(|id| vec![(*id).into()]).collect();
    let rows: Vec<KeyRow> = transaction.fetch_set(&DESCRIBED, &rows).await?;
    let work = rows.into_iter().map(|row| {
        let key = JobKey {
            cluster: row.cluster,
            job_id: row.job_id,
            start_time: row.start_time,
        };
        (key, ArchiveAction::Describe)
    });
    request_archive_work(transaction, work).await
}
