//! A node in answers.

use muster_contract::node_allocation::{Node, NodeState};
use serde::Serialize;
use utoipa::ToSchema;

/// A node. When it was made, and when it was retired, is not kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NodeObject {
    /// Its number.
    id: i64,
    /// Name to reach it by.
    hostname: String,
    /// Its address.
    ipaddr: String,
    /// Why it is in a state that an operator has to look at.
    comment: Option<String>,
    /// Name of its pool.
    pool: String,
    /// Always true.
    reusable: bool,
    /// What else is known of it.
    data: NodeData,
    /// What it is doing.
    #[schema(example = "ready")]
    state: &'static str,
    /// Always true.
    active: bool,
    created_at: Option<String>,
    retired_at: Option<String>,
}

/// What else is known of a node.
#[derive(Debug, Serialize, ToSchema)]
struct NodeData {
    /// Release of the operating system.
    version: String,
    /// Processor architecture.
    arch: String,
    /// Size of a virtual machine.
    flavor: Option<String>,
    /// Where it stands.
    chassis: String,
    /// The session that holds it, by its id in the legacy API.
    ssid: Option<String>,
}

impl NodeObject {
    pub(super) fn new(node: Node, suffix: &str) -> Self {
        Self {
            id: node.id,
            hostname: format!("{}{suffix}", node.hostname),
            ipaddr: node.ip_address,
            comment: node.reason,
            pool: node.pool,
            reusable: true,
            data: NodeData {
                version: node.version,
                arch: node.architecture,
                flavor: node.flavor,
                chassis: node.chassis,
                ssid: node.session,
            },
            state: state(node.state),
            active: true,
            created_at: None,
            retired_at: None,
        }
    }
}

/// The name of a state in Duffy 3, which has fewer.
fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Held => NodeState::Deployed.name(),
        NodeState::Quarantined => NodeState::Failed.name(),
        NodeState::Reserved => NodeState::Unused.name(),
        state => state.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_those_of_duffy_3() {
        for known in NodeState::ALL {
            let name = state(known);
            assert!(
                [
                    "unused",
                    "provisioning",
                    "ready",
                    "contextualizing",
                    "deployed",
                    "deprovisioning",
                    "done",
                    "failed"
                ]
                .contains(&name),
                "{name}"
            );
        }
    }
}
