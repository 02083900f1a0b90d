mod races;

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use muster_contract::{
    Outcome, Principal, Role,
    session::{
        AddSessionJob, DeleteJobSession, EndDecision, EndSessionJob, FieldValue, JobSession,
        JobSessionChange, JobSessionPatch, JobSessionState, JobSessionStatus, ListFilter,
        ListJobSessions, ListSessionRuns, RemoveSessionJob, RunJobStatus, RunResult,
        SaveJobSession, SessionJob, SessionRun, SessionRunJob, SessionRunStatus, StartDecision,
        StartSessionJob,
    },
};
use muster_platform::SequentialIds;
use muster_storage::Database;
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    job_sessions::{
        commands::{
            run_commands::{AboutSession, carry_out, free_jobs},
            save_job_session::save_job_sessions,
            session_orders::Order,
        },
        domain::{backup_client::BackupClient, schedule::times},
        periodic::end_due_jobs::end_due_jobs,
        saying::Saying,
        store::{
            backup_clients::save_clients, backup_jobs::insert_jobs, list_runs::list_runs,
            list_sessions::list_sessions,
        },
    },
    node_sessions::testing::{TestDatabase, postgres, sqlite},
};

const SECOND: i64 = 1_000_000;
const NOON: i64 = 1_700_000_000 * SECOND;
const HOUR: i64 = 3_600 * SECOND;
const RULES: Rules = Rules {
    job_limit: Duration::from_hours(24),
};

/// The service without a broker: commands are given by hand, what it says is looked at.
struct World {
    database: Database,
    ids: SequentialIds,
    now: AtomicI64,
}

fn caller(project: &str, roles: &[Role]) -> Principal {
    Principal {
        name: "alice".to_owned(),
        domain: "default".to_owned(),
        project: project.to_owned(),
        roles: roles.to_vec(),
    }
}

fn alice() -> Principal {
    caller("demo", &[Role::User])
}

