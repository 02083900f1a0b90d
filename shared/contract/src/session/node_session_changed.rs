//! Events: what became of a node session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EndReason, JobReference};
use crate::{Event, Message, Service, node_allocation::LeasedNode};

macro_rules! event {
    ($event:ident, $name:literal) => {
        impl Message for $event {
            const SERVICE: Service = Service::Session;
            const NAME: &'static str = $name;
        }

        impl Event for $event {
            fn tenant(&self) -> &str {
                &self.tenant
            }
        }
    };
}

/// A session can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSessionOpened {
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// The name its owner gave it.
    pub alias: Option<String>,
    /// The job it is tied to.
    pub job: Option<JobReference>,
    /// Its first nodes.
    pub nodes: Vec<LeasedNode>,
}

event!(NodeSessionOpened, "node-session.opened");

/// A session has more nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSessionGrown {
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// The name its owner gave it.
    pub alias: Option<String>,
    /// Those that it did not have before.
    pub nodes: Vec<LeasedNode>,
}

event!(NodeSessionGrown, "node-session.grown");

/// A session gave a node back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSessionShrunk {
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// The name its owner gave it.
    pub alias: Option<String>,
    /// Short name of the node.
    pub hostname: String,
}

event!(NodeSessionShrunk, "node-session.shrunk");

/// The nodes of a session are kept for a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSessionHeld {
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// The name its owner gave it.
    pub alias: Option<String>,
    /// Short names of the nodes.
    pub hostnames: Vec<String>,
}

event!(NodeSessionHeld, "node-session.held");

/// A session is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSessionClosed {
    /// The session.
    pub session: String,
    /// The project that it belongs to.
    pub tenant: String,
    /// The name its owner gave it.
    pub alias: Option<String>,
    /// Why.
    pub reason: EndReason,
    /// When it was opened: microseconds since 1970 UTC.
    pub created_at: i64,
    /// When it ended: microseconds since 1970 UTC.
    pub ended_at: i64,
}

event!(NodeSessionClosed, "node-session.closed");

/// What was set up for a session that is over stays: tearing it down was given up. An operator has to look; the session's
/// status has the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSessionTearDownFailed {
    /// The session.
    pub session: String,
    /// The project that it belonged to.
    pub tenant: String,
    /// The name its owner gave it.
    pub alias: Option<String>,
    /// The agent that could not do it, or did not answer.
    pub agent: String,
    /// Attempts that were made.
    pub attempts: u32,
}

event!(NodeSessionTearDownFailed, "node-session.tear-down-failed");
