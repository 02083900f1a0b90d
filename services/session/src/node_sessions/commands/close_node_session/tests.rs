use muster_contract::{
    node_allocation::{AllocationRefusal, ReleaseNodes},
    session::{
        GrowNodeSessionRefusal, NodeSession, NodeSessionClosed, NodeSessionRefusal,
        NodeSessionState, OpenNodeSessionRefusal, SessionReference,
    },
};

use muster_messaging::OutcomeOf;

use super::*;
use crate::node_sessions::{
    saying::{Saying, Settlement},
    testing::{
        HOUR, World, admin, alice, asked, bob, by_name, closing, grant, growing, lease, named,
        on_both_engines, opening_with_node, release, settled,
    },
};

type Result = super::Reached<CloseNodeSession>;

fn wrong_state(state: NodeSessionState) -> OutcomeOf<CloseNodeSession> {
    Outcome::Refused(NodeSessionRefusal::WrongState { state })
}

async fn close(world: &World, name: &str) -> Result {
    world
        .closes(&[(&alice(), world.id(), closing(name))])
        .await
        .0
        .remove(0)
}

fn closed(session: &NodeSession, ended_at: i64) -> Saying {
    Saying::Closed(NodeSessionClosed {
        session: session.id.clone(),
        tenant: session.tenant.clone(),
        alias: session.alias.clone(),
        reason: EndReason::Asked,
        created_at: session.created_at,
        ended_at,
    })
}

