//! A compute session and its containers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ResourceSlots,
    agent::{ServicePort, Usage},
};

/// Where in its life a compute session, or one of its containers, is (`api/backendai.md` §3).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ComputeSessionStatus {
    /// It waits for slots.
    Pending,
    /// It has slots; agents start its containers.
    Preparing,
    /// All its containers run.
    Running,
    /// Its containers are started anew.
    Restarting,
    /// Its containers are being ended.
    Terminating,
    /// It is over.
    Terminated,
    /// It never ran.
    Cancelled,
}

impl ComputeSessionStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Preparing,
        Self::Running,
        Self::Restarting,
        Self::Terminating,
        Self::Terminated,
        Self::Cancelled,
    ];

    /// Its name for clients and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Preparing => "PREPARING",
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Terminating => "TERMINATING",
            Self::Terminated => "TERMINATED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether it is over: nothing follows, and its name is free.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Terminated | Self::Cancelled)
    }
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ComputeSessionType {
    /// To be used until it is ended.
    Interactive,
    /// To run a command to its end.
    Batch,
}

impl ComputeSessionType {
    /// Its name for clients and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Batch => "batch",
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Interactive, Self::Batch]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// What came of the command of a batch session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BatchResult {
    /// It is not over, or there is none.
    Undefined,
    /// It ended with 0.
    Success,
    /// It ended otherwise, or was ended.
    Failure,
}

impl BatchResult {
    /// Its name for clients and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undefined => "UNDEFINED",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
        }
    }

    /// The result of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Undefined, Self::Success, Self::Failure]
            .into_iter()
            .find(|result| result.name() == name)
    }
}

/// A compute session as its owner sees it. Moments are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeSession {
    /// Its id.
    pub id: Uuid,
    /// Its name: unique among the owner's sessions that are not over.
    pub name: String,
    /// What it is for.
    pub kind: ComputeSessionType,
    /// Name and tag of its image.
    pub image: String,
    /// What its owner wrote on it.
    pub tag: Option<String>,
    /// The domain of its project.
    pub domain: String,
    /// Its project.
    pub tenant: String,
    /// The principal that it belongs to.
    pub user: String,
    /// The access key that it belongs to.
    pub owner: String,
    /// Where in its life it is.
    pub status: ComputeSessionStatus,
    /// Why it is there, or what it waits for.
    pub status_info: Option<String>,
    /// Since when it is there.
    pub status_changed_at: i64,
    /// When it was asked for.
    pub created_at: i64,
    /// When it ran first.
    pub started_at: Option<i64>,
    /// When it was over.
    pub terminated_at: Option<i64>,
    /// When it may start at the earliest.
    pub starts_at: Option<i64>,
    /// What came of its command.
    pub result: BatchResult,
    /// Its command.
    pub startup_command: Option<String>,
    /// Set for its processes.
    pub environ: BTreeMap<String, String>,
    /// Folders it asked for.
    pub mounts: Vec<String>,
    /// Further wishes, by name: `shmem`.
    pub resource_options: BTreeMap<String, String>,
    /// Where its agents are, once it has slots.
    pub scaling_group: Option<String>,
    /// What each container may use.
    pub slots: ResourceSlots,
    /// How many containers it has.
    pub cluster_size: u32,
    /// Whether all of them are on one agent.
    #[serde(default)]
    pub on_one_agent: bool,
    /// Ports that it asked for beside those of its image.
    #[serde(default)]
    pub preopen_ports: Vec<u16>,
    /// How often it was asked about or used.
    pub queries: i64,
    /// Sessions that have to have succeeded first.
    pub dependencies: Vec<Uuid>,
    /// Its containers, in order; empty until it has slots.
    pub containers: Vec<ComputeContainer>,
}

/// What a container is in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContainerRole {
    /// The one that code is run in and services are reached at.
    Main,
    /// One of the others.
    Sub,
}

/// A container of a compute session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeContainer {
    /// Its id.
    pub id: Uuid,
    /// Counted from 0; 0 is the main one.
    pub index: u32,
    /// What it is in its session.
    pub role: ContainerRole,
    /// Its name in the session: `main1`, `sub1`.
    pub hostname: String,
    /// The agent that runs it.
    pub agent: String,
    /// Where in its life it is.
    pub status: ComputeSessionStatus,
    /// Why it is there.
    pub status_info: Option<String>,
    /// Since when it is there.
    pub status_changed_at: i64,
    /// When it ran first.
    pub started_at: Option<i64>,
    /// When it was over.
    pub terminated_at: Option<i64>,
    /// Where its ports can be reached.
    pub host: Option<String>,
    /// What can be reached.
    pub service_ports: Vec<ServicePort>,
    /// What its main process ended with.
    pub exit_code: Option<i32>,
    /// What it has used, as far as it is known.
    pub usage: Option<Usage>,
}
