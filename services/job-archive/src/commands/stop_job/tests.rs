use muster_contract::{
    Role,
    job_archive::{JobState, NewTag, StartJob},
};
use muster_storage::Database;

use super::*;
use crate::{
    commands::start_job::start_jobs,
    testing::{DAY, NOON, clusters, on_both_engines, principal, start, stop, token},
};

async fn begin(database: &Database, caller: &Principal, starts: &[StartJob]) -> Vec<i64> {
    let starts: Vec<(&Principal, &StartJob)> = starts.iter().map(|start| (caller, start)).collect();
    let mut transaction = database.begin().await.unwrap();
    let results = start_jobs(&mut transaction, &clusters(), &starts)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    results
        .into_iter()
        .map(|result| result.unwrap().id)
        .collect()
}

type StopResult = Result<Job, StopJobRefusal>;

async fn commit(database: &Database, caller: &Principal, stops: &[StopJob]) -> Vec<StopResult> {
    let stops: Vec<(&Principal, &StopJob)> = stops.iter().map(|stop| (caller, stop)).collect();
    let mut transaction = database.begin().await.unwrap();
    let results = stop_jobs(&mut transaction, &stops).await.unwrap();
    transaction.commit().await.unwrap();
    results
}

async fn one(database: &Database, stop: StopJob) -> StopResult {
    commit(database, &token(), &[stop]).await.remove(0)
}

fn by_id(id: i64, stop_time: i64) -> StopJob {
    StopJob {
        target: StopTarget::Id(id),
        ..stop(0, stop_time)
    }
}

fn newest(job_id: i64, cluster: Option<&str>, start_time: Option<i64>) -> StopJob {
    StopJob {
        target: StopTarget::Newest {
            job_id,
            cluster: cluster.map(str::to_owned),
            start_time,
        },
        ..stop(0, NOON + 10 * DAY)
    }
}

fn not_running(id: i64, job_id: i64, state: JobState) -> StopResult {
    Err(StopJobRefusal::NotRunning { id, job_id, state })
}

