mod tear_down;

use muster_contract::Principal;
use muster_contract::{
    node_allocation::{AllocationRefusal, AllocationRefused, LeasedNode},
    session::{
        EndReason, NodeSession, NodeSessionRefusal, OpenNodeSession, SessionHookState,
        SessionHookStatus,
    },
};
use muster_messaging::OutcomeOf;

use super::*;
use crate::node_sessions::testing::{
    AGENT, HOOK_LIMIT, LIFETIME, NOON, SECOND, World, admin, alice, asked, carol, closing, failure,
    grant, lease, named, on_both_engines, opening, opening_with_node, ordered, principal, release,
    settled, success,
};

/// When an attempt that begins now is missed.
const MISSED: i64 = 130 * SECOND;

/// A session of carol's that is being set up: the command, the session, the order.
async fn setting_up(world: &World, command: OpenNodeSession) -> (Uuid, String, RunSessionHook) {
    let id = world.id();
    let (reached, said) = world.opens(&[(&carol(), id, command)]).await;
    assert_eq!(reached, [None]);
    let [Saying::Order(_, order)] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!((order.hook, order.attempt), (SessionHook::SetUp, 1));
    (id, order.session.id.clone(), order.clone())
}

/// An active session of carol's.
async fn active(world: &World, nodes: &[LeasedNode]) -> NodeSession {
    let command = if nodes.is_empty() {
        opening()
    } else {
        opening_with_node()
    };
    let (_, id, order) = setting_up(world, command).await;
    let said = world.reported(&[success(&order)]).await;
    for (request, session) in asked(&said) {
        world.granted(&[grant(request, &session, nodes)]).await;
    }
    world.session(&id).await
}

/// Closes a session of carol's; what is said when it is closed.
async fn close(world: &World, id: &str) -> Vec<Saying> {
    let (_, mut said) = world.closes(&[(&carol(), world.id(), closing(id))]).await;
    for (request, session) in asked(&said) {
        said.extend(world.released(&[release(request, &session)]).await);
    }
    assert_eq!(world.session(id).await.state, NodeSessionState::Closed);
    said
}

fn status(state: SessionHookState, attempts: u32, reason: Option<&str>) -> SessionHookStatus {
    SessionHookStatus {
        state,
        agent: AGENT.to_owned(),
        attempts,
        reason: reason.map(str::to_owned),
    }
}

fn refused(reason: &str) -> Settlement {
    let reason = reason.to_owned();
    Settlement::Open(Outcome::Refused(OpenNodeSessionRefusal::SetUpFailed {
        reason,
    }))
}

/// The one order to tear the session down.
fn tear_down(said: &[Saying]) -> RunSessionHook {
    let orders = ordered(said);
    let [order] = orders.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!(order.hook, SessionHook::TearDown);
    order.clone()
}

