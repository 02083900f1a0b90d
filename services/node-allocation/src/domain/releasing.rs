//! Which nodes a session gives back, and what they are afterwards.

use std::collections::HashSet;

use muster_contract::node_allocation::NodeState;

use super::{
    hooks::Hooks,
    lifecycle::{Condition, comes_back},
};

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
    /// Its pool has hooks, or had some when the session got it.
    pub(crate) unwiped: bool,
    pub(crate) quarantines: u32,
}

impl HeldNode {
    /// What it is once it is given back. Nothing has to be done to a node without hooks. While an agent still prepares it for
    /// the session, nothing else is done to it: that comes to its end first.
    pub(crate) fn given_back(&self, hooks: &Hooks, now: i64) -> Condition {
        if self.draining {
            return Condition {
                reason: self.reason.clone(),
                unwiped: self.unwiped,
                ..Condition::at_rest(NodeState::Reserved)
            };
        }
        if self.state == NodeState::Contextualizing {
            return Condition {
                unwiped: true,
                quarantines: self.quarantines,
                ..Condition::at_rest(NodeState::Deprovisioning)
            };
        }
        comes_back(hooks, self.unwiped, self.quarantines, now)
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
