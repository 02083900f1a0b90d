//! Report: what became of a hook of a node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::HookResult;
use crate::{Message, Report, Service};

/// A hook of a node has come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeHookFinished {
    /// The order.
    pub order: Uuid,
    /// How it came out.
    pub result: HookResult,
}

impl Message for NodeHookFinished {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "node-hook-finished";
}

impl Report for NodeHookFinished {}
