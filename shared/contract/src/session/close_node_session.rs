//! Command: the end of a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NodeSession, NodeSessionRefusal, SessionReference};
use crate::{Command, Message, Service};

/// Gives all nodes back and ends the session. Carried out when nobody else can find them in it. Of a session that is over,
/// whoever may act for every tenant has what it left torn down once more, if that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloseNodeSession {
    /// The session.
    pub session: SessionReference,
}

impl Message for CloseNodeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "close-node-session";
}

impl Command for CloseNodeSession {
    type Reply = NodeSession;
    type Refusal = NodeSessionRefusal;
}
