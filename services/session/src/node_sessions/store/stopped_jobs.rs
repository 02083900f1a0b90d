//! Jobs that have stopped lately.

use std::collections::{BTreeSet, HashSet};

use muster_contract::session::JobReference;
use muster_storage::{Bind, ColumnType, LockKey, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

/// A job, with the tenant that it belongs to.
pub(crate) type JobOf<'a> = (&'a str, &'a JobReference);

pub(super) static REMEMBER: SetStatement = SetStatement::new(
    "INSERT INTO job_stopped (tenant, cluster, job_id, heard_at) \
     SELECT r.tenant, r.cluster, r.job_id, r.heard_at FROM {rows} WHERE true \
     ON CONFLICT (tenant, cluster, job_id) DO UPDATE SET heard_at = excluded.heard_at",
    &[
        ("tenant", ColumnType::Text),
        ("cluster", ColumnType::Text),
        ("job_id", ColumnType::Integer),
        ("heard_at", ColumnType::Integer),
    ],
);

pub(super) static STOPPED: SetStatement = SetStatement::new(
    "SELECT job_stopped.tenant, job_stopped.cluster, job_stopped.job_id FROM {rows} JOIN job_stopped \
     ON job_stopped.tenant = r.tenant AND job_stopped.cluster = r.cluster AND job_stopped.job_id = r.job_id",
    &[
        ("tenant", ColumnType::Text),
        ("cluster", ColumnType::Text),
        ("job_id", ColumnType::Integer),
    ],
);

pub(super) const FORGET: &str = "DELETE FROM job_stopped WHERE (tenant, cluster, job_id) IN ( \
     SELECT tenant, cluster, job_id FROM job_stopped WHERE heard_at < $1 ORDER BY heard_at LIMIT $2)";

#[derive(Debug, FromRow)]
struct JobRow {
    tenant: String,
    cluster: String,
    job_id: i64,
}

/// Makes transactions that are about the same job take turns.
pub(crate) async fn lock_jobs(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = JobOf<'_>>,
) -> Result<(), StorageError> {
    let jobs = jobs.into_iter();
    let locks = jobs.map(|(tenant, job)| {
        let id = job.job_id.to_string();
        LockKey::of(&["job", tenant, &job.cluster, &id])
    });
    transaction.lock_keys(&locks.collect::<Vec<_>>()).await
}

/// Remembers that these jobs have stopped.
pub(crate) async fn remember(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = JobOf<'_>>,
    now: i64,
) -> Result<(), StorageError> {
    let rows = rows(jobs, |mut row| {
        row.push(now.into());
        row
    });
    transaction.write_set(&REMEMBER, &rows).await
}

/// Those of the jobs that are known to have stopped.
pub(crate) async fn stopped(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = JobOf<'_>>,
) -> Result<HashSet<(String, JobReference)>, StorageError> {
    let rows: Vec<JobRow> = transaction
        .fetch_set(&STOPPED, &rows(jobs, |row| row))
        .await?;
    let jobs = rows.into_iter().map(|row| {
        let job = JobReference {
            cluster: row.cluster,
            job_id: row.job_id,
        };
        (row.tenant, job)
    });
    Ok(jobs.collect())
}

/// Forgets some of those that were heard of before this time; tells how many.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    transaction
        .execute(FORGET, &[before.into(), limit.into()])
        .await
}

/// Each job once.
fn rows<'a>(
    jobs: impl IntoIterator<Item = JobOf<'a>>,
    complete: impl Fn(Vec<Bind>) -> Vec<Bind>,
) -> Vec<Vec<Bind>> {
    let key = |(tenant, job): JobOf<'a>| (tenant, job.cluster.as_str(), job.job_id);
    let jobs: BTreeSet<(&str, &str, i64)> = jobs.into_iter().map(key).collect();
    jobs.into_iter()
        .map(|(tenant, cluster, job_id)| {
            complete(vec![tenant.into(), cluster.into(), job_id.into()])
        })
        .collect()
}
