//! What a batch system says of its nodes is recorded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NodeReport;
use crate::{Command, Message, Service};

/// Nodes that one command may name. The largest clusters have some ten thousand.
pub const MAX_NODE_REPORTS: usize = 20_000;

/// Records the states of nodes, in place of what was known of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordNodeStates {
    /// Cluster they belong to; must be one that the archive knows.
    pub cluster: String,
    /// When they were in these states: seconds since 1970 UTC. What is known of a node is replaced by what is later.
    pub time: i64,
    /// They. Those that are no nodes of the cluster are passed over.
    pub nodes: Vec<NodeReport>,
}

/// The states are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedNodeStates {
    /// Nodes that were passed over.
    pub passed_over: u64,
}

/// Why nothing is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordNodeStatesRefusal {
    /// The archive knows no such cluster.
    UnknownCluster {
        /// As the client wrote it.
        cluster: String,
    },
    /// More nodes at once than one command may name.
    TooMany {
        /// [`MAX_NODE_REPORTS`].
        limit: u64,
    },
}

impl Message for RecordNodeStates {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "record-node-states";
}

impl Command for RecordNodeStates {
    type Reply = RecordedNodeStates;
    type Refusal = RecordNodeStatesRefusal;
}
