//! Takes slots back from sessions.

use std::collections::BTreeSet;

use muster_contract::node_allocation::ReleaseSlots;
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use crate::{
    commands::{all_done, latest},
    slots::{
        serving::serve_waiting,
        store::{leases::end_of_sessions, queue::remove_sessions},
        told::{Told, emit},
    },
    store::{fences::fence, lock},
};

/// Takes [`ReleaseSlots`].
pub(crate) struct ReleaseSlotsHandler;

impl HandleCommand<ReleaseSlots> for ReleaseSlotsHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<ReleaseSlots>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<ReleaseSlots>>, HandlerError> {
        let commands: Vec<&ReleaseSlots> = requests.iter().map(|request| &request.body).collect();
        let told = release_slots(transaction, latest(requests), &commands).await?;
        emit(effects, requests, &told)?;
        Ok(all_done(requests))
    }
}

/// What is to be told: who of those that wait got the slots. The sessions themselves, whether known or not, get none ever after.
pub(crate) async fn release_slots(
    transaction: &mut Transaction,
    now: i64,
    commands: &[&ReleaseSlots],
) -> Result<Vec<Told>, StorageError> {
    lock(transaction).await?;
    let sessions: BTreeSet<String> = commands
        .iter()
        .map(|command| command.session.to_string())
        .collect();
    fence(transaction, now, sessions.iter().cloned()).await?;
    remove_sessions(transaction, &sessions).await?;
    let ended = end_of_sessions(transaction, now, &sessions).await?;
    if ended == 0 {
        return Ok(Vec::new());
    }
    serve_waiting(transaction, now).await
}

#[cfg(test)]
mod tests;
