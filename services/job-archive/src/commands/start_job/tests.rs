use std::collections::HashMap;

use muster_contract::job_archive::{JobState, NewTag, NodeSharing, Resource};
use muster_storage::{Bind, Database};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use super::*;
use crate::testing::{DAY, NOON, clusters, on_both_engines, principal, start, token};

type StartResult = Result<JobStarted, StartJobRefusal>;

async fn commit(database: &Database, starts: &[StartJob]) -> Vec<StartResult> {
    let caller = token();
    let starts: Vec<(&Principal, &StartJob)> =
        starts.iter().map(|start| (&caller, start)).collect();
    let mut transaction = database.begin().await.unwrap();
    let results = start_jobs(&mut transaction, &clusters(), &starts)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    results
}

async fn one(database: &Database, start: StartJob) -> StartResult {
    commit(database, &[start]).await.remove(0)
}

async fn count(database: &Database, sql: &'static str) -> i64 {
    let row: Option<(i64,)> = database.fetch_optional(sql, &[]).await.unwrap();
    row.unwrap().0
}

fn tag(name: &str) -> NewTag {
    NewTag {
        kind: "kind".to_owned(),
        name: name.to_owned(),
        scope: "global".to_owned(),
    }
}

fn in_the_way(id: i64, job_id: i64) -> StartResult {
    Err(StartJobRefusal::AlreadyExists { id, job_id })
}

