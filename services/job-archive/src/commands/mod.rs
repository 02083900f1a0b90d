//! What the archive is told to do.

pub(crate) mod recording;
pub(crate) mod start_job;
pub(crate) mod stop_job;

use muster_contract::Principal;
use muster_messaging::{Context, HandlerError};

/// Who sent a command. The ingress names the caller in every command, so that one without cannot have come from it.
fn caller(context: &Context) -> Result<&Principal, HandlerError> {
    context
        .principal()
        .ok_or_else(|| HandlerError::Permanent("the command names no principal".to_owned()))
}
