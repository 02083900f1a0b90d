//! The nodes of a request while they are prepared for the session: it is met when all of them are, and a node that could not
//! be prepared is replaced.

use muster_contract::node_allocation::{LeasedNode, NodeDemand};
use serde::{Deserialize, Serialize};

/// What a request got, node by node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Places(Vec<Place>);

/// Room for one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// Place of the demand that it is for.
    demand: usize,
    /// Nodes that were here and could not be prepared.
    replaced: u32,
    /// `None`: the latest could not be prepared.
    node: Option<PlacedNode>,
}

/// A node that the session gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PlacedNode {
    lease: LeasedNode,
    prepared: bool,
}

/// A node that has been found for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewlyPlaced {
    /// Place of the demand among those that it was looked for.
    pub(crate) demand: usize,
    pub(crate) lease: LeasedNode,
    /// Nothing has to be done to it.
    pub(crate) prepared: bool,
}

/// What comes of it that a node could not be prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It was none of the request's nodes.
    NotThere,
    /// Another may be tried.
    Replaceable,
    /// So many failed in its place that it is given up.
    GivenUp,
}

impl Places {
    /// What a request got at first, in the order of its demands.
    pub(crate) fn new(nodes: impl IntoIterator<Item = NewlyPlaced>) -> Self {
        let place = |node: NewlyPlaced| Place {
            demand: node.demand,
            replaced: 0,
            node: Some(PlacedNode {
                lease: node.lease,
                prepared: node.prepared,
            }),
        };
        Self(nodes.into_iter().map(place).collect())
    }

    /// Nodes and generations of the leases that it has.
    pub(crate) fn leases(&self) -> impl Iterator<Item = (i64, i64)> {
        self.placed()
            .map(|node| (node.lease.id, node.lease.generation))
    }

    /// Whether nothing is missing and nothing has to be done any more.
    pub(crate) fn is_complete(&self) -> bool {
        self.0
            .iter()
            .all(|place| place.node.as_ref().is_some_and(|node| node.prepared))
    }

    /// Whether nodes are missing.
    pub(crate) fn is_short(&self) -> bool {
        self.0.iter().any(|place| place.node.is_none())
    }

    /// The nodes, in the order of the demands.
    pub(crate) fn into_leases(self) -> Vec<LeasedNode> {
        self.0
            .into_iter()
            .filter_map(|place| Some(place.node?.lease))
            .collect()
    }

    /// Notes that a node is ready for the session; tells whether it is one of these.
    pub(crate) fn prepared(&mut self, id: i64, generation: i64) -> bool {
        let node = self.0.iter_mut().find_map(|place| {
            place
                .node
                .as_mut()
                .filter(|node| node.lease.id == id && node.lease.generation == generation)
        });
        node.is_some_and(|node| {
            node.prepared = true;
            true
        })
    }

    /// Notes that a node could not be prepared. Up to `attempts` others are tried in its place. A place that the request
    /// can do without goes when it is given up.
    pub(crate) fn lost(
        &mut self,
        demands: &[NodeDemand],
        (id, generation): (i64, i64),
        attempts: u32,
    ) -> Loss {
        let is_it = |place: &Place| {
            place
                .node
                .as_ref()
                .is_some_and(|node| node.lease.id == id && node.lease.generation == generation)
        };
        let Some(at) = self.0.iter().position(is_it) else {
            return Loss::NotThere;
        };
        let Some(place) = self.0.get_mut(at) else {
            return Loss::NotThere;
        };
        place.node = None;
        place.replaced = place.replaced.saturating_add(1);
        if place.replaced <= attempts {
            return Loss::Replaceable;
        }
        let demand = place.demand;
        let minimum = demands.get(demand).map_or(0, |demand| demand.minimum);
        let others = self.0.iter().filter(|place| place.demand == demand).count() - 1;
        if u32::try_from(others).is_ok_and(|others| others < minimum) {
            return Loss::GivenUp;
        }
        self.0.remove(at);
        Loss::Replaceable
    }

    /// What is missing: demands, each with its place among those of the request. A place that the request can do without is
    /// filled if there is a node, and goes if there is none.
    pub(crate) fn missing(&self, demands: &[NodeDemand]) -> Vec<(usize, NodeDemand)> {
        let count = |demand: usize, empty: bool| {
            let places = self.0.iter();
            let places =
                places.filter(|place| place.demand == demand && place.node.is_none() == empty);
            u32::try_from(places.count()).unwrap_or(u32::MAX)
        };
        demands
            .iter()
            .enumerate()
            .map(|(place, demand)| (place, demand, count(place, true)))
            .filter(|(.., empty)| *empty > 0)
            .map(|(place, demand, empty)| {
                let needed = demand.minimum.saturating_sub(count(place, false));
                let missing = NodeDemand {
                    minimum: needed.min(empty),
                    maximum: empty,
                    ..demand.clone()
                };
                (place, missing)
            })
            .collect()
    }

