//! Takes requests out of the queue.

use std::collections::HashSet;

use muster_contract::node_allocation::{AllocationRefusal, CancelAllocation};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};
use uuid::Uuid;

use super::{
    all_done, now,
    serving::{end_waiting, serve_all},
    told::{Told, emit},
};
use crate::store::{fences::fence, lock};

/// Takes [`CancelAllocation`].
pub(crate) struct CancelAllocationHandler;

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
        let told = cancel_allocations(transaction, now(requests), &cancelled).await?;
        emit(effects, requests, told)?;
        Ok(all_done(requests))
    }
}

/// What is to be told: the ends of those that waited, then of those that get what was kept back for them. A request that
/// comes after its cancellation is refused.
pub(crate) async fn cancel_allocations(
    transaction: &mut Transaction,
    now: i64,
    cancelled: &[Uuid],
) -> Result<Vec<Told>, StorageError> {
    lock(transaction).await?;
    fence(transaction, now, cancelled.iter().map(Uuid::to_string)).await?;
    let wanted: HashSet<Uuid> = cancelled.iter().copied().collect();
    let mut ended = end_waiting(transaction, |waiting| {
        wanted
            .contains(&waiting.request)
            .then_some(AllocationRefusal::Cancelled)
    })
    .await?;
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let mut told: Vec<Told> = cancelled
        .iter()
        .enumerate()
        .filter_map(|(place, request)| Some(Told::of(place, ended.remove(request)?)))
        .collect();
    told.extend(serve_all(transaction, now, &[]).await?);
    Ok(told)
}

#[cfg(test)]
mod tests;
