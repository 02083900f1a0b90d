//! What the tests of sessions and their runs share: the service without a broker.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use muster_contract::{
    Outcome, Principal,
    session::{
        AddSessionJob, DeleteJobSession, EndSessionJob, JobSession, JobSessionChange,
        JobSessionRefusal, JobSessionState, ListJobSessions, ListSessionRuns, RemoveSessionJob,
        RunResult, SaveJobSession, SessionRun, StartSessionJob,
    },
};
use muster_platform::SequentialIds;
use muster_storage::{Database, StorageError};
use serde_json::{Map, Value, json};

use super::{
    book::Moment,
    commands::{
        run_commands::{AboutSession, carry_out},
        save_job_session::save_job_sessions,
        session_orders::Order,
    },
    domain::{backup_job::BackupJob, run::Rules},
    periodic::end_due_jobs::end_due_jobs,
    saying::Saying,
    store::{
        backup_jobs::{insert_jobs, load_jobs},
        list_runs::list_runs,
        list_sessions::list_sessions,
    },
};
use crate::testing::alice;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const NOON: i64 = 1_700_000_000 * SECOND;
pub(crate) const HOUR: i64 = 3_600 * SECOND;
pub(crate) const RULES: Rules = Rules {
    job_limit: Duration::from_hours(24),
};

/// The service without a broker: commands are given by hand, what it says is looked at.
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) ids: SequentialIds,
    now: AtomicI64,
}

pub(crate) fn orders<'a, C>(caller: &'a Principal, now: i64, bodies: &'a [C]) -> Vec<Order<'a, C>> {
    let bodies = bodies.iter().enumerate();
    bodies
        .map(|(cause, body)| Order {
            caller,
            moment: Moment { cause, now },
            body,
        })
        .collect()
}