on_both_engines! {
    async fn all_nodes_go_back_before_the_session_is_over(world) {
        let session = world.active(&[lease(1), lease(2)]).await;
        world.pass(HOUR);
        let command = world.id();
        let (reached, said) = world.closes(&[(&alice(), command, closing(&session.id))]).await;
        assert_eq!(reached, [None]);
        let [Saying::Release(ReleaseNodes { request, leases: None, .. })] = said.as_slice() else {
            panic!("{said:?}")
        };
        let on_its_way = world.session(&session.id).await;
        assert_eq!((on_its_way.state, on_its_way.end_reason), (NodeSessionState::Closing, None));
        // It is done once.
        assert_eq!(close(world, &session.id).await, Some(wrong_state(NodeSessionState::Closing)));

        let said = world.released(&[release(*request, &session.id)]).await;
        let over = world.session(&session.id).await;
        assert_eq!((over.state, over.end_reason), (NodeSessionState::Closed, Some(EndReason::Asked)));
        assert_eq!((over.ended_at, &over.nodes), (Some(world.now()), &session.nodes));
        let settlement = Settlement::Close(Outcome::Done(over.clone()));
        assert_eq!(said, [closed(&session, world.now()), Saying::Settle(command, settlement)]);
        assert_eq!(close(world, &session.id).await, Some(wrong_state(NodeSessionState::Closed)));
        // Its answer told twice changes nothing.
        assert_eq!(world.released(&[release(*request, &session.id)]).await, []);
    }

    async fn a_session_without_nodes_ends_at_once(world) {
        let session = world.active_of(&alice(), named("empty"), &[]).await;
        let (reached, said) = world.closes(&[(&alice(), world.id(), closing("empty"))]).await;
        let [Some(Outcome::Done(over))] = reached.as_slice() else { panic!("{reached:?}") };
        assert_eq!(over.state, NodeSessionState::Closed);
        assert_eq!(said, [closed(&session, world.now())]);
        let unknown = Some(Outcome::Refused(NodeSessionRefusal::Unknown));
        assert_eq!(close(world, "empty").await, unknown);
    }

    /// `api/duffy.md` §7, done against growth: what is on its way is refused, and what comes late goes back.
    async fn done_against_growth(world) {
        let session = world.active(&[lease(1)]).await;
        let grow = world.id();
        let (_, said) = world.grows(&[(&alice(), grow, growing(&session.id))]).await;
        let (growth, _) = asked(&said)[0].clone();
        let (_, said) = world.closes(&[(&alice(), world.id(), closing(&session.id))]).await;
        let cancelled = GrowNodeSessionRefusal::Allocation(AllocationRefusal::Cancelled);
        assert_eq!(settled(&said), [(grow, Settlement::Grow(Outcome::Refused(cancelled)))]);
        let (closing_request, _) = asked(&said)[0].clone();

        // A grant that was made before the fence was there: once while it closes, once when it is closed.
        let late = grant(growth, &session.id, &[lease(7)]);
        let sent_back = async || {
            let said = world.granted(std::slice::from_ref(&late)).await;
            assert!(
                matches!(said.as_slice(), [Saying::Release(ReleaseNodes { leases: Some(leases), .. })] if *leases == [(7, 1)]),
                "{said:?}"
            );
        };
        sent_back().await;
        world.released(&[release(closing_request, &session.id)]).await;
        sent_back().await;
        assert_eq!(world.session(&session.id).await.nodes, [lease(1)]);
        // And no growth begins any more.
        let (reached, said) = world.grows(&[(&alice(), world.id(), growing(&session.id))]).await;
        let state = NodeSessionState::Closed;
        let refusal = GrowNodeSessionRefusal::Session(NodeSessionRefusal::WrongState { state });
        assert_eq!((reached, said), (vec![Some(Outcome::Refused(refusal))], vec![]));
    }

    async fn a_session_that_waits_for_its_first_nodes_can_be_closed(world) {
        let open = world.id();
        let (_, said) = world.opens(&[(&alice(), open, opening_with_node())]).await;
        let (request, id) = asked(&said)[0].clone();
        let (_, said) = world.closes(&[(&alice(), world.id(), closing(&id))]).await;
        let refusal = Settlement::Open(Outcome::Refused(OpenNodeSessionRefusal::Closed));
        assert_eq!(settled(&said), [(open, refusal)]);
        let (closing_request, _) = asked(&said)[0].clone();
        let said = world.granted(&[grant(request, &id, &[lease(7)])]).await;
        assert!(matches!(said.as_slice(), [Saying::Release(_)]), "{said:?}");
        world.released(&[release(closing_request, &id)]).await;
        let over = world.session(&id).await;
        assert_eq!((over.state, over.nodes), (NodeSessionState::Closed, vec![]));
    }

    async fn two_of_a_batch_see_each_other(world) {
        let session = world.active(&[lease(1)]).await;
        let caller = alice();
        let batch = [closing(&session.id), closing(&session.id)].map(|command| (&caller, world.id(), command));
        let (reached, _) = world.closes(&batch).await;
        assert_eq!(reached, [None, Some(wrong_state(NodeSessionState::Closing))]);
    }

    async fn sessions_of_others_are_left_alone(world) {
        let mine = world.active_of(&alice(), named("mine"), &[]).await;
        let unknown = Some(Outcome::Refused(NodeSessionRefusal::Unknown));
        let not_yours = Some(Outcome::Refused(NodeSessionRefusal::NotYours));
        let by_number = |number| CloseNodeSession { session: SessionReference::Number(number) };
        let stranger = bob();
        let batch = [
            (closing(&mine.id), &not_yours),
            (closing(&mine.id.to_uppercase()), &not_yours),
            (by_number(mine.number), &not_yours),
            // Whose aliases there are is nobody else's business.
            (closing("mine"), &unknown),
            (closing("0192f0c1-2233-7000-8000-000000000000"), &unknown),
            (closing(""), &unknown),
            (closing("m\0ine"), &unknown),
            (by_number(-1), &unknown),
            (by_number(i64::MAX), &unknown),
        ];
        let commands: Vec<_> = batch.iter().map(|(command, _)| (&stranger, world.id(), command.clone())).collect();
        let (reached, said) = world.closes(&commands).await;
        for ((command, expected), reached) in batch.iter().zip(&reached) {
            assert_eq!(reached, *expected, "{command:?}");
        }
        assert_eq!(said, []);
        let (reached, _) = world.closes(&[(&admin(), world.id(), by_number(mine.number))]).await;
        assert!(matches!(reached.as_slice(), [Some(Outcome::Done(_))]), "{reached:?}");
    }

    async fn a_session_can_be_meant_by_any_form_of_its_id(world) {
        for form in [str::to_uppercase, |id: &str| id.replace('-', "")] {
            let session = world.active(&[]).await;
            let close = CloseNodeSession { session: by_name(&form(&session.id)) };
            let (reached, _) = world.closes(&[(&alice(), world.id(), close)]).await;
            assert!(matches!(reached.as_slice(), [Some(Outcome::Done(_))]), "{reached:?}");
        }
    }
}

/// `api/duffy.md` §7, reaper against done: whichever comes first ends the session, once.
#[tokio::test]
async fn the_reaper_against_done_on_two_replicas() {
    let Some(first) = crate::testing::DATABASES.postgres().await.unwrap() else {
        return;
    };
    let second = World::new(&first.replica().await.unwrap());
    for _ in 0..100_000 {
        // Else both count from 1.
        second.id();
    }
    let first = World::new(&first.database);
    for round in 1..20 {
        let session = first.active(&[lease(round)]).await;
        let late = World::now(&first) + 7 * HOUR;
        second.pass(late - second.now());
        let ((reached, _), (_, reaped)) = tokio::join!(
            async {
                first
                    .closes(&[(&alice(), first.id(), closing(&session.id))])
                    .await
            },
            second.expire(64),
        );
        let releases = asked(&reaped).len() + usize::from(reached[0].is_none());
        assert_eq!(releases, 1, "{reached:?} {reaped:?}");
    }
}
