//! Pools and what fits in them.

use muster_contract::node_allocation::NodeSelector;

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    pub(crate) flavor: Option<String>,
    /// Seconds; `None` = for ever.
    pub(crate) lifetime: Option<i64>,
    pub(crate) maximum_lifetime: Option<i64>,
    /// Nodes that are free.
    pub(crate) ready: u32,
    /// Nodes in all, but for those set aside.
    pub(crate) total: u32,
}

impl Pool {
    fn fits(&self, selector: &NodeSelector) -> bool {
        match selector {
            NodeSelector::Pool { name } => self.name == *name,
            NodeSelector::Properties {
                version,
                architecture,
                flavor,
            } => {
                self.version == *version
                    && self.architecture == *architecture
                    && self.flavor == *flavor
            }
        }
    }
}

/// All pools there are.
#[derive(Debug, Default)]
pub(crate) struct Pools(Vec<Pool>);

impl Pools {
    /// In the order of their numbers.
    pub(crate) fn new(pools: Vec<Pool>) -> Self {
        Self(pools)
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Pool> {
        self.0.iter().find(|pool| pool.id == id)
    }

    /// Numbers of those that fit.
    pub(crate) fn fitting(&self, selector: &NodeSelector) -> Vec<i64> {
        let fitting = self.0.iter().filter(|pool| pool.fits(selector));
        fitting.map(|pool| pool.id).collect()
    }

    /// Nodes in these pools, but for those set aside.
    pub(crate) fn total(&self, ids: &[i64]) -> u32 {
        self.sum(ids, |pool| pool.total)
    }

    /// Free nodes in these pools.
    pub(crate) fn ready(&self, ids: &[i64]) -> u32 {
        self.sum(ids, |pool| pool.ready)
    }

    fn sum(&self, ids: &[i64], nodes: impl Fn(&Pool) -> u32) -> u32 {
        ids.iter()
            .filter_map(|id| self.get(*id))
            .map(nodes)
            .fold(0, u32::saturating_add)
    }
}
