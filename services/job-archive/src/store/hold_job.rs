//! Finding one job and keeping others from changing it meanwhile.

use muster_contract::job_archive::StopTarget;
use muster_storage::{Bind, LockKey, StorageError, Transaction};

use super::job_row::{JobRow, job_columns};
use crate::domain::{scope::Scope, storable::is_storable};

/// The job with a number in the table, if it is in the scope.
const BY_ID: &str = "SELECT job.id FROM job WHERE job.id = $1 \
     AND (CAST($2 AS TEXT) IS NULL OR job.tenant = $2) AND (CAST($3 AS TEXT) IS NULL OR job.user_name = $3)";

/// Of the jobs that fit the newest (`api/clustercockpit.md` §1.6).
pub(super) const NEWEST: &str = "SELECT job.id FROM job WHERE job.job_id = $1 \
     AND (CAST($2 AS TEXT) IS NULL OR job.tenant = $2) AND (CAST($3 AS TEXT) IS NULL OR job.user_name = $3) \
     AND (CAST($4 AS TEXT) IS NULL OR job.cluster = $4) AND (CAST($5 AS BIGINT) IS NULL OR job.start_time = $5) \
     ORDER BY job.start_time DESC, job.id DESC LIMIT 1";

const READ: &str = concat!(
    "SELECT ",
    job_columns!(),
    ", job.meta_data FROM job WHERE job.id = $1"
);

/// The job that is meant, with its meta data, and its lock until the transaction ends. `None` = none that fits, or none
/// in the scope.
pub(crate) async fn hold_job(
    transaction: &mut Transaction,
    target: &StopTarget,
    scope: &Scope,
) -> Result<Option<JobRow>, StorageError> {
    let (tenant, user) = (text(scope.tenant()), text(scope.user()));
    let found: Option<(i64,)> = match target {
        StopTarget::Id(id) => {
            transaction
                .fetch_optional(BY_ID, &[(*id).into(), tenant, user])
                .await?
        }
        StopTarget::Newest {
            cluster: Some(cluster),
            ..
        } if !is_storable(cluster) => None,
        StopTarget::Newest {
            job_id,
            cluster,
            start_time,
        } => {
            let binds = [
                (*job_id).into(),
                tenant,
                user,
                text(cluster.as_deref()),
                Bind::Integer(*start_time),
            ];
            transaction.fetch_optional(NEWEST, &binds).await?
        }
    };
    let Some((id,)) = found else {
        return Ok(None);
    };
    lock_jobs(transaction, &[id]).await?;
    // Whoever had the lock before may have changed it.
    transaction.fetch_optional(READ, &[id.into()]).await
}

/// Waits until nobody else changes these jobs' tags or meta data or deletes them.
pub(crate) async fn lock_jobs(
    transaction: &mut Transaction,
    ids: &[i64],
) -> Result<(), StorageError> {
    let keys: Vec<LockKey> = ids
        .iter()
        .map(|id| LockKey::of(&["job row", &id.to_string()]))
        .collect();
    transaction.lock_keys(&keys).await
}

pub(super) fn text(value: Option<&str>) -> Bind {
    Bind::Text(value.map(str::to_owned))
}