on_both_engines! {
    async fn a_job_is_recorded_and_told(database) {
        let event = one(database, start(7, NOON)).await.unwrap();
        assert_eq!(
            event,
            JobStarted {
                id: event.id,
                tenant: "demo".to_owned(),
                job_id: 7,
                cluster: "alpha".to_owned(),
                sub_cluster: "main".to_owned(),
                user: "alice".to_owned(),
                project: "physics".to_owned(),
                start_time: NOON,
                num_nodes: 1,
                state: JobState::Running,
            }
        );
    }

    async fn a_job_is_placed_by_what_was_told_or_by_its_first_node(database) {
        let mut told = start(1, NOON);
        told.sub_cluster = Some("fat".to_owned());
        assert_eq!(one(database, told).await.unwrap().sub_cluster, "fat");
        let mut by_node = start(2, NOON);
        by_node.details.resources[0].hostname = "a11".to_owned();
        assert_eq!(one(database, by_node).await.unwrap().sub_cluster, "fat");

        let mut cluster = start(3, NOON);
        cluster.cluster = "gamma".to_owned();
        let mut part = start(3, NOON);
        part.sub_cluster = Some("thin".to_owned());
        let mut node = start(3, NOON);
        node.details.resources[0].hostname = "b01".to_owned();
        let refusals = commit(database, &[cluster, part, node]).await;
        let (cluster, sub_cluster) = ("alpha".to_owned(), "thin".to_owned());
        let hostname = "b01".to_owned();
        assert_eq!(
            refusals,
            [
                Err(StartJobRefusal::UnknownCluster { cluster: "gamma".to_owned() }),
                Err(StartJobRefusal::UnknownSubCluster { cluster: cluster.clone(), sub_cluster }),
                Err(StartJobRefusal::NoSubClusterForHost { cluster, hostname }),
            ]
        );
        assert_eq!(count(database, "SELECT COUNT(*) FROM job").await, 2);
    }

    async fn a_number_is_used_again_only_a_day_later(database) {
        let first = one(database, start(7, NOON)).await.unwrap().id;
        for start_time in [NOON, NOON + DAY - 1, NOON - 1, NOON - 10 * DAY, i64::MIN] {
            assert_eq!(one(database, start(7, start_time)).await, in_the_way(first, 7));
        }
        let second = one(database, start(7, NOON + DAY)).await.unwrap().id;
        // The one in the way is the latest.
        assert_eq!(one(database, start(7, NOON)).await, in_the_way(second, 7));
        assert!(one(database, start(7, i64::MAX)).await.is_ok());
        assert!(one(database, start(7, i64::MAX)).await.is_err());
    }

    async fn a_number_belongs_to_its_cluster_whoever_reports(database) {
        let id = one(database, start(7, NOON)).await.unwrap().id;
        let mut beta = start(7, NOON);
        beta.cluster = "beta".to_owned();
        assert!(one(database, beta).await.is_ok());
        let stranger = principal("token", "other", &[muster_contract::Role::Api]);
        let again = start(7, NOON);
        let mut transaction = database.begin().await.unwrap();
        let results = start_jobs(&mut transaction, &clusters(), &[(&stranger, &again)]).await;
        assert_eq!(results.unwrap(), [in_the_way(id, 7)]);
    }

    async fn of_many_equal_starts_in_a_batch_the_first_counts(database) {
        let batch: Vec<StartJob> = (0..32).map(|_| start(7, NOON)).collect();
        let results = commit(database, &batch).await;
        let id = results[0].as_ref().unwrap().id;
        assert!(results[1..].iter().all(|result| *result == in_the_way(id, 7)));
        let again = commit(database, &batch).await;
        assert!(again.iter().all(|result| *result == in_the_way(id, 7)));
        assert_eq!(count(database, "SELECT COUNT(*) FROM job").await, 1);
    }

    async fn a_batch_larger_than_a_statement_is_recorded_whole(database) {
        let batch: Vec<StartJob> = (0..100).map(|number| start(number, NOON)).collect();
        let results = commit(database, &batch).await;
        for (number, result) in (0..).zip(&results) {
            assert_eq!(result.as_ref().unwrap().job_id, number);
        }
        assert_eq!(count(database, "SELECT COUNT(DISTINCT id) FROM job").await, 100);
    }

    async fn tags_are_made_once_and_attached_with_the_job(database) {
        let mut first = start(1, NOON);
        first.tags = vec![tag("a"), tag("b"), tag("a")];
        let mut second = start(2, NOON);
        second.tags = vec![tag("b"), tag("c")];
        let mut refused = start(1, NOON);
        refused.tags = vec![tag("d")];
        let results = commit(database, &[first, second, refused]).await;
        assert!(results[0].is_ok() && results[1].is_ok() && results[2].is_err());
        assert_eq!(count(database, "SELECT COUNT(*) FROM tag").await, 3);
        assert_eq!(count(database, "SELECT COUNT(*) FROM job_tag").await, 4);
        let mut third = start(3, NOON);
        third.tags = vec![tag("a"), tag("e")];
        assert!(one(database, third).await.is_ok());
        assert_eq!(count(database, "SELECT COUNT(*) FROM tag").await, 4);
        assert_eq!(count(database, "SELECT COUNT(*) FROM job_tag").await, 6);
    }

    async fn texts_that_a_column_cannot_hold_are_refused(database) {
        let refused = |start: StartJob| async move {
            match one(database, start).await {
                Err(StartJobRefusal::NulCharacter { member }) => member,
                other => panic!("{other:?}"),
            }
        };
        let mut user = start(1, NOON);
        user.user = "a\0b".to_owned();
        assert_eq!(refused(user).await, "user");
        let mut tagged = start(1, NOON);
        tagged.tags = vec![tag("\0")];
        assert_eq!(refused(tagged).await, "tags");
        // JSON can.
        let mut node = start(1, NOON);
        node.sub_cluster = Some("main".to_owned());
        node.details.resources[0].hostname = "a\0".to_owned();
        node.meta_data.insert("jobScript".to_owned(), "\0".to_owned());
        assert!(one(database, node).await.is_ok());
    }

    async fn nothing_is_left_of_a_batch_that_is_undone(database) {
        let caller = token();
        let mut tagged = start(1, NOON);
        tagged.tags = vec![tag("a")];
        let mut transaction = database.begin().await.unwrap();
        start_jobs(&mut transaction, &clusters(), &[(&caller, &tagged)]).await.unwrap();
        transaction.rollback().await.unwrap();
        assert_eq!(count(database, "SELECT COUNT(*) FROM job").await, 0);
        assert_eq!(count(database, "SELECT COUNT(*) FROM tag").await, 0);
    }

    async fn batches_come_to_what_their_starts_come_to_one_by_one(database) {
        let times = [-DAY, -1, 0, 1, DAY - 1, DAY, 2 * DAY];
        let one_start = (0..3_i64, 0..times.len(), proptest::bool::ANY);
        let batches = proptest::collection::vec(proptest::collection::vec(one_start, 1..9), 1..4);
        let mut runner = TestRunner::deterministic();
        for _ in 0..40 {
            let batches = batches.new_tree(&mut runner).unwrap().current();
            let mut model: HashMap<(bool, i64), (i64, i64)> = HashMap::new();
            let mut transaction = database.begin().await.unwrap();
            transaction.execute("DELETE FROM job", &[]).await.unwrap();
            for batch in &batches {
                let caller = token();
                let starts: Vec<StartJob> = batch
                    .iter()
                    .map(|(number, time, on_beta)| {
                        let mut start = start(*number, NOON + times[*time]);
                        if *on_beta {
                            start.cluster = "beta".to_owned();
                        }
                        start
                    })
                    .collect();
                let starts: Vec<(&Principal, &StartJob)> =
                    starts.iter().map(|start| (&caller, start)).collect();
                let results = start_jobs(&mut transaction, &clusters(), &starts).await.unwrap();
                for ((number, time, on_beta), result) in batch.iter().zip(results) {
                    let start_time = NOON + times[*time];
                    let latest = model.get(&(*on_beta, *number)).copied();
                    if let Some((_, id)) = latest.filter(|(other, _)| start_time - other < DAY) {
                        assert_eq!(result, in_the_way(id, *number), "{batches:?}");
                    } else {
                        let id = result.unwrap_or_else(|_| panic!("{batches:?}")).id;
                        model.insert((*on_beta, *number), (start_time, id));
                    }
                }
            }
        }
    }
}

