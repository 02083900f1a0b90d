//! Many commands at once, on one database and by two replicas.

use std::collections::BTreeMap;

use muster_contract::session::{
    JobSessionChange, JobSessionPatch, JobSessionStatus, ListJobSessions, RunJobStatus, RunResult,
    SaveJobSession, SessionJob, SessionRunJob, SessionRunStatus,
};
use muster_storage::{Database, StorageError};
use muster_testkit::TestDatabase;
use serde_json::json;

use crate::{
    job_sessions::{
        commands::{run_commands::AboutSession, save_job_session::save_job_sessions},
        domain::schedule::times,
        runs_world::{
            RULES, SECOND, World, adding, deleting, ending, everything, map, orders, removing,
            starting, state,
        },
        store::list_sessions::list_sessions,
    },
    testing::{DATABASES, alice},
};

/// Each job's command at once, on one replica or the other.
async fn all_at_once<C: AboutSession>(
    worlds: &[World; 2],
    ids: &[String],
    command: impl Fn(&str) -> C,
) {
    let attempts = ids.iter().zip(worlds.iter().cycle());
    let attempts = attempts.map(|(id, world)| world.one(command(id)));
    for (result, _) in futures_util::future::join_all(attempts).await {
        result.map(drop).unwrap();
    }
}

