//! Why a session is where it is: what clients show as `status_info` (`api/backendai.md` §3).

use muster_contract::node_allocation::SlotsRefusal;

use super::limits::REASON_LIMIT;

/// It has slots.
pub(crate) const SCHEDULED: &str = "scheduled";
/// It waits for the sessions that it depends on.
pub(crate) const DEPENDENCIES: &str = "dependencies (sessions that it depends on are not over)";
/// A session that it depends on came to nothing.
pub(crate) const DEPENDENCY_FAILED: &str = "dependency-failed";
/// Somebody destroyed it.
pub(crate) const USER_REQUESTED: &str = "user-requested";
/// Somebody destroyed it without waiting for its agents.
pub(crate) const FORCE_TERMINATED: &str = "force-terminated";
/// Its main process ended.
pub(crate) const SELF_TERMINATED: &str = "self-terminated";
/// Its agent does not know one of its containers any more.
pub(crate) const CONTAINER_LOST: &str = "container-lost";
/// The agent of one of its containers is gone.
pub(crate) const AGENT_LOST: &str = "agent-lost";
/// Its containers did not all start in time.
pub(crate) const START_TIMEOUT: &str = "start-timeout";
/// Its containers did not all start anew in time.
pub(crate) const RESTART_TIMEOUT: &str = "failed-to-restart (restart-timeout)";
/// Its agents have not said that its containers are over.
pub(crate) const STOP_TIMEOUT: &str = "stop-timeout";
/// Nobody used it for as long as may be.
pub(crate) const IDLE_TIMEOUT: &str = "idle-timeout";

/// A container did not start.
pub(super) fn failed_to_start(reason: &str) -> String {
    format!("failed-to-start ({})", told(reason))
}

/// A container did not start anew.
pub(super) fn failed_to_restart(reason: &str) -> String {
    format!("failed-to-restart ({})", told(reason))
}

/// There will be no slots.
pub(super) fn refused(reason: &SlotsRefusal) -> String {
    match reason {
        SlotsRefusal::UnknownScalingGroup { name } => match name {
            Some(name) => told(&format!("refused (no scaling group {name})")),
            None => "refused (no scaling group)".to_owned(),
        },
        SlotsRefusal::UnknownSlot { name } => told(&format!("refused (no slot {name})")),
        SlotsRefusal::TooLarge { .. } => "refused (larger than all agents)".to_owned(),
        SlotsRefusal::OverQuota { scope, .. } => {
            told(&format!("refused (more than the {scope} may have)"))
        }
        SlotsRefusal::QueueFull { .. } => "refused (too many sessions wait)".to_owned(),
        SlotsRefusal::Cancelled => "refused (cancelled)".to_owned(),
    }
}

/// What others say, as it can be in a table and in a message: PostgreSQL's text has every character but U+0000.
fn told(reason: &str) -> String {
    let mut end = reason.len().min(REASON_LIMIT);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = reason.get(..end).unwrap_or_default();
    storable(reason)
}

/// Text of others as it can be in a table.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let told = failed_to_start(&"é\0".repeat(REASON_LIMIT));
        assert!(told.len() <= 3 * REASON_LIMIT && told.ends_with(')') && !told.contains('\0'));
    }
}
