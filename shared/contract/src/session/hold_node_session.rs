//! Command: keep the nodes of a session for a look.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NodeSession, NodeSessionRefusal, SessionReference};
use crate::{Command, Message, Service};

/// Keeps the nodes of a session as they are, since something failed on them (`/Node/fail`, `api/duffy.md` §1). It gets no
/// others, and lives for another while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldNodeSession {
    /// The session; `Closed` is as good as `Active`: it has no nodes to hold then.
    pub session: SessionReference,
    /// Nodes that the project may hold that way already; with as many or more it is refused. `None` = without limit.
    pub held_nodes_limit: Option<u32>,
    /// By how many seconds its life is prolonged.
    pub prolonged_by: i64,
}

/// Why nothing is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldNodeSessionRefusal {
    /// The session.
    Session(NodeSessionRefusal),
    /// The project holds that many nodes already.
    TooManyHeldNodes {
        /// Nodes that it holds.
        held: u32,
        /// Nodes that it may hold.
        limit: u32,
    },
}

impl Message for HoldNodeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "hold-node-session";
}

impl Command for HoldNodeSession {
    type Reply = NodeSession;
    type Refusal = HoldNodeSessionRefusal;
}
