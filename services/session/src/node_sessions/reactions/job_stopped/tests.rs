use muster_contract::{
    Outcome,
    job_archive::JobState,
    session::{NodeSessionState, OpenNodeSession, OpenNodeSessionRefusal},
};

use super::*;
use crate::node_sessions::{
    saying::Saying,
    testing::{
        HOUR, NOON, World, alice, asked, bob, carol, everything, lease, on_both_engines, opening,
        opening_with_node, release,
    },
};

fn tied(job_id: i64) -> OpenNodeSession {
    OpenNodeSession {
        job: Some(job(job_id)),
        ..opening_with_node()
    }
}

fn job(job_id: i64) -> JobReference {
    JobReference {
        cluster: "fritz".to_owned(),
        job_id,
    }
}

fn stopped(job_id: i64, cluster: &str, tenant: &str) -> JobStopped {
    JobStopped {
        id: 1,
        tenant: tenant.to_owned(),
        job_id,
        cluster: cluster.to_owned(),
        start_time: NOON / 1_000_000,
        stop_time: NOON / 1_000_000,
        duration: 0,
        state: JobState::Completed,
    }
}

on_both_engines! {
    async fn the_sessions_of_a_job_end_with_it(world) {
        let with_nodes = world.active_of(&alice(), tied(7), &[lease(1)]).await;
        let empty = world.active_of(&alice(), OpenNodeSession { demands: vec![], ..tied(7) }, &[]).await;
        let others = [
            world.active_of(&alice(), tied(8), &[lease(2)]).await,
            world.active_of(&bob(), tied(7), &[lease(3)]).await,
            world.active_of(&alice(), opening(), &[]).await,
        ];
        for nobodys in [stopped(7, "alex", "demo"), stopped(9, "fritz", "demo"), stopped(7, "fritz", "third")] {
            assert_eq!(world.jobs_stopped(&[nobodys]).await, []);
        }
        // Told twice, in one batch and later.
        let event = stopped(7, "fritz", "demo");
        let said = world.jobs_stopped(&[event.clone(), event.clone()]).await;
        let released = asked(&said);
        assert_eq!(released.len(), 1);
        assert_eq!(world.jobs_stopped(&[event]).await, []);
        world.released(&[release(released[0].0, &released[0].1)]).await;
        for session in [with_nodes, empty] {
            let session = world.session(&session.id).await;
            assert_eq!((session.state, session.end_reason), (NodeSessionState::Closed, Some(EndReason::JobStopped)));
        }
        for other in others {
            assert_eq!(world.session(&other.id).await, other);
        }
    }

    /// Whichever of the two comes first: the session is there, and it is over.
    async fn a_session_that_comes_later_than_the_news_ends_at_once(world) {
        world.jobs_stopped(&[stopped(7, "fritz", "demo"), stopped(7, "fritz", "demo")]).await;
        let with_nodes = tied(7);
        let empty = OpenNodeSession { demands: vec![], alias: Some("mine".to_owned()), ..tied(7) };
        let caller = alice();
        let batch = [with_nodes, empty.clone()].map(|command| (&caller, world.id(), command));
        let (reached, said) = world.opens(&batch).await;
        let [Some(Outcome::Refused(OpenNodeSessionRefusal::Closed)), Some(Outcome::Done(over))] = reached.as_slice() else {
            panic!("{reached:?}")
        };
        assert_eq!((over.state, over.end_reason), (NodeSessionState::Closed, Some(EndReason::JobStopped)));
        assert_eq!(over.ended_at, Some(over.created_at));
        // Nothing is asked for it, nothing is set up, and its name is free.
        assert!(matches!(said.as_slice(), [Saying::Closed(_), Saying::Closed(_)]), "{said:?}");
        assert_eq!(world.session(&over.id).await, *over);
        world.opens(&[(&caller, world.id(), empty)]).await.0.remove(0).unwrap();
        assert_eq!(world.list(&everything()).await.len(), 3);
        let hooked = carol();
        world.jobs_stopped(&[stopped(7, "fritz", "wired")]).await;
        let (reached, said) = world.opens(&[(&hooked, world.id(), tied(7))]).await;
        assert!(matches!(reached.as_slice(), [Some(Outcome::Refused(OpenNodeSessionRefusal::Closed))]));
        assert!(matches!(said.as_slice(), [Saying::Closed(_)]), "{said:?}");
        // Of other jobs, clusters and projects nothing was heard.
        for (who, command) in [
            (alice(), tied(8)),
            (alice(), OpenNodeSession { job: Some(JobReference { cluster: "alex".to_owned(), job_id: 7 }), ..opening() }),
            (bob(), tied(7)),
        ] {
            let session = world.active_of(&who, command, &[]).await;
            assert_eq!(session.state, NodeSessionState::Active);
        }
    }

    async fn a_stop_is_remembered_for_some_days(world) {
        for number in 0..5 {
            world.jobs_stopped(&[stopped(number, "fritz", "demo")]).await;
        }
        world.pass(HOUR);
        world.jobs_stopped(&[stopped(0, "fritz", "demo")]).await;
        world.pass(7 * 24 * HOUR);
        assert!(world.forget_stopped_jobs(3).await);
        assert!(!world.forget_stopped_jobs(3).await);
        let states = async |job| world.active_of(&alice(), OpenNodeSession { demands: vec![], ..tied(job) }, &[]).await.state;
        assert_eq!(states(0).await, NodeSessionState::Closed);
        assert_eq!(states(1).await, NodeSessionState::Active);
        world.pass(1);
        assert!(!world.forget_stopped_jobs(3).await);
        assert_eq!(states(0).await, NodeSessionState::Active);
    }

    async fn a_session_that_is_being_set_up_ends_with_its_job_too(world) {
        let (_, said) = world.opens(&[(&carol(), world.id(), tied(7))]).await;
        let order = crate::node_sessions::testing::ordered(&said)[0].clone();
        let said = world.jobs_stopped(&[stopped(7, "fritz", "wired")]).await;
        assert_eq!(crate::node_sessions::testing::settled(&said).len(), 1);
        let over = world.session(&order.session.id).await;
        assert_eq!((over.state, over.end_reason), (NodeSessionState::Closed, Some(EndReason::JobStopped)));
        let said = world.reported(&[crate::node_sessions::testing::success(&order)]).await;
        assert_eq!(crate::node_sessions::testing::ordered(&said).len(), 1);
    }

    async fn a_session_that_waits_for_nodes_ends_with_its_job_too(world) {
        let (_, said) = world.opens(&[(&alice(), world.id(), tied(7))]).await;
        let id = asked(&said)[0].1.clone();
        let said = world.jobs_stopped(&[stopped(7, "fritz", "demo")]).await;
        assert_eq!(crate::node_sessions::testing::settled(&said).len(), 1);
        assert_eq!(world.session(&id).await.state, NodeSessionState::Closing);
    }
}

/// A session is opened for a job while its stop is heard of by another replica: it ends, whichever comes first.
#[tokio::test]
async fn no_session_is_missed_that_is_opened_meanwhile() {
    let Some(database) = crate::testing::DATABASES.postgres().await.unwrap() else {
        return;
    };
    let first = World::new(&database.database);
    let second = World::new(&database.replica().await.unwrap()).starting_at(100_000);
    for number in 0..40 {
        let command = OpenNodeSession {
            demands: vec![],
            ..tied(number)
        };
        let caller = alice();
        let batch = [(&caller, first.id(), command)];
        let news = [stopped(number, "fritz", "demo")];
        tokio::join!(first.opens(&batch), second.jobs_stopped(&news));
    }
    for session in first.list(&everything()).await {
        let ended = (session.state, session.end_reason);
        assert_eq!(
            ended,
            (NodeSessionState::Closed, Some(EndReason::JobStopped)),
            "{session:?}"
        );
    }
}
