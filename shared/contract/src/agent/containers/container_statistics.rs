//! What containers use, said again and again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Message, Service, Signal};

/// What one container has used (`api/backendai.md` §2, "container stats").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Time on processors, in milliseconds.
    pub cpu_used: u64,
    /// Most memory at once, in bytes.
    pub mem_max_bytes: u64,
    /// Memory at the moment, in bytes.
    pub mem_cur_bytes: u64,
    /// Received over the network, in bytes; 0 where containers share the host's network.
    pub net_rx_bytes: u64,
    /// Sent over the network, in bytes; 0 where containers share the host's network.
    pub net_tx_bytes: u64,
    /// Read from disks, in bytes.
    pub io_read_bytes: u64,
    /// Written to disks, in bytes.
    pub io_write_bytes: u64,
    /// Most of the scratch directory at once, in bytes.
    pub io_max_scratch_size: u64,
    /// The scratch directory at the moment, in bytes.
    pub io_cur_scratch_size: u64,
}

/// What one container has used until now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerUsage {
    /// The container.
    pub container: Uuid,
    /// Since it started, restarts included.
    pub usage: Usage,
}

/// What the containers of an agent have used until now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainersUsage {
    /// Some of them; the others are in further messages.
    pub containers: Vec<ContainerUsage>,
}

impl Message for ContainersUsage {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "stat";
}

impl Signal for ContainersUsage {}
