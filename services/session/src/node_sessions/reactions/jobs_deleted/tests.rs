use muster_contract::{
    job_archive::JobGone,
    session::{EndReason, JobReference, NodeSessionState, OpenNodeSession},
};

use super::*;
use crate::node_sessions::testing::{World, alice, on_both_engines, opening_with_node};

fn gone(job_id: i64, state: JobState) -> JobGone {
    JobGone {
        id: job_id,
        job_id,
        cluster: "fritz".to_owned(),
        start_time: 0,
        state,
    }
}

async fn tied(world: &World, job_id: i64) -> String {
    let command = OpenNodeSession {
        demands: vec![],
        job: Some(JobReference {
            cluster: "fritz".to_owned(),
            job_id,
        }),
        ..opening_with_node()
    };
    world.active_of(&alice(), command, &[]).await.id
}

on_both_engines! {
    async fn the_sessions_of_a_job_that_ran_end_with_its_deletion(world) {
        let sessions = [tied(world, 1).await, tied(world, 2).await, tied(world, 3).await];
        let event = JobsDeleted {
            tenant: "demo".to_owned(),
            jobs: vec![gone(1, JobState::Running), gone(2, JobState::Completed), gone(9, JobState::Running)],
        };
        let others = JobsDeleted { tenant: "third".to_owned(), jobs: vec![gone(3, JobState::Running)] };
        // Told twice.
        world.jobs_deleted(&[event.clone(), others]).await;
        assert_eq!(world.jobs_deleted(&[event]).await, []);
        let mut states = Vec::new();
        for session in sessions {
            let session = world.session(&session).await;
            states.push((session.state, session.end_reason));
        }
        let closed = (NodeSessionState::Closed, Some(EndReason::JobStopped));
        let active = (NodeSessionState::Active, None);
        assert_eq!(states, [closed, active, active]);
    }
}
