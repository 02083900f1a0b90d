//! Command: a session gives one node back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NodeSession, NodeSessionRefusal, SessionReference};
use crate::{Command, Message, Service};

/// Drops one node of an active or held session, without ending it (seed 3: `/Node/done` with `node`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShrinkNodeSession {
    /// The session.
    pub session: SessionReference,
    /// The node's short name.
    pub hostname: String,
}

/// Why the session keeps its node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShrinkNodeSessionRefusal {
    /// The session.
    Session(NodeSessionRefusal),
    /// It has no node of that name.
    UnknownNode,
}

impl Message for ShrinkNodeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "shrink-node-session";
}

impl Command for ShrinkNodeSession {
    type Reply = NodeSession;
    type Refusal = ShrinkNodeSessionRefusal;
}
