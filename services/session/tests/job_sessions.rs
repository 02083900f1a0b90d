//! Job sessions as the service runs them: commands through a real broker, events out of it, time that passes.

#![cfg(test)]

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use muster_contract::{
    Outcome, Principal, Query, Role, Service,
    session::{
        AddSessionJob, DeleteJobSession, EndDecision, EndSessionJob, JobSession, JobSessionChange,
        JobSessionRefusal, JobSessionState, JobSessionStatus, ListJobSessions, ListSessionRuns,
        RegisterBackupClient, RunResult, SaveBackupJob, SaveJobSession, SaveMode, SessionJobEnded,
        SessionRunCompleted, SessionRunStarted, SessionRunStatus, StartDecision, StartSessionJob,
    },
};
use muster_platform::{
    Drained, Ids as _, RandomIds, Shutdown, Timestamp, settings::SessionSettings,
};
use muster_session::{MIGRATIONS, SiteSessionHooks, start};
use muster_testkit::{DEADLINE, ServiceWorld};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

const NOW: Timestamp = Timestamp::from_seconds(1_763_800_000);

const JOB_RUN_LIMIT: Duration = Duration::from_hours(2);

struct System(ServiceWorld);

impl System {
    async fn start() -> Self {
        let service = async |foundation, tasks: &Shutdown| {
            let hooks = SiteSessionHooks::default();
            let settings = SessionSettings {
                job_run_limit: JOB_RUN_LIMIT,
                ..SessionSettings::default()
            };
            start(foundation, hooks, &settings, tasks).await
        };
        let world = ServiceWorld::start(Service::Session, &MIGRATIONS, &[], NOW, service);
        Self(world.await.unwrap())
    }

    async fn send<C: muster_contract::Command>(&self, command: &C) -> Result<C::Reply, C::Refusal> {
        result(self.0.send(&alice(), command).await.unwrap())
    }

    async fn ask<Q: Query>(&self, question: &Q) -> Result<Q::Answer, Q::Refusal> {
        result(self.0.ask(&alice(), question).await.unwrap())
    }

    /// A session with two jobs, and their client.
    async fn session(&self) -> JobSession {
        let client = json!({"client_id": "node", "hostname": "node.example.org"});
        let register = RegisterBackupClient {
            tenant: "demo".to_owned(),
            document: map(&client),
        };
        assert!(self.send(&register).await.is_ok());
        let state = JobSessionState {
            description: None,
            schedule: Map::new(),
            hold_off: 30,
            tag: 0,
        };
        let save = SaveJobSession {
            tenant: "demo".to_owned(),
            change: JobSessionChange::Create(state),
        };
        let session = self.send(&save).await.unwrap();
        for job in ["a", "b"] {
            let action = json!({"freezer_action": {"action": "backup", "backup_name": "x"}});
            let document = json!({"client_id": "node", "job_actions": [action]});
            let save = SaveBackupJob {
                tenant: "demo".to_owned(),
                job_id: Some(job.to_owned()),
                mode: SaveMode::Replace,
                document: map(&document),
            };
            let saved = self.send(&save).await;
            assert!(saved.is_ok(), "{:?}", saved.err());
            let add = AddSessionJob {
                tenant: "demo".to_owned(),
                session_id: session.session_id.clone(),
                job_id: job.to_owned(),
            };
            assert_eq!(self.send(&add).await, Ok(()));
        }
        session
    }

    async fn shown(&self, session: &JobSession) -> JobSession {
        let question = ListJobSessions {
            tenant: Some("demo".to_owned()),
            session_id: Some(session.session_id.clone()),
            limit: 1,
            ..ListJobSessions::default()
        };
        match self.ask(&question).await {
            Ok(mut page) => page.sessions.remove(0),
            Err(never) => match never {},
        }
    }

    /// Events of the project from now on.
    async fn listen<E: DeserializeOwned>(
        &self,
        fact: &str,
    ) -> impl Stream<Item = E> + Unpin + use<E> {
        let client = self.0.client.client();
        let subject = format!("muster.evt.session.v1.demo.{fact}");
        let events = client.subscribe(subject).await.unwrap();
        client.flush().await.unwrap();
        events.map(|event| serde_json::from_slice(&event.payload).unwrap())
    }
}

async fn next<E>(events: &mut (impl Stream<Item = E> + Unpin)) -> E {
    let event = tokio::time::timeout(DEADLINE, events.next()).await;
    event.unwrap().unwrap()
}

