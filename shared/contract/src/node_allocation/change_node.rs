//! Command: an operator changes a node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Node, NodeState};
use crate::{Command, Message, Service};

/// Changes one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeNode {
    /// Its short name.
    pub hostname: String,
    /// What to do.
    pub change: NodeChange,
    /// Why; shown in the inventory.
    pub reason: Option<String>,
}

/// What an operator may do with a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeChange {
    /// Adds it to a pool.
    Add {
        /// The pool.
        pool: String,
        /// Its address.
        ip_address: String,
        /// Where it stands; may be empty.
        chassis: String,
        /// Port of its console.
        console_port: Option<i64>,
    },
    /// Puts it into a state; refused while a session holds it. Ends what is being done to it. One that has not been wiped
    /// since its last session and is to be ready is wiped first, if its pool has a hook for that.
    SetState {
        /// `ready`, `reserved`, `failed` or `unused`.
        state: NodeState,
    },
    /// Reserves it: at once if it is free, else when its session gives it back.
    Drain,
}

/// Why a node is not changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeNodeRefusal {
    /// There is none of that name.
    UnknownNode,
    /// No host can be called that.
    InvalidName,
    /// There is one of that name, or with a name that is part of the new one's or the other way round: clients take one for
    /// the other (`api/duffy.md` §2).
    AmbiguousName {
        /// The one that is there.
        other: String,
    },
    /// There is no such pool.
    UnknownPool {
        /// Its name.
        pool: String,
    },
    /// A session holds it.
    InUse {
        /// The session.
        session: String,
    },
    /// An operator cannot put a node into that state.
    WrongState {
        /// The state.
        state: NodeState,
    },
}

impl Message for ChangeNode {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "change-node";
}

impl Command for ChangeNode {
    type Reply = Node;
    type Refusal = ChangeNodeRefusal;
}
