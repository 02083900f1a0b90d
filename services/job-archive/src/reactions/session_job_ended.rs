//! Jobs of job sessions have ended: each of their runs is a job of the archive (design §2).

use muster_contract::{job_archive::StartJob, session::SessionJobEnded};
use muster_messaging::{Effects, HandlerError, React, Request};
use muster_storage::{StorageError, Transaction};

use crate::{
    commands::recording::record,
    domain::{
        job_runs::{CLUSTER, job_of},
        storable::{is_storable, unstorable_member},
    },
    store::record_jobs::NewJob,
};

/// Reacts to [`SessionJobEnded`].
pub(crate) struct SessionJobEndedReaction;

impl React<SessionJobEnded> for SessionJobEndedReaction {
    async fn react(
        &self,
        transaction: &mut Transaction,
        events: &[Request<SessionJobEnded>],
        _: &mut Effects,
    ) -> Result<(), HandlerError> {
        let ended: Vec<&SessionJobEnded> = events.iter().map(|event| &event.body).collect();
        Ok(session_jobs_ended(transaction, &ended).await?)
    }
}

/// Records the jobs. One that is there already stays as it is.
pub(crate) async fn session_jobs_ended(
    transaction: &mut Transaction,
    ended: &[&SessionJobEnded],
) -> Result<(), StorageError> {
    let jobs: Vec<(&str, StartJob)> = ended
        .iter()
        .map(|ended| (ended.tenant.as_str(), job_of(ended)))
        .collect();
    let jobs: Vec<NewJob<'_>> = jobs
        .iter()
        // No table of the session service can hold these either, so that none can come from there.
        .filter(|(tenant, start)| is_storable(tenant) && unstorable_member(start).is_none())
        .map(|(tenant, start)| NewJob {
            tenant,
            sub_cluster: CLUSTER,
            start,
        })
        .collect();
    record(transaction, &jobs).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use muster_contract::{
        job_archive::{Job, JobState, ListJobs},
        session::RunResult,
    };
    use muster_platform::Timestamp;
    use muster_storage::Database;

    use super::*;
    use crate::{
        queries::list_jobs::list_jobs,
        testing::{NOON, everything, on_both_engines, principal, token},
    };

    const SECOND: i64 = 1_000_000;

    fn ended(number: i64, started: Option<i64>, result: RunResult) -> SessionJobEnded {
        SessionJobEnded {
            number,
            tenant: "demo".to_owned(),
            session_id: "nightly".to_owned(),
            tag: 4,
            job_id: "db".to_owned(),
            client_id: "demo_db1".to_owned(),
            hostname: Some("db1".to_owned()),
            user: "alice".to_owned(),
            started_at: started.map(|second| (NOON + second) * SECOND + 1),
            ended_at: (NOON + 90) * SECOND + 2,
            result,
            on_behalf: started.is_none(),
            reason: started.is_none().then(|| "did not start".to_owned()),
        }
    }

    async fn take(database: &Database, events: &[SessionJobEnded]) {
        let mut transaction = database.begin().await.unwrap();
        let events: Vec<&SessionJobEnded> = events.iter().collect();
        session_jobs_ended(&mut transaction, &events).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn listed(database: &Database, tenant: &str) -> Vec<Job> {
        let now = Timestamp::from_seconds(NOON + 1_000);
        let caller = principal("token", tenant, &token().roles);
        let question = ListJobs {
            with_meta_data: true,
            ..everything()
        };
        let jobs = list_jobs(database, now, &caller, question).await.unwrap();
        let mut jobs = jobs.unwrap();
        jobs.sort_by_key(|job| job.job_id);
        jobs
    }

    on_both_engines! {
        async fn each_run_of_a_job_is_a_job_of_its_tenant_once(database) {
            let first = ended(1, Some(30), RunResult::Success);
            let second = ended(2, None, RunResult::Fail);
            let third = ended(3, Some(80), RunResult::Aborted);
            take(database, &[first.clone(), second.clone(), first.clone()]).await;
            take(database, &[third, second, first]).await;
            let jobs = listed(database, "demo").await;
            let seen: Vec<_> = jobs.iter().map(|job| (job.job_id, job.state, job.start_time, job.duration)).collect();
            assert_eq!(seen, [
                (1, JobState::Completed, NOON + 30, 60),
                (2, JobState::Failed, NOON + 90, 0),
                (3, JobState::Cancelled, NOON + 80, 10),
            ]);
            let job = &jobs[1];
            assert_eq!((job.cluster.as_str(), job.user.as_str(), job.project.as_str()), ("freezer", "alice", "demo"));
            assert_eq!(job.details.resources[0].hostname, "db1");
            let meta_data = job.meta_data.as_ref().unwrap();
            let seen = ["session_id", "session_tag", "job_id", "client_id", "result", "reason"].map(|key| meta_data[key].as_str());
            assert_eq!(seen, ["nightly", "4", "db", "demo_db1", "fail", "did not start"]);
            assert!(listed(database, "other").await.is_empty());
        }
    }
}
