//! Gives nodes to sessions.

use std::sync::Arc;

use muster_contract::node_allocation::AllocateNodes;
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::{
    all_done, moment,
    serving::serve_all,
    told::{Told, emit},
};
use crate::{moment::Moment, store::lock};

/// Takes [`AllocateNodes`].
pub(crate) struct AllocateNodesHandler(pub(crate) Arc<dyn Ids>);

impl HandleCommand<AllocateNodes> for AllocateNodesHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<AllocateNodes>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<AllocateNodes>>, HandlerError> {
        let commands: Vec<&AllocateNodes> = requests.iter().map(|request| &request.body).collect();
        let told = allocate_nodes(transaction, moment(requests, &*self.0), &commands).await?;
        emit(effects, requests, told)?;
        Ok(all_done(requests))
    }
}

/// What is to be told of the requests, as if they came one by one in this order.
pub(crate) async fn allocate_nodes(
    transaction: &mut Transaction,
    moment: Moment<'_>,
    commands: &[&AllocateNodes],
) -> Result<Vec<Told>, StorageError> {
    lock(transaction).await?;
    serve_all(transaction, moment, commands).await
}

#[cfg(test)]
mod tests;