impl World {
    pub(crate) fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            ids: SequentialIds::new(),
            now: AtomicI64::new(NOON),
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&self, microseconds: i64) {
        self.now.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// A batch; one that was in another's way is run again, as the message path does it.
    pub(crate) async fn batch<C: AboutSession>(
        &self,
        caller: &Principal,
        bodies: &[C],
    ) -> (Vec<Result<C::Reply, JobSessionRefusal>>, Vec<Saying>) {
        let orders = orders(caller, self.now(), bodies);
        loop {
            let mut transaction = self.database.begin().await.unwrap();
            match carry_out(&mut transaction, RULES, &orders).await {
                Ok((outcomes, sayings)) => {
                    transaction.commit().await.unwrap();
                    let results = outcomes.into_iter().map(result);
                    return (results.collect(), sayings.into_vec());
                }
                Err(StorageError::Conflict(_)) => transaction.rollback().await.unwrap(),
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    pub(crate) async fn one<C: AboutSession>(
        &self,
        body: C,
    ) -> (Result<C::Reply, JobSessionRefusal>, Vec<Saying>) {
        let (mut results, said) = self.batch(&alice(), &[body]).await;
        (results.remove(0), said)
    }

    pub(crate) async fn save_as(
        &self,
        caller: &Principal,
        change: JobSessionChange,
    ) -> Result<JobSession, JobSessionRefusal> {
        let tenant = "demo".to_owned();
        let bodies = [SaveJobSession { tenant, change }];
        let orders = orders(caller, self.now(), &bodies);
        let mut transaction = self.database.begin().await.unwrap();
        let saved = save_job_sessions(&mut transaction, RULES, &self.ids, &orders).await;
        let (mut outcomes, said) = saved.unwrap();
        transaction.commit().await.unwrap();
        assert!(said.into_vec().is_empty());
        result(outcomes.remove(0))
    }

    pub(crate) async fn save(
        &self,
        change: JobSessionChange,
    ) -> Result<JobSession, JobSessionRefusal> {
        self.save_as(&alice(), change).await
    }

    /// A session with that id, and these jobs in it.
    pub(crate) async fn session(&self, id: &str, jobs: &[&str]) {
        let (session_id, state) = (id.to_owned(), state());
        let change = JobSessionChange::Replace {
            session_id,
            state,
            version: None,
        };
        self.save(change).await.unwrap();
        self.jobs(jobs).await;
        for job in jobs {
            self.one(adding(id, job)).await.0.unwrap();
        }
    }

    pub(crate) async fn jobs(&self, jobs: &[&str]) {
        let jobs: Vec<BackupJob> = jobs.iter().map(|id| backup_job(id)).collect();
        let mut transaction = self.database.begin().await.unwrap();
        insert_jobs(&mut transaction, &jobs).await.unwrap();
        transaction.commit().await.unwrap();
    }

    pub(crate) async fn job(&self, id: &str) -> BackupJob {
        let mut transaction = self.database.begin().await.unwrap();
        let jobs = load_jobs(&mut transaction, [("demo", id)]).await.unwrap();
        jobs.into_values().next().unwrap()
    }

    pub(crate) async fn shown(&self, id: &str) -> JobSession {
        let question = ListJobSessions {
            session_id: Some(id.to_owned()),
            limit: 1,
            ..everything()
        };
        let mut sessions = list_sessions(&self.database, &question).await.unwrap();
        sessions.remove(0).shown()
    }

    pub(crate) async fn runs(&self, id: &str) -> Option<Vec<SessionRun>> {
        let question = runs_of(id);
        list_runs(&self.database, &question).await.unwrap()
    }

    pub(crate) async fn due(&self) -> Vec<Saying> {
        let mut transaction = self.database.begin().await.unwrap();
        let (_, said) = end_due_jobs(&mut transaction, RULES, self.now(), 64)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        said.into_vec()
    }
}

pub(crate) fn result<T, R>(outcome: Outcome<T, R>) -> Result<T, R> {
    match outcome {
        Outcome::Done(reply) => Ok(reply),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

pub(crate) fn map(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub(crate) fn state() -> JobSessionState {
    JobSessionState {
        description: Some("nightly".to_owned()),
        schedule: map(&json!({"schedule_interval": "1 days"})),
        hold_off: 30,
        tag: 0,
    }
}

pub(crate) fn backup_job(id: &str) -> BackupJob {
    let schedule = json!({"event": "", "status": "scheduled", "result": "", "schedule_hour": "3"});
    BackupJob {
        number: 0,
        job_id: id.to_owned(),
        tenant: "demo".to_owned(),
        user: "bob".to_owned(),
        client_id: format!("node-{id}"),
        version: 1,
        session_id: None,
        session_tag: 0,
        schedule: map(&schedule),
        own_times: None,
        document: Map::new(),
    }
}

pub(crate) fn starting(session: &str, job: &str, tag: i64) -> StartSessionJob {
    StartSessionJob {
        tenant: "demo".to_owned(),
        session_id: session.to_owned(),
        job_id: job.to_owned(),
        current_tag: tag,
    }
}

pub(crate) fn ending(session: &str, job: &str, tag: i64, result: RunResult) -> EndSessionJob {
    EndSessionJob {
        tenant: "demo".to_owned(),
        session_id: session.to_owned(),
        job_id: job.to_owned(),
        current_tag: tag,
        result,
    }
}

pub(crate) fn adding(session: &str, job: &str) -> AddSessionJob {
    AddSessionJob {
        tenant: "demo".to_owned(),
        session_id: session.to_owned(),
        job_id: job.to_owned(),
    }
}

pub(crate) fn removing(session: &str, job: &str) -> RemoveSessionJob {
    RemoveSessionJob {
        tenant: "demo".to_owned(),
        session_id: session.to_owned(),
        job_id: job.to_owned(),
    }
}

pub(crate) fn deleting(session: &str) -> DeleteJobSession {
    DeleteJobSession {
        tenant: "demo".to_owned(),
        session_id: session.to_owned(),
    }
}

pub(crate) fn everything() -> ListJobSessions {
    ListJobSessions {
        tenant: Some("demo".to_owned()),
        limit: 500,
        ..ListJobSessions::default()
    }
}

pub(crate) fn runs_of(id: &str) -> ListSessionRuns {
    ListSessionRuns {
        tenant: "demo".to_owned(),
        session_id: id.to_owned(),
        tag: None,
        offset: 0,
        limit: 500,
    }
}

/// Names of what is said.
pub(crate) fn names(said: &[Saying]) -> Vec<String> {
    let name = |saying: &Saying| match saying {
        Saying::Started(event) => format!("started {}", event.tag),
        Saying::Ended(event) => {
            let reason = event.reason.as_deref().map(|reason| format!(" ({reason})"));
            let (tag, job, result) = (event.tag, &event.job_id, event.result.name());
            format!("ended {tag} {job} {result}{}", reason.unwrap_or_default())
        }
        Saying::Completed(event) => format!("completed {} {}", event.tag, event.result.name()),
    };
    said.iter().map(name).collect()
}

/// Gives a test a world on that database.
pub(crate) async fn in_world(database: &Database, test: impl AsyncFnOnce(&World)) {
    test(&World::new(database)).await;
}

/// Makes of one test two, one for each engine.
macro_rules! on_both_engines {
    ($($tests:tt)+) => {
        muster_testkit::on_both_engines! {
            crate::testing::DATABASES, crate::job_sessions::runs_world::in_world, crate::job_sessions::runs_world::World; $($tests)+
        }
    };
}

pub(crate) use on_both_engines;
