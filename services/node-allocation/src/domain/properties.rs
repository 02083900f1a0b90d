//! Properties of the plans, over any pools, requests and projects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use muster_contract::node_allocation::NodeSelector;
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    arrival::{Desk, Verdict},
    demand::{Demand, minimum},
    hooks::Hooks,
    like_pattern::LikePattern,
    pools::{Pool, Pools},
    queue::{PENALTY_LIMIT, Waiting, rank, serve},
    share::{Share, Shares},
    stock::{FreeNode, Stock},
};

const TENANTS: [&str; 3] = ["red", "green", "blue"];

fn node(pool: i64, id: i64, used_count: i64) -> FreeNode {
    FreeNode {
        id,
        pool,
        used_count,
        generation: 0,
        demand: 0,
        hostname: format!("n{id}.dusty"),
        ip_address: String::new(),
    }
}

/// Up to three pools with up to six nodes each.
fn nodes() -> impl Strategy<Value = Vec<FreeNode>> {
    prop::collection::vec((0_i64..3, 0_i64..4), 0..18).prop_map(|nodes| {
        (1..)
            .zip(nodes)
            .map(|(id, (pool, used))| node(pool, id, used))
            .collect()
    })
}

fn demand() -> impl Strategy<Value = Demand> {
    let pools = prop_oneof![(0_i64..3).prop_map(|pool| vec![pool]), Just(vec![0, 1]),];
    (pools, 0_u32..4, 0_u32..4, prop::option::of("n[1-9]%")).prop_map(
        |(pools, minimum, more, excluded)| Demand {
            selector: NodeSelector::Pool {
                name: format!("{pools:?}"),
            },
            pools,
            minimum,
            maximum: (minimum + more).max(1),
            excluded: excluded.iter().map(|text| LikePattern::new(text)).collect(),
        },
    )
}

fn demands() -> impl Strategy<Value = Vec<Demand>> {
    prop::collection::vec(demand(), 1..4)
}

fn requests(most: usize) -> impl Strategy<Value = Vec<(usize, Vec<Demand>, bool, i64)>> {
    prop::collection::vec(
        (0..TENANTS.len(), demands(), any::<bool>(), 0_i64..200),
        0..most,
    )
}

fn shares() -> impl Strategy<Value = HashMap<String, Share>> {
    prop::collection::vec((prop::option::of(0_u32..8), 0_u32..4), TENANTS.len()).prop_map(
        |shares| {
            let shares = TENANTS.iter().zip(shares);
            shares
                .map(|(name, (quota, held))| ((*name).to_owned(), Share { quota, held }))
                .collect()
        },
    )
}

fn pools(nodes: &[FreeNode], others: u32) -> Pools {
    let pools = (0..3).map(|id| {
        let count = nodes.iter().filter(|node| node.pool == id).count();
        let ready = u32::try_from(count).unwrap();
        Pool {
            id,
            name: id.to_string(),
            version: String::new(),
            architecture: String::new(),
            flavor: None,
            lifetime: None,
            maximum_lifetime: None,
            fill_level: 0,
            keeps_all_ready: false,
            hooks: Hooks::default(),
            quarantine: 0,
            maximum_ready_age: None,
            levels: BTreeMap::new(),
            ready,
            total: ready + others,
        }
    });
    Pools::new(pools.collect())
}

fn waiting(
    number: usize,
    (tenant, demands, _, seconds): &(usize, Vec<Demand>, bool, i64),
) -> Waiting {
    Waiting {
        request: Uuid::from_u128(number as u128),
        session: number.to_string(),
        tenant: TENANTS[*tenant].to_owned(),
        demands: demands.clone(),
        enqueued_at: seconds * 1_000_000,
    }
}

/// Whether the nodes, in the order of the demands, are what was asked for.
fn meets(demands: &[Demand], nodes: &[FreeNode]) -> bool {
    // The nodes of each demand stand together: try every way to cut them.
    match demands {
        [] => nodes.is_empty(),
        [demand, rest @ ..] => (demand.minimum..=demand.maximum).any(|count| {
            let count = count as usize;
            nodes.len() >= count
                && nodes[..count].iter().all(|node| {
                    demand.pools.contains(&node.pool) && !demand.excludes(&node.hostname)
                })
                && meets(rest, &nodes[count..])
        }),
    }
}

