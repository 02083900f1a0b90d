//! Which nodes a session gives back, and what they are afterwards.

use std::collections::HashSet;

use muster_contract::node_allocation::NodeState;

/// A node that a session holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldNode {
    pub(crate) id: i64,
    pub(crate) pool: i64,
    pub(crate) generation: i64,
    pub(crate) session: String,
    pub(crate) tenant: String,
    pub(crate) state: NodeState,
    pub(crate) draining: bool,
    pub(crate) reason: Option<String>,
}

impl HeldNode {
    /// What it is once it is given back: nothing has to be done to a node without hooks.
    pub(crate) fn state_afterwards(&self) -> NodeState {
        if self.draining {
            NodeState::Reserved
        } else {
            NodeState::Ready
        }
    }

    /// Why, if an operator has to look at it.
    pub(crate) fn reason_afterwards(&self) -> Option<&str> {
        self.reason.as_deref().filter(|_| self.draining)
    }
}

/// For each release, in order, the places of the nodes that it gives back. A lease that is not there any more, or whose
/// generation is not that of the node, is none of them; nor is a node that an earlier one gave back.
pub(crate) fn plan(
    nodes: &[HeldNode],
    releases: &[(&str, Option<&[(i64, i64)]>)],
) -> Vec<Vec<usize>> {
    let mut gone: HashSet<usize> = HashSet::new();
    releases
        .iter()
        .map(|(session, leases)| {
            let places: Vec<usize> = nodes
                .iter()
                .enumerate()
                .filter(|(place, node)| !gone.contains(place) && node.session == *session)
                .filter(|(_, node)| {
                    leases.is_none_or(|leases| leases.contains(&(node.id, node.generation)))
                })
                .map(|(place, _)| place)
                .collect();
            gone.extend(&places);
            places
        })
        .collect()
}
