//! What the archive is told to do.

pub(crate) mod delete_job;
pub(crate) mod delete_jobs_before;
pub(crate) mod edit_job_meta;
pub(crate) mod record_machine_state;
pub(crate) mod record_node_states;
pub(crate) mod recording;
pub(crate) mod remove_tags;
pub(crate) mod removing;
pub(crate) mod start_job;
pub(crate) mod stop_job;
pub(crate) mod tag_job;
pub(crate) mod untag_job;

use muster_contract::Principal;
use muster_messaging::{Context, HandlerError};

/// Who sent a command. The ingress names the caller in every command, so that one without cannot have come from it.
fn caller(context: &Context) -> Result<&Principal, HandlerError> {
    context
        .principal()
        .ok_or_else(|| HandlerError::Permanent("the command names no principal".to_owned()))
}