on_both_engines! {
    async fn a_job_is_stopped_once(database) {
        let id = begin(database, &token(), &[start(7, NOON)]).await[0];
        let job = one(database, stop(7, NOON + 60)).await.unwrap();
        assert_eq!((job.id, job.state, job.duration), (id, JobState::Completed, 60));
        assert_eq!((job.monitoring_status, job.start_time), (1, NOON));
        assert_eq!((job.tenant.as_str(), job.user.as_str()), ("demo", "alice"));
        assert_eq!((job.meta_data, job.tags), (None, vec![]));
        assert_eq!(job.details, start(7, NOON).details);

        let again = not_running(id, 7, JobState::Completed);
        assert_eq!(one(database, stop(7, NOON + 90)).await, again);
        assert_eq!(one(database, by_id(id, NOON + 90)).await, again);
        let too_early = StopJobRefusal::StopsBeforeStart { start_time: NOON, stop_time: NOON - 1 };
        assert_eq!(one(database, stop(7, NOON - 1)).await, Err(too_early));
    }

    async fn a_job_may_stop_when_it_starts_but_not_before(database) {
        let ids = begin(database, &token(), &[start(1, NOON), start(2, NOON)]).await;
        assert_eq!(one(database, by_id(ids[0], NOON)).await.unwrap().duration, 0);
        let too_early = StopJobRefusal::StopsBeforeStart { start_time: NOON, stop_time: NOON - 1 };
        assert_eq!(one(database, by_id(ids[1], NOON - 1)).await, Err(too_early));
        assert!(one(database, by_id(ids[1], i64::MAX)).await.is_ok());
    }

    async fn the_newest_that_fits_is_meant(database) {
        let mut beta = start(7, NOON + 2 * DAY);
        beta.cluster = "beta".to_owned();
        let starts = [start(7, NOON), start(7, NOON + DAY), beta];
        let ids = begin(database, &token(), &starts).await;
        let fits = async |stop| match one(database, stop).await {
            Ok(job) => job.id,
            other => panic!("{other:?}"),
        };
        assert_eq!(fits(newest(7, Some("alpha"), None)).await, ids[1]);
        // The newest has stopped; an older one that still runs is not taken instead.
        assert_eq!(
            one(database, newest(7, Some("alpha"), None)).await,
            not_running(ids[1], 7, JobState::Completed)
        );
        assert_eq!(fits(newest(7, Some("alpha"), Some(NOON))).await, ids[0]);
        assert_eq!(fits(newest(7, None, None)).await, ids[2]);
        for missing in [newest(8, None, None), newest(7, Some("gamma"), None), newest(7, Some("\0"), None)] {
            assert_eq!(one(database, missing).await, Err(StopJobRefusal::NotFound));
        }
        assert_eq!(one(database, by_id(1_000, NOON)).await, Err(StopJobRefusal::NotFound));
    }

    async fn a_start_time_that_no_job_has_means_the_newest_that_runs(database) {
        let starts = [start(7, NOON), start(7, NOON + DAY), start(7, NOON + 2 * DAY)];
        let ids = begin(database, &token(), &starts).await;
        one(database, by_id(ids[2], NOON + 3 * DAY)).await.unwrap();
        let other_element = || newest(7, Some("alpha"), Some(NOON + 17));
        // Two in one batch come to two jobs, a third finds none that runs.
        let batch = [other_element(), other_element(), other_element()];
        let results = commit(database, &token(), &batch).await;
        let stopped: Vec<Option<i64>> =
            results.iter().map(|result| result.as_ref().ok().map(|job| job.id)).collect();
        assert_eq!(stopped, [Some(ids[1]), Some(ids[0]), None]);
        assert_eq!(results[2], Err(StopJobRefusal::NotFound));
        // One that has stopped and has the start time is meant, though.
        assert_eq!(
            one(database, newest(7, Some("alpha"), Some(NOON))).await,
            not_running(ids[0], 7, JobState::Completed)
        );
    }

    async fn of_many_stops_of_a_job_in_a_batch_the_first_counts(database) {
        let id = begin(database, &token(), &[start(7, NOON), start(8, NOON)]).await[0];
        let batch: Vec<StopJob> = (0..20)
            .flat_map(|second| [stop(7, NOON + 100 + second), by_id(id, NOON + 200), stop(8, NOON + 5)])
            .collect();
        let results = commit(database, &token(), &batch).await;
        let stopped: Vec<(i64, i64)> =
            results.iter().flatten().map(|job| (job.job_id, job.duration)).collect();
        assert_eq!(stopped, [(7, 100), (8, 5)]);
        assert_eq!(results[1], not_running(id, 7, JobState::Completed));
        assert_eq!(results[59], results[5]);
    }

    async fn any_state_may_be_the_last_even_running(database) {
        let id = begin(database, &token(), &[start(7, NOON)]).await[0];
        let running = |stop_time| StopJob { state: JobState::Running, ..by_id(id, stop_time) };
        let batch = [running(NOON + 5), running(NOON + 6), by_id(id, NOON + 7), running(NOON + 8)];
        let results = commit(database, &token(), &batch).await;
        let durations: Vec<i64> = results.iter().flatten().map(|job| job.duration).collect();
        assert_eq!(durations, [5, 6, 7]);
        assert_eq!(results[3], not_running(id, 7, JobState::Completed));
    }

    async fn jobs_of_others_are_not_there(database) {
        let mine = principal("alice", "demo", &[Role::User]);
        let ids = begin(database, &mine, &[start(1, NOON), start(2, NOON), start(3, NOON), start(4, NOON)]).await;
        let missing = [Err(StopJobRefusal::NotFound), Err(StopJobRefusal::NotFound)];
        for stranger in [
            principal("alice", "other", &[Role::Api]),
            principal("sue", "other", &[Role::Support]),
            principal("bob", "demo", &[Role::User]),
            principal("bob", "demo", &[]),
        ] {
            let batch = [by_id(ids[0], NOON), stop(1, NOON)];
            assert_eq!(commit(database, &stranger, &batch).await, missing, "{stranger:?}");
        }
        for (job_id, friend) in [
            (1, mine),
            (2, token()),
            (3, principal("max", "demo", &[Role::Manager])),
            (4, principal("root", "other", &[Role::Admin])),
        ] {
            assert!(commit(database, &friend, &[stop(job_id, NOON)]).await[0].is_ok(), "{friend:?}");
        }
    }

    async fn the_newest_is_taken_of_what_the_caller_may_change(database) {
        let other = principal("token", "other", &[Role::Api]);
        let mine = begin(database, &token(), &[start(7, NOON)]).await[0];
        begin(database, &other, &[start(7, NOON + DAY)]).await;
        assert_eq!(one(database, stop(7, NOON + 2 * DAY)).await.unwrap().id, mine);
    }

    async fn tags_are_shown_to_whom_they_are_for(database) {
        let mut tagged = start(7, NOON);
        tagged.tags = ["global", "admin", "token", "bob"]
            .map(|scope| NewTag { kind: "k".to_owned(), name: "n".to_owned(), scope: scope.to_owned() })
            .to_vec();
        let mut plain = tagged.clone();
        plain.job_id = 8;
        begin(database, &token(), &[tagged, plain, start(9, NOON)]).await;
        let scopes = |result: &StopResult| -> Vec<String> {
            let mut scopes: Vec<String> =
                result.as_ref().unwrap().tags.iter().map(|tag| tag.scope.clone()).collect();
            scopes.sort();
            scopes
        };
        let results = commit(database, &token(), &[stop(7, NOON), stop(9, NOON)]).await;
        assert_eq!(scopes(&results[0]), ["global", "token"]);
        assert!(scopes(&results[1]).is_empty());
        let admin = principal("root", "demo", &[Role::Admin]);
        let results = commit(database, &admin, &[stop(8, NOON)]).await;
        assert_eq!(scopes(&results[0]), ["admin", "global"]);
    }
}

