//! Requests that waited as long as they wanted to, and fences that nothing can come late for any more.

use std::{collections::HashMap, sync::Arc, time::Duration};

use muster_contract::node_allocation::AllocationRefusal;
use muster_messaging::{Context, Effects, HandlerError, Periodic};
use muster_platform::{Clock, Ids, Timestamp};
use muster_storage::{StorageError, Transaction};

use crate::{
    commands::{
        ending::end_waiting,
        serving::serve_all,
        told::{Told, emit_one},
    },
    moment::Moment,
    store::{fences, lock, waiting::is_anybody_waiting},
};

/// How often it is looked: a request may wait that much longer than it wanted to.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

/// How long a fence stays. Commands are not kept in their stream, and not remembered by the inbox, for as long.
const FENCE_RETENTION: Duration = Duration::from_hours(30 * 24);

/// Fences forgotten at a time.
const FORGOTTEN_AT_A_TIME: i64 = 1_000;

/// Ends what is due.
pub(crate) struct QueueDeadlines {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl QueueDeadlines {
    pub(crate) fn new(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { clock, ids }
    }
}

impl Periodic for QueueDeadlines {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        let now = self.clock.now();
        let moment = Moment {
            now: now.as_micros(),
            ids: &*self.ids,
        };
        for told in end_due(transaction, moment).await? {
            emit_one(effects, cause, &told)?;
        }
        Ok(forget_fences(transaction, now).await?)
    }
}

/// What is to be told: who waited in vain, and who gets what was kept back for them.
pub(crate) async fn end_due(
    transaction: &mut Transaction,
    moment: Moment<'_>,
) -> Result<Vec<Told>, StorageError> {
    // Mostly there is nobody, and then nobody has to wait for the lock.
    if !is_anybody_waiting(transaction).await? {
        return Ok(Vec::new());
    }
    lock(transaction).await?;
    // Who can be served now has not waited in vain; the site file may have brought new nodes.
    let mut told = serve_all(transaction, moment, &[]).await?;
    let ended = end_waiting(transaction, moment, |waiting| {
        let is_over = waiting.is_short() && waiting.wait_until <= moment.now;
        is_over.then_some(AllocationRefusal::WaitedInVain)
    })
    .await?;
    told.extend(ended.told(&HashMap::new()));
    told.extend(serve_all(transaction, moment, &[]).await?);
    Ok(told)
}

/// Whether there are more to forget.
async fn forget_fences(
    transaction: &mut Transaction,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let before = now.minus(FENCE_RETENTION).as_micros();
    let forgotten = fences::forget(transaction, before, FORGOTTEN_AT_A_TIME).await?;
    Ok(i64::try_from(forgotten).is_ok_and(|forgotten| forgotten >= FORGOTTEN_AT_A_TIME))
}

#[cfg(test)]
mod tests;
