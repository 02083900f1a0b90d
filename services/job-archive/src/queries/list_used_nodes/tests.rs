use muster_contract::job_archive::{Resource, StartJob};

use super::*;
use crate::{
    commands::{start_job::start_jobs, stop_job::stop_jobs},
    testing::{NOON, clusters, on_both_engines, principal, start, stop, token},
};

fn on(job_id: i64, cluster: &str, nodes: &[&str]) -> StartJob {
    let mut start = start(job_id, NOON + job_id);
    cluster.clone_into(&mut start.cluster);
    start.details.resources = nodes
        .iter()
        .map(|name| Resource {
            hostname: (*name).to_owned(),
            ..Resource::default()
        })
        .collect();
    start
}

on_both_engines! {
    async fn nodes_of_what_runs_are_used(database) {
        let starts = [
            on(1, "alpha", &["a02", "a01"]),
            on(2, "alpha", &["a01"]),
            on(3, "beta", &["z"]),
            on(4, "alpha", &["a03"]),
            on(5, "alpha", &["a04"]),
        ];
        let (caller, other) = (token(), principal("token", "other", &[muster_contract::Role::Api]));
        let theirs = on(6, "alpha", &["a05"]);
        let mut batch: Vec<(&Principal, &StartJob)> = starts.iter().map(|start| (&caller, start)).collect();
        batch.push((&other, &theirs));
        let mut transaction = database.begin().await.unwrap();
        start_jobs(&mut transaction, &clusters(), &batch).await.unwrap();
        stop_jobs(&mut transaction, &[(&caller, &stop(4, NOON + 60))]).await.unwrap().remove(0).unwrap();
        transaction.commit().await.unwrap();
        let used = async |before| {
            let now = Timestamp::from_seconds(NOON + 60);
            let used = list_used_nodes(database, now, &caller, before).await.unwrap().unwrap();
            used.by_cluster.into_iter().collect::<Vec<_>>()
        };
        let nodes = |cluster: &str, names: &[&str]| {
            (cluster.to_owned(), names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        // Strictly before.
        assert_eq!(used(NOON + 5).await, [nodes("alpha", &["a01", "a02"]), nodes("beta", &["z"])]);
        assert_eq!(used(NOON + 6).await, [nodes("alpha", &["a01", "a02", "a04"]), nodes("beta", &["z"])]);
        assert!(used(NOON + 1).await.is_empty());
        assert!(used(i64::MIN).await.is_empty());
    }
}
