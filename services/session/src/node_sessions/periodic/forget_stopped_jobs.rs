//! Forgets jobs that have stopped long ago.

use std::time::Duration;

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_storage::{StorageError, Transaction};

use crate::node_sessions::store::stopped_jobs::forget;

/// How often there is something to forget.
pub(crate) const INTERVAL: Duration = Duration::from_mins(10);

/// How long a stop is remembered: as long as its event is kept by the broker, so that one that is heard of late is
/// remembered as long.
const RETENTION: Duration = Duration::from_hours(7 * 24);

/// Jobs in one transaction.
const LIMIT: i64 = 1_000;

/// Forgets.
pub(crate) struct ForgetStoppedJobs;

impl Periodic for ForgetStoppedJobs {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        _effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let now = cause.received_at().as_micros();
        Ok(forget_stopped_jobs(transaction, now, LIMIT).await?)
    }
}

/// Forgets some of them; tells whether there may be more.
pub(crate) async fn forget_stopped_jobs(
    transaction: &mut Transaction,
    now: i64,
    limit: i64,
) -> Result<bool, StorageError> {
    let retention = i64::try_from(RETENTION.as_micros()).unwrap_or(i64::MAX);
    let forgotten = forget(transaction, now.saturating_sub(retention), limit).await?;
    Ok(i64::try_from(forgotten).is_ok_and(|forgotten| forgotten >= limit))
}
