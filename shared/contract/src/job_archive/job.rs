//! A job as the archive keeps it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::JobState;

/// Who else may use the nodes of a job. The seed's `exclusive` 0, 1, 2 and the later `shared` say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeSharing {
    /// Nobody (`exclusive` 1).
    #[default]
    None,
    /// Other jobs of the same user (`exclusive` 2).
    SingleUser,
    /// Other jobs of anybody (`exclusive` 0).
    MultiUser,
}

impl NodeSharing {
    /// The later releases' word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            NodeSharing::None => "none",
            NodeSharing::SingleUser => "single_user",
            NodeSharing::MultiUser => "multi_user",
        }
    }

    /// From the later releases' word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::SingleUser, Self::MultiUser]
            .into_iter()
            .find(|sharing| sharing.name() == name)
    }

    /// The seed's number.
    #[must_use]
    pub const fn exclusive(self) -> i32 {
        match self {
            NodeSharing::MultiUser => 0,
            NodeSharing::None => 1,
            NodeSharing::SingleUser => 2,
        }
    }

    /// From the seed's number.
    #[must_use]
    pub fn from_exclusive(number: i32) -> Option<Self> {
        [Self::None, Self::SingleUser, Self::MultiUser]
            .into_iter()
            .find(|sharing| sharing.exclusive() == number)
    }
}

/// A node that a job uses, or the part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Resource {
    /// Name of the node.
    pub hostname: String,
    /// Ids of the hardware threads; empty = all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hwthreads: Vec<i32>,
    /// Ids of the accelerators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accelerators: Vec<String>,
    /// Configuration options of the node.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub configuration: String,
}

/// A tag attached to a job. Tags are shared: the same type, name and scope is one tag with one id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Tag {
    /// Its number in the archive's table.
    pub id: i64,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `global`, `admin`, or the one user who sees it.
    pub scope: String,
}

/// Unit of a metric. The seed writes a word, later releases an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Unit {
    /// For example `GHz`.
    Word(String),
    /// For example `{"base": "Hz", "prefix": "G"}`.
    Parts {
        /// The unit without prefix.
        base: String,
        /// The SI prefix.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
    },
}

/// One metric over the whole job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricStatistics {
    /// Unit of the three values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Mean over nodes and time.
    pub avg: f64,
    /// Smallest value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
}

/// What is told of a job when it starts and never asked for as a condition of a list: kept as one document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct JobDetails {
    /// Nodes used. Never empty.
    pub resources: Vec<Resource>,
    /// Memory asked for, in MB; 0 = not told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requested_memory: i64,
    /// When it was submitted: seconds since 1970 UTC; 0 = not told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub submit_time: i64,
    /// Energy used, in kWh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<f64>,
    /// Footprint by metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub footprint: BTreeMap<String, f64>,
    /// Energy by metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub energy_footprint: BTreeMap<String, f64>,
    /// Statistics by metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statistics: BTreeMap<String, MetricStatistics>,
}

/// A job as the archive keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Its number in the archive's table.
    pub id: i64,
    /// Its number on the cluster; used again by the cluster after some time.
    pub job_id: i64,
    /// The tenant that reported it: project of the principal who started it.
    pub tenant: String,
    /// Who submitted it.
    pub user: String,
    /// The accounting project it was submitted for.
    pub project: String,
    /// Cluster it runs on.
    pub cluster: String,
    /// Part of the cluster.
    pub sub_cluster: String,
    /// Queue of the batch system.
    pub partition: String,
    /// Number of the array it is an element of; 0 = none.
    pub array_job_id: i64,
    /// Nodes used.
    pub num_nodes: i32,
    /// Hardware threads used; 0 = not told.
    pub num_hwthreads: i32,
    /// Accelerators used; 0 = none or not told.
    pub num_acc: i32,
    /// Who else may use its nodes.
    pub sharing: NodeSharing,
    /// 0 disabled, 1 running or archiving, 2 archiving failed, 3 archiving succeeded.
    pub monitoring_status: i32,
    /// Threads used per core; 0 = not told.
    pub smt: i32,
    /// Its state.
    pub state: JobState,
    /// Seconds from start to stop; of a job that runs, the seconds until now.
    pub duration: i64,
    /// Seconds asked for; 0 = not told.
    pub walltime: i64,
    /// When it started: seconds since 1970 UTC.
    pub start_time: i64,
    /// Everything else.
    pub details: JobDetails,
    /// Script, name, messages of the batch system, by key; left out of lists unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta_data: Option<BTreeMap<String, String>>,
    /// Tags attached.
    pub tags: Vec<Tag>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}
