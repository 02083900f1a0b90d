use muster_contract::{
    node_allocation::{SlotsQueued, SlotsRefusal, SlotsRefused, WaitingReason},
    session::{ComputeSessionType, CreatedComputeSession},
};
use muster_messaging::OutcomeOf;

use super::*;
use crate::compute_sessions::{
    saying::Saying,
    testing::{
        NOON, SECOND, World, asked, creating, destroying, failures, granting, on_both_engines,
        reference, released, settled, starts, stops, told, waiting,
    },
};

fn made(outcome: &OutcomeOf<CreateComputeSession>) -> &CreatedComputeSession {
    match outcome {
        Outcome::Done(created) => created,
        Outcome::Refused(refusal) => panic!("{refusal:?}"),
    }
}

/// The outcomes of creations that waited.
fn creations(said: &[Saying]) -> Vec<(Uuid, OutcomeOf<CreateComputeSession>)> {
    let settled = settled(said).into_iter();
    settled
        .map(|(id, settlement)| match settlement {
            Settlement::Create(outcome) => (id, outcome),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn queue(
    asked: &muster_contract::node_allocation::AllocateSlots,
    reason: WaitingReason,
) -> SlotsQueued {
    SlotsQueued {
        request: asked.request,
        session: asked.session,
        tenant: asked.tenant.clone(),
        reason,
    }
}

fn refuse(
    asked: &muster_contract::node_allocation::AllocateSlots,
    reason: SlotsRefusal,
) -> SlotsRefused {
    SlotsRefused {
        request: asked.request,
        session: asked.session,
        tenant: asked.tenant.clone(),
        reason,
    }
}

use muster_contract::session::ComputeSessionStatus as S;

on_both_engines! {
    async fn a_session_comes_to_run(world) {
        let wanted = CreateComputeSession { cluster_size: 2, ..waiting("x-1") };
        let (reached, said) = world.creates(&[wanted]).await;
        assert_eq!((&reached[0].1, told(&said)), (&None, vec![S::Pending]));
        let asked = asked(&said);
        assert_eq!((asked[0].containers, asked[0].owner.as_str()), (2, "AKIATEST"));
        assert_eq!(world.session("x-1").await.status, S::Pending);

        let said = world.granted(&[granting(&asked[0], &["a", "b"])]).await;
        assert_eq!(told(&said), [S::Preparing]);
        let session = world.session("x-1").await;
        assert_eq!(session.status_info.as_deref(), Some("scheduled"));
        assert_eq!(session.containers.iter().map(|one| (one.hostname.as_str(), one.agent.as_str())).collect::<Vec<_>>(), [("main1", "a"), ("sub1", "b")]);

        let started = starts(&said);
        assert_eq!(told(&world.started(&started[..1]).await), []);
        // Said of another agent's container, or twice, it changes nothing.
        assert_eq!(world.started(&[("b", started[0].1.clone()), ("a", started[1].1.clone())]).await, []);
        world.pass(SECOND);
        let said = world.started(&started).await;
        assert_eq!(told(&said), [S::Running]);
        let creations = creations(&said);
        assert_eq!(creations[0].0, reached[0].0);
        let created = made(&creations[0].1);
        assert!(created.created && !created.timed_out);
        assert_eq!(created.session, world.session("x-1").await);
        assert_eq!(created.session.started_at, Some(NOON + SECOND));
        assert_eq!(created.session.containers[0].service_ports[0].host_port, 40_000);
        // Nobody is answered twice.
        assert_eq!(world.started(&started).await, []);
    }

    /// `api/backendai.md` §8, `concurrent_creates_make_one_session`.
    async fn identical_creates_make_one_session(world) {
        let (mut reached, said) = world.creates(&vec![waiting("x-1"); 4]).await;
        let asked = asked(&said);
        assert_eq!(asked.len(), 1);
        let (more, said) = world.creates(&vec![waiting("x-1"); 8]).await;
        assert_eq!(said, []);
        reached.extend(more);
        assert!(reached.iter().all(|(_, outcome)| outcome.is_none()));
        let said = world.granted(&[granting(&asked[0], &["a"])]).await;
        let said = world.started(&starts(&said)).await;
        let creations = creations(&said);
        assert_eq!(creations.len(), 12);
        assert_eq!(creations.iter().filter(|(_, outcome)| made(outcome).created).count(), 1);
        // And one that comes later has it at once.
        let (reached, _) = world.creates(&[waiting("x-1")]).await;
        let created = made(reached[0].1.as_ref().unwrap());
        assert!(!created.created && created.session.status == S::Running);
    }

    async fn another_image_or_no_reuse_is_refused(world) {
        let (_, said) = world.creates(&[creating("x-1")]).await;
        let session = asked(&said)[0].session;
        let mut other = creating("x-1");
        other.image.name = "other".to_owned();
        let new = CreateComputeSession { reuse: false, ..creating("x-1") };
        let (reached, said) = world.creates(&[other, new]).await;
        for (_, outcome) in reached {
            assert_eq!(outcome, Some(Outcome::Refused(CreateComputeSessionRefusal::Exists { session })));
        }
        assert_eq!(said, []);
        // Somebody else may have one of that name, and names are no prefixes.
        let others = CreateComputeSession { owner: "OTHER".to_owned(), ..creating("x-1") };
        let (_, said) = world.creates(&[others, creating("x-10"), creating("x-")]).await;
        assert_eq!(asked(&said).len(), 3);
    }

    async fn who_does_not_wait_for_the_start_is_answered_when_it_is_known_that_it_comes(world) {
        let (reached, said) = world.creates(&[creating("x-1")]).await;
        assert_eq!(reached[0].1, None);
        let ask = asked(&said);
        let said = world.queued(&[queue(&ask[0], WaitingReason::NoRoom)]).await;
        let known = creations(&said);
        let session = &made(&known[0].1).session;
        assert_eq!((session.status, session.status_info.as_deref()), (S::Pending, Some(WaitingReason::NoRoom.text())));
        assert_eq!(told(&said), [S::Pending]);
        // Another reason is told, the same one is not.
        assert_eq!(told(&world.queued(&[queue(&ask[0], WaitingReason::NoRoom), queue(&ask[0], WaitingReason::NoAgents)]).await).len(), 1);
        // In the queue it may wait for ever, but not unheard of.
        world.pass(601 * SECOND);
        let (_, said) = world.look_after(9).await;
        assert_eq!(asked(&said)[0].request, ask[0].request);
    }

    async fn one_that_can_never_be_had_is_refused_at_the_door(world) {
        let (reached, said) = world.creates(&[waiting("x-1"), creating("x-1"), waiting("x-2")]).await;
        let ask = asked(&said);
        let reason = SlotsRefusal::UnknownSlot { name: "cuda.device".to_owned() };
        let said = world.refused(&[refuse(&ask[0], reason.clone())]).await;
        let refused = creations(&said);
        assert_eq!(refused.len(), 2);
        for ((id, outcome), (command, _)) in refused.into_iter().zip(reached) {
            assert_eq!(id, command);
            assert_eq!(outcome, Outcome::Refused(CreateComputeSessionRefusal::Slots(reason.clone())));
        }
        assert_eq!((told(&said), released(&said)), (vec![S::Cancelled], vec![]));
        // The name is free, and a grant that comes after all changes nothing.
        assert_eq!(world.granted(&[granting(&ask[0], &["a"])]).await, []);
        let (_, said) = world.creates(&[creating("x-1")]).await;
        assert_eq!(asked(&said).len(), 1);
    }

    async fn who_waits_long_enough_is_answered_and_the_session_goes_on(world) {
        let (reached, said) = world.creates(&[waiting("x-1")]).await;
        let ask = asked(&said);
        assert_eq!(world.answer_late(9).await, (false, vec![]));
        world.pass(3_600 * SECOND);
        let (_, said) = world.answer_late(9).await;
        let late = creations(&said);
        assert_eq!(late[0].0, reached[0].0);
        assert!(made(&late[0].1).timed_out && made(&late[0].1).created);
        assert_eq!(world.answer_late(9).await.1, []);
        let said = world.granted(&[granting(&ask[0], &["a"])]).await;
        assert_eq!(creations(&world.started(&starts(&said)).await), []);
        assert_eq!(world.session("x-1").await.status, S::Running);
    }

    async fn one_that_does_not_start_is_answered_as_cancelled(world) {
        let wanted = CreateComputeSession { cluster_size: 2, ..waiting("x-1") };
        let (_, said) = world.creates(&[wanted]).await;
        let said = world.granted(&[granting(&asked(&said)[0], &["a", "b"])]).await;
        let said = world.started(&failures(&said)[..1]).await;
        assert_eq!((told(&said), creations(&said).len()), (vec![S::Terminating], 0));
        let said = world.ended(&stops(&said)).await;
        let cancelled = creations(&said);
        let session = &made(&cancelled[0].1).session;
        assert_eq!((session.status, session.status_info.as_deref()), (S::Cancelled, Some("failed-to-start (no\u{fffd})")));
        assert_eq!(released(&said), [session.id]);
    }

    async fn an_answer_that_is_missed_is_asked_for_again(world) {
        let (_, said) = world.creates(&[creating("x-1")]).await;
        assert_eq!(world.look_after(9).await.1, []);
        world.pass(60 * SECOND);
        let (more, again) = world.look_after(1).await;
        assert_eq!((more, asked(&again)), (true, asked(&said)));
        assert_eq!(world.look_after(1).await, (false, vec![]));
    }

    async fn a_session_waits_for_those_that_it_depends_on(world) {
        let batch = CreateComputeSession { kind: ComputeSessionType::Batch, ..creating("first") };
        let first = world.running(batch, &["a"]).await;
        let second = CreateComputeSession {
            dependencies: vec!["first".to_owned(), first.id.to_string()],
            ..creating("second")
        };
        let (reached, said) = world.creates(&[second]).await;
        // It is known that it has to wait.
        let created = made(reached[0].1.as_ref().unwrap());
        assert_eq!((asked(&said).len(), created.session.dependencies.as_slice()), (0, [first.id].as_slice()));
        assert!(created.session.status_info.as_deref().unwrap().starts_with("dependencies"));
        assert_eq!(world.begin_dependents(9).await, (false, vec![]));
        let container = first.containers[0].id;
        let end = muster_contract::agent::ContainerEnded {
            order: None,
            container,
            end: muster_contract::agent::ContainerEnd::Exited { code: 0 },
            usage: None,
            logs: String::new(),
        };
        let said = world.ended(&[("a", end)]).await;
        assert_eq!(told(&said), [S::Terminated]);
        let (_, said) = world.begin_dependents(9).await;
        assert_eq!(asked(&said)[0].session, created.session.id);
        assert_eq!(world.begin_dependents(9).await, (false, vec![]));
        assert_eq!(world.session("second").await.status_info, None);
        // One that comes when that is over does not wait for it.
        let third = CreateComputeSession { dependencies: vec!["first".to_owned()], ..creating("third") };
        let (_, said) = world.creates(&[third]).await;
        assert_eq!(asked(&said).len(), 1);
    }

    async fn what_depends_on_something_that_came_to_nothing_does_too(world) {
        world.creates(&[creating("first")]).await;
        let after = |name: &str, other: &str| CreateComputeSession { dependencies: vec![other.to_owned()], ..creating(name) };
        world.creates(&[after("second", "first")]).await;
        world.creates(&[after("third", "second")]).await;
        world.destroys(&[destroying("first")]).await;
        let mut said = world.begin_dependents(9).await.1;
        said.extend(world.begin_dependents(9).await.1);
        assert_eq!((told(&said), released(&said)), (vec![S::Cancelled, S::Cancelled], vec![]));
        assert_eq!(world.session("third").await.status_info.as_deref(), Some("dependency-failed"));
        assert_eq!(world.begin_dependents(9).await, (false, vec![]));
        for name in ["first", "nobody", "fourth"] {
            let (reached, _) = world.creates(&[after("fourth", name)]).await;
            let refusal = CreateComputeSessionRefusal::Dependency { name: name.to_owned() };
            assert_eq!(reached[0].1, Some(Outcome::Refused(refusal)));
        }
    }

    async fn those_that_depend_go_with_it_if_that_is_asked_for(world) {
        world.running(creating("first"), &["a"]).await;
        let after = |name: &str, other: &str| CreateComputeSession { dependencies: vec![other.to_owned()], ..creating(name) };
        world.creates(&[after("second", "first")]).await;
        world.creates(&[after("third", "second")]).await;
        let recursive = muster_contract::session::DestroyComputeSession { recursive: true, ..destroying("first") };
        let (_, said) = world.destroys(&[recursive]).await;
        assert_eq!(told(&said), [S::Cancelled, S::Cancelled, S::Terminating]);
        world.ended(&stops(&said)).await;
        assert_eq!(world.begin_dependents(9).await, (false, vec![]));
    }

    async fn texts_that_are_in_no_table_mean_nothing(world) {
        let strange = CreateComputeSession { dependencies: vec!["a\0b".to_owned()], ..creating("x-1") };
        let (reached, _) = world.creates(&[strange]).await;
        assert!(matches!(reached[0].1, Some(Outcome::Refused(CreateComputeSessionRefusal::Dependency { .. }))));
        let (reached, _) = world.destroys(&[muster_contract::session::DestroyComputeSession { session: reference("a\0"), forced: false, recursive: false }]).await;
        assert!(matches!(reached[0].1, Some(Outcome::Refused(_))));
    }
}

/// Two replicas on one database: a name is given once.
#[tokio::test]
async fn of_two_replicas_one_makes_the_session() {
    let Some(first) = crate::testing::DATABASES.postgres().await.unwrap() else {
        return;
    };
    let second = World::new(&first.replica().await.unwrap()).starting_at(10_000);
    let first = World::new(&first.database);
    for round in 0..10 {
        let name = format!("x-{round}");
        let wanted = [waiting(&name)];
        let ((_, here), (_, there)) = tokio::join!(first.creates(&wanted), second.creates(&wanted));
        assert_eq!(asked(&here).len() + asked(&there).len(), 1);
    }
}
