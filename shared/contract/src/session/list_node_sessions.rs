//! Query: node sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NodeSession, NodeSessionState, SessionReference};
use crate::{Message, Query, Service, message::Never};

/// Asks for sessions, by rising number. Nobody is asked for: who may see what is for the caller of this to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListNodeSessions {
    /// Only those of this project; also decides whose aliases count.
    pub tenant: Option<String>,
    /// Only those in one of these states; empty = in any.
    pub states: Vec<NodeSessionState>,
    /// Only this one.
    pub session: Option<SessionReference>,
    /// Only those with a greater number: the last of the page before.
    pub after: i64,
    /// How many at most; the owner gives 500 at most.
    pub limit: u32,
}

/// Sessions, by rising number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSessionPage {
    /// The sessions.
    pub sessions: Vec<NodeSession>,
}

impl Message for ListNodeSessions {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "list-node-sessions";
}

impl Query for ListNodeSessions {
    type Answer = NodeSessionPage;
    type Refusal = Never;
}
