//! Sessions whose time to start has come, and a look at all that wait, should anything ever have brought them slots without
//! serving them: a new site file at the start does.

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

use crate::{
    slots::{
        micros,
        serving::serve_waiting,
        store::queue::due,
        told::{Told, emit_all},
    },
    store::lock,
};

/// How often it is looked: a session may start that much later than it was to.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

/// How often all that wait are looked at, whatever they wait for.
const SWEEP: Duration = Duration::from_secs(5);

/// Serves them.
pub(crate) struct SlotQueue {
    clock: Arc<dyn Clock>,
    /// When all were looked at last; microseconds since 1970.
    swept_at: AtomicI64,
}

impl SlotQueue {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            swept_at: AtomicI64::new(0),
        }
    }
}

impl Periodic for SlotQueue {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let now = self.clock.now().as_micros();
        let elapsed = now.saturating_sub(self.swept_at.load(Ordering::Relaxed));
        let sweep = !(0..micros(SWEEP)).contains(&elapsed);
        let told = serve_due(transaction, now, sweep).await?;
        if sweep {
            self.swept_at.store(now, Ordering::Relaxed);
        }
        emit_all(effects, cause, &told)?;
        Ok(false)
    }
}

/// What is to be told: who got slots, or waits for something else. Without `sweep` only if somebody's time has come.
pub(crate) async fn serve_due(
    transaction: &mut Transaction,
    now: i64,
    sweep: bool,
) -> Result<Vec<Told>, StorageError> {
    // Mostly there is nobody, and then nobody has to wait for the lock.
    let (earliest, is_any) = due(transaction).await?;
    let is_due = earliest.is_some_and(|earliest| earliest <= now);
    let is_wanted = is_due || (sweep && is_any);
    if !is_wanted {
        return Ok(Vec::new());
    }
    lock(transaction).await?;
    serve_waiting(transaction, now).await
}

#[cfg(test)]
mod tests;