/// `api/freezer.md` §5.1: of twenty at once the real server keeps two to eight.
async fn at_once(first: &TestDatabase, second: Database) {
    const JOBS: usize = 60;
    let worlds = [World::new(&first.database), World::new(&second)];
    let world = &worlds[0];
    let ids: Vec<String> = (0..JOBS).map(|number| format!("job-{number:02}")).collect();
    let jobs: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.session("s", &[]).await;
    world.jobs(&jobs).await;
    all_at_once(&worlds, &ids, |id| adding("s", id)).await;
    assert_eq!(world.shown("s").await.jobs.len(), JOBS);
    all_at_once(&worlds, &ids, |id| starting("s", id, 0)).await;
    let shown = world.shown("s").await;
    assert_eq!(shown.tag, 1);
    let running = |job: &SessionJob| job.status == RunJobStatus::Running;
    assert!(shown.jobs.iter().all(running));
    all_at_once(&worlds, &ids, |id| ending("s", id, 1, RunResult::Success)).await;
    let shown = world.shown("s").await;
    let seen = (shown.status, shown.result);
    assert_eq!(
        seen,
        (JobSessionStatus::Completed, Some(RunResult::Success))
    );
    let run = world.runs("s").await.unwrap().remove(0);
    assert_eq!(run.jobs.len(), JOBS);
    let succeeded = |job: &SessionRunJob| job.result == Some(RunResult::Success);
    assert!(run.jobs.iter().all(succeeded));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_on_sqlite() {
    let database = DATABASES.sqlite().await.unwrap();
    at_once(&database, database.database.clone()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_on_two_replicas() {
    if let Some(database) = DATABASES.postgres().await.unwrap() {
        let replica = database.replica().await.unwrap();
        at_once(&database, replica).await;
    }
}

const SESSIONS: [&str; 3] = ["s", "t", "u"];
const JOBS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A command of some kind, about something; what comes of it does not matter.
async fn anything(world: &World, mut dice: u64) {
    let mut throw = |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(dice >> 33).unwrap_or_default() % sides
    };
    let (kind, behind) = (throw(12), i64::try_from(throw(3) / 2).unwrap());
    let (session, job) = (SESSIONS[throw(SESSIONS.len())], JOBS[throw(JOBS.len())]);
    let result = RunResult::ALL[throw(4) / 2];
    world.pass(i64::try_from(throw(20)).unwrap() * SECOND);
    let session_id = session.to_owned();
    match kind {
        0..=2 => drop(world.one(adding(session, job)).await),
        3 => drop(world.one(removing(session, job)).await),
        4..=6 => {
            let tag = world.tag(session).await - behind;
            drop(world.one(starting(session, job, tag)).await);
        }
        7..=9 => {
            let tag = world.tag(session).await - behind;
            drop(world.one(ending(session, job, tag, result)).await);
        }
        10 => {
            let schedule = json!({"schedule_minute": throw(60).to_string()});
            let patch = JobSessionPatch {
                schedule: Some(map(&schedule)),
                ..JobSessionPatch::default()
            };
            let version = None;
            let change = JobSessionChange::Patch {
                session_id,
                patch,
                version,
            };
            world.save_whatever(change).await;
        }
        _ if throw(4) == 0 => {
            drop(world.one(deleting(session)).await);
            let (state, version) = (state(), None);
            let change = JobSessionChange::Replace {
                session_id,
                state,
                version,
            };
            world.save_whatever(change).await;
        }
        _ => drop(world.due().await),
    }
}

impl World {
    async fn tag(&self, id: &str) -> i64 {
        let question = ListJobSessions {
            session_id: Some(id.to_owned()),
            limit: 1,
            ..everything()
        };
        let sessions = list_sessions(&self.database, &question).await.unwrap();
        sessions.first().map_or(0, |session| session.runs.tag)
    }

    /// Saves the session, as often as it takes.
    async fn save_whatever(&self, change: JobSessionChange) {
        let tenant = "demo".to_owned();
        let bodies = [SaveJobSession { tenant, change }];
        let caller = alice();
        let orders = orders(&caller, self.now(), &bodies);
        loop {
            let mut transaction = self.database.begin().await.unwrap();
            match save_job_sessions(&mut transaction, RULES, &self.ids, &orders).await {
                Ok(_) => return transaction.commit().await.unwrap(),
                Err(StorageError::Conflict(_)) => transaction.rollback().await.unwrap(),
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// Sessions, jobs and history say the same.
    async fn agrees(&self) {
        let mut sessions = BTreeMap::new();
        for id in SESSIONS {
            let shown = self.shown(id).await;
            for job in &shown.jobs {
                let other = sessions.insert(job.job_id.clone(), shown.clone());
                assert!(other.is_none(), "{} is in two sessions", job.job_id);
            }
            let is_on = shown.status == JobSessionStatus::Running;
            let runs = self.runs(id).await.unwrap();
            let tags: Vec<i64> = runs.iter().map(|run| run.tag).collect();
            let expected: Vec<i64> = (1..=shown.tag).rev().collect();
            assert_eq!(tags, expected, "each run has a tag, each tag a run");
            for run in runs {
                let last = run.tag == shown.tag;
                let running = run.status == SessionRunStatus::Running;
                assert_eq!(running, is_on && last);
                let done = |job: &SessionRunJob| job.status == RunJobStatus::Completed;
                assert_eq!(run.jobs.iter().all(done), !running, "{run:?}");
            }
        }
        for id in JOBS {
            let job = self.job(id).await;
            let session = sessions.get(id);
            let is_in = session.map(|session| session.session_id.clone());
            assert_eq!(job.session_id, is_in, "{id}");
            let own = map(&json!({"schedule_hour": "3"}));
            let expected = session.map_or(own, |session| session.schedule.clone());
            assert_eq!(times(&job.schedule), expected);
        }
    }
}

async fn a_mess(first: &TestDatabase, second: Database) {
    let worlds = [World::new(&first.database), World::new(&second)];
    for session in SESSIONS {
        worlds[0].session(session, &[]).await;
    }
    worlds[0].jobs(&JOBS).await;
    let everybody = (0..8_u64)
        .zip(worlds.iter().cycle())
        .map(async |(who, world)| {
            for step in 0..40 {
                anything(world, (who + 1) * 1_000_003 + step * 7_919).await;
            }
        });
    futures_util::future::join_all(everybody).await;
    worlds[0].agrees().await;
}

#[tokio::test]
async fn whatever_comes_together_on_sqlite() {
    let database = DATABASES.sqlite().await.unwrap();
    a_mess(&database, database.database.clone()).await;
}

#[tokio::test]
async fn whatever_comes_together_on_two_replicas() {
    if let Some(database) = DATABASES.postgres().await.unwrap() {
        let replica = database.replica().await.unwrap();
        a_mess(&database, replica).await;
    }
}
