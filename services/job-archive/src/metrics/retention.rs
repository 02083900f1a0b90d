//! Forgets metric samples after a while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_platform::Clock;
use muster_storage::{StorageError, Transaction};

use super::packing::HOUR;
use crate::store::metric_samples::{forget_hours, forget_series};

/// Rows in one transaction.
const AT_ONCE: i64 = 1_000;

/// Forgets hours, and series that have none any more.
pub(crate) struct Forgetting {
    clock: Arc<dyn Clock>,
    retention: Duration,
    /// The series up to here have been looked at.
    looked_at: AtomicI64,
}

impl Forgetting {
    pub(crate) fn new(clock: Arc<dyn Clock>, retention: Duration) -> Self {
        Self {
            clock,
            retention,
            looked_at: AtomicI64::new(0),
        }
    }

    /// Tells whether there may be more.
    pub(crate) async fn forget(&self, transaction: &mut Transaction) -> Result<bool, StorageError> {
        let before = self.clock.now().minus(self.retention).as_seconds() - HOUR;
        let forgotten = forget_hours(transaction, before, AT_ONCE).await?;
        if i64::try_from(forgotten) == Ok(AT_ONCE) {
            return Ok(true);
        }
        let after = self.looked_at.load(Ordering::Relaxed);
        let last = forget_series(transaction, after, AT_ONCE).await?;
        self.looked_at.store(last.unwrap_or(0), Ordering::Relaxed);
        Ok(last.is_some())
    }
}

impl Periodic for Forgetting {
    async fn run(
        &self,
        transaction: &mut Transaction,
        _: &Context,
        _: &mut Effects,
    ) -> Result<bool, HandlerError> {
        Ok(self.forget(transaction).await?)
    }
}
