//! Deleting jobs. Their tags go with them by the tables' own rule.

use muster_contract::job_archive::{JobGone, OmitTagged};
use muster_storage::{ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::{
    hold_job::{lock_jobs, text},
    job_row::state,
};

pub(super) static DELETE: SetStatement = SetStatement::new(
    "DELETE FROM job WHERE job.id IN (SELECT r.id FROM {rows}) \
     RETURNING job.id, job.tenant, job.job_id, job.cluster, job.start_time, job.state",
    &[("id", ColumnType::Integer)],
);

/// What a user gave are the tags of other types than [`muster_contract::job_archive::AUTOMATIC_TAG_TYPES`].
pub(super) const OLD: &str = "SELECT job.id, job.start_time, \
         (SELECT MIN(job_tag.tag) FROM job_tag WHERE job_tag.job = job.id) IS NOT NULL AS tagged, \
         (SELECT MIN(job_tag.tag) FROM job_tag JOIN tag ON tag.id = job_tag.tag \
             WHERE job_tag.job = job.id AND tag.type <> 'app' AND tag.type <> 'jobClass') IS NOT NULL AS tagged_by_user \
     FROM job WHERE job.tenant = $1 AND (job.start_time, job.id) > ($2, $3) AND job.start_time < $4 \
         AND (CAST($5 AS TEXT) IS NULL OR job.user_name = $5) \
     ORDER BY job.start_time, job.id LIMIT $6";

#[derive(Debug, FromRow)]
struct DeletedRow {
    id: i64,
    tenant: String,
    job_id: i64,
    cluster: String,
    start_time: i64,
    state: String,
}

/// A job that may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub(crate) struct OldJob {
    pub(crate) id: i64,
    pub(crate) start_time: i64,
    tagged: bool,
    tagged_by_user: bool,
}

impl OldJob {
    /// Whether its tags spare it.
    pub(crate) fn is_spared(&self, omit: OmitTagged) -> bool {
        match omit {
            OmitTagged::None => false,
            OmitTagged::All => self.tagged,
            OmitTagged::User => self.tagged_by_user,
        }
    }
}

/// Where a search for old jobs goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OldJobs<'a> {
    /// Of this tenant,
    pub(crate) tenant: &'a str,
    /// of this user only,
    pub(crate) user: Option<&'a str>,
    /// after the job with this start and number,
    pub(crate) after: (i64, i64),
    /// before this time.
    pub(crate) before: i64,
}

/// The next jobs, by start and number.
pub(crate) async fn old_jobs(
    transaction: &mut Transaction,
    search: OldJobs<'_>,
    limit: i64,
) -> Result<Vec<OldJob>, StorageError> {
    let (start_time, id) = search.after;
    let binds = [
        search.tenant.into(),
        start_time.into(),
        id.into(),
        search.before.into(),
        text(search.user),
        limit.into(),
    ];
    transaction.fetch_all(OLD, &binds).await
}

/// Deletes these jobs; returns those that were there, each with its tenant.
pub(crate) async fn delete_jobs(
    transaction: &mut Transaction,
    ids: &[i64],
) -> Result<Vec<(String, JobGone)>, StorageError> {
    lock_jobs(transaction, ids).await?;
    let rows: Vec<_> = ids.iter().map(|id| vec![(*id).into()]).collect();
    let rows: Vec<DeletedRow> = transaction.fetch_set(&DELETE, &rows).await?;
    rows.into_iter()
        .map(|row| {
            let gone = JobGone {
                id: row.id,
                job_id: row.job_id,
                cluster: row.cluster,
                start_time: row.start_time,
                state: state(&row.state)?,
            };
            Ok((row.tenant, gone))
        })
        .collect()
}
