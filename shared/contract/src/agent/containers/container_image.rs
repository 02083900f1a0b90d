//! What runs in a container.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An image of the site, as far as an agent needs it: nothing has to be configured there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerImage {
    /// Its name and tag: `python:3.11`.
    pub name: String,
    /// The main process of a container without Docker: a program and its arguments. `{port:NAME}` is the port of the service of that
    /// name.
    pub command: Vec<String>,
    /// What is different with Docker; without it, Docker's image of the same name and that one's own command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerImage>,
    /// The program that runs code that is sent to the session, if it can: see `services/agent/README.md`.
    pub interpreter: Option<Vec<String>>,
    /// What can be reached in it.
    pub services: Vec<ImageService>,
    /// Set for its processes, below what the session sets.
    pub environ: BTreeMap<String, String>,
}

/// What Docker runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DockerImage {
    /// What Docker calls the image; `None` = as it is called here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The main process: a program and its arguments, which listen on the ports of the services themselves. `None` = the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
}

/// Something in a container that can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageService {
    /// Its name: `jupyter`.
    pub name: String,
    /// What is spoken there.
    pub protocol: ServiceProtocol,
    /// Its port in the container.
    pub port: u16,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceProtocol {
    /// Anything over TCP.
    Tcp,
    /// HTTP.
    Http,
    /// A terminal.
    Pty,
}
