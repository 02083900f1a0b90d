//! A job has started.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobDetails, JobState, NodeSharing};
use crate::{Command, Message, Service};

/// Records a job that has started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StartJob {
    /// Its number on the cluster.
    pub job_id: i64,
    /// Who submitted it. Never empty.
    pub user: String,
    /// The accounting project; may be empty.
    pub project: String,
    /// Cluster it runs on; must be one that the archive knows.
    pub cluster: String,
    /// Part of the cluster; `None` = the one that the first node belongs to.
    pub sub_cluster: Option<String>,
    /// Queue of the batch system; may be empty.
    pub partition: String,
    /// Number of the array it is an element of; 0 = none.
    pub array_job_id: i64,
    /// Nodes used, equal to the number of `details.resources`.
    pub num_nodes: i32,
    /// Hardware threads used; 0 = not told.
    pub num_hwthreads: i32,
    /// Accelerators used.
    pub num_acc: i32,
    /// Who else may use its nodes.
    pub sharing: NodeSharing,
    /// 0 to 3.
    pub monitoring_status: i32,
    /// Threads used per core.
    pub smt: i32,
    /// Its state; `running` unless the client says otherwise.
    pub state: JobState,
    /// Seconds it has run; 0 unless the client says otherwise.
    pub duration: i64,
    /// Seconds asked for; 0 = not told.
    pub walltime: i64,
    /// When it started: seconds since 1970 UTC.
    pub start_time: i64,
    /// Everything else.
    pub details: JobDetails,
    /// Script, name, messages of the batch system, by key.
    pub meta_data: BTreeMap<String, String>,
    /// Tags to attach.
    pub tags: Vec<NewTag>,
}

/// A tag to attach; made if there is none like it.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct NewTag {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `global`, `admin`, or the one user who sees it.
    pub scope: String,
}

/// The job is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartedJob {
    /// Its number in the archive's table.
    pub id: i64,
}

/// Why a job is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartJobRefusal {
    /// The archive knows no such cluster.
    UnknownCluster {
        /// As the client wrote it.
        cluster: String,
    },
    /// The cluster has no such part.
    UnknownSubCluster {
        /// The cluster.
        cluster: String,
        /// As the client wrote it.
        sub_cluster: String,
    },
    /// No part of the cluster has that node.
    NoSubClusterForHost {
        /// The cluster.
        cluster: String,
        /// The job's first node.
        hostname: String,
    },
    /// There is a job of that number on that cluster that started less than a day before, or later.
    AlreadyExists {
        /// The other job's number in the archive's table.
        id: i64,
        /// Its number on the cluster.
        job_id: i64,
    },
    /// A text holds U+0000, which not every database can store.
    NulCharacter {
        /// The member with the text, as the client calls it.
        member: String,
    },
}

impl Message for StartJob {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "start-job";
}

impl Command for StartJob {
    type Reply = StartedJob;
    type Refusal = StartJobRefusal;
}
