//! What the states of a node mean for whoever asks for nodes.

use muster_contract::node_allocation::NodeState;

/// Why a node that the site file no longer has is not given out any more.
pub(crate) const NOT_DECLARED: &str = "no longer in the site file";

/// Whether a node in the state comes back by itself, if it is not free already. The others wait for an operator. One that
/// is not used is installed when it is needed, if its pool `installs` nodes.
pub(crate) const fn is_in_service(state: NodeState, installs: bool) -> bool {
    match state {
        NodeState::Provisioning
        | NodeState::Ready
        | NodeState::Contextualizing
        | NodeState::Deployed
        | NodeState::Deprovisioning
        | NodeState::Held
        | NodeState::Quarantined => true,
        NodeState::Unused => installs,
        NodeState::Failed | NodeState::Reserved => false,
    }
}

/// Whether an operator may put a node into the state: the others say what a session or the service does with it.
pub(crate) const fn is_for_operators(state: NodeState) -> bool {
    matches!(
        state,
        NodeState::Ready | NodeState::Reserved | NodeState::Failed | NodeState::Unused
    )
}
