//! What was set up is torn down, whatever becomes of the session.

use super::*;

on_both_engines! {
    async fn without_nodes_what_was_set_up_is_torn_down(world) {
        let (command, id, order) = setting_up(world, opening_with_node()).await;
        let said = world.reported(&[success(&order)]).await;
        let reason = AllocationRefusal::QuotaExceeded { quota: 1, held: 1, wanted: 1 };
        let nothing = AllocationRefused {
            request: asked(&said)[0].0,
            session: id.clone(),
            tenant: "wired".to_owned(),
            reason: reason.clone(),
        };
        let said = world.refused(&[nothing]).await;
        let refusal = OpenNodeSessionRefusal::Allocation(reason);
        assert_eq!(settled(&said), [(command, Settlement::Open(Outcome::Refused(refusal)))]);
        tear_down(&said);
    }

    async fn a_session_that_is_being_set_up_can_be_closed_and_is_torn_down_afterwards(world) {
        // Success or failure: it is torn down.
        for succeeds in [true, false] {
            let (open, id, order) = setting_up(world, opening_with_node()).await;
            let (reached, said) = world.closes(&[(&carol(), world.id(), closing(&id))]).await;
            let [Some(Outcome::Done(over))] = reached.as_slice() else { panic!("{reached:?}") };
            assert_eq!((over.state, over.end_reason), (NodeSessionState::Closed, Some(EndReason::Asked)));
            let refusal = Settlement::Open(Outcome::Refused(OpenNodeSessionRefusal::Closed));
            assert_eq!(settled(&said), [(open, refusal)]);
            assert_eq!((ordered(&said), asked(&said)), (vec![], vec![]));
            let report = if succeeds { success(&order) } else { failure(&order, "killed") };
            let said = world.reported(&[report]).await;
            tear_down(&said);
            assert_eq!(said.len(), 1);
        }
        // No answer.
        let (_, id, _) = setting_up(world, opening_with_node()).await;
        assert_eq!(ordered(&close(world, &id).await), []);
        world.pass(MISSED);
        let (_, said) = world.look_after_hooks(64).await;
        let orders = ordered(&said);
        assert!(orders.iter().any(|order| order.hook == SessionHook::TearDown && order.session.id == id), "{said:?}");
        assert_eq!(world.session(&id).await.set_up, Some(status(
            SessionHookState::Failed, 1, Some("agent \"network\" has not answered")
        )));
    }

    async fn closed_between_two_attempts_it_is_torn_down_at_once(world) {
        let waiting = OpenNodeSession { wait_until: Some(NOON + 300 * SECOND), ..opening() };
        let (_, id, order) = setting_up(world, waiting).await;
        world.reported(&[failure(&order, "busy")]).await;
        tear_down(&close(world, &id).await);
        world.pass(60 * SECOND);
        assert_eq!(world.look_after_hooks(64).await, (false, vec![]));
    }

    async fn a_tear_down_that_always_fails_is_given_up_loudly(world) {
        let session = active(world, &[lease(1)]).await;
        let mut order = tear_down(&close(world, &session.id).await);
        // A failure, and silence.
        assert_eq!(world.reported(&[failure(&order, "switch is away")]).await, []);
        let waiting = world.session(&session.id).await;
        assert_eq!(waiting.tear_down, Some(status(SessionHookState::Waiting, 1, Some("switch is away"))));
        world.pass(60 * SECOND);
        order = tear_down(&world.look_after_hooks(64).await.1);
        assert_eq!(order.attempt, 2);
        world.pass(MISSED);
        assert_eq!(world.look_after_hooks(64).await, (false, vec![]));
        world.pass(120 * SECOND);
        order = tear_down(&world.look_after_hooks(64).await.1);
        assert_eq!(order.attempt, 3);
        let said = world.reported(&[failure(&order, &format!("{} at last", "x".repeat(5_000)))]).await;
        assert_eq!(said, [Saying::TearDownFailed(NodeSessionTearDownFailed {
            session: session.id.clone(),
            tenant: "wired".to_owned(),
            alias: None,
            agent: AGENT.to_owned(),
            attempts: 3,
        })]);
        let over = world.session(&session.id).await;
        let status = over.tear_down.unwrap();
        assert_eq!((over.state, status.state, status.attempts), (NodeSessionState::Closed, SessionHookState::Failed, 3));
        let reason = status.reason.unwrap();
        assert!(reason.len() == 4_096 && reason.ends_with("x at last"), "{reason}");
        world.pass(1_000 * MISSED);
        assert_eq!(world.look_after_hooks(64).await, (false, vec![]));

        // An operator has it tried again, with as many attempts.
        let over = Outcome::Refused(NodeSessionRefusal::WrongState { state: NodeSessionState::Closed });
        let (reached, said) = world.closes(&[(&carol(), world.id(), closing(&session.id))]).await;
        assert_eq!((reached, said), (vec![Some(over.clone())], vec![]));
        let root = admin();
        let batch = [(), ()].map(|()| (&root, world.id(), closing(&session.id)));
        let (reached, said) = world.closes(&batch).await;
        assert!(matches!(reached[0], Some(Outcome::Done(_))), "{reached:?}");
        assert_eq!(reached[1], Some(over));
        order = tear_down(&said);
        assert_eq!(order.attempt, 1);
        assert_eq!(world.reported(&[failure(&order, "busy")]).await, []);
        world.pass(60 * SECOND);
        order = tear_down(&world.look_after_hooks(64).await.1);
        assert_eq!(world.reported(&[success(&order)]).await, []);
        let status = world.session(&session.id).await.tear_down.unwrap();
        assert_eq!((status.state, status.attempts), (SessionHookState::Succeeded, 2));
    }
}
