use muster_contract::session::{RunResult, SessionRunStatus};

use super::*;
use crate::job_sessions::runs_world::{
    HOUR, NOON, SECOND, World, deleting, ending, on_both_engines, starting,
};

/// Forgets what ended before then; whether there may be more.
async fn forget(world: &World, before: i64, limit: i64) -> bool {
    let mut transaction = world.database.begin().await.unwrap();
    let before = Timestamp::from_micros(before);
    let more = forget_runs(&mut transaction, before, limit).await.unwrap();
    transaction.commit().await.unwrap();
    more
}

/// A run of a job, from begin to end in a second, an hour after the one before. It is that run that has this tag.
async fn run(world: &World, session: &str, job: &str, tag: i64) {
    world.pass(HOUR - SECOND);
    let (start, _) = world.one(starting(session, job, tag - 1)).await;
    assert_eq!(start.unwrap().tag, tag);
    world.pass(SECOND);
    let end = ending(session, job, tag, RunResult::Success);
    world.one(end).await.0.unwrap();
}

async fn tags(world: &World, session: &str) -> Vec<i64> {
    let runs = world.runs(session).await.unwrap();
    runs.iter().map(|run| run.tag).collect()
}

/// Runs and jobs of runs in the history.
async fn counts(world: &World) -> (i64, i64) {
    let sql = "SELECT (SELECT COUNT(*) FROM session_run), (SELECT COUNT(*) FROM run_job)";
    let counts: Vec<(i64, i64)> = world.database.fetch_all(sql, &[]).await.unwrap();
    counts[0]
}

on_both_engines! {
    async fn runs_that_ended_long_ago_are_forgotten_but_for_the_last(world) {
        world.session("s", &["a"]).await;
        world.session("t", &["b"]).await;
        // They end an hour after one another, the first an hour after noon.
        for tag in 1..=5 {
            run(world, "s", "a", tag).await;
        }
        run(world, "t", "b", 1).await;
        assert_eq!(counts(world).await, (6, 6));
        // The first ended then, which is not before.
        assert!(!forget(world, NOON + HOUR, 10).await);
        assert_eq!(tags(world, "s").await, [5, 4, 3, 2, 1]);
        assert!(!forget(world, NOON + HOUR + 1, 10).await);
        assert_eq!(tags(world, "s").await, [5, 4, 3, 2]);
        // The oldest first, so many at a time, with their jobs.
        assert!(forget(world, i64::MAX, 2).await);
        assert_eq!((tags(world, "s").await, counts(world).await), (vec![5, 4], (3, 3)));
        // As many as there were: there may be more.
        assert!(forget(world, i64::MAX, 1).await);
        assert!(!forget(world, i64::MAX, 1).await);
        assert_eq!((tags(world, "s").await, tags(world, "t").await), (vec![5], vec![1]));
        assert_eq!(counts(world).await, (2, 2));
        run(world, "s", "a", 6).await;
        assert_eq!(tags(world, "s").await, [6, 5]);
    }

    async fn a_run_that_is_on_stays_and_so_does_what_it_superseded_for_its_time(world) {
        world.session("s", &["a"]).await;
        for tag in 1..=2 {
            world.pass(HOUR);
            world.one(starting("s", "a", tag - 1)).await.0.unwrap();
        }
        let superseded_at = NOON + 2 * HOUR;
        assert!(!forget(world, superseded_at, 10).await);
        assert_eq!(tags(world, "s").await, [2, 1]);
        assert!(!forget(world, i64::MAX, 10).await);
        let runs = world.runs("s").await.unwrap();
        let left: Vec<_> = runs.iter().map(|run| (run.tag, run.status, run.jobs.len())).collect();
        assert_eq!(left, [(2, SessionRunStatus::Running, 1)]);
        world.one(ending("s", "a", 2, RunResult::Success)).await.0.unwrap();
        assert_eq!(counts(world).await, (1, 1));
    }

    async fn the_tags_of_a_session_that_is_gone_go_on(world) {
        world.session("s", &["a"]).await;
        for tag in 1..=3 {
            run(world, "s", "a", tag).await;
        }
        world.one(deleting("s")).await.0.unwrap();
        assert!(!forget(world, i64::MAX, 10).await);
        assert_eq!(tags(world, "s").await, [3]);
        world.session("s", &["b"]).await;
        run(world, "s", "b", 4).await;
        assert_eq!(tags(world, "s").await, [4, 3]);
    }
}
