mod races;

use muster_contract::{
    Role,
    session::{
        EndDecision, FieldValue, JobSessionChange, JobSessionPatch, JobSessionStatus, ListFilter,
        ListJobSessions, ListSessionRuns, RunJobStatus, RunResult, SessionRunStatus, StartDecision,
    },
};
use serde_json::{Value, json};

use super::*;
use crate::job_sessions::{
    commands::run_commands::free_jobs,
    domain::{backup_client::BackupClient, schedule::times},
    runs_world::{
        HOUR, NOON, RULES, SECOND, adding, deleting, ending, everything, map, names,
        on_both_engines, removing, runs_of, starting, state,
    },
    saying::Saying,
    store::{backup_clients::save_clients, list_runs::list_runs, list_sessions::list_sessions},
};
use crate::testing::{alice, principal};

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
        for stranger in [principal("alice", "other", &[Role::User, Role::Manager]), principal("alice", "demo", &[])] {
            let (results, _) = world.batch(&stranger, &[starting("s", "a", 0)]).await;
            assert_eq!(results, [Err(JobSessionRefusal::NotYours)]);
            let saved = world.save_as(&stranger, JobSessionChange::Create(state())).await;
            assert_eq!(saved, Err(JobSessionRefusal::NotYours));
        }
        let admin = principal("alice", "other", &[Role::Admin]);
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
