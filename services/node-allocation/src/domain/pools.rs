//! Pools and what fits in them.

use std::collections::BTreeMap;

use muster_contract::node_allocation::{NodeSelector, NodeState};

use super::{filling::Filling, hooks::Hooks, lifecycle::Patience};

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
    /// Nodes that are to be free.
    pub(crate) fill_level: u32,
    /// All of its nodes are to be free, whatever the fill level.
    pub(crate) keeps_all_ready: bool,
    pub(crate) hooks: Hooks,
    /// Microseconds that a node is set aside for when its hooks failed.
    pub(crate) quarantine: i64,
    /// Microseconds after which a free node is installed anew.
    pub(crate) maximum_ready_age: Option<i64>,
    /// Nodes in each state; states without nodes may be missing.
    pub(crate) levels: BTreeMap<NodeState, u32>,
    /// Nodes that are free.
    pub(crate) ready: u32,
    /// Nodes in all, but for those set aside.
    pub(crate) total: u32,
}

impl Pool {
    /// What it does with nodes that fail.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            attempts: self.hooks.attempts,
            quarantine: self.quarantine,
        }
    }

    /// Nodes in a state.
    pub(crate) fn level(&self, state: NodeState) -> u32 {
        self.levels.get(&state).copied().unwrap_or_default()
    }

    /// What it has that is installed before it is free.
    pub(crate) fn filling(&self) -> Filling {
        Filling {
            pool: self.id,
            fill_level: if self.keeps_all_ready {
                self.total
            } else {
                self.fill_level
            },
            ready: self.ready,
            provisioning: self.level(NodeState::Provisioning),
            unused: self.level(NodeState::Unused),
        }
    }

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

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.0.iter()
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
