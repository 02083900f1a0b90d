use muster_contract::{
    node_allocation::{AllocationRefusal, AllocationRefused},
    session::NodeSessionState,
};

use super::*;
use crate::node_sessions::{
    saying::{Saying, Settlement},
    testing::{
        HOUR, LIFETIME, NOON, SECOND, World, alice, asked, endless, grant, growing, holding, lease,
        named, on_both_engines, settled,
    },
};

async fn begin(world: &World, name: &str) -> (uuid::Uuid, Vec<Saying>) {
    let command = world.id();
    let (reached, said) = world.grows(&[(&alice(), command, growing(name))]).await;
    assert_eq!(reached, [None]);
    (command, said)
}

on_both_engines! {
    async fn a_session_grows_by_its_alias(world) {
        let session = world.active_of(&alice(), named("cluster"), &[]).await;
        world.pass(100 * HOUR);
        let (command, said) = begin(world, "cluster").await;
        let (request, id) = asked(&said)[0].clone();
        assert_eq!(id, session.id);
        let said = world.granted(&[grant(request, &id, &[lease(1)])]).await;
        let grown = world.session(&id).await;
        // Its life counts from when the nodes came, not from when the empty session was opened.
        assert_eq!(grown.expires_at, Some(NOON + 100 * HOUR + LIFETIME * SECOND));
        let [Saying::Grown(event), Saying::Settle(settled, Settlement::Grow(outcome))] = said.as_slice() else {
            panic!("{said:?}")
        };
        assert_eq!((&event.nodes, *settled), (&vec![lease(1)], command));
        let expected = GrownNodeSession { session: grown.clone(), added: vec![lease(1)] };
        assert_eq!(*outcome, Outcome::Done(expected));

        let again = world.grown(&grown, &[endless(2)]).await;
        assert_eq!(again.nodes, [lease(1), endless(2)]);
        assert_eq!(again.expires_at, grown.expires_at);
    }

    async fn only_a_node_with_a_shorter_life_brings_the_end_nearer(world) {
        let session = world.active(&[lease(1)]).await;
        world.pass(HOUR);
        let same = world.grown(&session, &[lease(2)]).await;
        assert_eq!(same.expires_at, session.expires_at);
        let mut short = lease(3);
        short.lifetime = Some(3_600);
        let shorter = world.grown(&same, &[short]).await;
        assert_eq!(shorter.expires_at, Some(NOON + 2 * HOUR));
        let longer = world.grown(&shorter, &[endless(4)]).await;
        assert_eq!(longer.expires_at, shorter.expires_at);
    }

    async fn a_refused_growth_leaves_the_session_as_it_was(world) {
        let session = world.active(&[lease(1)]).await;
        let (command, said) = begin(world, &session.id).await;
        let (request, id) = asked(&said)[0].clone();
        let reason = AllocationRefusal::WaitedInVain;
        let refused = AllocationRefused { request, session: id, tenant: "demo".to_owned(), reason: reason.clone() };
        let said = world.refused(&[refused]).await;
        let refusal = GrowNodeSessionRefusal::Allocation(reason);
        assert_eq!(settled(&said), [(command, Settlement::Grow(Outcome::Refused(refusal)))]);
        assert_eq!(world.session(&session.id).await, session);
    }

    /// `api/duffy.md` §7, redelivery: an answer that is told twice, or to a question that was asked twice.
    async fn nodes_are_taken_once(world) {
        let session = world.active(&[lease(1)]).await;
        let (_, said) = begin(world, &session.id).await;
        let (request, id) = asked(&said)[0].clone();
        world.pass(61 * SECOND);
        let again = world.ask_again().await;
        assert_eq!(asked(&again), asked(&said));
        assert_eq!(world.ask_again().await, []);
        let answer = grant(request, &id, &[lease(2)]);
        world.granted(std::slice::from_ref(&answer)).await;
        // The very same nodes stay; others, given for the same question once more, go back.
        assert_eq!(world.granted(std::slice::from_ref(&answer)).await, []);
        let said = world.granted(&[grant(request, &id, &[lease(3)])]).await;
        assert_eq!(asked(&said).len(), 1);
        assert_eq!(world.session(&id).await.nodes, [lease(1), lease(2)]);
    }

    async fn a_session_that_is_held_gets_what_was_on_its_way_and_nothing_else(world) {
        let session = world.active(&[lease(1)]).await;
        let (_, said) = begin(world, &session.id).await;
        let (request, id) = asked(&said)[0].clone();
        world.holds(&[(&alice(), world.id(), holding(&id, None))]).await;
        let (reached, _) = world.grows(&[(&alice(), world.id(), growing(&id))]).await;
        let state = NodeSessionState::Held;
        let refusal = GrowNodeSessionRefusal::Session(NodeSessionRefusal::WrongState { state });
        assert_eq!(reached, [Some(Outcome::Refused(refusal))]);
        world.granted(&[grant(request, &id, &[lease(2)])]).await;
        let held = world.session(&id).await;
        assert_eq!((held.state, held.nodes.len()), (NodeSessionState::Held, 2));
    }
}
