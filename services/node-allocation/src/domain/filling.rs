//! How many nodes are installed so that there are as many free ones as there are to be, and which are installed anew.

use std::collections::BTreeMap;

/// What a pool has that is installed before it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filling {
    pub(crate) pool: i64,
    /// Nodes that are to be free.
    pub(crate) fill_level: u32,
    pub(crate) ready: u32,
    /// Nodes that are being installed, or will be again.
    pub(crate) provisioning: u32,
    /// Nodes that could be installed.
    pub(crate) unused: u32,
}

impl Filling {
    fn coming(self) -> u32 {
        self.ready.saturating_add(self.provisioning)
    }

    fn possible(self) -> u32 {
        self.coming().saturating_add(self.unused)
    }
}

/// Nodes that a request which waits cannot do without, and the pools that they may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) pools: Vec<i64>,
    pub(crate) nodes: u32,
}

/// How many nodes of each pool are to be installed: as many as bring it to its fill level beyond what is needed by those
/// that wait, as far as it has any. A need that several pools can meet is put on those that have nodes to spare, in their
/// order; only when none has, it takes from what the fill level would keep.
pub(crate) fn to_install(pools: &[Filling], needs: &[Need]) -> BTreeMap<i64, u32> {
    let mut needed: BTreeMap<i64, u32> = pools.iter().map(|pool| (pool.pool, 0)).collect();
    // A need with fewer pools to choose from has the first choice.
    let mut needs: Vec<&Need> = needs.iter().collect();
    needs.sort_by_key(|need| need.pools.len());
    for need in needs {
        let mut left = need.nodes;
        for pool in pools.iter().filter(|pool| need.pools.contains(&pool.pool)) {
            if let Some(needed) = needed.get_mut(&pool.pool) {
                let more = left.min(pool.possible().saturating_sub(*needed));
                *needed += more;
                left -= more;
            }
        }
    }
    pools
        .iter()
        .map(|pool| {
            let needed = needed.get(&pool.pool).copied().unwrap_or_default();
            let wanted = pool.fill_level.saturating_add(needed);
            let missing = wanted.saturating_sub(pool.coming());
            (pool.pool, missing.min(pool.unused))
        })
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// How many free nodes of a pool may be installed anew at once, if so many are too old: at least half of those that are free,
/// or would be if they were not being installed, stay; a single node is renewed all the same.
pub(crate) fn renewable(ready: u32, provisioning: u32, too_old: u32) -> u32 {
    let all = ready.saturating_add(provisioning);
    let keep = if all == 1 { 0 } else { all.div_ceil(2) };
    too_old.min(ready.saturating_sub(keep))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fillings() -> impl Strategy<Value = Vec<Filling>> {
        let filling = (0_u32..8, 0_u32..5, 0_u32..5, 0_u32..8);
        prop::collection::vec(filling, 1..4).prop_map(|pools| {
            (0..)
                .zip(pools)
                .map(
                    |(pool, (fill_level, ready, provisioning, unused))| Filling {
                        pool,
                        fill_level,
                        ready,
                        provisioning,
                        unused,
                    },
                )
                .collect()
        })
    }

    fn needs() -> impl Strategy<Value = Vec<Need>> {
        let pools = prop_oneof![(0_i64..3).prop_map(|pool| vec![pool]), Just(vec![0, 1])];
        let need = (pools, 0_u32..6).prop_map(|(pools, nodes)| Need { pools, nodes });
        prop::collection::vec(need, 0..4)
    }

    proptest! {
        #[test]
        fn a_pool_is_filled_as_far_as_it_has_nodes(pools in fillings(), needs in needs()) {
            let counts = to_install(&pools, &needs);
            for pool in &pools {
                let count = counts.get(&pool.pool).copied().unwrap_or_default();
                prop_assert!(count <= pool.unused);
                let coming = pool.coming() + count;
                prop_assert!(coming >= pool.fill_level.min(pool.possible()));
                let all: u32 = needs.iter().filter(|need| need.pools.contains(&pool.pool)).map(|need| need.nodes).sum();
                // Not more than anybody wants.
                prop_assert!(count == 0 || coming <= pool.fill_level + all);
            }
        }

        #[test]
        fn nothing_is_installed_that_nobody_needs(pools in fillings()) {
            let full: Vec<Filling> = pools.iter().map(|pool| Filling { fill_level: pool.coming(), ..*pool }).collect();
            prop_assert!(to_install(&full, &[]).is_empty());
        }

        /// Where there are nodes for all that wait, they come: Hall's condition over the pools, before and after.
        #[test]
        fn what_is_waited_for_comes_if_it_can(pools in fillings(), needs in needs()) {
            let counts = to_install(&pools, &needs);
            let of = |pool: &Filling| counts.get(&pool.pool).copied().unwrap_or_default();
            let enough = |nodes: &dyn Fn(&Filling) -> u32| (0..8_u32).all(|set| {
                let within = |id: &i64| set & (1 << *id) != 0;
                let needed: u32 = needs.iter().filter(|need| need.pools.iter().all(within)).map(|need| need.nodes).sum();
                let there: u32 = pools.iter().filter(|pool| within(&pool.pool)).map(nodes).sum();
                needed <= there
            });
            prop_assert!(enough(&|pool| pool.coming() + of(pool)) || !enough(&|pool| pool.possible()));
        }

        #[test]
        fn half_of_the_free_nodes_stay(ready in 0_u32..100, provisioning in 0_u32..100, too_old in 0_u32..100) {
            let count = renewable(ready, provisioning, too_old);
            prop_assert!(count <= too_old && count <= ready);
            let lone = ready == 1 && provisioning == 0;
            prop_assert!(count == 0 || lone || 2 * (ready - count) >= ready + provisioning);
        }

        /// Over and over, each comes to its turn.
        #[test]
        fn all_that_are_too_old_are_renewed(ready in 1_u32..50) {
            let (mut old, mut new) = (ready, 0);
            for _ in 0..ready {
                let count = renewable(old + new, 0, old);
                old -= count;
                new += count;
            }
            prop_assert_eq!(old, 0);
        }
    }
}
