//! Command: a new compute session.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ComputeSession, ComputeSessionType};
use crate::{
    Command, Message, ResourceSlots, Service, agent::ContainerImage, node_allocation::SlotsRefusal,
};

/// Asks for a session, or for the one of that name that is there already. All that depends on the site alone, such as the image and
/// what it needs at least, was found out by the ingress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateComputeSession {
    /// Its name, unique among the owner's sessions that are not over.
    pub name: String,
    /// The access key that it is to belong to.
    pub owner: String,
    /// The principal of that key.
    pub user: String,
    /// Its project.
    pub tenant: String,
    /// The domain of the project.
    pub domain: String,
    /// What it is for.
    pub kind: ComputeSessionType,
    /// What runs in it.
    pub image: ContainerImage,
    /// Whatever its owner wants to write on it.
    pub tag: Option<String>,
    /// Of a batch session: what it runs.
    pub startup_command: Option<String>,
    /// Run before anything else.
    pub bootstrap_script: Option<String>,
    /// Of a batch session: not before this moment, in microseconds since 1970 UTC.
    pub starts_at: Option<i64>,
    /// Set for its processes.
    pub environ: BTreeMap<String, String>,
    /// Folders it asks for.
    pub mounts: Vec<String>,
    /// Where these are, below the home directory of its containers, if not under their names.
    #[serde(default)]
    pub mount_paths: BTreeMap<String, String>,
    /// Further wishes, by name: `shmem`.
    pub resource_options: BTreeMap<String, String>,
    /// Where to look for agents.
    pub scaling_group: Option<String>,
    /// What each container may use.
    pub slots: ResourceSlots,
    /// How many containers. Never 0.
    pub cluster_size: u32,
    /// All containers on one agent.
    pub on_one_agent: bool,
    /// Further ports to be reached.
    pub preopen_ports: Vec<u16>,
    /// Sessions of the same owner that have to have succeeded first, by id or name.
    pub dependencies: Vec<String>,
    /// An interactive session that is not used for so long is ended: microseconds; `None` = never.
    pub idle_timeout: Option<i64>,
    /// What is done if there is one of that name.
    pub reuse: bool,
    /// When it is answered.
    pub answer: ScheduleRule,
}

/// When the creation of a session is answered. A refusal is answered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleRule {
    /// When it is known that it can be had: it waits for slots, or has them.
    Enqueued,
    /// When it runs or is over, or at this moment, in microseconds since 1970 UTC.
    StartedBy(i64),
}

/// A session that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreatedComputeSession {
    /// As it is now.
    pub session: ComputeSession,
    /// Whether it is a new one.
    pub created: bool,
    /// Whether it has not come to run in the time that the caller waits.
    pub timed_out: bool,
}

/// Why there is no new session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreateComputeSessionRefusal {
    /// There is one of that name, with another image or not to be reused.
    Exists {
        /// Its id.
        session: Uuid,
    },
    /// A session that it is to depend on is not there, or came to nothing.
    Dependency {
        /// As the caller named it.
        name: String,
    },
    /// There will never be slots for it.
    Slots(SlotsRefusal),
}

impl Message for CreateComputeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "create-compute-session";
}

impl Command for CreateComputeSession {
    type Reply = CreatedComputeSession;
    type Refusal = CreateComputeSessionRefusal;
}
