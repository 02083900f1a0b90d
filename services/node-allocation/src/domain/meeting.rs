//! One request against the free nodes: all of it or nothing.

use super::{
    demand::{Demand, strictest_first},
    stock::{FreeNode, Stock},
};

/// Nodes taken for a request, by demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    by_demand: Vec<Vec<FreeNode>>,
}

/// The demand that there were not enough nodes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shortage {
    /// Its place.
    pub(crate) demand: usize,
    /// Nodes there were for it.
    pub(crate) ready: u32,
}

impl Taken {
    pub(crate) fn count(&self) -> u32 {
        let count = self.by_demand.iter().map(Vec::len).sum::<usize>();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// In the order of the demands.
    pub(crate) fn into_nodes(self) -> Vec<FreeNode> {
        let by_demand = self.by_demand.into_iter().enumerate();
        by_demand
            .flat_map(|(demand, nodes)| {
                let taken = nodes.into_iter();
                taken.map(move |node| FreeNode { demand, ..node })
            })
            .collect()
    }
}

/// Takes what the request cannot do without, or nothing.
pub(crate) fn take_minimum(stock: &mut Stock, demands: &[Demand]) -> Result<Taken, Shortage> {
    let mut by_demand: Vec<Vec<FreeNode>> = demands.iter().map(|_| Vec::new()).collect();
    for place in strictest_first(demands) {
        let (Some(demand), Some(taken)) = (demands.get(place), by_demand.get_mut(place)) else {
            continue;
        };
        *taken = stock.take(demand, demand.minimum);
        let ready = u32::try_from(taken.len()).unwrap_or(u32::MAX);
        if ready < demand.minimum {
            stock.add(by_demand.into_iter().flatten());
            return Err(Shortage {
                demand: place,
                ready,
            });
        }
    }
    Ok(Taken { by_demand })
}

/// Takes what the request would like besides, as far as there is any and not more than `left`.
pub(crate) fn take_more(stock: &mut Stock, demands: &[Demand], taken: &mut Taken, mut left: u32) {
    for (demand, nodes) in demands.iter().zip(&mut taken.by_demand) {
        let more = stock.take(demand, (demand.maximum - demand.minimum).min(left));
        left = left.saturating_sub(u32::try_from(more.len()).unwrap_or(u32::MAX));
        nodes.extend(more);
    }
}

/// Keeps back what there is of what the request cannot do without, so that those after it do not take it. It holds
/// nodes back only in the pools that it needs, and no more than it needs.
pub(crate) fn keep_back(stock: &mut Stock, demands: &[Demand]) {
    for demand in strictest_first(demands)
        .into_iter()
        .filter_map(|place| demands.get(place))
    {
        drop(stock.take(demand, demand.minimum));
    }
}
