//! Forgets runs that ended long ago, so that the history does not grow for ever.

use std::time::Duration;

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_platform::Timestamp;
use muster_storage::{StorageError, Transaction};

use crate::job_sessions::store::forgetting::forget_ended_runs;

/// How often it is looked.
pub(crate) const INTERVAL: Duration = Duration::from_mins(10);

/// Runs in one transaction, each with as many jobs as a session may have.
const LIMIT: i64 = 50;

/// Forgets them.
pub(crate) struct ForgetRuns {
    history: Duration,
}

impl ForgetRuns {
    /// Keeps them for so long after their end.
    pub(crate) fn new(history: Duration) -> Self {
        Self { history }
    }
}

impl Periodic for ForgetRuns {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        _effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let before = cause.received_at().minus(self.history);
        Ok(forget_runs(transaction, before, LIMIT).await?)
    }
}

/// Forgets some that ended before then; tells whether there may be more. A run that is on stays however long ago it began, and
/// so does the last run of a session.
pub(crate) async fn forget_runs(
    transaction: &mut Transaction,
    before: Timestamp,
    limit: i64,
) -> Result<bool, StorageError> {
    let forgotten = forget_ended_runs(transaction, before.as_micros(), limit).await?;
    Ok(i64::try_from(forgotten).is_ok_and(|forgotten| forgotten >= limit))
}

#[cfg(test)]
mod tests;