    /// Takes nodes for what was [missing](Self::missing). Places that stay empty are given up: the request can do without
    /// them.
    pub(crate) fn fill(
        &mut self,
        demands: &[NodeDemand],
        nodes: impl IntoIterator<Item = NewlyPlaced>,
    ) {
        let missing = self.missing(demands);
        for node in nodes {
            let Some((demand, _)) = missing.get(node.demand) else {
                continue;
            };
            let empty = self
                .0
                .iter_mut()
                .find(|place| place.demand == *demand && place.node.is_none());
            if let Some(place) = empty {
                place.node = Some(PlacedNode {
                    lease: node.lease,
                    prepared: node.prepared,
                });
            }
        }
        self.0.retain(|place| place.node.is_some());
    }

    fn placed(&self) -> impl Iterator<Item = &PlacedNode> {
        self.0.iter().filter_map(|place| place.node.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use muster_contract::node_allocation::NodeSelector;
    use proptest::prelude::*;

    use super::*;

    fn demands() -> impl Strategy<Value = Vec<NodeDemand>> {
        prop::collection::vec((0_u32..3, 1_u32..3), 1..4).prop_map(|demands| {
            demands
                .into_iter()
                .map(|(minimum, more)| NodeDemand {
                    selector: NodeSelector::Pool {
                        name: "metal".to_owned(),
                    },
                    minimum,
                    maximum: minimum + more,
                    excluded_hosts: vec![],
                })
                .collect()
        })
    }

    fn node(id: i64, demand: usize) -> NewlyPlaced {
        let lease = LeasedNode {
            id,
            hostname: format!("n{id}.dusty"),
            ip_address: String::new(),
            pool: "metal".to_owned(),
            generation: 1,
            lifetime: None,
            maximum_lifetime: None,
        };
        NewlyPlaced {
            demand,
            lease,
            prepared: false,
        }
    }

    fn held(places: &Places, demand: usize) -> u32 {
        let places = places.0.iter();
        let held = places.filter(|place| place.demand == demand && place.node.is_some());
        u32::try_from(held.count()).unwrap()
    }

    proptest! {
        /// Whichever nodes fail, a request that is complete in the end has what it cannot do without and not more than it
        /// wanted, and is not tried without end.
        #[test]
        fn what_is_met_in_the_end_is_what_was_asked_for(
            demands in demands(), attempts in 1_u32..4, fates in prop::collection::vec(any::<bool>(), 100), free in 0_i64..40
        ) {
            let mut next = 0;
            let mut first = Vec::new();
            for (place, demand) in demands.iter().enumerate() {
                for _ in 0..demand.maximum {
                    next += 1;
                    first.push(node(next, place));
                }
            }
            let last = next + free;
            let mut places = Places::new(first);
            let mut fates = fates.into_iter();
            let mut lost = 0_u32;
            while !places.is_complete() {
                let at_hand: Vec<(i64, i64)> = places.placed().filter(|node| !node.prepared)
                    .map(|node| (node.lease.id, node.lease.generation)).collect();
                for (id, generation) in at_hand {
                    if fates.next().unwrap_or(true) {
                        prop_assert!(places.prepared(id, generation));
                        continue;
                    }
                    lost += 1;
                    match places.lost(&demands, (id, generation), attempts) {
                        Loss::Replaceable => {}
                        Loss::GivenUp => {
                            prop_assert!(lost > attempts);
                            return Ok(());
                        }
                        Loss::NotThere => return Err(TestCaseError::fail("it is there")),
                    }
                }
                if !places.is_short() {
                    continue;
                }
                let missing = places.missing(&demands);
                let needed: u32 = missing.iter().map(|(_, demand)| demand.minimum).sum();
                if i64::from(needed) > last - next {
                    return Ok(());
                }
                let mut found = Vec::new();
                for (place, (_, demand)) in missing.iter().enumerate() {
                    prop_assert!(demand.minimum <= demand.maximum);
                    let others: u32 = missing.iter().skip(place + 1).map(|(_, demand)| demand.minimum).sum();
                    for _ in 0..demand.maximum {
                        if next + i64::from(others) < last {
                            next += 1;
                            found.push(node(next, place));
                        }
                    }
                }
                places.fill(&demands, found);
                prop_assert!(!places.is_short());
            }
            for (place, demand) in demands.iter().enumerate() {
                let held = held(&places, place);
                prop_assert!((demand.minimum..=demand.maximum).contains(&held), "{held} of {demand:?}");
            }
            prop_assert_eq!(places.leases().count(), places.into_leases().len());
        }
    }

    #[test]
    fn a_lease_that_is_not_there_changes_nothing() {
        let mut places = Places::new([node(1, 0)]);
        assert!(!places.prepared(1, 2));
        assert_eq!(places.lost(&[], (2, 1), 3), Loss::NotThere);
        assert!(places.prepared(1, 1));
        assert!(places.is_complete());
    }
}
