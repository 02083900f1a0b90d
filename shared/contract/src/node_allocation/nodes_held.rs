//! Event: a session keeps its nodes for a look.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Event, Message, Service};

/// A session keeps its nodes for a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodesHeld {
    /// The request that is answered.
    pub request: Uuid,
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// Numbers of the nodes that were held: none, if the session had none of those.
    pub nodes: Vec<i64>,
}

impl Message for NodesHeld {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "nodes.held";
}

impl Event for NodesHeld {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}
