//! Report: a container is over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Usage;
use crate::{Message, Report, Service};

/// A container is over, because it was ordered or by itself; nothing of it runs any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerEnded {
    /// The order to end it; `None` = it ended by itself.
    pub order: Option<Uuid>,
    /// The container.
    pub container: Uuid,
    /// How it ended.
    pub end: ContainerEnd,
    /// What it has used, if it ran.
    pub usage: Option<Usage>,
    /// The end of what its processes wrote.
    pub logs: String,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContainerEnd {
    /// Its main process ended.
    Exited {
        /// Its exit code; 128 and the number of the signal that ended it.
        code: i32,
    },
    /// It was ordered.
    Stopped,
    /// The agent does not know it: it never ran there, or is long over.
    Unknown,
}

impl Message for ContainerEnded {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "container-ended";
}

impl Report for ContainerEnded {}