on_both_engines! {
    /// Set-up, then nodes; nodes back, then tear-down (`api/duffy.md` §7, order for sessions with isolation).
    async fn a_session_with_nodes_from_its_set_up_to_its_tear_down(world) {
        let wanted = OpenNodeSession { alias: Some("lab".to_owned()), ..opening_with_node() };
        let (command, id, order) = setting_up(world, wanted).await;
        let session = world.session(&id).await;
        assert_eq!(session.state, NodeSessionState::Opening);
        assert_eq!((session.set_up, session.tear_down), (
            Some(status(SessionHookState::Running, 1, None)), Some(status(SessionHookState::Idle, 0, None))
        ));
        let hooked = HookedSession {
            id: id.clone(), number: session.number, tenant: "wired".to_owned(), alias: Some("lab".to_owned())
        };
        assert_eq!(order.session, hooked);
        assert_eq!(order.deadline, NOON + i64::try_from(HOOK_LIMIT.as_micros()).unwrap());
        // Node allocation is not asked, and not missed.
        assert_eq!(world.ask_again().await, []);

        world.pass(100 * SECOND);
        let said = world.reported(&[success(&order)]).await;
        let [Saying::Allocate(allocate)] = said.as_slice() else { panic!("{said:?}") };
        assert_eq!((allocate.tenant.as_str(), allocate.demands.len()), ("wired", 1));
        let said = world.granted(&[grant(allocate.request, &id, &[lease(1)])]).await;
        let session = world.session(&id).await;
        assert_eq!((session.state, session.set_up.clone()), (
            NodeSessionState::Active, Some(status(SessionHookState::Succeeded, 1, None))
        ));
        // The set-up is not taken off the life of the nodes.
        assert_eq!(session.expires_at, Some(world.now() + LIFETIME * SECOND));
        assert_eq!(said, [
            Saying::Opened(opened(&session)),
            Saying::Settle(command, Settlement::Open(Outcome::Done(session.clone())))
        ]);

        let (_, said) = world.closes(&[(&carol(), world.id(), closing("lab"))]).await;
        assert_eq!((ordered(&said), asked(&said).len()), (vec![], 1));
        let said = world.released(&[release(asked(&said)[0].0, &id)]).await;
        let order = tear_down(&said);
        // The close is answered without waiting for it.
        let over = world.session(&id).await;
        assert_eq!(over.state, NodeSessionState::Closed);
        assert_eq!(over.tear_down, Some(status(SessionHookState::Running, 1, None)));
        assert_eq!(settled(&said).pop().unwrap().1, Settlement::Close(Outcome::Done(over)));
        assert_eq!(world.reported(&[success(&order)]).await, []);
        let over = world.session(&id).await;
        assert_eq!(over.tear_down, Some(status(SessionHookState::Succeeded, 1, None)));
        world.pass(1_000 * MISSED);
        assert_eq!(world.look_after_hooks(64).await, (false, vec![]));
    }

    async fn a_session_without_nodes_waits_for_its_set_up_too(world) {
        let (command, id, order) = setting_up(world, opening()).await;
        let said = world.reported(&[success(&order)]).await;
        let session = world.session(&id).await;
        assert_eq!(session.state, NodeSessionState::Active);
        assert_eq!(said, [
            Saying::Opened(opened(&session)),
            Saying::Settle(command, Settlement::Open(Outcome::Done(session.clone())))
        ]);
        tear_down(&close(world, &id).await);
    }

    async fn a_set_up_that_fails_refuses_the_session_and_is_torn_down(world) {
        let (command, id, order) = setting_up(world, named("lab")).await;
        let said = world.reported(&[failure(&order, "no such\0VLAN")]).await;
        assert_eq!(settled(&said), [(command, refused("no such VLAN"))]);
        tear_down(&said);
        let session = world.session(&id).await;
        assert_eq!((session.state, session.ended_at), (NodeSessionState::Refused, Some(NOON)));
        assert_eq!(session.set_up, Some(status(SessionHookState::Failed, 1, Some("no such VLAN"))));
        // Its name is free again.
        setting_up(world, named("lab")).await;
    }

    async fn an_agent_that_does_not_answer_refuses_the_session_and_its_late_word_changes_nothing(world) {
        let (command, id, order) = setting_up(world, opening_with_node()).await;
        world.pass(MISSED - 1);
        assert_eq!(world.look_after_hooks(64).await, (false, vec![]));
        world.pass(1);
        let (_, said) = world.look_after_hooks(64).await;
        assert_eq!(settled(&said), [(command, refused("agent \"network\" has not answered"))]);
        let tear_down = tear_down(&said);
        let refused = world.session(&id).await;
        assert_eq!(refused.state, NodeSessionState::Refused);
        for late in [success(&order), failure(&order, "killed")] {
            assert_eq!(world.reported(&[late]).await, []);
            assert_eq!(world.session(&id).await, refused);
        }
        assert_eq!(world.reported(&[success(&tear_down), success(&tear_down)]).await, []);
        assert_eq!(world.reported(&[failure(&tear_down, "again")]).await, []);
        assert_eq!(world.session(&id).await.tear_down, Some(status(SessionHookState::Succeeded, 1, None)));
    }

    async fn who_is_willing_to_wait_gets_further_attempts(world) {
        let until = NOON + 40 * SECOND;
        let waiting = OpenNodeSession { wait_until: Some(until), ..opening_with_node() };
        let (command, id, first) = setting_up(world, waiting).await;
        assert_eq!(world.reported(&[failure(&first, "busy")]).await, []);
        let session = world.session(&id).await;
        assert_eq!((session.state, session.set_up), (
            NodeSessionState::Opening, Some(status(SessionHookState::Waiting, 1, Some("busy")))
        ));
        world.pass(5 * SECOND - 1);
        assert_eq!(world.look_after_hooks(64).await, (false, vec![]));
        world.pass(1);
        let (_, said) = world.look_after_hooks(64).await;
        let second = ordered(&said)[0].clone();
        assert_eq!((second.hook, second.attempt, said.len()), (SessionHook::SetUp, 2, 1));
        assert_eq!(world.reported(&[success(&first)]).await, []);
        let said = world.reported(&[success(&second)]).await;
        let [Saying::Allocate(allocate)] = said.as_slice() else { panic!("{said:?}") };
        assert_eq!(allocate.wait_until, Some(until));
        let said = world.granted(&[grant(allocate.request, &id, &[lease(1)])]).await;
        assert_eq!(settled(&said)[0].0, command);
    }

    async fn not_more_often_than_the_site_says_and_not_longer_than_is_waited(world) {
        // Three attempts: at 0, 5 and 15 seconds.
        for (seconds, attempts) in [(600, 3), (15, 3), (14, 2), (4, 1)] {
            let begin = world.now();
            let waiting = OpenNodeSession { wait_until: Some(begin + seconds * SECOND), ..opening() };
            let (command, _, mut order) = setting_up(world, waiting).await;
            for attempt in 1.. {
                assert_eq!(order.attempt, attempt);
                let said = world.reported(&[failure(&order, "busy")]).await;
                if attempt == attempts {
                    assert_eq!(settled(&said), [(command, refused("busy"))]);
                    let down = tear_down(&said);
                    world.reported(&[success(&down)]).await;
                    break;
                }
                assert_eq!(said, []);
                world.pass(10 * SECOND * i64::from(attempt) / 2 * i64::from(attempt));
                while ordered(&world.look_after_hooks(64).await.1).first().is_none_or(|next| {
                    order = next.clone();
                    false
                }) {
                    world.pass(SECOND);
                }
            }
        }
    }

    /// All is in the tables, and by the rules that held when the session was opened.
    async fn a_restart_between_any_two_steps_changes_nothing(world) {
        let waiting = OpenNodeSession { wait_until: Some(NOON + 600 * SECOND), ..opening_with_node() };
        let (open, id, _) = setting_up(world, waiting).await;
        let world = world.restarted();
        world.pass(MISSED);
        assert_eq!(world.look_after_hooks(64).await, (false, vec![]));
        let world = world.restarted();
        world.pass(5 * SECOND);
        let order = ordered(&world.look_after_hooks(64).await.1)[0].clone();
        let world = world.restarted();
        let said = world.reported(&[success(&order)]).await;
        let request = asked(&said)[0].0;
        let world = world.restarted();
        let said = world.granted(&[grant(request, &id, &[lease(1)])]).await;
        assert_eq!(settled(&said)[0].0, open);
        let world = world.restarted();
        let order = tear_down(&close(&world, &id).await);
        let world = world.restarted();
        world.reported(&[failure(&order, "busy")]).await;
        let world = world.restarted();
        world.pass(60 * SECOND);
        let order = tear_down(&world.look_after_hooks(64).await.1);
        let world = world.restarted();
        world.reported(&[success(&order)]).await;
        assert_eq!(world.session(&id).await.tear_down, Some(status(SessionHookState::Succeeded, 2, Some("busy"))));
    }

    async fn only_the_agent_of_an_order_has_a_word(world) {
        let (_, id, order) = setting_up(world, opening()).await;
        let before = world.session(&id).await;
        let (_, report) = success(&order);
        let unknown = SessionHookFinished { order: Uuid::from_u128(7), ..report.clone() };
        let said = world.reported(&[("provisioner", report.clone()), (AGENT, unknown), ("", report)]).await;
        assert_eq!((said, world.session(&id).await), (vec![], before));
        assert_eq!(world.reported(&[success(&order), failure(&order, "no")]).await.len(), 2);
        assert_eq!(world.session(&id).await.state, NodeSessionState::Active);
    }

    async fn the_hooks_of_one_project_do_not_touch_another(world) {
        let done = |reached: &Option<OutcomeOf<OpenNodeSession>>| matches!(reached, Some(Outcome::Done(_)));
        let (up, down) = (tenant("up"), tenant("down"));
        let batch = [&alice(), &up, &down, &carol()].map(|who| (who.clone(), world.id()));
        let batch: Vec<_> = batch.iter().map(|(who, id)| (who, *id, opening())).collect();
        let (reached, said) = world.opens(&batch).await;
        assert_eq!(reached.iter().map(done).collect::<Vec<_>>(), [true, false, true, false]);
        let orders = ordered(&said);
        let tenants: Vec<&str> = orders.iter().map(|order| order.session.tenant.as_str()).collect();
        assert_eq!(tenants, ["up", "wired"]);
        // Reports of several sessions in one batch.
        let reports: Vec<_> = orders.iter().map(success).collect();
        assert_eq!(settled(&world.reported(&reports).await).len(), 2);
        for session in world.list(&crate::node_sessions::testing::everything()).await {
            assert_eq!(session.state, NodeSessionState::Active);
            let has = (session.set_up.is_some(), session.tear_down.is_some());
            let expected = match session.tenant.as_str() {
                "up" => (true, false),
                "down" => (false, true),
                "wired" => (true, true),
                _ => (false, false),
            };
            assert_eq!(has, expected, "{session:?}");
            let caller = tenant(&session.tenant);
            let (reached, said) = world.closes(&[(&caller, world.id(), closing(&session.id))]).await;
            assert!(matches!(reached.as_slice(), [Some(Outcome::Done(_))]));
            assert_eq!(ordered(&said).len(), usize::from(has.1));
        }
    }

    async fn however_many_are_due_all_are_looked_after(world) {
        for _ in 0..7 {
            setting_up(world, opening()).await;
        }
        world.pass(MISSED);
        let mut orders = 0;
        loop {
            let (more, said) = world.look_after_hooks(3).await;
            orders += ordered(&said).len();
            if !more {
                break;
            }
        }
        assert_eq!(orders, 7);
    }
}

fn tenant(name: &str) -> Principal {
    principal("user", name, &[])
}

/// Two replicas look at the same time, while the agent reports: one tear-down is ordered.
#[tokio::test]
async fn of_two_replicas_and_a_report_one_ends_the_attempt() {
    let Some(database) = crate::testing::DATABASES.postgres().await.unwrap() else {
        return;
    };
    let first = World::new(&database.database);
    let second = World::new(&database.replica().await.unwrap()).starting_at(100_000);
    let third = World::new(&database.replica().await.unwrap()).starting_at(200_000);
    for _ in 0..20 {
        let (_, id, order) = setting_up(&first, opening()).await;
        assert_eq!(ordered(&close(&first, &id).await), []);
        first.pass(MISSED);
        second.pass(first.now() - second.now());
        third.pass(first.now() - third.now());
        let report = success(&order);
        let ((_, here), (_, there), reported) = tokio::join!(
            first.look_after_hooks(64),
            second.look_after_hooks(64),
            third.reported(std::slice::from_ref(&report)),
        );
        let said: Vec<_> = here.into_iter().chain(there).chain(reported).collect();
        let down = tear_down(&said);
        first.reported(&[success(&down)]).await;
    }
}
