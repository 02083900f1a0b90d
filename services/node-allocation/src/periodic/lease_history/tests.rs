use muster_storage::Database;

use super::*;
use crate::testing::{
    NOW, SECOND, allocate, allocate_at, declare, of_pool, on_both_engines, release, released,
    wanted,
};

async fn forget(database: &Database, before: i64, limit: i64) -> bool {
    let mut transaction = database.begin().await.unwrap();
    let before = Timestamp::from_micros(before);
    let more = forget_leases(&mut transaction, before, limit)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    more
}

/// Leases that have ended, and all.
async fn leases(database: &Database) -> (i64, i64) {
    let mut transaction = database.begin().await.unwrap();
    let counts: Option<(i64, i64)> = transaction
        .fetch_optional("SELECT COUNT(released_at), COUNT(*) FROM lease", &[])
        .await
        .unwrap();
    counts.unwrap()
}

on_both_engines! {
    async fn leases_that_ended_long_ago_are_forgotten(database) {
        declare(database, &[("metal", "n[1-3].dusty")]).await;
        for number in 1..=3 {
            allocate(database, &[wanted(number, vec![of_pool("metal", 1)])]).await;
            release(database, &[released(number, None)]).await;
        }
        allocate_at(database, NOW - SECOND, &[wanted(4, vec![of_pool("metal", 2)])]).await;
        assert_eq!(leases(database).await, (3, 5));
        // They ended now, which is not before.
        assert!(!forget(database, NOW, 10).await);
        assert_eq!(leases(database).await, (3, 5));
        assert!(forget(database, NOW + 1, 2).await);
        assert_eq!(leases(database).await, (1, 3));
        // Those that are held stay however old they are.
        assert!(!forget(database, NOW + 1, 2).await);
        assert_eq!(leases(database).await, (0, 2));
        assert!(!forget(database, i64::MAX, 2).await);
        assert_eq!(leases(database).await, (0, 2));
        // And nodes are given out and taken back as before.
        release(database, &[released(4, None)]).await;
        allocate(database, &[wanted(5, vec![of_pool("metal", 3)])]).await;
        assert_eq!(leases(database).await, (2, 5));
    }
}
