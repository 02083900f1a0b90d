//! Takes requests out of the queue.

use std::{collections::HashSet, sync::Arc};

use muster_contract::node_allocation::{AllocationRefusal, CancelAllocation};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{
    all_done,
    ending::end_waiting,
    moment,
    serving::serve_all,
    told::{Told, emit},
};
use crate::{
    moment::Moment,
    store::{fences::fence, lock},
};

/// Takes [`CancelAllocation`].
pub(crate) struct CancelAllocationHandler(pub(crate) Arc<dyn Ids>);

impl HandleCommand<CancelAllocation> for CancelAllocationHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<CancelAllocation>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<CancelAllocation>>, HandlerError> {
        let cancelled: Vec<Uuid> = requests
            .iter()
            .map(|request| request.body.request)
            .collect();
        let told = cancel_allocations(transaction, moment(requests, &*self.0), &cancelled).await?;
        emit(effects, requests, told)?;
        Ok(all_done(requests))
    }
}

/// What is to be told: the ends of those that waited, then of those that get what was kept back for them. A request that
/// comes after its cancellation is refused.
pub(crate) async fn cancel_allocations(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    cancelled: &[Uuid],
) -> Result<Vec<Told>, StorageError> {
    lock(transaction).await?;
    fence(
        transaction,
        moment.now,
        cancelled.iter().map(Uuid::to_string),
    )
    .await?;
    let wanted: HashSet<Uuid> = cancelled.iter().copied().collect();
    let ended = end_waiting(transaction, moment, |waiting| {
        wanted
            .contains(&waiting.request)
            .then_some(AllocationRefusal::Cancelled)
    })
    .await?;
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let places = cancelled.iter().enumerate();
    let places = places.map(|(place, request)| (*request, Some(place)));
    let mut told = ended.told(&places.collect());
    told.extend(serve_all(transaction, moment, &[]).await?);
    Ok(told)
}

#[cfg(test)]
mod tests;