proptest! {
    #[test]
    fn no_node_is_given_twice_and_everybody_gets_all_or_nothing_within_the_quota(
        nodes in nodes(), queue in requests(6), arrivals in requests(6), before in shares(), others in 0_u32..4
    ) {
        let pools = pools(&nodes, others);
        let mut stock = Stock::default();
        stock.add(nodes.clone());
        let mut shares = Shares::new(before.clone());
        let queue: Vec<Waiting> = queue.iter().enumerate().map(|(number, request)| waiting(number, request)).collect();
        let mut given: Vec<(String, Vec<Demand>, Vec<FreeNode>)> = serve(&mut stock, &mut shares, queue)
            .into_iter()
            .map(|(waiting, nodes)| (waiting.tenant, waiting.demands, nodes))
            .collect();
        let mut desk = Desk { pools: &pools, stock: &mut stock, shares: &mut shares, waiting: 0 };
        for (tenant, demands, waits, _) in &arrivals {
            let tenant = TENANTS[*tenant];
            match desk.judge(tenant, demands, *waits) {
                Verdict::Granted(nodes) => given.push((tenant.to_owned(), demands.clone(), nodes)),
                Verdict::Waits => prop_assert!(waits),
                Verdict::Refused(_) => {}
            }
        }
        let ids: Vec<i64> = given.iter().flat_map(|(_, _, nodes)| nodes).map(|node| node.id).collect();
        let different: BTreeSet<i64> = ids.iter().copied().collect();
        prop_assert_eq!(ids.len(), different.len());
        let mut held: BTreeMap<&str, u32> = BTreeMap::new();
        for (tenant, demands, nodes) in &given {
            prop_assert!(meets(demands, nodes), "{:?} {:?}", demands, nodes);
            *held.entry(tenant).or_default() += u32::try_from(nodes.len()).unwrap();
        }
        for (tenant, got) in held {
            let share = before[tenant];
            prop_assert!(got == 0 || share.quota.is_none_or(|quota| share.held + got <= quota), "{tenant}: {share:?} got {got}");
            prop_assert_eq!(shares.of(tenant).held, share.held + got);
        }
    }

    #[test]
    fn the_least_used_nodes_are_given(nodes in nodes(), demand in demand()) {
        let mut stock = Stock::default();
        stock.add(nodes.clone());
        let shares = &mut Shares::default();
        let pools = pools(&nodes, 0);
        let verdict = Desk { pools: &pools, stock: &mut stock, shares, waiting: 0 }
            .judge("red", std::slice::from_ref(&demand), false);
        let mut fitting: Vec<&FreeNode> = nodes
            .iter()
            .filter(|node| demand.pools.contains(&node.pool) && !demand.excludes(&node.hostname))
            .collect();
        fitting.sort_by_key(|node| (node.used_count, node.id));
        let enough = fitting.len() >= demand.minimum as usize;
        fitting.truncate(demand.maximum as usize);
        match verdict {
            Verdict::Granted(given) => {
                let mut given: Vec<i64> = given.iter().map(|node| node.id).collect();
                let mut expected: Vec<i64> = fitting.iter().map(|node| node.id).collect();
                given.sort_unstable();
                expected.sort_unstable();
                prop_assert!(enough);
                prop_assert_eq!(given, expected);
            }
            other => prop_assert!(!enough, "{:?}", other),
        }
    }

    /// Without exclusions, a request that can be met is met: no greedy choice spoils it.
    #[test]
    fn what_can_be_met_is_met(nodes in nodes(), demands in demands()) {
        let demands: Vec<Demand> = demands.into_iter().map(|demand| Demand { excluded: vec![], ..demand }).collect();
        let mut stock = Stock::default();
        stock.add(nodes.clone());
        let pools = pools(&nodes, 0);
        let shares = &mut Shares::default();
        let granted = matches!(
            Desk { pools: &pools, stock: &mut stock, shares, waiting: 0 }.judge("red", &demands, false),
            Verdict::Granted(_)
        );
        // Hall's condition, over all sets of pools.
        let possible = (0..8).all(|set| {
            let within = |pool: &i64| set & (1 << pool) != 0;
            let needed: u32 = demands.iter().filter(|demand| demand.pools.iter().all(within)).map(|demand| demand.minimum).sum();
            needed as usize <= nodes.iter().filter(|node| within(&node.pool)).count()
        });
        prop_assert_eq!(granted, possible);
    }

    /// Nobody takes what the first in rank needs, so it is served as soon as there is enough, whoever else comes.
    #[test]
    fn the_first_in_rank_loses_nothing_to_the_others(
        nodes in nodes(), first in demands(), others in requests(6)
    ) {
        let mut stock = Stock::default();
        stock.add(nodes.clone());
        let mut shares = Shares::default();
        let alone = {
            let first = waiting(0, &(0, first.clone(), true, 0));
            serve(&mut stock.clone(), &mut Shares::default(), vec![first]).len()
        };
        let mut queue = vec![waiting(0, &(0, first, true, -1))];
        queue.extend(others.iter().enumerate().map(|(number, request)| waiting(number + 1, request)));
        let served = serve(&mut stock, &mut shares, queue);
        let first = served.iter().filter(|(waiting, _)| waiting.request.is_nil()).count();
        prop_assert_eq!(first, alone);
    }

    #[test]
    fn nobody_is_overtaken_for_ever(earlier in 0_i64..1_000_000_000_000, held in any::<u32>(), other in any::<u32>()) {
        prop_assert!(rank(earlier, held) <= rank(earlier + PENALTY_LIMIT, other));
        prop_assert!(rank(earlier, held) <= rank(earlier, held.saturating_add(1)));
    }

    #[test]
    fn the_minimum_is_the_sum(demands in demands()) {
        let sum: u32 = demands.iter().map(|demand| demand.minimum).sum();
        prop_assert_eq!(minimum(&demands), sum);
    }
}
