use muster_contract::{
    agent::SessionHook,
    node_allocation::{AllocationRefusal, AllocationRefused},
    session::{GrowNodeSessionRefusal, NodeSessionState, OpenNodeSessionRefusal},
};
use muster_storage::inbox::InboxRecord;

use super::*;
use crate::node_sessions::{
    saying::Settlement,
    testing::{
        World, admin, alice, asked, bob, carol, closing, grant, growing, lease, on_both_engines,
        opening_with_node, ordered, settled as told, success,
    },
};

async fn cancel(
    world: &World,
    caller: &Principal,
    command: Uuid,
) -> (Reached<CancelNodeRequest>, Vec<Saying>) {
    let cancel = CancelNodeRequest { command };
    let (mut reached, said) = world.cancels(&[(caller, world.id(), cancel)]).await;
    (reached.remove(0), said)
}

/// What node allocation says of one that it took out of its queue.
fn cancelled(request: Uuid, session: &str) -> AllocationRefused {
    AllocationRefused {
        request,
        session: session.to_owned(),
        tenant: "demo".to_owned(),
        reason: AllocationRefusal::Cancelled,
    }
}

/// What came of one that was not carried out.
async fn refused(world: &World, caller: &Principal, command: Uuid) -> Refused {
    match cancel(world, caller, command).await {
        (Some(Outcome::Refused(refusal)), said) if said.is_empty() => refusal,
        other => panic!("{other:?}"),
    }
}

on_both_engines! {
    async fn a_session_that_waits_for_its_first_nodes_is_refused(world) {
        let open = world.id();
        let (_, said) = world.opens(&[(&alice(), open, opening_with_node())]).await;
        let (request, id) = asked(&said)[0].clone();
        let (reached, said) = cancel(world, &alice(), open).await;
        assert_eq!(reached, Some(Outcome::Done(())));
        assert_eq!(said, [Saying::Cancel(CancelAllocation { request })]);
        // Node allocation decides.
        assert_eq!(world.session(&id).await.state, NodeSessionState::Opening);
        let said = world.refused(&[cancelled(request, &id)]).await;
        let refusal = OpenNodeSessionRefusal::Allocation(AllocationRefusal::Cancelled);
        assert_eq!(told(&said), [(open, Settlement::Open(Outcome::Refused(refusal)))]);
        let over = world.session(&id).await;
        assert_eq!((over.state, over.ended_at), (NodeSessionState::Refused, Some(world.now())));
    }

    async fn a_session_that_waits_for_more_stays_as_it_is(world) {
        let session = world.active(&[lease(1)]).await;
        let grow = world.id();
        let (_, said) = world.grows(&[(&alice(), grow, growing(&session.id))]).await;
        let (request, id) = asked(&said)[0].clone();
        let (reached, said) = cancel(world, &alice(), grow).await;
        assert_eq!((reached, said), (Some(Outcome::Done(())), vec![Saying::Cancel(CancelAllocation { request })]));
        let said = world.refused(&[cancelled(request, &id)]).await;
        let refusal = GrowNodeSessionRefusal::Allocation(AllocationRefusal::Cancelled);
        assert_eq!(told(&said), [(grow, Settlement::Grow(Outcome::Refused(refusal)))]);
        assert_eq!(world.session(&id).await, session);
    }

    /// `api/duffy.md` §7: nodes that were granted meanwhile are in a session that its owner sees.
    async fn a_grant_that_is_on_its_way_counts(world) {
        let open = world.id();
        let (_, said) = world.opens(&[(&alice(), open, opening_with_node())]).await;
        let (request, id) = asked(&said)[0].clone();
        cancel(world, &alice(), open).await;
        world.granted(&[grant(request, &id, &[lease(1)])]).await;
        let session = world.session(&id).await;
        assert_eq!((session.state, session.nodes), (NodeSessionState::Active, vec![lease(1)]));
    }

    async fn what_waits_for_no_nodes_is_left_alone(world) {
        let session = world.active(&[lease(1)]).await;
        let close = world.id();
        world.closes(&[(&alice(), close, closing(&session.id))]).await;
        assert_eq!(refused(world, &alice(), close).await, Refused::NotWaiting);
        // It may be on its way, or have its outcome.
        let other = world.id();
        assert_eq!(refused(world, &alice(), other).await, Refused::Unknown);
        let mut transaction = world.database.begin().await.unwrap();
        let record = InboxRecord {
            id: other.to_string(),
            fingerprint: None,
            outcome: Some("null".to_owned()),
            received_at: world.now(),
        };
        inbox::record(&mut transaction, &[record]).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(refused(world, &alice(), other).await, Refused::NotWaiting);
    }

    async fn requests_of_others_are_left_alone(world) {
        let open = world.id();
        world.opens(&[(&alice(), open, opening_with_node())]).await;
        assert_eq!(refused(world, &bob(), open).await, Refused::NotYours);
        assert_eq!(cancel(world, &admin(), open).await.0, Some(Outcome::Done(())));
    }

    /// It has not asked for nodes, and whoever would have had them is gone.
    async fn a_session_that_is_being_set_up_ends(world) {
        let open = world.id();
        let (_, said) = world.opens(&[(&carol(), open, opening_with_node())]).await;
        let orders = ordered(&said);
        let id = orders[0].session.id.clone();
        let (reached, said) = cancel(world, &carol(), open).await;
        assert_eq!(reached, Some(Outcome::Done(())));
        let refusal = Settlement::Open(Outcome::Refused(OpenNodeSessionRefusal::Closed));
        assert_eq!(told(&said), [(open, refusal)]);
        let over = world.session(&id).await;
        assert_eq!((over.state, over.end_reason), (NodeSessionState::Closed, Some(EndReason::Asked)));
        // What was set up meanwhile is torn down.
        let said = world.reported(&[success(&orders[0])]).await;
        assert_eq!(asked(&said), []);
        assert_eq!(ordered(&said)[0].hook, SessionHook::TearDown);
        assert_eq!(refused(world, &carol(), open).await, Refused::Unknown);
    }
}
