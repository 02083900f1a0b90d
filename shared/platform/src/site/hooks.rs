//! Agents of a site, and the hooks that they run.

use std::time::Duration;

/// How often a hook is tried where the site does not say.
pub const DEFAULT_HOOK_ATTEMPTS: u32 = 3;

/// How long a node that failed is set aside where the site does not say.
pub const DEFAULT_QUARANTINE: Duration = Duration::from_hours(1);

/// Somebody who runs hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteAgent {
    /// Unique within the site; built like the name of a host.
    pub name: String,
    /// The public half of the nkey that it signs in to NATS with; `None` = one is made for it.
    pub public_key: Option<String>,
}

/// What is done to the nodes of a pool, at least one of the three, each with the longest that one attempt may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHooks {
    /// Who does it.
    pub agent: HookAgent,
    /// Before a node is free.
    pub provision: Option<Duration>,
    /// Before a session gets it.
    pub contextualize: Option<Duration>,
    /// After a session gave it back.
    pub deprovision: Option<Duration>,
    /// How often it is tried before the node counts as failed; at least 1.
    pub attempts: u32,
}

/// Who runs the hooks of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAgent {
    /// The agent of this name.
    Named(String),
    /// The agent that has the node's name.
    OfEachNode,
}

impl HookAgent {
    /// The name of the agent for this node.
    #[must_use]
    pub fn for_node<'a>(&'a self, hostname: &'a str) -> &'a str {
        match self {
            Self::Named(name) => name,
            Self::OfEachNode => hostname,
        }
    }
}

/// What is done for the sessions of a project, at least one of the two, each with the longest that one attempt may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionHooks {
    /// The agent that does it.
    pub agent: String,
    /// Before the session's first nodes are asked for.
    pub set_up: Option<Duration>,
    /// When its nodes are given back.
    pub tear_down: Option<Duration>,
    /// How often it is tried; at least 1.
    pub attempts: u32,
}
