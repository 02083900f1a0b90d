//! Adding jobs of an archive: many at a time, all long over.

use std::collections::HashMap;

use muster_contract::job_archive::StartJob;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};

use super::record_jobs::{RecordedJob, json};
use crate::domain::archive_layout::JobKey;

/// A job of an archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OldJob<'a> {
    /// Who reported it.
    pub(crate) tenant: &'a str,
    /// What is known of it; its sub cluster is always there.
    pub(crate) job: &'a StartJob,
}

/// The rule that keeps a number from being used again within a day is for jobs as they come, not for history.
static INSERT: SetStatement = SetStatement::new(
    "INSERT INTO job (tenant, job_id, cluster, sub_cluster, start_time, state, user_name, project, partition, \
         array_job_id, num_nodes, num_hwthreads, num_acc, sharing, monitoring_status, smt, duration, walltime, details, \
         meta_data) \
     SELECT r.tenant, r.job_id, r.cluster, r.sub_cluster, r.start_time, r.state, r.user_name, r.project, r.partition, \
         r.array_job_id, r.num_nodes, r.num_hwthreads, r.num_acc, r.sharing, r.monitoring_status, r.smt, r.duration, \
         r.walltime, r.details, r.meta_data \
     FROM {rows} WHERE true \
     ON CONFLICT (job_id, cluster, start_time) DO NOTHING \
     RETURNING id, cluster, job_id, start_time",
    &[
        ("tenant", ColumnType::Text),
        ("job_id", ColumnType::Integer),
        ("cluster", ColumnType::Text),
        ("sub_cluster", ColumnType::Text),
        ("start_time", ColumnType::Integer),
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

/// Adds the jobs that are not there yet, and returns the numbers of these in the table.
pub(crate) async fn insert_jobs(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = OldJob<'_>>,
) -> Result<HashMap<JobKey, i64>, StorageError> {
    let rows = jobs.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let added: Vec<RecordedJob> = transaction.fetch_set(&INSERT, &rows).await?;
    let by_key = added.into_iter().map(|job| {
        let key = JobKey {
            cluster: job.cluster,
            job_id: job.job_id,
            start_time: job.start_time,
        };
        (key, job.id)
    });
    Ok(by_key.collect())
}

fn row(old: OldJob<'_>) -> Result<Vec<Bind>, StorageError> {
    let job = old.job;
    let meta_data = if job.meta_data.is_empty() {
        None
    } else {
        Some(json(&job.meta_data)?)
    };
    Ok(vec![
        old.tenant.into(),
        job.job_id.into(),
        (&job.cluster).into(),
        job.sub_cluster.as_deref().unwrap_or_default().into(),
        job.start_time.into(),
        job.state.name().into(),
        (&job.user).into(),
        (&job.project).into(),
        (&job.partition).into(),
        job.array_job_id.into(),
        job.num_nodes.into(),
        job.num_hwthreads.into(),
        job.num_acc.into(),
        job.sharing.name().into(),
        job.monitoring_status.into(),
        job.smt.into(),
        job.duration.into(),
        job.walltime.into(),
        json(&job.details)?.into(),
        meta_data.into(),
    ])
}
