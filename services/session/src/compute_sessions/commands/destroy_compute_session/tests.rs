use muster_contract::{
    agent::{ContainerEnd, ContainerEnded, Usage},
    node_allocation::SlotsLost,
    session::{ComputeSessionRefusal, ComputeSessionStatus as S, DestroyedComputeSession},
};
use muster_messaging::OutcomeOf;

use super::*;
use crate::compute_sessions::{
    domain::turn::Deed,
    saying::Saying,
    testing::{
        SECOND, asked, creating, destroying, granting, on_both_engines, reference, released,
        settled, stops, told, waiting,
    },
};

fn done(outcome: Option<&OutcomeOf<DestroyComputeSession>>) -> &DestroyedComputeSession {
    match outcome {
        Some(Outcome::Done(destroyed)) => destroyed,
        other => panic!("{other:?}"),
    }
}

on_both_engines! {
    /// `api/backendai.md` §8, `concurrent_destroys_never_5xx`.
    async fn everyone_who_destroys_it_is_answered_when_it_is_over(world) {
        let session = world.running(creating("x-1"), &["a"]).await;
        let (mut reached, said) = world.destroys(&vec![destroying("x-1"); 4]).await;
        assert_eq!((told(&said), stops(&said).len()), (vec![S::Terminating], 1));
        let (more, nothing) = world.destroys(&[destroying("x-1"), destroying(&session.id.to_string())]).await;
        assert_eq!(nothing, []);
        reached.extend(more);
        let mut stopped = stops(&said);
        stopped[0].1.usage = Some(Usage { cpu_used: 7, ..Usage::default() });
        let said = world.ended(&stopped).await;
        assert_eq!((told(&said), released(&said)), (vec![S::Terminated], vec![session.id]));
        let settled = settled(&said);
        assert_eq!(settled.len(), 6);
        for ((id, settlement), (command, _)) in settled.iter().zip(&reached) {
            assert_eq!(id, command);
            let Settlement::Destroy(outcome) = settlement else { panic!("{settlement:?}") };
            let session = &done(Some(outcome)).session;
            assert_eq!((session.status, session.status_info.as_deref()), (S::Terminated, Some("user-requested")));
            assert_eq!(session.containers[0].usage.unwrap().cpu_used, 7);
        }
        // What it wrote is kept; it is found no more but by who wants it so.
        let found = world.found("x-1").await.unwrap();
        assert_eq!((found.session.status, found.logs.as_deref()), (S::Terminated, Some("bye\u{fffd}\n")));
        let (reached, _) = world.destroys(&[destroying("x-1")]).await;
        assert_eq!(reached[0].1, Some(Outcome::Refused(ComputeSessionRefusal::Unknown)));
        assert_eq!(world.ended(&stopped).await, []);
    }

    async fn one_that_waits_for_slots_is_cancelled_at_once(world) {
        let (created, said) = world.creates(&[waiting("x-1")]).await;
        let ask = asked(&said);
        let (reached, said) = world.destroys(&[destroying("x-1")]).await;
        let session = &done(reached[0].1.as_ref()).session;
        assert_eq!((session.status, session.status_info.as_deref()), (S::Cancelled, Some("user-requested")));
        assert_eq!(released(&said), [session.id]);
        assert_eq!(settled(&said)[0].0, created[0].0);
        // Its slots come too late; node allocation has taken them back.
        assert_eq!(world.granted(&[granting(&ask[0], &["a"])]).await, []);
    }

    async fn one_that_starts_is_ended_in_order(world) {
        let (_, said) = world.preparing(creating("x-1"), &["a"]).await;
        assert!(matches!(said[0], Saying::Do(Deed::Start(..))));
        let (reached, said) = world.destroys(&[destroying("x-1")]).await;
        assert_eq!((&reached[0].1, told(&said)), (&None, vec![S::Terminating]));
        let unknown = stops(&said).into_iter().map(|(agent, report)| {
            (agent, ContainerEnded { end: ContainerEnd::Unknown, logs: String::new(), ..report })
        });
        let said = world.ended(&unknown.collect::<Vec<_>>()).await;
        assert_eq!(told(&said), [S::Cancelled]);
        assert_eq!(world.found("x-1").await.unwrap().logs, None);
    }

    async fn forced_it_is_over_at_once_and_its_agents_are_told(world) {
        let session = world.running(creating("x-1"), &["a"]).await;
        let forced = DestroyComputeSession { forced: true, ..destroying("x-1") };
        let (reached, said) = world.destroys(&[destroying("x-1"), forced]).await;
        assert_eq!(reached[0].1, None);
        let over = &done(reached[1].1.as_ref()).session;
        assert_eq!((over.status, over.status_info.as_deref()), (S::Terminated, Some("force-terminated")));
        assert_eq!((settled(&said).len(), released(&said)), (1, vec![session.id]));
        let orders: Vec<bool> = said.iter().filter_map(|saying| match saying {
            Saying::Do(Deed::Stop(_, order)) => Some(order.forced),
            _ => None,
        }).collect();
        assert_eq!(orders, [false, true]);
        // The name is free while the agent is at it; what it says then is kept.
        let (_, new) = world.creates(&[creating("x-1")]).await;
        assert_eq!(asked(&new).len(), 1);
        assert_eq!(world.ended(&stops(&said)[1..]).await, []);
        let found = world.found(&session.id.to_string()).await.unwrap();
        assert!(found.logs.unwrap().starts_with("bye"));
    }

    async fn a_silent_agent_is_not_waited_for_for_ever(world) {
        world.running(creating("x-1"), &["a"]).await;
        let (reached, _) = world.destroys(&[destroying("x-1")]).await;
        for _ in 0..3 {
            world.pass(60 * SECOND);
            assert_eq!(stops(&world.look_after(9).await.1).len(), 1);
        }
        world.pass(60 * SECOND);
        let (_, said) = world.look_after(9).await;
        assert_eq!((told(&said), settled(&said)[0].0), (vec![S::Terminated], reached[0].0));
        assert_eq!(world.session("x-1").await.status_info.as_deref(), Some("stop-timeout"));
        assert_eq!(world.look_after(9).await, (false, vec![]));
    }

    async fn a_session_ends_with_its_agent(world) {
        let wanted = CreateOf::two("x-1");
        let session = world.running(wanted, &["a", "b"]).await;
        let lost = SlotsLost { session: session.id, tenant: "demo".to_owned(), agent: "b".to_owned() };
        let said = world.lost(&[lost.clone(), lost]).await;
        assert_eq!((told(&said), stops(&said).len()), (vec![S::Terminating], 2));
        let said = world.ended(&stops(&said)).await;
        assert_eq!((told(&said), released(&said)), (vec![S::Terminated], vec![session.id]));
        let over = world.session("x-1").await;
        assert_eq!(over.status_info.as_deref(), Some("agent-lost"));
        assert!(over.containers.iter().all(|container| container.status == S::Terminated));
    }

    async fn an_exact_name_is_meant_before_a_prefix(world) {
        for name in ["prefixtest-1", "prefixtest-10"] {
            world.running(creating(name), &["a"]).await;
        }
        let (reached, said) = world.destroys(&[destroying("prefixtest"), destroying("prefixtest-1")]).await;
        let Some(Outcome::Refused(ComputeSessionRefusal::Ambiguous { matches })) = &reached[0].1 else {
            panic!("{reached:?}")
        };
        assert_eq!(matches.len(), 2);
        world.ended(&stops(&said)).await;
        assert_eq!(world.session("prefixtest-1").await.status, S::Terminated);
        assert_eq!(world.session("prefixtest-10").await.status, S::Running);
        // The exact one is over: its name is not a prefix for all that.
        assert_eq!(world.session("prefixtest-1").await.name, "prefixtest-1");
        let (reached, _) = world.destroys(&[
            DestroyComputeSession { session: muster_contract::session::ComputeSessionReference { owner: "OTHER".to_owned(), ..reference("prefixtest-10") }, ..destroying("") },
            destroying(""),
            destroying("prefix"),
        ]).await;
        assert_eq!(reached[0].1, Some(Outcome::Refused(ComputeSessionRefusal::Unknown)));
        assert_eq!(reached[1].1, Some(Outcome::Refused(ComputeSessionRefusal::Unknown)));
        assert_eq!(reached[2].1, None);
    }

    async fn what_is_over_is_forgotten_some_day(world) {
        world.over(creating("x-1")).await;
        world.pass(LONG);
        world.over(creating("x-2")).await;
        world.running(creating("x-3"), &["a"]).await;
        assert!(world.forget(1).await.0);
        assert_eq!(world.forget(1).await, (false, vec![]));
        assert!(world.found("x-1").await.is_none());
        assert_eq!(world.session("x-2").await.status, S::Terminated);
    }
}

const LONG: i64 = 25 * 3_600 * SECOND;

struct CreateOf;

impl CreateOf {
    /// A session of two containers.
    fn two(name: &str) -> muster_contract::session::CreateComputeSession {
        muster_contract::session::CreateComputeSession {
            cluster_size: 2,
            ..creating(name)
        }
    }
}
