//! Forgets leases that ended long ago, and agents that have been lost as long.

use std::time::Duration;

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_storage::{StorageError, Transaction};

use crate::slots::store::{agents, leases};

/// How often it is looked.
pub(crate) const INTERVAL: Duration = Duration::from_mins(10);

/// Rows of each kind that are forgotten at a time.
const FORGOTTEN_AT_A_TIME: i64 = 1_000;

/// Forgets them.
pub(crate) struct SlotHistory {
    retention: Duration,
}

impl SlotHistory {
    /// Keeps them for so long.
    pub(crate) fn new(retention: Duration) -> Self {
        Self { retention }
    }
}

impl Periodic for SlotHistory {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        _effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let before = cause.received_at().minus(self.retention).as_micros();
        Ok(forget(transaction, before, FORGOTTEN_AT_A_TIME).await?)
    }
}

/// Whether there are more to forget.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<bool, StorageError> {
    let leases = leases::forget(transaction, before, limit).await?;
    let agents = agents::forget(transaction, before, limit).await?;
    Ok(i64::try_from(leases.max(agents)).is_ok_and(|forgotten| forgotten >= limit))
}

#[cfg(test)]
mod tests;
