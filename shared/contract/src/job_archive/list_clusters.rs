//! The clusters that the archive knows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Message, Query, Service};

/// Lists the descriptions of clusters, as the site gave them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListClusters {
    /// Only this one.
    pub name: Option<String>,
}

/// Descriptions of clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterDescriptions {
    /// Each as ClusterCockpit's `cluster.json` has it, in the order of their names.
    pub clusters: Vec<Value>,
}

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListClustersRefusal {
    /// There is none of that name.
    Unknown,
}

impl Message for ListClusters {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "list-clusters";
}

impl Query for ListClusters {
    type Answer = ClusterDescriptions;
    type Refusal = ListClustersRefusal;
}
