//! Records what a batch system says of its nodes.

use std::{collections::BTreeMap, sync::Arc};

use muster_contract::{
    Outcome, Principal,
    job_archive::{
        MAX_NODE_REPORTS, NodeReport, RecordNodeStates, RecordNodeStatesRefusal, RecordedNodeStates,
    },
};
use muster_messaging::{Effects, HandleCommand, HandlerError, OutcomeOf, Request};
use muster_storage::{StorageError, Transaction};

use super::caller;
use crate::{
    domain::{clusters::Clusters, storable::is_storable},
    store::node_states,
};

/// Takes [`RecordNodeStates`].
pub(crate) struct RecordNodeStatesHandler {
    clusters: Arc<Clusters>,
}

impl RecordNodeStatesHandler {
    pub(crate) fn new(clusters: Arc<Clusters>) -> Self {
        Self { clusters }
    }
}

impl HandleCommand<RecordNodeStates> for RecordNodeStatesHandler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<RecordNodeStates>],
        _: &mut Effects,
    ) -> Result<Vec<OutcomeOf<RecordNodeStates>>, HandlerError> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for Request { body, context } in requests {
            let caller = caller(context)?;
            let recorded = record_node_states(transaction, &self.clusters, caller, body).await?;
            outcomes.push(recorded.map_or_else(Outcome::Refused, Outcome::Done));
        }
        Ok(outcomes)
    }
}

/// Records the states, or says why none is.
pub(crate) async fn record_node_states(
    transaction: &mut Transaction,
    clusters: &Clusters,
    caller: &Principal,
    command: &RecordNodeStates,
) -> Result<Result<RecordedNodeStates, RecordNodeStatesRefusal>, StorageError> {
    let cluster = &command.cluster;
    if !clusters.names().contains(cluster) {
        let cluster = cluster.clone();
        return Ok(Err(RecordNodeStatesRefusal::UnknownCluster { cluster }));
    }
    if command.nodes.len() > MAX_NODE_REPORTS {
        let limit = MAX_NODE_REPORTS as u64;
        return Ok(Err(RecordNodeStatesRefusal::TooMany { limit }));
    }
    // Of a node that is named twice the last word counts.
    let nodes: BTreeMap<&str, &NodeReport> = command
        .nodes
        .iter()
        .filter(|node| is_node(clusters, cluster, &node.hostname))
        .map(|node| (node.hostname.as_str(), node))
        .collect();
    let known = |node: &&NodeReport| nodes.contains_key(node.hostname.as_str());
    let passed_over = command.nodes.iter().filter(|node| !known(node)).count() as u64;
    let tenant = &caller.project;
    let nodes = nodes.into_values();
    node_states::record_node_states(transaction, tenant, cluster, command.time, nodes).await?;
    Ok(Ok(RecordedNodeStates { passed_over }))
}

/// Bytes of a host name; where any name is a node of the cluster, the index has to take it.
const HOST_NAME_LIMIT: usize = 255;

/// Whether the cluster has that node.
pub(super) fn is_node(clusters: &Clusters, cluster: &str, host: &str) -> bool {
    (1..=HOST_NAME_LIMIT).contains(&host.len())
        && is_storable(host)
        && clusters.place(cluster, None, host).is_ok()
}

#[cfg(test)]
mod tests;
