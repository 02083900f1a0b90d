//! Report: what became of a hook of a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::HookResult;
use crate::{Message, Report, Service};

/// A hook of a session has come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionHookFinished {
    /// The order.
    pub order: Uuid,
    /// How it came out.
    pub result: HookResult,
}

impl Message for SessionHookFinished {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "session-hook-finished";
}

impl Report for SessionHookFinished {}
