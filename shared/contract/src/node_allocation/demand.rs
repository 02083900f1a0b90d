//! Nodes that are asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nodes of one kind that are asked for. A request may have several; it is met as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeDemand {
    /// Of which kind.
    pub selector: NodeSelector,
    /// As many at least; fewer are a refusal. May be 0: then whatever there is.
    pub minimum: u32,
    /// As many at most, and as many as there are between the two ("up to N"). Never less than `minimum`, never 0.
    pub maximum: u32,
    /// Host names to avoid: patterns of SQL's `LIKE` over the short name (`api/duffy.md` §1).
    pub excluded_hosts: Vec<String>,
}

/// Which nodes fit.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NodeSelector {
    /// Those of this pool (Duffy 3).
    Pool {
        /// Its name.
        name: String,
    },
    /// Those of any pool with these properties (Duffy 1 and 2).
    Properties {
        /// Release of the operating system, `7` or `8-stream`.
        version: String,
        /// `x86_64`, `aarch64` and so on.
        architecture: String,
        /// Size of a virtual machine; `None` = pools without flavor.
        flavor: Option<String>,
    },
}
