//! Order: start a container.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ContainerImage, ContainerStarted};
use crate::{Message, Order, ResourceSlots, Service};

/// Has the agent start a container. Answered by [`ContainerStarted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartContainer {
    /// What the report refers to.
    pub order: Uuid,
    /// The container.
    pub container: Uuid,
    /// The session that it belongs to.
    pub session: Uuid,
    /// The session's name.
    pub session_name: String,
    /// The project whose folders it may have.
    #[serde(default)]
    pub project: String,
    /// When it has to have started: microseconds since 1970 UTC. An order that comes later is reported as failed.
    pub deadline: i64,
    /// What runs in it.
    pub image: ContainerImage,
    /// Run in place of the image's command, by a shell, to its end: a batch session.
    pub startup_command: Option<String>,
    /// Run before anything else, by a shell.
    pub bootstrap_script: Option<String>,
    /// Set for its processes.
    pub environ: BTreeMap<String, String>,
    /// What it may use.
    pub slots: ResourceSlots,
    /// Folders of the project that it has.
    #[serde(default)]
    pub folders: Vec<FolderMount>,
    /// Further ports of the container that are to be reached, over TCP.
    pub preopen_ports: Vec<u16>,
    /// Its place among the containers of the session.
    pub place: ClusterPlace,
}

/// One of the containers of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterPlace {
    /// Counted from 0; 0 is the main one.
    pub index: u32,
    /// Its name among them: `main1`, `sub1`, `sub2` and so on.
    pub hostname: String,
    /// The names of all, in order.
    pub hostnames: Vec<String>,
    /// The agent of each, in the same order.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Where that agent can be reached, in the same order: a name or an address.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// A folder that outlives the session, in a container of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FolderMount {
    /// Its name among those of the project.
    pub name: String,
    /// Where it is, below the home directory of the container: a relative path.
    pub path: String,
}

impl Message for StartContainer {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "start-container";
}

impl Order for StartContainer {
    type Report = ContainerStarted;
}
