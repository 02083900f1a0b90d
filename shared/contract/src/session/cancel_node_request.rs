//! Command: whoever waited for nodes has gone away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Command, Message, Service};

/// Takes what a command of the caller's project waits for out of the queue for nodes. That command's outcome is then
/// `Allocation(Cancelled)`. Nodes that were granted before stay in their session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelNodeRequest {
    /// Id of the [`OpenNodeSession`](super::OpenNodeSession) or [`GrowNodeSession`](super::GrowNodeSession).
    pub command: Uuid,
}

/// Why nothing is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelNodeRequestRefusal {
    /// No such command has come so far: it may still be on its way, since commands of different kinds overtake each other.
    Unknown,
    /// It does not wait for nodes, or not any more.
    NotWaiting,
    /// It is of another project.
    NotYours,
}

impl Message for CancelNodeRequest {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "cancel-node-request";
}

impl Command for CancelNodeRequest {
    type Reply = ();
    type Refusal = CancelNodeRequestRefusal;
}
