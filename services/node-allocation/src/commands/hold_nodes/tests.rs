use muster_contract::node_allocation::{AllocationRefusal, NodeState};

use super::*;
use crate::testing::{
    allocate, declare, ends, got, hold, id, in_state, leased, node, of_pool, on_both_engines,
    refused, release, released, waiting, wanted,
};

fn held(told: &[Told]) -> Vec<i64> {
    match &told[0].event {
        Answer::Held(event) => event.nodes.clone(),
        other => panic!("{other:?}"),
    }
}

on_both_engines! {
    async fn nodes_are_kept_and_given_back_later(database) {
        declare(database, &[("metal", "n[1-2].dusty")]).await;
        let lease = leased(database, wanted(1, vec![of_pool("metal", 1)])).await.remove(0);
        assert_eq!(held(&hold(database, 1).await), [lease.id]);
        // Said twice, it is the same.
        assert_eq!(held(&hold(database, 1).await), [lease.id]);
        let kept = node(database, "n1.dusty").await;
        assert_eq!((kept.state, kept.session.as_deref()), (NodeState::Held, Some("s1")));
        let more = AllocateNodes { request: id(2), ..wanted(1, vec![of_pool("metal", 1)]) };
        assert_eq!(allocate(database, &[more]).await, [refused(2, AllocationRefusal::Cancelled)]);
        release(database, &[released(1, None)]).await;
        assert_eq!(in_state(database, NodeState::Ready).await.len(), 2);
    }

    async fn a_session_without_nodes_has_none_to_keep(database) {
        declare(database, &[("metal", "n1.dusty")]).await;
        assert_eq!(held(&hold(database, 1).await), [] as [i64; 0]);
    }

    async fn what_it_waited_for_is_for_others(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        allocate(database, &[wanted(1, vec![of_pool("metal", 2)])]).await;
        let grow = AllocateNodes { request: id(2), ..waiting(1, 60, vec![of_pool("metal", 2)]) };
        assert_eq!(allocate(database, &[grow, waiting(3, 60, vec![of_pool("metal", 1)])]).await, []);
        let mut told = ends(&hold(database, 1).await);
        told.sort_by_key(|(request, _)| *request);
        assert_eq!(told, [refused(2, AllocationRefusal::Cancelled), got(3, &["n3.dusty"])]);
    }
}

use muster_contract::node_allocation::AllocateNodes;
