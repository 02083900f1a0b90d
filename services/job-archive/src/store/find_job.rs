//! One job by its number in the table.

use muster_contract::{Principal, job_archive::Job};
use muster_storage::{Database, StorageError};

use super::{
    job_row::{JobRow, job_columns},
    job_tags::JobTags,
};
use crate::domain::scope::Scope;

const FIND: &str = concat!(
    "SELECT ",
    job_columns!(),
    ", job.meta_data FROM job WHERE job.id = $1"
);

/// The job with its meta data and the tags that the caller sees, if there is one and the caller may see it.
pub(crate) async fn find_job(
    database: &Database,
    id: i64,
    caller: &Principal,
) -> Result<Option<Job>, StorageError> {
    let mut snapshot = database.snapshot().await?;
    let row: Option<JobRow> = snapshot
        .fetch_all(FIND, &[id.into()])
        .await?
        .into_iter()
        .next();
    let scope = Scope::of_reader(caller);
    let Some(row) = row.filter(|row| scope.has(&row.tenant, &row.user_name)) else {
        return Ok(None);
    };
    let tags = if row.tagged {
        JobTags::in_snapshot(&mut snapshot, &[row.id]).await?
    } else {
        JobTags::default()
    };
    let seen = tags.seen(row.id, caller);
    row.into_job(seen).map(Some)
}
