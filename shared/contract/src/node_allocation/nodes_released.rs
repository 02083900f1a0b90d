//! Event: a session gave nodes back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Event, Message, Service};

/// A session gave nodes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodesReleased {
    /// The request that is answered.
    pub request: Uuid,
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// Numbers of the nodes that were given back: none, if the session had none of those.
    pub nodes: Vec<i64>,
}

impl Message for NodesReleased {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "nodes.released";
}

impl Event for NodesReleased {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}
