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

/// What a session gives back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Release<'a> {
    pub(crate) session: &'a str,
    /// Numbers of nodes with generations of leases; `None` = all.
    pub(crate) leases: Option<&'a [(i64, i64)]>,
}

impl Release<'_> {
    fn is_of(self, node: &HeldNode) -> bool {
        node.session == self.session
            && self
                .leases
                .is_none_or(|leases| leases.contains(&(node.id, node.generation)))
    }
}

/// For each release, in order, the places of the nodes that it gives back. A lease that is not there any more, or whose
/// generation is not that of the node, is none of them; nor is a node that an earlier one gave back.
pub(crate) fn plan(nodes: &[HeldNode], releases: &[Release<'_>]) -> Vec<Vec<usize>> {
    let mut gone: HashSet<usize> = HashSet::new();
    releases
        .iter()
        .map(|release| {
            let places: Vec<usize> = nodes
                .iter()
                .enumerate()
                .filter(|(place, node)| !gone.contains(place) && release.is_of(node))
                .map(|(place, _)| place)
                .collect();
            gone.extend(&places);
            places
        })
        .collect()
}
