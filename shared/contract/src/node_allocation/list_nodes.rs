//! Query: the nodes there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Node, NodeState};
use crate::{Message, Query, Service, message::Never};

/// Asks for nodes, by rising number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListNodes {
    /// Only those that sessions of this project hold.
    pub tenant: Option<String>,
    /// Only those of this session.
    pub session: Option<String>,
    /// Only those of this pool.
    pub pool: Option<String>,
    /// Only those in one of these states; empty = in any.
    pub states: Vec<NodeState>,
    /// Only this one, by its number.
    pub id: Option<i64>,
    /// Only those with a greater number: the last of the page before.
    pub after: i64,
    /// How many at most; `None` = all.
    pub limit: Option<u32>,
}

/// Nodes, by rising number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodePage {
    /// The nodes.
    pub nodes: Vec<Node>,
}

impl Message for ListNodes {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "list-nodes";
}

impl Query for ListNodes {
    type Answer = NodePage;
    type Refusal = Never;
}
