//! Gives slots to sessions.

use muster_contract::node_allocation::AllocateSlots;
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use crate::{
    commands::{all_done, latest},
    slots::{
        serving::serve_arrivals,
        told::{Told, emit},
    },
    store::lock,
};

/// Takes [`AllocateSlots`].
pub(crate) struct AllocateSlotsHandler;

impl HandleCommand<AllocateSlots> for AllocateSlotsHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<AllocateSlots>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<AllocateSlots>>, HandlerError> {
        let commands: Vec<&AllocateSlots> = requests.iter().map(|request| &request.body).collect();
        let told = allocate_slots(transaction, latest(requests), &commands).await?;
        emit(effects, requests, &told)?;
        Ok(all_done(requests))
    }
}

/// What is to be told of the requests, as if they came one by one in this order.
pub(crate) async fn allocate_slots(
    transaction: &mut Transaction,
    now: i64,
    commands: &[&AllocateSlots],
) -> Result<Vec<Told>, StorageError> {
    lock(transaction).await?;
    serve_arrivals(transaction, now, commands).await
}

#[cfg(test)]
mod tests;