/// Two replicas on one database: of the stops of one job, one counts, and the others see it.
#[tokio::test]
async fn of_stops_on_two_replicas_at_once_one_counts() {
    let Some(first) = crate::testing::DATABASES.postgres().await.unwrap() else {
        return;
    };
    let second = first.replica().await.unwrap();
    let starts: Vec<StartJob> = (0..20).map(|number| start(number, NOON)).collect();
    let caller = token();
    let ids = begin(&first.database, &caller, &starts).await;
    for (number, id) in (0..).zip(ids) {
        let here = [stop(number, NOON + 1)];
        let there = [by_id(id, NOON + 2)];
        let (one, other) = tokio::join!(
            commit(&first.database, &caller, &here),
            commit(&second, &caller, &there),
        );
        let refused = not_running(id, number, JobState::Completed);
        let results = (&one[0], &other[0]);
        assert!(
            results.0.is_ok() && *results.1 == refused
                || results.1.is_ok() && *results.0 == refused,
            "{results:?}"
        );
    }
}

/// While one replica has stopped a job and not yet committed, the other waits and then sees it.
#[tokio::test]
async fn a_stop_that_waited_for_another_sees_its_result() {
    let Some(first) = crate::testing::DATABASES.postgres().await.unwrap() else {
        return;
    };
    let second = first.replica().await.unwrap();
    let caller = token();
    let id = begin(&first.database, &caller, &[start(7, NOON)]).await[0];
    let mut transaction = first.database.begin().await.unwrap();
    let here = stop(7, NOON + 1);
    let stopped = stop_jobs(&mut transaction, &[(&caller, &here)])
        .await
        .unwrap();
    assert!(stopped[0].is_ok());
    let there = [StopJob {
        state: JobState::Failed,
        ..stop(7, NOON + 2)
    }];
    let waiting = commit(&second, &caller, &there);
    let ending = async {
        // The other has to be at the row by then.
        muster_testkit::eventually(
            muster_testkit::DEADLINE,
            "a transaction that waits",
            async || {
                let waiting: Option<(i64,)> = first
                    .database
                    .fetch_optional("SELECT COUNT(*) FROM pg_locks WHERE NOT granted", &[])
                    .await
                    .unwrap();
                (waiting.unwrap().0 > 0).then_some(())
            },
        )
        .await
        .unwrap();
        transaction.commit().await.unwrap();
    };
    let (results, ()) = tokio::join!(waiting, ending);
    assert_eq!(results, [not_running(id, 7, JobState::Completed)]);
}
