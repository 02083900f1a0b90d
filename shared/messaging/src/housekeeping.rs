//! Forgets what is no longer needed, a little at a time.

use std::time::Duration;

use muster_storage::{Database, StorageError, inbox, late_outcomes, origins, outbox};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{Environment, topology::chain};

/// How often.
const INTERVAL: Duration = Duration::from_secs(10);

/// Rows deleted in one transaction.
const ROWS_AT_ONCE: i64 = 1_000;

/// How long a service remembers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// Outcomes of commands: a command sent again after that is carried out again.
    pub(crate) inbox: Duration,
    /// Published rows: what the broker loses after that is not made good.
    pub(crate) outbox: Duration,
}

/// Until it is told to stop.
pub(crate) async fn run(
    database: Database,
    environment: Environment,
    retention: Retention,
    stop: CancellationToken,
) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        while !stop.is_cancelled() {
            match forget(&database, &environment, retention).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    warn!(target: "muster::messaging", error = %chain(&error), "old rows could not be deleted");
                    break;
                }
            }
        }
    }
}

/// Whether there may be more.
async fn forget(
    database: &Database,
    environment: &Environment,
    retention: Retention,
) -> Result<bool, StorageError> {
    let now = environment.clock.now();
    let mut transaction = database.begin().await?;
    let inbox_before = now.minus(retention.inbox).as_micros();
    let inbox = inbox::forget_before(&mut transaction, inbox_before, ROWS_AT_ONCE).await?;
    let outbox_before = now.minus(retention.outbox).as_micros();
    let outbox =
        outbox::forget_published_before(&mut transaction, outbox_before, ROWS_AT_ONCE).await?;
    // Nobody waits there any more.
    let before = now.as_micros();
    let addresses = late_outcomes::forget_before(&mut transaction, before, ROWS_AT_ONCE).await?;
    // What waits for longer than a command is remembered begins a trace of its own.
    let origins = origins::forget_before(&mut transaction, inbox_before, ROWS_AT_ONCE).await?;
    transaction.commit().await?;
    Ok(inbox.max(outbox).max(addresses).max(origins) >= ROWS_AT_ONCE.unsigned_abs())
}
