//! Query: the pools and how full they are.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NodeState;
use crate::{Message, Query, Service, message::Never};

/// Asks for all pools, by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListPools {}

/// The pools, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolList {
    /// The pools.
    pub pools: Vec<Pool>,
}

/// A pool: nodes that are as good as each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pool {
    /// Its name, unique.
    pub name: String,
    /// Release of the operating system.
    pub version: String,
    /// Processor architecture.
    pub architecture: String,
    /// Size of a virtual machine.
    pub flavor: Option<String>,
    /// Nodes that are to be ready.
    pub fill_level: i64,
    /// How long a session with such a node may live, in seconds; `None` = for ever.
    pub lifetime: Option<i64>,
    /// How long at most, if its owner asks for more, in seconds; `None` = without limit.
    pub maximum_lifetime: Option<i64>,
    /// How many nodes are in each state.
    pub levels: PoolLevels,
}

/// How many nodes are in each state; states without nodes may be missing.
pub type PoolLevels = BTreeMap<NodeState, i64>;

impl Message for ListPools {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "list-pools";
}

impl Query for ListPools {
    type Answer = PoolList;
    type Refusal = Never;
}
