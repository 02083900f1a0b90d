//! What a batch system says of its nodes, as its client tells it.

use muster_contract::job_archive::{NodeReport, NodeState, RecordNodeStates};
use utoipa::ToSchema;

use crate::RequestError;
use crate::go_json::{decode, go_object};

/// What a batch system says of a node.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NodePayload {
    /// Its name.
    #[schema(required = true, example = "f0101")]
    hostname: String,
    /// Words for its state, whatever their case; of several the first of these counts: `allocated`, `reserved`, `down`
    /// (with `idle` too), `idle`, `down`, `mixed`; with others it is `unknown`.
    #[schema(example = json!(["allocated"]))]
    states: Vec<String>,
    /// Processors in use.
    #[schema(example = 72)]
    cpus_allocated: i64,
    /// Memory in use, in MB.
    #[schema(example = 128_000)]
    memory_allocated: i64,
    /// Accelerators in use.
    #[schema(example = 0)]
    gpus_allocated: i64,
    /// Jobs on it.
    #[schema(example = 1)]
    jobs_running: i64,
}

go_object!(NodePayload {
    "hostname" => hostname,
    "states" => states,
    "cpusAllocated" => cpus_allocated,
    "memoryAllocated" => memory_allocated,
    "gpusAllocated" => gpus_allocated,
    "jobsRunning" => jobs_running,
});

/// What a batch system says of its nodes.
#[derive(Debug, Default, PartialEq, ToSchema)]
pub struct NodeStatesRequest {
    /// Their cluster.
    #[schema(required = true, example = "fritz")]
    cluster: String,
    /// They. Those that are no nodes of the cluster are passed over.
    nodes: Vec<NodePayload>,
}

go_object!(NodeStatesRequest {
    "cluster" => cluster,
    "nodes" => nodes,
});

impl NodeStatesRequest {
    /// Reads the body of a request.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        decode(body)
            .map_err(|error| RequestError::invalid(format!("parsing request body failed: {error}")))
    }

    /// The command it asks for; the nodes are in these states at the time `now`, in seconds since 1970 UTC.
    #[must_use]
    pub fn into_command(self, now: i64) -> RecordNodeStates {
        RecordNodeStates {
            cluster: self.cluster,
            time: now,
            nodes: self
                .nodes
                .into_iter()
                .map(|node| NodeReport {
                    state: NodeState::of_words(&node.states),
                    hostname: node.hostname,
                    cpus_allocated: node.cpus_allocated,
                    memory_allocated: node.memory_allocated,
                    gpus_allocated: node.gpus_allocated,
                    jobs_running: node.jobs_running,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_adapter_sends_is_read() {
        let body = br#"{"cluster":"fritz","nodes":[{"hostname":"f0101","states":["IDLE","DOWN"],"cpusAllocated":0,"memoryAllocated":1,"gpusAllocated":2,"jobsRunning":3},{"hostname":"f0102","states":null}]}"#;
        let request: NodeStatesRequest = NodeStatesRequest::parse(body).unwrap();
        let command = request.into_command(9);
        assert_eq!((command.cluster.as_str(), command.time), ("fritz", 9));
        let states: Vec<NodeState> = command.nodes.iter().map(|node| node.state).collect();
        assert_eq!(states, [NodeState::Down, NodeState::Unknown]);
        let first = &command.nodes[0];
        assert_eq!(
            (
                first.cpus_allocated,
                first.memory_allocated,
                first.gpus_allocated,
                first.jobs_running
            ),
            (0, 1, 2, 3)
        );
        assert!(NodeStatesRequest::parse(br#"{"cluster":"a","node":[]}"#).is_err());
    }
}
