//! Pools and nodes of a site.

use std::net::IpAddr;
use std::time::Duration;

use super::hooks::NodeHooks;

/// How long a session may live with a node of a pool that does not say: Duffy gives bare metal back after six hours.
pub const DEFAULT_LIFETIME: Duration = Duration::from_hours(6);

/// Nodes that are as good as each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePool {
    /// Unique within the site.
    pub name: String,
    /// Release of the operating system, `7` or `8-stream`.
    pub version: String,
    /// Processor architecture.
    pub architecture: String,
    /// Size of a virtual machine.
    pub flavor: Option<String>,
    /// Nodes that are to be ready; `None` = the site does not say.
    pub fill_level: Option<u32>,
    /// How long a session with such a node may live; `None` = for ever.
    pub lifetime: Option<Duration>,
    /// How long at most, if its owner asks for more; `None` = for ever. Never shorter than `lifetime`.
    pub maximum_lifetime: Option<Duration>,
    /// What is done to its nodes.
    pub hooks: Option<NodeHooks>,
    /// A node that has been free for longer is installed anew; `None` = never. Only with a provision hook.
    pub maximum_ready_age: Option<Duration>,
    /// How long a node that failed is set aside before it is tried again.
    pub quarantine: Duration,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteNode {
    /// Short name; no other node's name is part of it.
    pub hostname: String,
    /// A pool of the site.
    pub pool: String,
    /// Its address, where it is known.
    pub ip_address: Option<IpAddr>,
    /// Where it stands; may be empty.
    pub chassis: String,
    /// Port of its console.
    pub console_port: Option<u16>,
}
