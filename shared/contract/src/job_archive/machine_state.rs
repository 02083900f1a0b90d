//! A document about a machine, which the archive keeps as it is (`/api/machine_state/` of ClusterCockpit).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Command, Message, Query, Service};

/// Bytes that such a document may have.
pub const MACHINE_STATE_LIMIT: usize = 1024 * 1024;

/// Keeps the document about a machine, in place of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordMachineState {
    /// Its cluster; must be one that the archive knows.
    pub cluster: String,
    /// Its name; must be a node of the cluster.
    pub host: String,
    /// The document: JSON, at most [`MACHINE_STATE_LIMIT`] bytes.
    pub document: String,
}

/// The document is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedMachineState {}

/// Why the document is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordMachineStateRefusal {
    /// The archive knows no such cluster.
    UnknownCluster,
    /// The cluster has no such node.
    UnknownHost,
    /// It is too long.
    TooLarge {
        /// [`MACHINE_STATE_LIMIT`].
        limit: u64,
    },
}

impl Message for RecordMachineState {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "record-machine-state";
}

impl Command for RecordMachineState {
    type Reply = RecordedMachineState;
    type Refusal = RecordMachineStateRefusal;
}

/// Finds the document about a machine that the caller's tenant has given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindMachineState {
    /// Its cluster.
    pub cluster: String,
    /// Its name.
    pub host: String,
}

/// The document about a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineState {
    /// As it was given.
    pub document: String,
    /// When: seconds since 1970 UTC.
    pub recorded_at: i64,
}

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindMachineStateRefusal {
    /// None was given.
    NotFound,
}

impl Message for FindMachineState {
    const SERVICE: Service = Service::JobArchive;
    const NAME: &'static str = "find-machine-state";
}

impl Query for FindMachineState {
    type Answer = MachineState;
    type Refusal = FindMachineStateRefusal;
}
