//! Order: do something for a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{SessionHook, SessionHookFinished};
use crate::{Message, Order, Service};

/// Has the agent run a hook of a session. Answered by [`SessionHookFinished`](super::SessionHookFinished).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunSessionHook {
    /// What the report refers to; each attempt is an order of its own.
    pub order: Uuid,
    /// What to do.
    pub hook: SessionHook,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
    /// When it has to be over: microseconds since 1970 UTC. An order that comes later is not carried out.
    pub deadline: i64,
    /// The session.
    pub session: HookedSession,
}

/// The session of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HookedSession {
    /// Its id: a UUID.
    pub id: String,
    /// Its number.
    pub number: i64,
    /// The project that it belongs to.
    pub tenant: String,
    /// The name its owner gave it.
    pub alias: Option<String>,
}

impl Message for RunSessionHook {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "run-session-hook";
}

impl Order for RunSessionHook {
    type Report = SessionHookFinished;
}
