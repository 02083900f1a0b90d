//! The free nodes that are at hand while a batch is planned.

use std::collections::BTreeMap;

use super::demand::Demand;

/// A free node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FreeNode {
    pub(crate) id: i64,
    pub(crate) pool: i64,
    pub(crate) used_count: i64,
    pub(crate) generation: i64,
    /// Place of the demand that it was taken for; 0 until then.
    pub(crate) demand: usize,
    pub(crate) hostname: String,
    pub(crate) ip_address: String,
}

/// Free nodes that nobody has taken yet, by pool, the least used first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stock {
    free: BTreeMap<i64, BTreeMap<(i64, i64), FreeNode>>,
}

impl Stock {
    pub(crate) fn add(&mut self, nodes: impl IntoIterator<Item = FreeNode>) {
        for node in nodes {
            let pool = self.free.entry(node.pool).or_default();
            pool.insert((node.used_count, node.id), node);
        }
    }

    /// Nodes that meet the demand.
    pub(crate) fn fitting(&self, demand: &Demand) -> u32 {
        let fitting = demand
            .pools
            .iter()
            .filter_map(|pool| self.free.get(pool))
            .flat_map(BTreeMap::values)
            .filter(|node| !demand.excludes(&node.hostname));
        u32::try_from(fitting.count()).unwrap_or(u32::MAX)
    }

    /// Takes the least used nodes that meet the demand, of equally used ones those with the lowest numbers; so many, or
    /// as many as there are.
    pub(crate) fn take(&mut self, demand: &Demand, count: u32) -> Vec<FreeNode> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut best: Vec<((i64, i64), i64)> = Vec::new();
        for pool in &demand.pools {
            let free = self.free.get(pool).into_iter().flatten();
            let fitting = free.filter(|(_, node)| !demand.excludes(&node.hostname));
            best.extend(fitting.take(count).map(|(key, _)| (*key, *pool)));
        }
        best.sort_unstable();
        best.truncate(count);
        best.into_iter()
            .filter_map(|(key, pool)| self.free.get_mut(&pool)?.remove(&key))
            .collect()
    }
}