fn result<T, R>(outcome: Outcome<T, R>) -> Result<T, R> {
    match outcome {
        Outcome::Done(reply) => Ok(reply),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn alice() -> Principal {
    Principal {
        name: "alice".to_owned(),
        domain: "default".to_owned(),
        project: "demo".to_owned(),
        roles: vec![Role::User],
    }
}

fn starting(session: &JobSession, job: &str, current_tag: i64) -> StartSessionJob {
    StartSessionJob {
        tenant: "demo".to_owned(),
        session_id: session.session_id.clone(),
        job_id: job.to_owned(),
        current_tag,
    }
}

fn ending(session: &JobSession, job: &str, current_tag: i64) -> EndSessionJob {
    EndSessionJob {
        tenant: "demo".to_owned(),
        session_id: session.session_id.clone(),
        job_id: job.to_owned(),
        current_tag,
        result: RunResult::Success,
    }
}

#[tokio::test]
async fn runs_are_told_of_and_remembered() {
    let system = System::start().await;
    let mut started = system.listen::<SessionRunStarted>("run.started").await;
    let mut ended = system.listen::<SessionJobEnded>("job.ended").await;
    let mut completed = system.listen::<SessionRunCompleted>("run.completed").await;
    let session = system.session().await;
    assert_eq!(session.session_id.len(), 32);

    // Sent twice under one id, it is one start.
    let id = RandomIds.next();
    for _ in 0..2 {
        let start = starting(&session, "a", 0);
        let outcome = system.0.send_again(id, &alice(), &start).await.unwrap();
        let start = result(outcome).unwrap();
        assert_eq!((start.decision, start.tag), (StartDecision::Success, 1));
    }
    let event = next(&mut started).await;
    assert_eq!((event.tag, event.job_id.as_str(), event.jobs), (1, "a", 2));
    let held = system.send(&starting(&session, "a", 1)).await.unwrap();
    assert_eq!(held.decision, StartDecision::HoldOff { remaining: 31 });
    assert_eq!(
        system.send(&starting(&session, "b", 0)).await.unwrap().tag,
        1
    );
    system.0.clock.advance(Duration::from_secs(5));
    for job in ["a", "b"] {
        let end = system.send(&ending(&session, job, 1)).await.unwrap();
        assert_eq!((end.decision, end.tag), (EndDecision::Success, 1));
        let event = next(&mut ended).await;
        assert_eq!(
            (event.job_id.as_str(), event.result),
            (job, RunResult::Success)
        );
        assert_eq!(
            (event.user.as_str(), event.client_id.as_str()),
            ("alice", "node")
        );
        assert_eq!(event.hostname.as_deref(), Some("node.example.org"));
        assert_eq!(event.ended_at - event.started_at.unwrap(), 5_000_000);
    }
    let event = next(&mut completed).await;
    assert_eq!((event.tag, event.result), (1, RunResult::Success));
    assert_eq!(
        system.shown(&session).await.status,
        JobSessionStatus::Completed
    );

    // A scheduler dies: nobody waits for it for ever.
    system.0.clock.advance(Duration::from_mins(5));
    assert_eq!(
        system.send(&starting(&session, "b", 1)).await.unwrap().tag,
        2
    );
    system.0.clock.advance(Duration::from_secs(31));
    let event = next(&mut ended).await;
    assert_eq!(
        (event.job_id.as_str(), event.result, event.on_behalf),
        ("a", RunResult::Fail, true)
    );
    system.0.clock.advance(JOB_RUN_LIMIT);
    let event = next(&mut ended).await;
    assert_eq!(
        (event.job_id.as_str(), event.result, event.on_behalf),
        ("b", RunResult::Aborted, true)
    );
    assert_eq!(event.reason.as_deref(), Some("has not ended within 2h"));
    assert_eq!(next(&mut completed).await.result, RunResult::Fail);
    let late = system.send(&ending(&session, "b", 2)).await.unwrap();
    assert_eq!(late.decision, EndDecision::Success);
    assert_eq!(system.shown(&session).await.result, Some(RunResult::Fail));

    let delete = DeleteJobSession {
        tenant: "demo".to_owned(),
        session_id: session.session_id.clone(),
    };
    assert_eq!(system.send(&delete).await, Ok(()));
    let unknown = Err(JobSessionRefusal::UnknownSession);
    assert_eq!(system.send(&delete).await, unknown);
    let question = ListSessionRuns {
        tenant: "demo".to_owned(),
        session_id: session.session_id.clone(),
        tag: None,
        offset: 0,
        limit: 10,
    };
    let runs = system.ask(&question).await.unwrap().runs;
    let seen: Vec<_> = runs
        .iter()
        .map(|run| (run.tag, run.status, run.result))
        .collect();
    let completed = SessionRunStatus::Completed;
    assert_eq!(
        seen,
        [
            (2, completed, Some(RunResult::Fail)),
            (1, completed, Some(RunResult::Success))
        ]
    );
    assert_eq!(system.0.tasks.drain(DEADLINE).await, Drained::Clean);
}
