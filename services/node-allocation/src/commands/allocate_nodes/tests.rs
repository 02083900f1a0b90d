use muster_contract::node_allocation::{AllocationRefusal, NodeDemand, NodeSelector, NodeState};

use super::*;
use crate::testing::{
    NOW, allocate, allocate_at, declare, declare_at, got, hold, in_state, insufficient, leased,
    node, of_pool, of_seven, on_both_engines, queue, refused, release, released, waiting, wanted,
};

fn up_to(minimum: u32, maximum: u32) -> NodeDemand {
    NodeDemand {
        minimum,
        maximum,
        ..of_pool("metal", 1)
    }
}

on_both_engines! {
    async fn a_session_gets_nodes(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        let nodes = leased(database, wanted(1, vec![of_pool("metal", 2)])).await;
        let names: Vec<&str> = nodes.iter().map(|node| node.hostname.as_str()).collect();
        assert_eq!(names, ["n1.dusty", "n2.dusty"]);
        assert_eq!((nodes[0].generation, nodes[0].pool.as_str()), (1, "metal"));
        assert_eq!((nodes[0].lifetime, nodes[0].maximum_lifetime), (Some(21_600), Some(43_200)));
        let node = node(database, "n1.dusty").await;
        assert_eq!((node.state, node.used_count, node.generation), (NodeState::Deployed, 1, 1));
        assert_eq!((node.session.as_deref(), node.tenant.as_deref()), (Some("s1"), Some("demo")));
        assert_eq!((node.id, node.state_since), (nodes[0].id, NOW));
    }

    // api/duffy.md §7: partial allocation.
    async fn all_or_nothing_over_several_pools(database) {
        declare(database, &[("metal", "n[1-3].dusty"), ("cloud", "c1")]).await;
        let both = vec![of_pool("metal", 2), of_pool("cloud", 2)];
        let never = insufficient("cloud", 2, 1, true);
        assert_eq!(allocate(database, &[wanted(1, both)]).await, [refused(1, never)]);
        assert_eq!(in_state(database, NodeState::Ready).await.len(), 4);
        let both = vec![of_pool("cloud", 1), of_pool("metal", 2)];
        let all = got(2, &["c1", "n1.dusty", "n2.dusty"]);
        assert_eq!(allocate(database, &[wanted(2, both.clone())]).await, [all]);
        let none = refused(3, insufficient("cloud", 1, 0, false));
        assert_eq!(allocate(database, &[wanted(3, both)]).await, [none]);
    }

    // api/duffy.md §1: least used first.
    async fn the_least_used_comes_first(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        assert_eq!(allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await.len(), 1);
        release(database, &[released(1, None)]).await;
        let three = wanted(2, vec![of_pool("metal", 3)]);
        assert_eq!(allocate(database, &[three]).await, [got(2, &["n3.dusty", "n1.dusty", "n2.dusty"])]);
    }

    async fn a_batch_is_as_good_as_one_after_the_other(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        let commands = [
            wanted(1, vec![of_pool("metal", 2)]),
            wanted(2, vec![of_pool("metal", 2)]),
            wanted(3, vec![of_pool("metal", 1)]),
            wanted(4, vec![of_pool("nowhere", 1)]),
            wanted(5, vec![up_to(0, 7)]),
        ];
        let selector = NodeSelector::Pool { name: "nowhere".to_owned() };
        let mut ends = allocate(database, &commands).await;
        ends.sort_by_key(|(request, _)| *request);
        assert_eq!(
            ends,
            [
                got(1, &["n1.dusty", "n2.dusty"]),
                refused(2, insufficient("metal", 2, 1, false)),
                got(3, &["n3.dusty"]),
                refused(4, AllocationRefusal::UnknownPool { selector }),
                got(5, &[]),
            ]
        );
    }

    async fn between_a_minimum_and_a_maximum(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        assert_eq!(allocate(database, &[wanted(1, vec![up_to(1, 2)])]).await, [got(1, &["n1.dusty", "n2.dusty"])]);
        assert_eq!(allocate(database, &[wanted(2, vec![up_to(1, 9)])]).await, [got(2, &["n3.dusty"])]);
        let none = refused(3, insufficient("metal", 1, 0, false));
        assert_eq!(allocate(database, &[wanted(3, vec![up_to(1, 9)])]).await, [none]);
    }

    async fn properties_fit_several_pools_and_leave_the_narrower_demand_its_nodes(database) {
        declare(database, &[("metal", "n[1-2].dusty"), ("more", "m[1-2].dusty"), ("cloud", "c1")]).await;
        // The first could take n1 and n2; then the second would get nothing.
        let demands = vec![of_seven(2), of_pool("metal", 2)];
        let all = got(1, &["m1.dusty", "m2.dusty", "n1.dusty", "n2.dusty"]);
        assert_eq!(allocate(database, &[wanted(1, demands)]).await, [all]);
        release(database, &[released(1, None)]).await;
        let (end, four) = (allocate(database, &[wanted(2, vec![of_seven(4)])]).await, 4);
        assert_eq!(end[0].1.as_ref().map(Vec::len), Ok(four));
        let tiny = NodeDemand {
            selector: NodeSelector::Properties {
                version: "8".to_owned(),
                architecture: "x86_64".to_owned(),
                flavor: None,
            },
            ..of_seven(1)
        };
        let unknown = AllocationRefusal::UnknownPool { selector: tiny.selector.clone() };
        assert_eq!(allocate(database, &[wanted(3, vec![tiny])]).await, [refused(3, unknown)]);
    }

    async fn hosts_that_are_to_be_avoided_are(database) {
        declare(database, &[("metal", "n[001-200].dusty")]).await;
        let demand = NodeDemand {
            excluded_hosts: vec!["n0%".to_owned(), "N10_.dusty".to_owned()],
            ..of_pool("metal", 2)
        };
        let first = allocate(database, &[wanted(1, vec![demand.clone()])]).await;
        assert_eq!(first, [got(1, &["n110.dusty", "n111.dusty"])]);
        let all = NodeDemand { excluded_hosts: vec!["%".to_owned()], ..demand };
        let none = refused(2, insufficient("metal", 2, 0, false));
        assert_eq!(allocate(database, &[wanted(2, vec![all])]).await, [none]);
    }

    async fn quotas_count_all_that_a_project_holds(database) {
        let quota = "[[project]]\nname = \"demo\"\nquota = { nodes = 3 }\n";
        declare_at(database, NOW, &[("metal", "n[1-9].dusty")], quota).await;
        let exceeded = |held, wanted| AllocationRefusal::QuotaExceeded { quota: 3, held, wanted };
        let commands = [
            wanted(1, vec![of_pool("metal", 2)]),
            wanted(2, vec![of_pool("metal", 2)]),
            // As many as it may have, if not as many as it would like.
            wanted(3, vec![up_to(1, 5)]),
        ];
        let mut ends = allocate(database, &commands).await;
        ends.sort_by_key(|(request, _)| *request);
        let expected = [got(1, &["n1.dusty", "n2.dusty"]), refused(2, exceeded(2, 2)), got(3, &["n3.dusty"])];
        assert_eq!(ends, expected);
        // What is held for a look counts too (§7: fail forever).
        hold(database, 1).await;
        let one = || vec![of_pool("metal", 1)];
        assert_eq!(allocate(database, &[wanted(4, one())]).await, [refused(4, exceeded(3, 1))]);
        let other = AllocateNodes { tenant: "other".to_owned(), ..wanted(5, one()) };
        assert_eq!(allocate(database, &[other]).await, [got(5, &["n4.dusty"])]);
        release(database, &[released(1, None)]).await;
        assert!(allocate(database, &[wanted(6, one())]).await[0].1.is_ok());
        // More than the quota will never be: waiting is of no use.
        let four = waiting(7, 60, vec![of_pool("metal", 4)]);
        assert_eq!(allocate(database, &[four]).await, [refused(7, exceeded(2, 4))]);
    }

    // api/duffy.md §7: redelivery (without the inbox, which would see it first).
    async fn a_request_that_waits_and_comes_again_waits_once(database) {
        declare(database, &[("metal", "n1.dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        let waits = waiting(2, 60, vec![of_pool("metal", 1)]);
        assert_eq!(allocate(database, &[waits.clone(), waits.clone()]).await, []);
        assert_eq!(allocate(database, &[waits]).await, []);
        assert_eq!(queue(database).await.len(), 1);
    }

    // api/duffy.md §7: reaper against growth.
    async fn a_session_that_has_ended_gets_nothing_more(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        release(database, &[released(1, None)]).await;
        let late = AllocateNodes { request: crate::testing::id(9), ..wanted(1, vec![of_pool("metal", 1)]) };
        assert_eq!(allocate(database, &[late]).await, [refused(9, AllocationRefusal::Cancelled)]);
        assert_eq!(in_state(database, NodeState::Ready).await.len(), 3);
    }

    // Design §3 rule 6: the end of a session may come before its beginning.
    async fn a_session_that_ended_before_it_began_gets_nothing(database) {
        declare(database, &[("metal", "n1.dusty")]).await;
        release(database, &[released(1, None)]).await;
        let late = refused(1, AllocationRefusal::Cancelled);
        assert_eq!(allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await, [late]);
    }

    // Whether they were is in the books.
    async fn leases_of_a_node_follow_each_other_whenever_the_commands_came(database) {
        declare(database, &[("metal", "n1.dusty")]).await;
        for (number, now) in [(1, NOW), (2, NOW - 5), (3, NOW + 5), (4, NOW)] {
            allocate_at(database, now, &[wanted(number, vec![of_pool("metal", 1)])]).await;
            release(database, &[released(number, None)]).await;
        }
    }
}
