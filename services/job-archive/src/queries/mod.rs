//! What the archive is asked.

pub(crate) mod find_job;
pub(crate) mod find_machine_state;
pub(crate) mod job_metrics;
pub(crate) mod list_clusters;
pub(crate) mod list_jobs;
pub(crate) mod list_node_states;
pub(crate) mod list_used_nodes;

use muster_contract::Principal;
use muster_messaging::HandlerError;

/// Who asks. The ingress names the caller in every question about jobs and nodes.
fn asker(principal: Option<Principal>) -> Result<Principal, HandlerError> {
    principal.ok_or_else(|| HandlerError::Permanent("the query names no principal".to_owned()))
}
