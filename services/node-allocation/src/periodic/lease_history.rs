//! Forgets leases that ended long ago, so that the history does not grow for ever. What sessions have used is accounted from
//! the session service's own tables.

use std::time::Duration;

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_platform::Timestamp;
use muster_storage::{StorageError, Transaction};

use crate::store::leases;

/// How often it is looked.
pub(crate) const INTERVAL: Duration = Duration::from_mins(10);

/// Leases forgotten at a time.
const FORGOTTEN_AT_A_TIME: i64 = 1_000;

/// Forgets them.
pub(crate) struct LeaseHistory {
    retention: Duration,
}

impl LeaseHistory {
    /// Keeps them for so long after their end.
    pub(crate) fn new(retention: Duration) -> Self {
        Self { retention }
    }
}

impl Periodic for LeaseHistory {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        _effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let before = cause.received_at().minus(self.retention);
        Ok(forget_leases(transaction, before, FORGOTTEN_AT_A_TIME).await?)
    }
}

/// Whether there are more to forget.
pub(crate) async fn forget_leases(
    transaction: &mut Transaction,
    before: Timestamp,
    limit: i64,
) -> Result<bool, StorageError> {
    let forgotten = leases::forget(transaction, before.as_micros(), limit).await?;
    Ok(i64::try_from(forgotten).is_ok_and(|forgotten| forgotten >= limit))
}

#[cfg(test)]
mod tests;
