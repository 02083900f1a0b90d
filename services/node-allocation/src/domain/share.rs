//! What a project may hold and holds.

use std::collections::HashMap;

use muster_contract::node_allocation::AllocationRefusal;

/// What a project may hold and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Share {
    /// `None` = as many as there are.
    pub(crate) quota: Option<u32>,
    pub(crate) held: u32,
}

impl Share {
    /// Nodes that it may get.
    pub(crate) fn left(self) -> u32 {
        self.quota
            .map_or(u32::MAX, |quota| quota.saturating_sub(self.held))
    }

    /// Why it does not get so many; `None` if it may.
    pub(crate) fn refusal(self, wanted: u32) -> Option<AllocationRefusal> {
        let quota = self.quota?;
        (wanted > self.left()).then_some(AllocationRefusal::QuotaExceeded {
            quota,
            held: self.held,
            wanted,
        })
    }

    /// Whether it could get so many if it held none.
    pub(crate) fn could_ever(self, wanted: u32) -> bool {
        self.quota.is_none_or(|quota| wanted <= quota)
    }
}

/// The shares of projects, by name.
#[derive(Debug, Default)]
pub(crate) struct Shares(HashMap<String, Share>);

impl Shares {
    pub(crate) fn new(shares: HashMap<String, Share>) -> Self {
        Self(shares)
    }

    /// One that nothing is known of may hold anything and holds nothing.
    pub(crate) fn of(&self, tenant: &str) -> Share {
        self.0.get(tenant).copied().unwrap_or_default()
    }

    /// Notes that it got nodes.
    pub(crate) fn add(&mut self, tenant: &str, nodes: u32) {
        let share = self.0.entry(tenant.to_owned()).or_default();
        share.held = share.held.saturating_add(nodes);
    }
}
