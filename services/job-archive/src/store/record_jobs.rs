//! Recording jobs that have started.

use muster_contract::job_archive::StartJob;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use crate::domain::duplicates::conflicts_from;

/// A job to record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewJob<'a> {
    /// Who reports it.
    pub(crate) tenant: &'a str,
    /// Where it was placed.
    pub(crate) sub_cluster: &'a str,
    /// What was told of it.
    pub(crate) start: &'a StartJob,
}

/// A job that was recorded.
#[derive(Debug, FromRow)]
pub(crate) struct RecordedJob {
    pub(crate) id: i64,
    pub(crate) cluster: String,
    pub(crate) job_id: i64,
    pub(crate) start_time: i64,
}

/// The latest start is asked for as a value, not by a join or `NOT EXISTS`: those PostgreSQL may come to answer by
/// reading the whole table, if it plans while the table is small and keeps the plan.
pub(super) static RECORD: SetStatement = SetStatement::new(
    "INSERT INTO job (tenant, job_id, cluster, sub_cluster, start_time, state, user_name, project, partition, \
         array_job_id, num_nodes, num_hwthreads, num_acc, sharing, monitoring_status, smt, duration, walltime, details, \
         meta_data) \
     SELECT r.tenant, r.job_id, r.cluster, r.sub_cluster, r.start_time, r.state, r.user_name, r.project, r.partition, \
         r.array_job_id, r.num_nodes, r.num_hwthreads, r.num_acc, r.sharing, r.monitoring_status, r.smt, r.duration, \
         r.walltime, r.details, r.meta_data \
     FROM {rows} \
     WHERE COALESCE((SELECT MAX(other.start_time) FROM job AS other \
         WHERE other.job_id = r.job_id AND other.cluster = r.cluster) < r.conflicts_from, true) \
     ON CONFLICT (job_id, cluster, start_time) DO NOTHING \
     RETURNING id, cluster, job_id, start_time",
    &[
        ("tenant", ColumnType::Text),
        ("job_id", ColumnType::Integer),
        ("cluster", ColumnType::Text),
        ("sub_cluster", ColumnType::Text),
        ("start_time", ColumnType::Integer),
        ("conflicts_from", ColumnType::Integer),
        ("state", ColumnType::Text),
        ("user_name", ColumnType::Text),
        ("project", ColumnType::Text),
        ("partition", ColumnType::Text),
        ("array_job_id", ColumnType::Integer),
        ("num_nodes", ColumnType::Integer),
        ("num_hwthreads", ColumnType::Integer),
        ("num_acc", ColumnType::Integer),
        ("sharing", ColumnType::Text),
        ("monitoring_status", ColumnType::Integer),
        ("smt", ColumnType::Integer),
        ("duration", ColumnType::Integer),
        ("walltime", ColumnType::Integer),
        ("details", ColumnType::Text),
        ("meta_data", ColumnType::Text),
    ],
);

/// Records those of the jobs that have no other in their way and returns them. Jobs of one call must not be in each
/// other's way; the caller holds the locks of their numbers.
pub(crate) async fn record_jobs(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = NewJob<'_>>,
) -> Result<Vec<RecordedJob>, StorageError> {
    let rows = jobs.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    transaction.fetch_set(&RECORD, &rows).await
}

fn row(job: NewJob<'_>) -> Result<Vec<Bind>, StorageError> {
    let start = job.start;
    let meta_data = if start.meta_data.is_empty() {
        None
    } else {
        Some(json(&start.meta_data)?)
    };
    Ok(vec![
        job.tenant.into(),
        start.job_id.into(),
        (&start.cluster).into(),
        job.sub_cluster.into(),
        start.start_time.into(),
        conflicts_from(start.start_time).into(),
        start.state.name().into(),
        (&start.user).into(),
        (&start.project).into(),
        (&start.partition).into(),
        start.array_job_id.into(),
        start.num_nodes.into(),
        start.num_hwthreads.into(),
        start.num_acc.into(),
        start.sharing.name().into(),
        start.monitoring_status.into(),
        start.smt.into(),
        start.duration.into(),
        start.walltime.into(),
        json(&start.details)?.into(),
        meta_data.into(),
    ])
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|error| StorageError::Other(error.into()))
}
