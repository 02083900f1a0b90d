//! What is undone, what stays, who waits for whom.

use muster_storage::{Engine, LockKey, StorageError, Transaction};
use muster_testkit::{DEADLINE, eventually};

use crate::fixture::{Store, on_both_engines, until_waiting_for_locks};

const INSERT: &str = "INSERT INTO things (name) VALUES ($1)";
const COUNT: &str = "SELECT COUNT(*) FROM things";

on_both_engines!(
    only_a_commit_makes_it_stay,
    an_error_ends_the_transaction,
    giving_up_in_the_middle_leaves_no_trace,
    a_snapshot_sees_one_state,
    keys_are_taken_in_turn,
    closing_is_final,
);

async fn insert(transaction: &mut Transaction, name: &str) -> Result<u64, StorageError> {
    transaction.execute(INSERT, &[name.into()]).await
}

async fn count(store: &Store) -> i64 {
    let row: Option<(i64,)> = store.database.fetch_optional(COUNT, &[]).await.unwrap();
    row.unwrap().0
}

async fn only_a_commit_makes_it_stay(store: Store) {
    for end in ["drop", "rollback", "commit"] {
        let mut transaction = store.database.begin().await.unwrap();
        insert(&mut transaction, end).await.unwrap();
        assert_eq!(count(&store).await, 0, "nobody else sees it yet");
        match end {
            "drop" => drop(transaction),
            "rollback" => transaction.rollback().await.unwrap(),
            _ => transaction.commit().await.unwrap(),
        }
    }
    let names: Vec<(String,)> = store
        .database
        .fetch_all("SELECT name FROM things", &[])
        .await
        .unwrap();
    assert_eq!(names, [("commit".to_owned(),)]);
}

async fn an_error_ends_the_transaction(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    insert(&mut transaction, "a").await.unwrap();
    assert!(insert(&mut transaction, "a").await.is_err());
    assert!(insert(&mut transaction, "b").await.is_err());
    assert!(transaction.fetch_all::<(i64,)>(COUNT, &[]).await.is_err());
    assert!(transaction.commit().await.is_err());

    let mut transaction = store.database.begin().await.unwrap();
    insert(&mut transaction, "a").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count(&store).await, 1);
}

async fn giving_up_in_the_middle_leaves_no_trace(store: Store) {
    for polls in 0..40 {
        let attempt = async {
            let mut transaction = store.database.begin().await.unwrap();
            insert(&mut transaction, "given up").await.unwrap();
            insert(&mut transaction, "given up too").await.unwrap();
            transaction.rollback().await.unwrap();
        };
        give_up_after(polls, attempt).await;
        give_up_after(polls, store.database.fetch_all::<(i64,)>(COUNT, &[])).await;
        let snapshot = async {
            let mut snapshot = store.database.snapshot().await.unwrap();
            snapshot.fetch_all::<(i64,)>(COUNT, &[]).await.unwrap();
        };
        give_up_after(polls, snapshot).await;
    }
    // The writer is free again, and nothing of it is left.
    let mut transaction = store.database.begin().await.unwrap();
    insert(&mut transaction, "kept").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count(&store).await, 1);
}

/// Drops a future that is not ready after so many looks.
async fn give_up_after<F: Future>(polls: usize, future: F) {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 || future.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        // Looks come as fast as they can, so that they hit the operations at all their stages.
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

async fn a_snapshot_sees_one_state(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    insert(&mut transaction, "before").await.unwrap();
    transaction.commit().await.unwrap();

    let mut snapshot = store.database.snapshot().await.unwrap();
    assert_eq!(
        snapshot.fetch_optional(COUNT, &[]).await.unwrap(),
        Some((1_i64,))
    );
    let mut transaction = store.database.begin().await.unwrap();
    insert(&mut transaction, "after").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(
        snapshot.fetch_optional(COUNT, &[]).await.unwrap(),
        Some((1_i64,))
    );
    assert_eq!(count(&store).await, 2);

    // A read connection does not write, not even when asked to.
    assert!(
        snapshot
            .fetch_all::<(i64,)>("INSERT INTO things (name) VALUES ('x') RETURNING id", &[])
            .await
            .is_err()
    );
    drop(snapshot);
    let writing = store
        .database
        .fetch_all::<(i64,)>("INSERT INTO things (name) VALUES ('x') RETURNING id", &[]);
    assert!(writing.await.is_err());
    assert_eq!(count(&store).await, 2);
}

async fn keys_are_taken_in_turn(store: Store) {
    let keys = [
        LockKey::of(&["b"]),
        LockKey::of(&["a"]),
        LockKey::of(&["b"]),
    ];
    let mut first = store.database.begin().await.unwrap();
    first.lock_keys(&[]).await.unwrap();
    first.lock_keys(&keys).await.unwrap();

    let database = store.database.clone();
    let second = tokio::spawn(async move {
        // On SQLite it is here that it waits.
        let mut second = database.begin().await.unwrap();
        second.lock_keys(&[LockKey::of(&["a"])]).await.unwrap();
        let seen: Option<(i64,)> = second.fetch_optional(COUNT, &[]).await.unwrap();
        second.commit().await.unwrap();
        seen
    });
    if store.database.engine() == Engine::Postgres {
        // Another key is free.
        let mut third = store.database.begin().await.unwrap();
        third.lock_keys(&[LockKey::of(&["c"])]).await.unwrap();
        third.commit().await.unwrap();
        until_waiting_for_locks(&store, 1).await;
    }
    insert(&mut first, "first").await.unwrap();
    assert!(!second.is_finished());
    first.commit().await.unwrap();
    assert_eq!(
        second.await.unwrap(),
        Some((1,)),
        "the second sees what the first did"
    );
}

async fn closing_is_final(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    insert(&mut transaction, "a").await.unwrap();
    let database = store.database.clone();
    let closing = tokio::spawn(async move { database.close().await });
    if store.database.engine() == Engine::Postgres {
        eventually(DEADLINE, "the closing to begin", async || {
            store.database.begin().await.is_err().then_some(())
        })
        .await
        .unwrap();
    }
    transaction.commit().await.unwrap();
    closing.await.unwrap();

    let refused = store.database.begin().await.unwrap_err();
    assert!(
        matches!(refused, StorageError::Unavailable(_)),
        "{refused:?}"
    );
    assert!(
        store
            .database
            .fetch_all::<(i64,)>(COUNT, &[])
            .await
            .unwrap_err()
            .is_transient()
    );
    assert!(store.database.snapshot().await.unwrap_err().is_transient());

    let again = store.open_again().await.unwrap();
    assert_eq!(
        again.fetch_optional(COUNT, &[]).await.unwrap(),
        Some((1_i64,))
    );
    again.close().await;
}
