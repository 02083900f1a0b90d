//! What somebody asked for when a session was created.

use std::collections::BTreeMap;

use muster_contract::{
    ResourceSlots,
    agent::{ContainerImage, FolderMount},
    session::{ComputeSessionType, CreateComputeSession},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What does not change in the life of a session; in its table as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) name: String,
    /// The access key that it belongs to.
    pub(crate) owner: String,
    /// The principal of that key.
    pub(crate) user: String,
    pub(crate) tenant: String,
    pub(crate) domain: String,
    pub(crate) kind: ComputeSessionType,
    pub(crate) image: ContainerImage,
    pub(crate) tag: Option<String>,
    pub(crate) startup_command: Option<String>,
    pub(crate) bootstrap_script: Option<String>,
    /// Microseconds since 1970 UTC.
    pub(crate) starts_at: Option<i64>,
    pub(crate) environ: BTreeMap<String, String>,
    pub(crate) mounts: Vec<String>,
    #[serde(default)]
    pub(crate) mount_paths: BTreeMap<String, String>,
    pub(crate) resource_options: BTreeMap<String, String>,
    /// Where to look for agents.
    pub(crate) scaling_group: Option<String>,
    /// What each container may use.
    pub(crate) slots: ResourceSlots,
    pub(crate) cluster_size: u32,
    pub(crate) on_one_agent: bool,
    pub(crate) preopen_ports: Vec<u16>,
    /// Sessions that have to have succeeded first.
    pub(crate) dependencies: Vec<Uuid>,
    /// Microseconds without use after which it is ended.
    pub(crate) idle_timeout: Option<i64>,
}

impl Wish {
    /// What the command asks for; the dependencies as they were found.
    pub(crate) fn of(command: &CreateComputeSession, dependencies: Vec<Uuid>) -> Self {
        Self {
            name: command.name.clone(),
            owner: command.owner.clone(),
            user: command.user.clone(),
            tenant: command.tenant.clone(),
            domain: command.domain.clone(),
            kind: command.kind,
            image: command.image.clone(),
            tag: command.tag.clone(),
            startup_command: command.startup_command.clone(),
            bootstrap_script: command.bootstrap_script.clone(),
            starts_at: command.starts_at,
            environ: command.environ.clone(),
            mounts: command.mounts.clone(),
            mount_paths: command.mount_paths.clone(),
            resource_options: command.resource_options.clone(),
            scaling_group: command.scaling_group.clone(),
            slots: command.slots.clone(),
            cluster_size: command.cluster_size.max(1),
            on_one_agent: command.on_one_agent,
            preopen_ports: command.preopen_ports.clone(),
            dependencies,
            idle_timeout: command.idle_timeout,
        }
    }

    /// The folders of its containers.
    pub(crate) fn folders(&self) -> Vec<FolderMount> {
        let folder = |name: &String| FolderMount {
            name: name.clone(),
            path: self.mount_paths.get(name).unwrap_or(name).clone(),
        };
        self.mounts.iter().map(folder).collect()
    }

    /// Whether it runs a command to its end.
    pub(crate) fn is_batch(&self) -> bool {
        self.kind == ComputeSessionType::Batch
    }
}
