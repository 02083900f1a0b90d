use muster_contract::{
    job_archive::JobState,
    session::{NodeSessionState, OpenNodeSession},
};

use super::*;
use crate::testing::{
    NOON, alice, asked, bob, lease, on_both_engines, opening, opening_with_node, release,
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

    async fn a_session_that_waits_for_nodes_ends_with_its_job_too(world) {
        let (_, said) = world.opens(&[(&alice(), world.id(), tied(7))]).await;
        let id = asked(&said)[0].1.clone();
        let said = world.jobs_stopped(&[stopped(7, "fritz", "demo")]).await;
        assert_eq!(crate::testing::settled(&said).len(), 1);
        assert_eq!(world.session(&id).await.state, NodeSessionState::Closing);
    }
}
