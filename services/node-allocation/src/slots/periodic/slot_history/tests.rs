use muster_storage::Database;

use super::*;
use crate::{
    slots::testing::{agents, allocate, beats, cluster, known_agents, lose, release, wanted},
    testing::{NOW, SECOND, on_both_engines},
};

async fn forget_before(database: &Database, before: i64, limit: i64) -> bool {
    let mut transaction = database.begin().await.unwrap();
    let more = forget(&mut transaction, before, limit).await.unwrap();
    transaction.commit().await.unwrap();
    more
}

async fn leases(database: &Database) -> i64 {
    let rows: Vec<(i64,)> = database
        .fetch_all("SELECT COUNT(*) FROM slot_lease", &[])
        .await
        .unwrap();
    rows[0].0
}

on_both_engines! {
    async fn what_ended_long_ago_is_forgotten(database) {
        agents(database, &[("a1", "cpu=90"), ("a2", "cpu=1")]).await;
        allocate(database, &[cluster(1, "cpu=1", 3), wanted(2, "cpu=1")]).await;
        release(database, &[1]).await;
        beats(database, NOW + 9 * SECOND, &[("a1", "default", "cpu=90"), ("a3", "default", "cpu=9")]).await;
        lose(database, NOW + 1, 10).await;
        assert!(!forget_before(database, NOW, 10).await);
        assert_eq!((leases(database).await, known_agents(database).await.len()), (4, 3));
        assert!(forget_before(database, NOW + 1, 2).await);
        assert!(!forget_before(database, NOW + 1, 2).await);
        let names: Vec<String> = known_agents(database).await.into_iter().map(|agent| agent.name).collect();
        // What is held stays, and so do agents that are there.
        assert_eq!((leases(database).await, names), (1, vec!["a1".to_owned(), "a3".to_owned()]));
        release(database, &[2]).await;
    }
}
