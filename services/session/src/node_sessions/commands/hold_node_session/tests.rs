use muster_contract::{
    node_allocation::NodesHeld,
    session::{NodeSession, NodeSessionHeld, NodeSessionState},
};

use super::*;
use crate::node_sessions::{
    saying::{Saying, Settlement},
    testing::{
        HOUR, LIFETIME, SECOND, World, alice, asked, bob, closing, holding, lease, on_both_engines,
        opening_with_node, release,
    },
};

async fn hold(
    world: &World,
    session: &NodeSession,
    limit: Option<u32>,
) -> Reached<HoldNodeSession> {
    let command = holding(&session.id, limit);
    let (mut reached, _) = world.holds(&[(&alice(), world.id(), command)]).await;
    reached.remove(0)
}

on_both_engines! {
    async fn nodes_are_kept_for_a_look(world) {
        let session = world.active(&[lease(1), lease(2)]).await;
        let command = world.id();
        let (reached, said) = world.holds(&[(&alice(), command, holding(&session.id, Some(5)))]).await;
        assert_eq!(reached, [None]);
        let [Saying::Hold(HoldNodes { request, .. })] = said.as_slice() else { panic!("{said:?}") };
        let held = NodesHeld {
            request: *request,
            session: session.id.clone(),
            tenant: "demo".to_owned(),
            nodes: vec![2, 1],
        };
        let said = world.held(&[held.clone(), held]).await;
        let kept = world.session(&session.id).await;
        assert_eq!((kept.state, &kept.nodes), (NodeSessionState::Held, &session.nodes));
        assert_eq!(kept.expires_at, session.expires_at.map(|time| time + LIFETIME * SECOND));
        let event = NodeSessionHeld {
            session: session.id.clone(),
            tenant: "demo".to_owned(),
            alias: None,
            hostnames: vec!["n1.dusty".to_owned(), "n2.dusty".to_owned()],
        };
        let settlement = Settlement::Hold(Outcome::Done(kept.clone()));
        assert_eq!(said, [Saying::Held(event), Saying::Settle(command, settlement)]);
        // Once more is as good, and gives no more time.
        assert_eq!(hold(world, &kept, Some(5)).await, Some(Outcome::Done(kept)));
    }

    /// `api/duffy.md` §7, fail forever: a cap of held nodes, and an end of the session.
    async fn fail_forever(world) {
        let first = world.active(&[lease(1), lease(2), lease(3)]).await;
        let second = world.active(&[lease(4), lease(5)]).await;
        let third = world.active(&[lease(6)]).await;
        let caller = alice();
        let batch = [&first, &second, &third]
            .map(|session| (&caller, world.id(), holding(&session.id, Some(5))));
        let (reached, said) = world.holds(&batch).await;
        let too_many = HoldNodeSessionRefusal::TooManyHeldNodes { held: 5, limit: 5 };
        assert_eq!(reached, [None, None, Some(Outcome::Refused(too_many.clone()))]);
        assert_eq!(asked(&said).len(), 2);
        assert_eq!(hold(world, &third, Some(5)).await, Some(Outcome::Refused(too_many)));
        assert_eq!(hold(world, &third, Some(6)).await, None);
        // Another project has a count of its own.
        let other = world.active_of(&bob(), opening_with_node(), &[lease(9)]).await;
        let (reached, _) = world.holds(&[(&bob(), world.id(), holding(&other.id, Some(1)))]).await;
        assert_eq!(reached, [None]);
        // Twice its life, and it is over.
        world.pass(12 * HOUR - SECOND);
        assert_eq!(world.expire(64).await.1, []);
        world.pass(SECOND);
        assert_eq!(asked(&world.expire(64).await.1).len(), 4);
        // What is on its way out is held by nobody.
        let fourth = world.active(&[lease(7)]).await;
        assert_eq!(hold(world, &fourth, Some(5)).await, None);
    }

    async fn a_closed_session_has_nothing_to_hold(world) {
        let session = world.active(&[lease(1)]).await;
        let (_, said) = world.closes(&[(&alice(), world.id(), closing(&session.id))]).await;
        let (request, id) = asked(&said)[0].clone();
        let state = |reached| match reached {
            Some(Outcome::Done(NodeSession { state, .. })) => state,
            other => panic!("{other:?}"),
        };
        assert_eq!(state(hold(world, &session, Some(0)).await), NodeSessionState::Closing);
        world.released(&[release(request, &id)]).await;
        assert_eq!(state(hold(world, &session, Some(0)).await), NodeSessionState::Closed);
    }

    async fn a_session_that_is_not_open_yet_cannot_be_held(world) {
        let (_, said) = world.opens(&[(&alice(), world.id(), opening_with_node())]).await;
        let session = world.session(&asked(&said)[0].1).await;
        let state = NodeSessionState::Opening;
        let refusal = HoldNodeSessionRefusal::Session(NodeSessionRefusal::WrongState { state });
        assert_eq!(hold(world, &session, None).await, Some(Outcome::Refused(refusal)));
    }
}
