use muster_contract::job_archive::NodeState;
use muster_storage::Database;

use super::*;
use crate::{
    store::node_states::known_nodes,
    testing::{NOON, clusters, on_both_engines, principal, token},
};

fn node(hostname: &str, state: NodeState, jobs_running: i64) -> NodeReport {
    NodeReport {
        hostname: hostname.to_owned(),
        state,
        cpus_allocated: 72,
        memory_allocated: 1_000,
        gpus_allocated: 0,
        jobs_running,
    }
}

async fn record(
    database: &Database,
    caller: &Principal,
    cluster: &str,
    time: i64,
    nodes: Vec<NodeReport>,
) -> Result<RecordedNodeStates, RecordNodeStatesRefusal> {
    let command = RecordNodeStates {
        cluster: cluster.to_owned(),
        time,
        nodes,
    };
    let mut transaction = database.begin().await.unwrap();
    let recorded = record_node_states(&mut transaction, &clusters(), caller, &command)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    recorded
}

async fn known(
    database: &Database,
    cluster: Option<&str>,
) -> Vec<(String, NodeState, i64, i64, i64)> {
    let nodes = known_nodes(database, "demo", cluster).await.unwrap();
    nodes
        .into_iter()
        .map(|node| {
            let report = node.report;
            (
                report.hostname,
                report.state,
                report.jobs_running,
                node.time,
                node.since,
            )
        })
        .collect()
}

on_both_engines! {
    async fn the_last_word_on_a_node_counts(database) {
        use NodeState::{Allocated, Idle};
        let first = vec![node("a02", Idle, 0), node("a01", Idle, 0), node("a01", Allocated, 1), node("b01", Idle, 0)];
        let recorded = record(database, &token(), "alpha", NOON, first).await;
        assert_eq!(recorded, Ok(RecordedNodeStates { passed_over: 1 }));
        record(database, &token(), "alpha", NOON + 60, vec![node("a01", Allocated, 2), node("a02", Allocated, 1)]).await.unwrap();
        // What comes late changes nothing.
        record(database, &token(), "alpha", NOON + 59, vec![node("a01", Idle, 0)]).await.unwrap();
        let row = |host: &str, state, jobs, time, since| (host.to_owned(), state, jobs, NOON + time, NOON + since);
        let alpha = [row("a01", Allocated, 2, 60, 0), row("a02", Allocated, 1, 60, 60)];
        assert_eq!(known(database, None).await, alpha);

        record(database, &token(), "beta", NOON, vec![node("any", Idle, 0), node("", Idle, 0), node("\0", Idle, 0), node(&"x".repeat(256), Idle, 0)]).await.unwrap();
        assert_eq!(known(database, Some("beta")).await, [row("any", Idle, 0, 0, 0)]);
        assert_eq!(known(database, Some("alpha")).await, alpha);
        // Each tenant's word stands by itself.
        let stranger = principal("token", "other", &[]);
        record(database, &stranger, "alpha", NOON + 99, vec![node("a01", Idle, 0)]).await.unwrap();
        assert_eq!(known(database, Some("alpha")).await, alpha);
    }

    async fn what_cannot_be_is_refused_as_a_whole(database) {
        let unknown = RecordNodeStatesRefusal::UnknownCluster { cluster: "gamma".to_owned() };
        assert_eq!(record(database, &token(), "gamma", NOON, vec![]).await, Err(unknown));
        let nodes = |count: usize| vec![node("a01", NodeState::Idle, 0); count];
        let limit = MAX_NODE_REPORTS as u64;
        let too_many = record(database, &token(), "alpha", NOON, nodes(MAX_NODE_REPORTS + 1)).await;
        assert_eq!(too_many, Err(RecordNodeStatesRefusal::TooMany { limit }));
        assert!(known(database, None).await.is_empty());
        assert!(record(database, &token(), "alpha", NOON, nodes(MAX_NODE_REPORTS)).await.is_ok());
    }
}
