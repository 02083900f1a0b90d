//! Command: another end of a session's life.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NodeSession, NodeSessionRefusal, SessionReference};
use crate::{Command, Message, Service};

/// Moves the time at which a session closes by itself. It is cut to what the pools of its nodes allow, except for a caller
/// who may act for every tenant (`api/duffy.md` §4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExtendNodeSession {
    /// The session.
    pub session: SessionReference,
    /// To when.
    pub expiry: NewExpiry,
}

/// A time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewExpiry {
    /// Microseconds since 1970 UTC.
    At(i64),
    /// Seconds after the time that holds now (of one that never expires: after now).
    Later(i64),
}

/// Why it stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExtendNodeSessionRefusal {
    /// The session.
    Session(NodeSessionRefusal),
    /// That time is past, or out of range.
    InvalidTime,
}

impl Message for ExtendNodeSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "extend-node-session";
}

impl Command for ExtendNodeSession {
    type Reply = NodeSession;
    type Refusal = ExtendNodeSessionRefusal;
}
