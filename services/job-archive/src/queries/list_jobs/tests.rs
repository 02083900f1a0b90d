use muster_contract::{
    Role,
    job_archive::{NewTag, StartJob, StopJob, StopTarget},
};
use proptest::{
    prelude::{Just, prop_oneof},
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use super::*;
use crate::{
    commands::{start_job::start_jobs, stop_job::stop_jobs},
    domain::{list_limits::MAX_JOBS, streams::MAX_STREAMS},
    testing::{DAY, NOON, clusters, everything, on_both_engines, principal, start, token},
};

mod deep_pages;

const NOW: Timestamp = Timestamp::from_seconds(NOON + 100 * DAY);

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

async fn listed(database: &Database, caller: &Principal, question: ListJobs) -> Vec<Job> {
    list_jobs(database, NOW, caller, question)
        .await
        .unwrap()
        .unwrap()
}

async fn ids(database: &Database, caller: &Principal, question: ListJobs) -> Vec<i64> {
    listed(database, caller, question)
        .await
        .iter()
        .map(|job| job.id)
        .collect()
}

on_both_engines! {
    async fn an_empty_archive_has_an_empty_list(database) {
        let admin = principal("root", "demo", &[Role::Admin]);
        for caller in [token(), admin, principal("alice", "demo", &[Role::User])] {
            assert!(listed(database, &caller, everything()).await.is_empty());
            let running = ListJobs { states: vec![JobState::Running], ..everything() };
            assert!(listed(database, &caller, running).await.is_empty());
            let second = ListJobs { page: 2, page_size: Some(25), ..everything() };
            assert!(listed(database, &caller, second).await.is_empty());
        }
    }

    async fn a_job_comes_back_as_it_went_in(database) {
        let mut full = start(7, NOON);
        full.array_job_id = 5;
        full.smt = 2;
        full.meta_data.insert("jobName".to_owned(), "relaxation".to_owned());
        full.details.energy = Some(0.04);
        full.details.requested_memory = 250_000;
        full.tags = vec![NewTag { kind: "k".to_owned(), name: "n".to_owned(), scope: "global".to_owned() }];
        let id = begin(database, &token(), &[full.clone()]).await[0];
        let with_meta_data = ListJobs { with_meta_data: true, ..everything() };
        let job = listed(database, &token(), with_meta_data).await.remove(0);
        let expected = Job {
            id,
            job_id: 7,
            tenant: "demo".to_owned(),
            user: full.user,
            project: full.project,
            cluster: full.cluster,
            sub_cluster: "main".to_owned(),
            partition: full.partition,
            array_job_id: 5,
            num_nodes: 1,
            num_hwthreads: 72,
            num_acc: 0,
            sharing: full.sharing,
            monitoring_status: 1,
            smt: 2,
            state: JobState::Running,
            // It runs since, and the clock says so.
            duration: 100 * DAY,
            walltime: 3_600,
            start_time: NOON,
            details: full.details,
            meta_data: Some(full.meta_data),
            tags: job.tags.clone(),
        };
        assert_eq!(job, expected);
        assert_eq!(job.tags.len(), 1);
        let without = listed(database, &token(), everything()).await.remove(0);
        assert_eq!(without, Job { meta_data: None, ..expected });
    }

    async fn pages_are_cut_from_one_order(database) {
        // Equal starts by falling number.
        let starts: Vec<StartJob> = (0..120).map(|number| start(number, NOON + number / 3)).collect();
        let mut expected = begin(database, &token(), &starts).await;
        expected.reverse();
        assert_eq!(ids(database, &token(), everything()).await, expected);
        for size in [1, 7, 50, 51, 119, 120, 121, 10_000_000] {
            let mut collected: Vec<i64> = Vec::new();
            for page in 1.. {
                let question = ListJobs { page, page_size: Some(size), ..everything() };
                let found = ids(database, &token(), question).await;
                assert!(found.len() as u64 <= size);
                collected.extend(&found);
                if found.is_empty() || page > 130 {
                    break;
                }
            }
            assert_eq!(collected, expected, "{size}");
        }
    }

    async fn a_list_has_the_tags_its_reader_sees(database) {
        let tag = |scope: &str| NewTag { kind: "k".to_owned(), name: "n".to_owned(), scope: scope.to_owned() };
        let mut starts: Vec<StartJob> = (0..60).map(|number| start(number, NOON)).collect();
        starts[3].tags = vec![tag("global"), tag("admin"), tag("bob")];
        starts[55].tags = vec![tag("global")];
        begin(database, &token(), &starts).await;
        let scopes = async |caller: Principal| -> Vec<(i64, String)> {
            let jobs = listed(database, &caller, everything()).await;
            let tags = jobs.iter().flat_map(|job| job.tags.iter().map(|tag| (job.job_id, tag.scope.clone())));
            tags.collect()
        };
        let global = || "global".to_owned();
        assert_eq!(scopes(token()).await, [(55, global()), (3, global())]);
        let supporter = principal("sue", "other", &[Role::Support]);
        assert_eq!(scopes(supporter).await, [(55, global()), (3, "admin".to_owned()), (3, global())]);
        let bob = principal("bob", "demo", &[Role::Api]);
        assert_eq!(scopes(bob).await, [(55, global()), (3, "bob".to_owned()), (3, global())]);
    }

    async fn what_no_column_can_hold_is_nowhere(database) {
        begin(database, &token(), &[start(7, NOON)]).await;
        for question in [
            ListJobs { cluster: Some("\0".to_owned()), ..everything() },
            ListJobs { project: Some("\0".to_owned()), ..everything() },
        ] {
            assert!(listed(database, &token(), question).await.is_empty());
        }
    }

    async fn every_filter_comes_to_what_a_plain_filter_comes_to(database) {
        let states = [JobState::Running, JobState::Completed, JobState::Failed, JobState::NodeFail, JobState::Pending];
        let mut transaction = database.begin().await.unwrap();
        let clusters = clusters();
        for number in 0..150_usize {
            let job_id = i64::try_from(number).unwrap();
            let mut start = start(job_id, NOON + (job_id * 7_919) % 50);
            if number % 3 == 0 {
                start.cluster = "beta".to_owned();
            }
            start.user = ["alice", "bob", "carol"][number % 7 % 3].to_owned();
            start.project = ["physics", "chemistry"][number % 5 % 2].to_owned();
            start.state = states[number % 11 % 5];
            let tenant = ["demo", "other", "third"][number % 13 % 3];
            let caller = principal("token", tenant, &[Role::Api]);
            let results = start_jobs(&mut transaction, &clusters, &[(&caller, &start)]).await.unwrap();
            assert!(results[0].is_ok());
        }
        transaction.commit().await.unwrap();
        let admin = principal("root", "demo", &[Role::Admin]);
        let all = listed(database, &admin, everything()).await;
        assert_eq!(all.len(), 150);
        assert!(all.is_sorted_by_key(|job| std::cmp::Reverse((job.start_time, job.id))));

        let callers = [
            admin,
            token(),
            principal("sue", "other", &[Role::Support]),
            principal("alice", "demo", &[Role::User]),
            principal("bob", "other", &[Role::User]),
            principal("token", "nowhere", &[Role::Api]),
        ];
        let states = [states.to_vec(), vec![JobState::Timeout, JobState::Suspended]].concat();
        let questions = (
            0..callers.len(),
            proptest::sample::subsequence(states, 0..4),
            prop_oneof![Just(None), Just(Some("alpha")), Just(Some("beta")), Just(Some("gamma"))],
            prop_oneof![3 => Just(None), 1 => Just(Some("physics")), 1 => Just(Some("chemistry"))],
            proptest::option::of(NOON - 1..NOON + 51),
            proptest::option::of(NOON - 1..NOON + 51),
            proptest::option::of(1..40_u64),
            1..4_u64,
        );
        let mut runner = TestRunner::deterministic();
        for _ in 0..300 {
            let (caller, states, cluster, project, start_from, start_to, page_size, page) =
                questions.new_tree(&mut runner).unwrap().current();
            let caller = &callers[caller];
            let question = ListJobs {
                states,
                cluster: cluster.map(str::to_owned),
                project: project.map(str::to_owned),
                start_from,
                start_to,
                page_size,
                page,
                with_meta_data: false,
            };
            let fits = |job: &&Job| {
                (caller.sees_all_tenants() || job.tenant == caller.project)
                    && (caller.roles != [Role::User] || job.user == caller.name)
                    && (question.states.is_empty() || question.states.contains(&job.state))
                    && cluster.is_none_or(|cluster| job.cluster == cluster)
                    && project.is_none_or(|project| job.project == project)
                    && start_from.is_none_or(|from| job.start_time >= from)
                    && start_to.is_none_or(|to| job.start_time <= to)
            };
            let page_size = page_size.map_or(1_000, |size| usize::try_from(size).unwrap());
            let expected: Vec<Job> = all
                .iter()
                .filter(fits)
                .skip(page_size * (usize::try_from(page).unwrap() - 1))
                .take(page_size)
                .cloned()
                .collect();
            let found = listed(database, caller, question.clone()).await;
            assert_eq!(found, expected, "{caller:?} {question:?}");
        }
    }

    async fn a_list_sees_what_has_been_answered(database) {
        let id = begin(database, &token(), &[start(7, NOON)]).await[0];
        let in_state = |state| ListJobs { states: vec![state], ..everything() };
        assert_eq!(ids(database, &token(), in_state(JobState::Running)).await, [id]);
        let stop = StopJob { target: StopTarget::Id(id), stop_time: NOON + 60, state: JobState::Timeout };
        let mut transaction = database.begin().await.unwrap();
        stop_jobs(&mut transaction, &[(&token(), &stop)]).await.unwrap()[0].as_ref().unwrap();
        transaction.commit().await.unwrap();
        assert!(ids(database, &token(), in_state(JobState::Running)).await.is_empty());
        let stopped = listed(database, &token(), in_state(JobState::Timeout)).await;
        assert_eq!((stopped[0].id, stopped[0].duration), (id, 60));
    }
}

on_both_engines! {
    async fn whoever_sees_all_sees_however_many_tenants(database) {
        let mut transaction = database.begin().await.unwrap();
        let clusters = clusters();
        for number in 0..MORE_TENANTS_THAN_STREAMS {
            let caller = principal("token", &format!("tenant-{number}"), &[Role::Api]);
            let mut start = start(number, NOON + (number * 7_919) % 101);
            if number % 2 == 0 {
                start.state = JobState::Failed;
            }
            let results = start_jobs(&mut transaction, &clusters, &[(&caller, &start)]).await.unwrap();
            assert!(results[0].is_ok());
            if number + 1 == i64::try_from(MAX_STREAMS).unwrap() {
                transaction.commit().await.unwrap();
                sees_all(database, number + 1).await;
                transaction = database.begin().await.unwrap();
            }
        }
        transaction.commit().await.unwrap();
        sees_all(database, MORE_TENANTS_THAN_STREAMS).await;
    }
}

/// More tenants than a list is merged from streams.
const MORE_TENANTS_THAN_STREAMS: i64 = 300;

async fn sees_all(database: &Database, jobs: i64) {
    let admin = principal("root", "demo", &[Role::Admin]);
    let all = listed(database, &admin, everything()).await;
    assert_eq!(i64::try_from(all.len()).unwrap(), jobs);
    assert!(all.is_sorted_by_key(|job| std::cmp::Reverse((job.start_time, job.id))));
    for states in [
        vec![JobState::Failed],
        vec![JobState::Failed, JobState::Running],
    ] {
        let expected: Vec<i64> = all
            .iter()
            .filter(|job| states.contains(&job.state))
            .map(|job| job.id)
            .skip(20)
            .take(10)
            .collect();
        let cluster = Some("alpha".to_owned());
        for cluster in [None, cluster] {
            let states = states.clone();
            let question = ListJobs {
                states,
                cluster,
                page: 3,
                page_size: Some(10),
                ..everything()
            };
            assert_eq!(ids(database, &admin, question).await, expected);
        }
    }
}

/// Rows of the least a job has, made by the engine itself.
async fn fill(database: &Database, jobs: u64) {
    let mut transaction = database.begin().await.unwrap();
    transaction
        .execute(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < $1) \
             INSERT INTO job (tenant, job_id, cluster, sub_cluster, start_time, state, user_name, project, partition, \
                 array_job_id, num_nodes, num_hwthreads, num_acc, sharing, monitoring_status, smt, duration, walltime, \
                 details) \
             SELECT 'demo', n, 'alpha', 'main', n, 'completed', 'alice', 'physics', '', 0, 1, 0, 0, 'none', 1, 0, 0, 0, \
                 '{\"resources\":[]}' FROM number",
            &[i64::try_from(jobs).unwrap().into()],
        )
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

on_both_engines! {
    async fn more_jobs_than_an_answer_holds_are_refused(database) {
        fill(database, MAX_JOBS + 2).await;
        let asked = async |question| list_jobs(database, NOW, &token(), question).await.unwrap();
        let too_many = Err(ListJobsRefusal::TooMany { limit: MAX_JOBS });
        assert_eq!(asked(everything()).await, too_many);
        let huge = ListJobs { page_size: Some(9_999_999), ..everything() };
        assert_eq!(asked(huge.clone()).await, too_many);
        // What fits is given however large the page is that was asked for.
        let some = ListJobs { start_from: Some(i64::try_from(MAX_JOBS).unwrap() - 600), ..huge.clone() };
        assert_eq!(asked(some).await.unwrap().len(), 603);
        // Nothing is that deep.
        let second = ListJobs { page: 2, ..huge };
        assert_eq!(asked(second).await, Ok(vec![]));
        let last = ListJobs { page_size: Some(25), page: MAX_JOBS / 25 + 1, ..everything() };
        let last: Vec<i64> = asked(last).await.unwrap().iter().map(|job| job.job_id).collect();
        assert_eq!(last, [2, 1]);
    }
}
