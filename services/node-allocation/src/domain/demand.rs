//! What a request asks for, in terms of the pools there are.

use muster_contract::node_allocation::{AllocationRefusal, NodeDemand, NodeSelector};

use super::{like_pattern::LikePattern, pools::Pools};

/// A demand with the pools that it may be met from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) selector: NodeSelector,
    /// Numbers of the pools, rising; never empty.
    pub(crate) pools: Vec<i64>,
    pub(crate) minimum: u32,
    /// Never less than the minimum.
    pub(crate) maximum: u32,
    pub(crate) excluded: Vec<LikePattern>,
}

impl Demand {
    pub(crate) fn excludes(&self, hostname: &str) -> bool {
        self.excluded.iter().any(|pattern| pattern.fits(hostname))
    }
}

/// Finds the pools; a demand that no pool fits is a refusal.
pub(crate) fn resolve(
    pools: &Pools,
    demands: &[NodeDemand],
) -> Result<Vec<Demand>, AllocationRefusal> {
    demands
        .iter()
        .map(|demand| {
            let fitting = pools.fitting(&demand.selector);
            if fitting.is_empty() {
                let selector = demand.selector.clone();
                return Err(AllocationRefusal::UnknownPool { selector });
            }
            Ok(Demand {
                selector: demand.selector.clone(),
                pools: fitting,
                minimum: demand.minimum,
                maximum: demand.maximum.max(demand.minimum),
                excluded: demand
                    .excluded_hosts
                    .iter()
                    .map(|pattern| LikePattern::new(pattern))
                    .collect(),
            })
        })
        .collect()
}

/// Nodes without which the request is not met.
pub(crate) fn minimum(demands: &[Demand]) -> u32 {
    demands
        .iter()
        .map(|demand| demand.minimum)
        .fold(0, u32::saturating_add)
}

/// Places of the demands in the order in which they have to be met so that none takes what another needs that can be met
/// from fewer nodes. Two selectors fit the same pools, or none in common, or one of them names a single pool; so the
/// order is right where no hosts are excluded. Where some are, demands that exclude hosts come first, which is right
/// unless several of a request exclude different ones of a handful of nodes.
pub(crate) fn strictest_first(demands: &[Demand]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..demands.len()).collect();
    places.sort_by_key(|place| {
        let demand = demands.get(*place);
        demand.map(|demand| (demand.pools.len(), demand.excluded.is_empty()))
    });
    places
}

/// The first demand that can never be met, since its pools have fewer nodes than it and those that can be met from
/// nowhere else need.
pub(crate) fn too_large<'a>(pools: &Pools, demands: &'a [Demand]) -> Option<&'a Demand> {
    demands.iter().find(|demand| {
        let within = demands
            .iter()
            .filter(|other| other.pools.iter().all(|pool| demand.pools.contains(pool)));
        let needed = within
            .map(|other| other.minimum)
            .fold(0, u32::saturating_add);
        needed > pools.total(&demand.pools)
    })
}
