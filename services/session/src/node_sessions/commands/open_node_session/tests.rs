use muster_contract::{
    node_allocation::{AllocationRefusal, AllocationRefused},
    session::OpeningRate,
};
use muster_messaging::OutcomeOf;
use uuid::Uuid;

use super::*;
use crate::node_sessions::{
    saying::Settlement,
    testing::{
        HOUR, LIFETIME, NOON, SECOND, World, admin, alice, asked, bob, by_name, closing, endless,
        everything, grant, lease, named, on_both_engines, opening, opening_with_node, settled,
    },
};

fn done(reached: Option<&OutcomeOf<OpenNodeSession>>) -> &NodeSession {
    match reached {
        Some(Outcome::Done(session)) => session,
        other => panic!("{other:?}"),
    }
}

fn refusal(reached: Option<&OutcomeOf<OpenNodeSession>>) -> &OpenNodeSessionRefusal {
    match reached {
        Some(Outcome::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn open(world: &World, command: OpenNodeSession) -> Reached<OpenNodeSession> {
    world
        .opens(&[(&alice(), world.id(), command)])
        .await
        .0
        .remove(0)
}

on_both_engines! {
    async fn a_session_without_nodes_is_open_at_once_and_never_expires(world) {
        let (reached, said) = world.opens(&[(&alice(), world.id(), named("nightly"))]).await;
        let session = done(reached[0].as_ref());
        assert_eq!(session.state, NodeSessionState::Active);
        assert_eq!((session.alias.as_deref(), session.tenant.as_str()), (Some("nightly"), "demo"));
        assert_eq!((session.created_at, session.expires_at), (NOON, None));
        assert!(session.number > 0 && Uuid::try_parse(&session.id).is_ok());
        assert_eq!(said, [Saying::Opened(opened(session))]);
        assert_eq!(world.session(&session.id).await, *session);
        world.pass(1_000 * HOUR);
        assert_eq!(world.expire(64).await, (false, vec![]));
    }

    async fn a_session_with_nodes_is_open_when_it_has_them(world) {
        let command = world.id();
        let (reached, said) = world.opens(&[(&alice(), command, opening_with_node())]).await;
        assert_eq!(reached, [None]);
        let [Saying::Allocate(allocate)] = said.as_slice() else { panic!("{said:?}") };
        assert_eq!((allocate.tenant.as_str(), allocate.demands.len()), ("demo", 1));
        let id = allocate.session.clone();
        assert_eq!(world.session(&id).await.state, NodeSessionState::Opening);

        world.pass(SECOND);
        let said = world.granted(&[grant(allocate.request, &id, &[lease(1), lease(2)])]).await;
        let session = world.session(&id).await;
        assert_eq!((session.state, session.nodes.clone()), (NodeSessionState::Active, vec![lease(1), lease(2)]));
        assert_eq!(session.expires_at, Some(NOON + LIFETIME * SECOND));
        let settlement = Settlement::Open(Outcome::Done(session.clone()));
        assert_eq!(said, [Saying::Opened(opened(&session)), Saying::Settle(command, settlement)]);
    }

    async fn without_nodes_there_is_no_session(world) {
        let command = world.id();
        let wanted = OpenNodeSession { alias: Some("nightly".to_owned()), ..opening_with_node() };
        let (_, said) = world.opens(&[(&alice(), command, wanted.clone())]).await;
        let (request, id) = asked(&said)[0].clone();
        let reason = AllocationRefusal::QuotaExceeded { quota: 1, held: 1, wanted: 1 };
        let refused = AllocationRefused {
            request,
            session: id.clone(),
            tenant: "demo".to_owned(),
            reason: reason.clone(),
        };
        let said = world.refused(&[refused.clone(), refused]).await;
        let refusal = OpenNodeSessionRefusal::Allocation(reason);
        assert_eq!(settled(&said), [(command, Settlement::Open(Outcome::Refused(refusal)))]);
        let session = world.session(&id).await;
        assert_eq!((session.state, session.ended_at), (NodeSessionState::Refused, Some(NOON)));
        // Its name is free again.
        assert_eq!(open(world, wanted).await, None);
    }

    /// `api/duffy.md` §7, alias traps.
    async fn an_alias_is_unique_among_the_live_sessions_of_a_project_and_no_id(world) {
        let batch: Vec<_> = [named("a"), named("a"), named("b")]
            .map(|command| (alice(), command))
            .into_iter()
            .chain([(bob(), named("a"))])
            .collect();
        let batch: Vec<_> = batch.iter().map(|(who, command)| (who, world.id(), command.clone())).collect();
        let (reached, _) = world.opens(&batch).await;
        let first = done(reached[0].as_ref()).clone();
        let in_use = OpenNodeSessionRefusal::AliasInUse { session: first.id.clone() };
        assert_eq!(refusal(reached[1].as_ref()), &in_use);
        assert!(done(reached[2].as_ref()).id != done(reached[3].as_ref()).id);
        assert_eq!(refusal(open(world, named("a")).await.as_ref()), &in_use);
        for bad in ["", "a\0b", &first.id, &first.id.to_uppercase(), &first.id.replace('-', "")] {
            assert_eq!(refusal(open(world, named(bad)).await.as_ref()), &OpenNodeSessionRefusal::InvalidAlias);
        }
        world.closed(&first).await;
        assert!(matches!(open(world, named("a")).await, Some(Outcome::Done(_))));
    }

    async fn no_more_sessions_are_opened_than_the_rate_allows(world) {
        let rate = OpeningRate { sessions: 5, seconds: 300 };
        let limited = OpenNodeSession { rate: Some(rate), ..opening_with_node() };
        let caller = alice();
        let batch: Vec<_> = (0..7).map(|_| (&caller, world.id(), limited.clone())).collect();
        let (reached, said) = world.opens(&batch).await;
        let too_many = OpenNodeSessionRefusal::TooManySessions { sessions: 6, seconds: 300 };
        assert!(reached[..6].iter().all(Option::is_none));
        assert_eq!(refusal(reached[6].as_ref()), &too_many);
        // Neither sessions without nodes nor other projects are counted.
        assert!(open(world, named("free")).await.is_some_and(|outcome| matches!(outcome, Outcome::Done(_))));
        assert_eq!(world.opens(&[(&bob(), world.id(), limited.clone())]).await.0, [None]);
        // Sessions that are over do not count, and neither do those that are on their way out.
        let first = asked(&said)[0].1.clone();
        world.closes(&[(&alice(), world.id(), closing(&first))]).await;
        assert_eq!(open(world, limited.clone()).await, None);
        assert_eq!(refusal(open(world, limited.clone()).await.as_ref()), &too_many);
        world.pass(301 * SECOND);
        assert_eq!(open(world, limited).await, None);
    }

    async fn a_session_tied_to_a_job_never_expires(world) {
        let job = JobReference { cluster: "fri\0tz".to_owned(), job_id: 7 };
        let tied = OpenNodeSession { job: Some(job), ..opening_with_node() };
        let session = world.active_of(&alice(), tied, &[lease(1)]).await;
        assert_eq!((session.expires_at, session.nodes.len()), (None, 1));
        assert_eq!(session.job.unwrap().cluster, "fri\u{fffd}tz");
    }

    async fn the_wait_for_first_nodes_is_not_taken_off_their_life(world) {
        let until = NOON + HOUR;
        let waiting = OpenNodeSession { wait_until: Some(until), ..opening_with_node() };
        let (_, said) = world.opens(&[(&alice(), world.id(), waiting)]).await;
        let (request, id) = asked(&said)[0].clone();
        world.pass(HOUR);
        world.granted(&[grant(request, &id, &[endless(1), lease(2)])]).await;
        assert_eq!(world.session(&id).await.expires_at, Some(until + LIFETIME * SECOND));
    }

    /// `api/duffy.md` §7, client dies between get and reply: the nodes are in a session that its owner sees.
    async fn a_session_whose_client_has_gone_is_listed(world) {
        let session = world.active(&[lease(1)]).await;
        let question = muster_contract::session::ListNodeSessions {
            tenant: Some("demo".to_owned()),
            states: vec![NodeSessionState::Active],
            ..everything()
        };
        assert_eq!(world.list(&question).await, std::slice::from_ref(&session));
        for reference in [by_name(&session.id), muster_contract::session::SessionReference::Number(session.number)] {
            let close = muster_contract::session::CloseNodeSession { session: reference };
            let (reached, _) = world.closes(&[(&admin(), world.id(), close)]).await;
            assert_eq!(reached.len(), 1);
        }
    }

    async fn numbers_rise(world) {
        let caller = alice();
        let batch: Vec<_> = (0..20).map(|_| (&caller, world.id(), opening())).collect();
        let (reached, _) = world.opens(&batch).await;
        let mut numbers: Vec<i64> = reached.iter().map(|reached| done(reached.as_ref()).number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 20);
    }
}

/// Two replicas on one database: a name is given once.
#[tokio::test]
async fn of_two_replicas_one_gives_the_alias() {
    let Some(first) = crate::testing::DATABASES.postgres().await.unwrap() else {
        return;
    };
    let second = World::new(&first.replica().await.unwrap());
    for _ in 0..1_000 {
        // Else both count from 1.
        second.id();
    }
    let first = World::new(&first.database);
    for round in 0..10 {
        let alias = format!("alias {round}");
        let (here, there) =
            tokio::join!(open(&first, named(&alias)), open(&second, named(&alias)),);
        let sessions = [&here, &there].map(|reached| matches!(reached, Some(Outcome::Done(_))));
        assert!(sessions[0] != sessions[1], "{here:?} {there:?}");
    }
}
