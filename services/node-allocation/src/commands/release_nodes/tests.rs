use muster_contract::node_allocation::NodeState;

use super::*;
use crate::testing::{
    NOW, SECOND, allocate, allocate_at, declare, ends, got, id, in_state, leased, node, of_pool,
    on_both_engines, queue, refused, release, released, waiting, wanted,
};

/// Numbers of what was given back, by release.
fn given_back(told: &[Told]) -> Vec<Vec<i64>> {
    let released = told.iter().filter_map(|told| match &told.event {
        Answer::Released(event) => Some(event.nodes.clone()),
        _ => None,
    });
    released.collect()
}

on_both_engines! {
    async fn nodes_are_given_back_one_by_one_and_together(database) {
        declare(database, &[("metal", "n[1-4].dusty")]).await;
        let nodes = leased(database, wanted(1, vec![of_pool("metal", 3)])).await;
        let first = (nodes[0].id, nodes[0].generation);
        let told = release(database, &[released(1, Some(vec![first]))]).await;
        assert_eq!(given_back(&told), [vec![nodes[0].id]]);
        let free = node(database, "n1.dusty").await;
        assert_eq!((free.state, free.session, free.tenant), (NodeState::Ready, None, None));
        assert_eq!((free.used_count, free.generation), (1, 1));
        // The session lives on.
        let grown = AllocateNodesOf { session: 1, request: 7 }.one();
        assert_eq!(allocate(database, &[grown]).await, [got(7, &["n4.dusty"])]);
        let told = release(database, &[released(1, None)]).await;
        assert_eq!(given_back(&told)[0].len(), 3);
        assert_eq!(in_state(database, NodeState::Ready).await.len(), 4);
    }

    // api/duffy.md §7: redelivery, and a release of a lease that somebody else has by now.
    async fn a_release_that_comes_twice_or_too_late_changes_nothing(database) {
        declare(database, &[("metal", "n1.dusty")]).await;
        let lease = leased(database, wanted(1, vec![of_pool("metal", 1)])).await.remove(0);
        let one = released(1, Some(vec![(lease.id, lease.generation)]));
        assert_eq!(given_back(&release(database, &[one.clone(), one.clone()]).await), [vec![lease.id], vec![]]);
        assert_eq!(given_back(&release(database, std::slice::from_ref(&one)).await), [Vec::<i64>::new()]);
        let again = leased(database, AllocateNodesOf { session: 1, request: 2 }.one()).await.remove(0);
        assert_eq!((again.id, again.generation), (lease.id, 2));
        // The same session has the same node, but not by that lease.
        assert_eq!(given_back(&release(database, &[one]).await), [Vec::<i64>::new()]);
        let theirs = released(9, Some(vec![(again.id, again.generation)]));
        assert_eq!(given_back(&release(database, &[theirs]).await), [Vec::<i64>::new()]);
        assert_eq!(in_state(database, NodeState::Deployed).await, ["n1.dusty"]);
    }

    async fn whoever_waits_gets_what_is_given_back(database) {
        declare(database, &[("metal", "n[1-2].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        assert_eq!(allocate(database, &[waiting(2, 60, vec![of_pool("metal", 1)])]).await, []);
        let told = release(database, &[released(1, None)]).await;
        assert_eq!(ends(&told), [got(2, &["n1.dusty"])]);
        assert!(matches!(told[0].event, Answer::Released(_)));
        assert!(queue(database).await.is_empty());
    }

    async fn a_grant_says_how_long_it_was_waited_for(database) {
        declare(database, &[("metal", "n1.dusty")]).await;
        let came = NOW - 30 * SECOND;
        let at_once = allocate_at(database, came, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        assert_eq!(at_once.iter().filter_map(|told| told.waited).collect::<Vec<_>>(), [0]);
        let waits = allocate_at(database, came, &[waiting(2, 60, vec![of_pool("metal", 1)])]).await;
        assert_eq!(waits, []);
        let told = release(database, &[released(1, None)]).await;
        let waited: Vec<_> = told.iter().map(|told| (told.waited, ends(std::slice::from_ref(told)).len())).collect();
        assert_eq!(waited, [(None, 0), (Some(30 * SECOND), 1)]);
    }

    async fn the_end_of_a_session_ends_what_it_waits_for(database) {
        declare(database, &[("metal", "n1.dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 1)])]).await;
        let grow = AllocateNodes { wait_until: Some(i64::MAX), ..AllocateNodesOf { session: 1, request: 2 }.one() };
        assert_eq!(allocate(database, &[grow, waiting(3, 60, vec![of_pool("metal", 1)])]).await, []);
        let mut told = ends(&release(database, &[released(1, None)]).await);
        told.sort_by_key(|(request, _)| *request);
        assert_eq!(told, [refused(2, AllocationRefusal::Cancelled), got(3, &["n1.dusty"])]);
    }
}

use muster_contract::node_allocation::AllocateNodes;

/// More nodes for a session.
struct AllocateNodesOf {
    session: u128,
    request: u128,
}

impl AllocateNodesOf {
    fn one(self) -> AllocateNodes {
        AllocateNodes {
            request: id(self.request),
            ..wanted(self.session, vec![of_pool("metal", 1)])
        }
    }
}