/// Two replicas on one database, each with its own connections: of the starts of one number, one is recorded.
#[tokio::test]
async fn of_starts_on_two_replicas_at_once_one_is_recorded() {
    let Some(first) = crate::testing::DATABASES.postgres().await.unwrap() else {
        return;
    };
    let second = first.replica().await.unwrap();
    for number in 0..20 {
        // An hour apart: the unique key alone would let both in.
        let here = [start(number, NOON), start(100 + number, NOON)];
        let later = NOON + 3_600;
        let there = [start(100 + number, later), start(number, later)];
        let (one, other) = tokio::join!(commit(&first.database, &here), commit(&second, &there));
        let recorded = one
            .iter()
            .chain(&other)
            .filter(|result| result.is_ok())
            .count();
        assert_eq!(recorded, 2, "{one:?} {other:?}");
    }
    assert_eq!(count(&second, "SELECT COUNT(*) FROM job").await, 40);
}

#[tokio::test]
async fn the_table_refuses_what_the_rules_would_never_write() {
    let database = crate::testing::DATABASES.sqlite().await.unwrap();
    for spoil in [
        |start: &mut StartJob| start.monitoring_status = 4,
        |start: &mut StartJob| start.num_nodes = 0,
        |start: &mut StartJob| start.user.clear(),
    ] {
        let mut bad = start(1, NOON);
        spoil(&mut bad);
        let caller = token();
        let mut transaction = database.database.begin().await.unwrap();
        let error = start_jobs(&mut transaction, &clusters(), &[(&caller, &bad)]).await;
        assert!(
            matches!(error, Err(StorageError::Constraint { .. })),
            "{error:?}"
        );
    }
}

on_both_engines! {
    async fn every_member_is_in_its_column(database) {
        let mut full = start(7, NOON);
        full.array_job_id = 5;
        full.num_nodes = 2;
        full.num_acc = 4;
        full.sharing = NodeSharing::SingleUser;
        full.monitoring_status = 3;
        full.smt = 2;
        full.duration = 9;
        full.details.resources.push(Resource {
            hostname: "a02".to_owned(),
            hwthreads: vec![0, 1],
            accelerators: vec!["gpu0".to_owned()],
            configuration: "big".to_owned(),
        });
        full.meta_data.insert("jobName".to_owned(), "\u{1F980}".to_owned());
        one(database, full.clone()).await.unwrap();
        let sql = "SELECT details, meta_data, sharing, partition FROM job WHERE array_job_id = $1 AND smt = $2 AND \
            num_acc = $3 AND monitoring_status = $4 AND duration = $5 AND num_nodes = $6";
        let binds: Vec<Bind> = [5_i64, 2, 4, 3, 9, 2].into_iter().map(Bind::from).collect();
        let row: Option<(String, Option<String>, String, String)> =
            database.fetch_optional(sql, &binds).await.unwrap();
        let (details, meta_data, sharing, partition) = row.unwrap();
        assert_eq!(serde_json::from_str::<muster_contract::job_archive::JobDetails>(&details).unwrap(), full.details);
        assert_eq!(meta_data.unwrap(), "{\"jobName\":\"\u{1F980}\"}");
        assert_eq!((sharing.as_str(), partition.as_str()), ("single_user", "standard"));
    }
}