fn orders<'a, C>(caller: &'a Principal, now: i64, bodies: &'a [C]) -> Vec<Order<'a, C>> {
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
    fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            ids: SequentialIds::new(),
            now: AtomicI64::new(NOON),
        }
    }

    fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    fn pass(&self, microseconds: i64) {
        self.now.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// A batch; one that was in another's way is run again, as the message path does it.
    async fn batch<C: AboutSession>(
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

    async fn one<C: AboutSession>(
        &self,
        body: C,
    ) -> (Result<C::Reply, JobSessionRefusal>, Vec<Saying>) {
        let (mut results, said) = self.batch(&alice(), &[body]).await;
        (results.remove(0), said)
    }

    async fn save_as(
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

    async fn save(&self, change: JobSessionChange) -> Result<JobSession, JobSessionRefusal> {
        self.save_as(&alice(), change).await
    }

    /// A session with that id, and these jobs in it.
    async fn session(&self, id: &str, jobs: &[&str]) {
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

    async fn jobs(&self, jobs: &[&str]) {
        let jobs: Vec<BackupJob> = jobs.iter().map(|id| backup_job(id)).collect();
        let mut transaction = self.database.begin().await.unwrap();
        insert_jobs(&mut transaction, &jobs).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn job(&self, id: &str) -> BackupJob {
        let mut transaction = self.database.begin().await.unwrap();
        let jobs = load_jobs(&mut transaction, [("demo", id)]).await.unwrap();
        jobs.into_values().next().unwrap()
    }

    async fn shown(&self, id: &str) -> JobSession {
        let question = ListJobSessions {
            session_id: Some(id.to_owned()),
            limit: 1,
            ..everything()
        };
        let mut sessions = list_sessions(&self.database, &question).await.unwrap();
        sessions.remove(0).shown()
    }

    async fn runs(&self, id: &str) -> Option<Vec<SessionRun>> {
        let question = runs_of(id);
        list_runs(&self.database, &question).await.unwrap()
    }

    async fn due(&self) -> Vec<Saying> {
        let mut transaction = self.database.begin().await.unwrap();
        let (_, said) = end_due_jobs(&mut transaction, RULES, self.now(), 64)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        said.into_vec()
    }
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

fn state() -> JobSessionState {
    JobSessionState {
        description: Some("nightly".to_owned()),
        schedule: map(&json!({"schedule_interval": "1 days"})),
        hold_off: 30,
        tag: 0,
    }
}

fn backup_job(id: &str) -> BackupJob {
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

fn starting(session: &str, job: &str, tag: i64) -> StartSessionJob {
    StartSessionJob {
        tenant: "demo".to_owned(),
        session_id: session.to_owned(),
        job_id: job.to_owned(),
        current_tag: tag,
    }
}

fn ending(session: &str, job: &str, tag: i64, result: RunResult) -> EndSessionJob {
    EndSessionJob {
        tenant: "demo".to_owned(),
        session_id: session.to_owned(),
        job_id: job.to_owned(),
        current_tag: tag,
        result,
    }
}

fn adding(session: &str, job: &str) -> AddSessionJob {
    AddSessionJob {
        tenant: "demo".to_owned(),
        session_id: session.to_owned(),
        job_id: job.to_owned(),
    }
}

fn removing(session: &str, job: &str) -> RemoveSessionJob {
    RemoveSessionJob {
        tenant: "demo".to_owned(),
        session_id: session.to_owned(),
        job_id: job.to_owned(),
    }
}

fn deleting(session: &str) -> DeleteJobSession {
    DeleteJobSession {
        tenant: "demo".to_owned(),
        session_id: session.to_owned(),
    }
}

fn everything() -> ListJobSessions {
    ListJobSessions {
        tenant: Some("demo".to_owned()),
        limit: 500,
        ..ListJobSessions::default()
    }
}

fn runs_of(id: &str) -> ListSessionRuns {
    ListSessionRuns {
        tenant: "demo".to_owned(),
        session_id: id.to_owned(),
        tag: None,
        offset: 0,
        limit: 500,
    }
}

/// Names of what is said.
fn names(said: &[Saying]) -> Vec<String> {
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

/// Makes of one test two, one for each engine.
macro_rules! on_both_engines {
    ($($(#[$attribute:meta])* async fn $name:ident($world:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn test($world: &World) $body

            $(#[$attribute])*
            #[tokio::test]
            async fn on_sqlite() {
                let database = sqlite().await;
                test(&World::new(&database.database)).await;
            }

            $(#[$attribute])*
            #[tokio::test]
            async fn on_postgres() {
                if let Some(database) = postgres().await {
                    test(&World::new(&database.database)).await;
                }
            }
        }
    )+};
}

on_both_engines! {
    async fn two_runs_and_their_history(world) {
        world.session("s", &["a", "b"]).await;
        let client = map(&json!({"client_id": "node-a", "hostname": "a.example.org"}));
        let client = BackupClient::registering("demo", "bob", &client, String::new).unwrap();
        let mut transaction = world.database.begin().await.unwrap();
        save_clients(&mut transaction, [&client]).await.unwrap();
        transaction.commit().await.unwrap();

        let (start, said) = world.one(starting("s", "a", 0)).await;
        let start = start.unwrap();
        assert_eq!((start.decision, start.tag), (StartDecision::Success, 1));
        assert_eq!(names(&said), ["started 1"]);
        world.pass(SECOND);
        assert_eq!(world.one(starting("s", "b", 0)).await.0.unwrap().tag, 1);
        world.pass(SECOND);
        let (_, said) = world.one(ending("s", "b", 1, RunResult::Fail)).await;
        assert_eq!(names(&said), ["ended 1 b fail"]);
        assert_eq!(world.shown("s").await.status, JobSessionStatus::Running);
        world.pass(SECOND);
        let (_, said) = world.one(ending("s", "a", 1, RunResult::Success)).await;
        assert_eq!(names(&said), ["ended 1 a success", "completed 1 fail"]);
        let Saying::Ended(event) = &said[0] else { panic!("{said:?}") };
        assert_eq!((event.hostname.as_deref(), event.client_id.as_str()), (Some("a.example.org"), "node-a"));
        assert_eq!((event.user.as_str(), event.on_behalf), ("bob", false));
        assert_eq!((event.started_at, event.ended_at), (Some(NOON), NOON + 3 * SECOND));
        let shown = world.shown("s").await;
        assert_eq!((shown.status, shown.result), (JobSessionStatus::Completed, Some(RunResult::Fail)));
        assert_eq!((shown.started_at, shown.ended_at), (Some(NOON), Some(NOON + 3 * SECOND)));

        world.pass(60 * SECOND);
        world.one(starting("s", "b", 1)).await.0.unwrap();
        world.one(ending("s", "b", 2, RunResult::Success)).await.0.unwrap();
        let (end, said) = world.one(ending("s", "a", 1, RunResult::Fail)).await;
        let end = end.unwrap();
        assert_eq!((end.decision, end.tag, said.len()), (EndDecision::OutOfSync, 2, 0));
        assert_eq!(world.shown("s").await.status, JobSessionStatus::Running);

        let runs = world.runs("s").await.unwrap();
        let tags: Vec<_> = runs.iter().map(|run| (run.tag, run.status, run.result)).collect();
        assert_eq!(tags, [
            (2, SessionRunStatus::Running, None),
            (1, SessionRunStatus::Completed, Some(RunResult::Fail)),
        ]);
        let jobs: Vec<_> = runs[1].jobs.iter().map(|job| (job.job_id.as_str(), job.status, job.result)).collect();
        assert_eq!(jobs, [
            ("a", RunJobStatus::Completed, Some(RunResult::Success)),
            ("b", RunJobStatus::Completed, Some(RunResult::Fail)),
        ]);
        assert_eq!(runs[1].jobs[0].number, event.number);
        assert_eq!(runs[0].jobs[0].status, RunJobStatus::Scheduled);
        let one = ListSessionRuns { offset: 1, limit: 1, ..runs_of("s") };
        assert_eq!(list_runs(&world.database, &one).await.unwrap().unwrap(), runs[1..]);
        let first = ListSessionRuns { tag: Some(1), ..runs_of("s") };
        assert_eq!(list_runs(&world.database, &first).await.unwrap().unwrap(), runs[1..]);

        // Also when the session is gone.
        let (_, said) = world.one(deleting("s")).await;
        assert_eq!(names(&said), ["ended 2 a fail (left the session)", "completed 2 fail"]);
        let runs = world.runs("s").await.unwrap();
        assert_eq!(runs[0].jobs[0].reason.as_deref(), Some("left the session"));
        assert_eq!(world.runs("other").await, None);
        // Another one of its name has other tags.
        world.session("s", &["c"]).await;
        assert_eq!(world.one(starting("s", "c", 2)).await.0.unwrap().tag, 3);
        assert_eq!(world.runs("s").await.unwrap().len(), 3);
    }

    async fn a_batch_sees_what_is_before_it(world) {
        world.session("s", &["a", "b", "c"]).await;
        let starts: Vec<_> = ["a", "b", "c", "a"].map(|job| starting("s", job, 0)).into();
        let (results, said) = world.batch(&alice(), &starts).await;
        assert!(results.iter().all(|result| result.as_ref().unwrap().tag == 1));
        assert_eq!(names(&said), ["started 1"]);
        let ends = [("a", 1), ("b", 1), ("x", 1), ("c", 2), ("c", 1), ("a", 1)];
        let ends = ends.map(|(job, tag)| ending("s", job, tag, RunResult::Success));
        let (results, said) = world.batch(&alice(), &ends).await;
        let refused: Vec<_> = results.iter().filter_map(|result| result.clone().err()).collect();
        assert_eq!(refused, [JobSessionRefusal::UnknownJob, JobSessionRefusal::TagTooHigh { tag: 1 }]);
        let all = ["ended 1 a success", "ended 1 b success", "ended 1 c success", "completed 1 success"];
        assert_eq!(names(&said), all);
        let numbers: BTreeSet<i64> = said.iter().filter_map(|saying| match saying {
            Saying::Ended(event) => Some(event.number),
            _ => None,
        }).collect();
        assert!(numbers.len() == 3 && numbers.iter().all(|number| *number > 0));
    }

    async fn what_is_not_heard_of_is_ended_on_its_behalf(world) {
        world.session("s", &["a", "b"]).await;
        world.one(starting("s", "a", 0)).await.0.unwrap();
        world.pass(31 * SECOND - 1);
        assert!(world.due().await.is_empty());
        world.pass(1);
        assert_eq!(names(&world.due().await), ["ended 1 b fail (did not start within the hold-off)"]);
        assert!(world.due().await.is_empty());
        world.pass(24 * HOUR);
        let said = world.due().await;
        assert_eq!(names(&said), ["ended 1 a aborted (has not ended within 1day)", "completed 1 fail"]);
        assert!(matches!(&said[0], Saying::Ended(event) if event.on_behalf));
        assert!(world.due().await.is_empty());
    }

    async fn a_run_that_has_not_ended_is_superseded(world) {
        world.session("s", &["a"]).await;
        world.one(starting("s", "a", 0)).await.0.unwrap();
        world.pass(60 * SECOND);
        let (_, said) = world.one(starting("s", "a", 1)).await;
        assert_eq!(names(&said), ["ended 1 a aborted (run 2 began)", "started 2"]);
        let runs = world.runs("s").await.unwrap();
        let seen: Vec<_> = runs.iter().map(|run| (run.tag, run.status)).collect();
        assert_eq!(seen, [(2, SessionRunStatus::Running), (1, SessionRunStatus::Superseded)]);
    }

    async fn a_job_comes_moves_and_leaves_with_its_own_times(world) {
        world.session("s", &["a"]).await;
        world.session("t", &[]).await;
        let job = world.job("a").await;
        assert_eq!((job.session_id.as_deref(), job.session_tag), (Some("s"), 0));
        assert_eq!(times(&job.schedule), state().schedule);
        world.one(starting("s", "a", 0)).await.0.unwrap();
        world.one(adding("s", "a")).await.0.unwrap();
        assert_eq!(world.job("a").await, job, "again is as good as once");

        let patch = JobSessionPatch {
            schedule: Some(map(&json!({"schedule_interval": "2 hours"}))),
            ..JobSessionPatch::default()
        };
        let session_id = "s".to_owned();
        let saved = world.save(JobSessionChange::Patch { session_id, patch, version: Some(1) }).await.unwrap();
        assert_eq!((saved.version, saved.jobs.len(), saved.status), (2, 1, JobSessionStatus::Running));
        assert_eq!(times(&world.job("a").await.schedule), map(&json!({"schedule_interval": "2 hours"})));

        let (_, said) = world.one(adding("t", "a")).await;
        assert_eq!(names(&said), ["ended 1 a aborted (left the session)", "completed 1 fail"]);
        assert!(world.shown("s").await.jobs.is_empty());
        assert_eq!(world.shown("t").await.jobs.len(), 1);
        let job = world.job("a").await;
        assert_eq!((job.session_id.as_deref(), times(&job.schedule)), (Some("t"), state().schedule));

        world.one(removing("s", "a")).await.0.unwrap();
        assert_eq!(world.job("a").await, job, "it is not in that session");
        world.one(removing("t", "a")).await.0.unwrap();
        let job = world.job("a").await;
        assert_eq!((job.session_id, job.session_tag, job.own_times), (None, 0, None));
        let expected = json!({"event": "stop", "status": "scheduled", "result": "", "schedule_hour": "3"});
        assert_eq!(job.schedule, map(&expected));
        world.one(removing("t", "a")).await.0.unwrap();
    }

    async fn a_job_that_left_a_run_and_comes_again_has_ended_there(world) {
        world.session("s", &["a", "b"]).await;
        world.one(starting("s", "a", 0)).await.0.unwrap();
        world.one(removing("s", "b")).await.0.unwrap();
        world.one(adding("s", "b")).await.0.unwrap();
        let (start, said) = world.one(starting("s", "b", 0)).await;
        assert_eq!((start.unwrap().tag, said.len()), (1, 0), "without effect");
        let (end, said) = world.one(ending("s", "b", 1, RunResult::Success)).await;
        assert_eq!((end.unwrap().decision, said.len()), (EndDecision::Success, 0), "as it did first");
        let (_, said) = world.one(ending("s", "a", 1, RunResult::Success)).await;
        assert_eq!(names(&said), ["ended 1 a success", "completed 1 fail"]);
        let job = &world.runs("s").await.unwrap()[0].jobs[1];
        assert_eq!((job.result, job.reason.as_deref()), (Some(RunResult::Fail), Some("left the session")));
        let shown = world.shown("s").await;
        assert_eq!((shown.jobs[1].status, shown.jobs[1].result), (RunJobStatus::Completed, Some(RunResult::Fail)));
    }

    async fn a_deleted_session_lets_its_jobs_go_and_a_deleted_job_its_session(world) {
        world.session("s", &["a", "b"]).await;
        world.one(starting("s", "a", 0)).await.0.unwrap();
        let mut transaction = world.database.begin().await.unwrap();
        let moment = Moment { cause: 0, now: world.now() };
        let jobs = [(moment, ("demo".to_owned(), "a".to_owned()))];
        let said = free_jobs(&mut transaction, RULES, &jobs).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(names(&said.into_vec()), ["ended 1 a aborted (left the session)"]);
        assert_eq!(world.job("a").await.session_id, None);
        assert_eq!(world.shown("s").await.jobs.len(), 1);
        world.one(deleting("s")).await.0.unwrap();
        assert_eq!(world.job("b").await.session_id, None);
        assert_eq!(world.one(deleting("s")).await.0, Err(JobSessionRefusal::UnknownSession));
        assert!(list_sessions(&world.database, &everything()).await.unwrap().is_empty());
    }

    async fn what_is_not_there_and_who_may_not(world) {
        world.session("s", &["a"]).await;
        let refused = world.one(starting("x", "a", 0)).await.0;
        assert_eq!(refused, Err(JobSessionRefusal::UnknownSession));
        assert_eq!(world.one(starting("s\0", "a", 0)).await.0, Err(JobSessionRefusal::UnknownSession));
        assert_eq!(world.one(starting("s", "x\0", 0)).await.0, Err(JobSessionRefusal::UnknownJob));
        assert_eq!(world.one(adding("x", "a")).await.0, Err(JobSessionRefusal::UnknownSession));
        assert_eq!(world.one(adding("s", "x")).await.0, Err(JobSessionRefusal::UnknownJob));
        assert_eq!(world.one(adding("s", "\0")).await.0, Err(JobSessionRefusal::UnknownJob));
        assert_eq!(world.one(removing("x", "a")).await.0, Err(JobSessionRefusal::UnknownSession));
        world.one(removing("s", "x")).await.0.unwrap();
        for stranger in [caller("other", &[Role::User, Role::Manager]), caller("demo", &[])] {
            let (results, _) = world.batch(&stranger, &[starting("s", "a", 0)]).await;
            assert_eq!(results, [Err(JobSessionRefusal::NotYours)]);
            let saved = world.save_as(&stranger, JobSessionChange::Create(state())).await;
            assert_eq!(saved, Err(JobSessionRefusal::NotYours));
        }
        let admin = caller("other", &[Role::Admin]);
        let (results, _) = world.batch(&admin, &[starting("s", "a", 0)]).await;
        assert_eq!(results[0].as_ref().unwrap().tag, 1);
        let (session_id, version) = ("s".to_owned(), Some(7));
        let patch = JobSessionPatch::default();
        let refused = world.save(JobSessionChange::Patch { session_id, patch, version }).await;
        assert_eq!(refused, Err(JobSessionRefusal::VersionConflict { version: 1 }));
        let (session_id, state) = ("a b".to_owned(), state());
        let refused = world.save(JobSessionChange::Replace { session_id, state, version: None }).await;
        assert!(matches!(refused, Err(JobSessionRefusal::Invalid { .. })));
    }

    async fn a_session_has_a_thousand_jobs_at_most(world) {
        let limit = usize::try_from(SESSION_JOB_LIMIT).unwrap();
        let ids: Vec<String> = (0..=limit).map(|number| format!("job-{number:04}")).collect();
        world.session("s", &[]).await;
        world.jobs(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let adds: Vec<_> = ids.iter().map(|id| adding("s", id)).collect();
        let (results, _) = world.batch(&alice(), &adds).await;
        let refused: Vec<_> = results.iter().enumerate().filter(|(_, result)| result.is_err()).collect();
        let refusal = Err(JobSessionRefusal::TooManyJobs { limit: SESSION_JOB_LIMIT });
        assert_eq!(refused, [(limit, &refusal)]);
        let shown = world.shown("s").await;
        let order: Vec<&str> = shown.jobs.iter().map(|job| job.job_id.as_str()).collect();
        assert_eq!(order, ids[..limit]);
        world.one(starting("s", "job-0500", 0)).await.0.unwrap();
        let ends: Vec<_> = ids[..limit].iter().map(|id| ending("s", id, 1, RunResult::Success)).collect();
        world.batch(&alice(), &ends).await;
        assert_eq!(world.shown("s").await.result, Some(RunResult::Success));
    }

    async fn lists_are_in_order_and_filtered(world) {
        for number in 0..230 {
            let mut state = state();
            state.description = Some(format!("Night {}", number % 3));
            let session_id = format!("s{number:03}");
            world.save(JobSessionChange::Replace { session_id, state, version: None }).await.unwrap();
        }
        let ids = async |question: ListJobSessions| -> Vec<String> {
            let sessions = list_sessions(&world.database, &question).await.unwrap();
            sessions.into_iter().map(|session| session.session_id).collect()
        };
        assert_eq!(ids(ListJobSessions { offset: 225, ..everything() }).await.len(), 5);
        assert_eq!(ids(ListJobSessions { limit: 2, offset: 1, ..everything() }).await, ["s001", "s002"]);
        let filter = |field: &str, value: Value| ListFilter {
            matching: vec![FieldValue { field: field.to_owned(), value }],
            ..ListFilter::default()
        };
        let third = filter("description", json!("Night 1"));
        let question = ListJobSessions { filter: third, offset: 70, ..everything() };
        assert_eq!(ids(question).await, ["s211", "s214", "s217", "s220", "s223", "s226", "s229"]);
        let one = filter("session_id", json!("s100"));
        assert_eq!(ids(ListJobSessions { filter: one, ..everything() }).await, ["s100"]);
        let text = ListFilter { texts: vec!["nIGHT 2".to_owned()], ..ListFilter::default() };
        let question = ListJobSessions { filter: text, limit: 1, ..everything() };
        assert_eq!(ids(question).await, ["s002"]);
        let other = ListJobSessions { tenant: Some("other".to_owned()), ..everything() };
        assert!(ids(other).await.is_empty());
        assert_eq!(ids(ListJobSessions { tenant: None, ..everything() }).await.len(), 230);
        let nul = ListJobSessions { session_id: Some("\0".to_owned()), ..everything() };
        assert!(ids(nul).await.is_empty());
    }
}
