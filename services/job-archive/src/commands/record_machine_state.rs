//! Keeps the document about a machine.

use std::sync::Arc;

use muster_contract::{
    Outcome,
    job_archive::{
        MACHINE_STATE_LIMIT, RecordMachineState, RecordMachineStateRefusal, RecordedMachineState,
    },
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::Transaction;

use super::{caller, record_node_states::is_node};
use crate::{domain::clusters::Clusters, store::machine_states::record_machine_state};

/// Takes [`RecordMachineState`].
pub(crate) struct RecordMachineStateHandler {
    clusters: Arc<Clusters>,
}

impl RecordMachineStateHandler {
    pub(crate) fn new(clusters: Arc<Clusters>) -> Self {
        Self { clusters }
    }

    fn check(&self, state: &RecordMachineState) -> Result<(), RecordMachineStateRefusal> {
        if !self.clusters.names().contains(&state.cluster) {
            return Err(RecordMachineStateRefusal::UnknownCluster);
        }
        if !is_node(&self.clusters, &state.cluster, &state.host) {
            return Err(RecordMachineStateRefusal::UnknownHost);
        }
        // It is JSON, in which U+0000 can only be written as an escape.
        if state.document.len() > MACHINE_STATE_LIMIT {
            let limit = MACHINE_STATE_LIMIT as u64;
            return Err(RecordMachineStateRefusal::TooLarge { limit });
        }
        Ok(())
    }
}

impl HandleCommand<RecordMachineState> for RecordMachineStateHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<RecordMachineState>],
        _: &mut Effects,
    ) -> Result<Vec<OutcomeOf<RecordMachineState>>, HandlerError> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for Request { body, context } in requests {
            let tenant = &caller(context)?.project;
            let now = context.received_at().as_seconds();
            outcomes.push(match self.check(body) {
                Ok(()) => {
                    record_machine_state(transaction, tenant, body, now).await?;
                    Outcome::Done(RecordedMachineState {})
                }
                Err(refusal) => Outcome::Refused(refusal),
            });
        }
        Ok(outcomes)
    }
}
