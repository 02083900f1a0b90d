use muster_contract::session::{NodeSessionShrunk, NodeSessionState};

use super::*;
use crate::node_sessions::{
    saying::{Saying, Settlement},
    testing::{
        HOUR, LIFETIME, SECOND, World, alice, asked, bob, lease, on_both_engines, release,
        shrinking,
    },
};

async fn shrink(world: &World, name: &str, hostname: &str) -> Reached<ShrinkNodeSession> {
    let command = shrinking(name, hostname);
    let (mut reached, _) = world.shrinks(&[(&alice(), world.id(), command)]).await;
    reached.remove(0)
}

on_both_engines! {
    async fn one_node_goes_back_and_the_session_goes_on(world) {
        let session = world.active(&[lease(1), lease(2)]).await;
        let command = world.id();
        let shrinking = shrinking(&session.id, "n1.dusty");
        let (reached, said) = world.shrinks(&[(&alice(), command, shrinking)]).await;
        assert_eq!(reached, [None]);
        let [Saying::Release(ReleaseNodes { request, leases: Some(leases), .. })] = said.as_slice() else {
            panic!("{said:?}")
        };
        assert_eq!(*leases, [(1, 1)]);
        let said = world.released(&[release(*request, &session.id)]).await;
        let shrunk = world.session(&session.id).await;
        assert_eq!((shrunk.state, &shrunk.nodes), (NodeSessionState::Active, &vec![lease(2)]));
        assert_eq!(shrunk.expires_at, session.expires_at);
        let event = NodeSessionShrunk {
            session: session.id.clone(),
            tenant: "demo".to_owned(),
            alias: None,
            hostname: "n1.dusty".to_owned(),
        };
        let settlement = Settlement::Shrink(Outcome::Done(shrunk));
        assert_eq!(said, [Saying::Shrunk(event), Saying::Settle(command, settlement)]);
    }

    async fn without_its_last_node_a_session_goes_on_and_does_not_expire(world) {
        let session = world.active(&[lease(1)]).await;
        assert_eq!(shrink(world, &session.id, "n1.dusty").await, None);
        world.pass(1_000 * HOUR);
        assert_eq!(world.expire(64).await.1, []);
        let empty = world.session(&session.id).await;
        assert_eq!((empty.state, empty.nodes.len(), empty.expires_at), (NodeSessionState::Active, 0, None));
        // The same node may come again, by another lease.
        let mut again = lease(1);
        again.generation = 5;
        let grown = world.grown(&empty, &[again]).await;
        assert_eq!(grown.expires_at, Some(world.now() + LIFETIME * SECOND));
    }

    async fn a_node_goes_once(world) {
        let session = world.active(&[lease(1), lease(2)]).await;
        let caller = alice();
        let batch = ["n1.dusty", "n1.dusty", "n2.dusty"]
            .map(|hostname| (&caller, world.id(), shrinking(&session.id, hostname)));
        let (reached, said) = world.shrinks(&batch).await;
        let unknown = Some(Outcome::Refused(ShrinkNodeSessionRefusal::UnknownNode));
        assert_eq!(reached, [None, unknown.clone(), None]);
        assert_eq!(asked(&said).len(), 2);
        for hostname in ["n1.dusty", "n1", "", "n\u{0}1.dusty"] {
            assert_eq!(shrink(world, &session.id, hostname).await, unknown);
        }
        let command = shrinking(&session.id, "n2.dusty");
        let (reached, _) = world.shrinks(&[(&bob(), world.id(), command)]).await;
        let refusal = ShrinkNodeSessionRefusal::Session(NodeSessionRefusal::NotYours);
        assert_eq!(reached, [Some(Outcome::Refused(refusal))]);
    }
}
