//! What is known of nodes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NodeReport;
use crate::{Message, Query, Service, message::Never};

/// Lists what was told last of the nodes of the caller's tenant, by cluster and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListNodeStates {
    /// Only of this cluster.
    pub cluster: Option<String>,
}

/// What is known of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownNode {
    /// Its cluster.
    pub cluster: String,
    /// What was told last.
    pub report: NodeReport,
    /// When that was: seconds since 1970 UTC.
    pub time: i64,
    /// Since when it is in that state: seconds since 1970 UTC.
    pub since: i64,
}

/// The nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownNodes {
    /// They.
    pub nodes: Vec<KnownNode>,
}

impl Message for ListNodeStates {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "list-node-states";
}

impl Query for ListNodeStates {
    type Answer = KnownNodes;
    type Refusal = Never;
}
