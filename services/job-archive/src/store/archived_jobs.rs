//! What the archiver reads of jobs and writes to them.

use std::collections::HashMap;

use muster_contract::job_archive::{Job, JobDetails};
use muster_storage::{Bind, ColumnType, Database, SetStatement, StorageError, Transaction};

use super::{
    job_row::{JobRow, job_columns},
    job_tags::JobTags,
};
use crate::domain::archive_layout::JobKey;

/// The archive has all files of the job.
pub(crate) const ARCHIVED: i32 = 3;
/// The job runs, or its files are to be written.
pub(crate) const TO_BE_ARCHIVED: i32 = 1;
/// Its files could not be written.
pub(crate) const NOT_ARCHIVED: i32 = 2;

static LOAD: SetStatement = SetStatement::new(
    concat!(
        "SELECT ",
        job_columns!(),
        ", job.meta_data FROM {rows} JOIN job \
         ON job.job_id = r.job_id AND job.cluster = r.cluster AND job.start_time = r.start_time"
    ),
    &[
        ("cluster", ColumnType::Text),
        ("job_id", ColumnType::Integer),
        ("start_time", ColumnType::Integer),
    ],
);

/// The jobs that are there of these, with their meta data and all their tags.
pub(crate) async fn load_jobs(
    database: &Database,
    keys: impl IntoIterator<Item = &JobKey>,
) -> Result<HashMap<JobKey, Job>, StorageError> {
    let keys: Vec<Vec<Bind>> = keys
        .into_iter()
        .map(|key| {
            vec![
                (&key.cluster).into(),
                key.job_id.into(),
                key.start_time.into(),
            ]
        })
        .collect();
    let mut snapshot = database.snapshot().await?;
    let rows: Vec<JobRow> = snapshot.fetch_set(&LOAD, &keys).await?;
    let tagged: Vec<i64> = rows
        .iter()
        .filter(|row| row.tagged)
        .map(|row| row.id)
        .collect();
    let tags = JobTags::in_snapshot(&mut snapshot, &tagged).await?;
    rows.into_iter()
        .map(|row| {
            let key = JobKey {
                cluster: row.cluster.clone(),
                job_id: row.job_id,
                start_time: row.start_time,
            };
            let all = tags.all(row.id);
            Ok((key, row.into_job(all)?))
        })
        .collect()
}

static NOTE: SetStatement = SetStatement::new(
    "UPDATE job SET monitoring_status = r.status, details = r.details FROM {rows} WHERE job.id = r.id",
    &[
        ("id", ColumnType::Integer),
        ("status", ColumnType::Integer),
        ("details", ColumnType::Text),
    ],
);

/// Notes that the archive has the jobs, and what was measured of them. Each job once.
pub(crate) async fn note_archived(
    transaction: &mut Transaction,
    jobs: &[(i64, &JobDetails)],
) -> Result<(), StorageError> {
    let rows = jobs
        .iter()
        .map(|(id, details)| {
            let details = serde_json::to_string(details)
                .map_err(|error| StorageError::Other(error.into()))?;
            Ok(vec![(*id).into(), ARCHIVED.into(), details.into()])
        })
        .collect::<Result<Vec<Vec<Bind>>, StorageError>>()?;
    transaction.write_set(&NOTE, &rows).await
}

static NOTE_FAILURE: SetStatement = SetStatement::new(
    "UPDATE job SET monitoring_status = r.status FROM {rows} \
     WHERE job.id = r.id AND job.monitoring_status = r.seen",
    &[
        ("id", ColumnType::Integer),
        ("seen", ColumnType::Integer),
        ("status", ColumnType::Integer),
    ],
);

/// Notes that the jobs could not be archived so far. Each job once.
pub(crate) async fn note_failures(
    transaction: &mut Transaction,
    jobs: &[i64],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = jobs
        .iter()
        .map(|id| vec![(*id).into(), TO_BE_ARCHIVED.into(), NOT_ARCHIVED.into()])
        .collect();
    transaction.write_set(&NOTE_FAILURE, &rows).await
}

/// Jobs that are read at once.
const PAGE: i64 = 512;

const AFTER: &str = concat!(
    "SELECT ",
    job_columns!(),
    ", job.meta_data FROM job WHERE job.id > $1 ORDER BY job.id LIMIT $2"
);

/// The next jobs after this number of the table, with their meta data and all their tags.
pub(crate) async fn jobs_after(database: &Database, id: i64) -> Result<Vec<Job>, StorageError> {
    let mut snapshot = database.snapshot().await?;
    let rows: Vec<JobRow> = snapshot.fetch_all(AFTER, &[id.into(), PAGE.into()]).await?;
    let tagged: Vec<i64> = rows
        .iter()
        .filter(|row| row.tagged)
        .map(|row| row.id)
        .collect();
    let tags = JobTags::in_snapshot(&mut snapshot, &tagged).await?;
    rows.into_iter()
        .map(|row| {
            let all = tags.all(row.id);
            row.into_job(all)
        })
        .collect()
}
