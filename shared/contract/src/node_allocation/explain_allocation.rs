//! Query: could nodes be had at this moment, and if not, why?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AllocationRefusal, NodeDemand};
use crate::{Message, Query, Service, message::Never};

/// A dry run of [`AllocateNodes`](super::AllocateNodes): nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainAllocation {
    /// The project that would get them.
    pub tenant: String,
    /// Which nodes.
    pub demands: Vec<NodeDemand>,
}

/// What would come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// Why it would be refused; `None` = it would be granted.
    pub refusal: Option<AllocationRefusal>,
    /// For each demand: what there is.
    pub demands: Vec<DemandExplanation>,
    /// Nodes that the project may hold; `None` = as many as it likes.
    pub quota: Option<u32>,
    /// Nodes that it holds.
    pub held: u32,
    /// Requests that wait before it.
    pub waiting: u32,
}

/// What there is for a demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DemandExplanation {
    /// Pools that fit.
    pub pools: Vec<String>,
    /// Nodes of theirs that are ready.
    pub ready: u32,
    /// Nodes of theirs in all, but for those set aside.
    pub total: u32,
}

impl Message for ExplainAllocation {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "explain-allocation";
}

impl Query for ExplainAllocation {
    type Answer = Explanation;
    type Refusal = Never;
}
