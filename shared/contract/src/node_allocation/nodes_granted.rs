//! Event: nodes for a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::LeasedNode;
use crate::{Event, Message, Service};

/// A session got nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodesGranted {
    /// The request that is answered.
    pub request: Uuid,
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// The nodes, in the order of the demands. Empty if no more was asked for than "whatever there is", and nothing is there.
    pub nodes: Vec<LeasedNode>,
}

impl Message for NodesGranted {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "nodes.granted";
}

impl Event for NodesGranted {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}
