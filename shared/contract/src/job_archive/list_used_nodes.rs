//! The nodes that jobs run on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ListJobsRefusal;
use crate::{Message, Query, Service};

/// Lists the nodes of jobs that run and that the caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListUsedNodes {
    /// Only of jobs that started before: seconds since 1970 UTC.
    pub before: i64,
}

/// The nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsedNodes {
    /// Their names, each once and in order, by cluster. A cluster without any is not there.
    pub by_cluster: BTreeMap<String, Vec<String>>,
}

impl Message for ListUsedNodes {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "list-used-nodes";
}

impl Query for ListUsedNodes {
    type Answer = UsedNodes;
    /// More jobs run than one answer may be made of.
    type Refusal = ListJobsRefusal;
}
