//! What a caller can do about an error.

use std::error::Error;

use muster_storage::{Database, Engine, Location, StorageError, StorageOptions};
use muster_testkit::{DEADLINE, PostgresServer, eventually, skip};
use sqlx::Executor;

use crate::fixture::{MIGRATIONS, Store, on_both_engines, until_waiting_for_locks};

const INSERT: &str = "INSERT INTO things (name) VALUES ($1)";
const COUNT: &str = "SELECT COUNT(*) FROM things";
const TOUCH: &str = "UPDATE things SET size = 1 WHERE name = $1";

on_both_engines!(broken_constraints_are_named, mistakes_are_not_transient);

async fn broken_constraints_are_named(store: Store) {
    let on_postgres = store.database.engine() == Engine::Postgres;
    for (sql, postgres, sqlite, unique) in [
        (
            "INSERT INTO things (name) VALUES ('a'), ('a')",
            Some("things_name_key"),
            Some("things.name"),
            true,
        ),
        (
            "INSERT INTO things (name, size) VALUES ('a', -1)",
            Some("things_size_not_negative"),
            Some("things_size_not_negative"),
            false,
        ),
        (
            "INSERT INTO things (size) VALUES (1)",
            None,
            Some("things.name"),
            false,
        ),
        (
            "INSERT INTO things (name, parent) VALUES ('a', 77)",
            Some("things_parent_fkey"),
            None,
            false,
        ),
    ] {
        let mut transaction = store.database.begin().await.unwrap();
        let error = transaction.execute(sql, &[]).await.unwrap_err();
        assert_eq!(error.is_unique_violation(), unique, "{sql}");
        assert!(!error.is_transient());
        assert!(error.source().is_some());
        let StorageError::Constraint { constraint, .. } = error else {
            panic!("{sql}: {error:?}")
        };
        assert_eq!(
            constraint.as_deref(),
            if on_postgres { postgres } else { sqlite },
            "{sql}"
        );
    }
}

async fn mistakes_are_not_transient(store: Store) {
    let error = store
        .database
        .fetch_all::<(i64,)>("SELECT id FROM nowhere", &[])
        .await
        .unwrap_err();
    assert!(matches!(error, StorageError::Other(_)), "{error:?}");
    assert!(!error.is_transient());
    // The source says what; the message does not say it again.
    assert_eq!(error.to_string(), "the database operation failed");
    let source = error.source().unwrap().to_string();
    assert!(source.contains("nowhere"), "{source}");
    let error = store
        .database
        .fetch_all::<(bool,)>("SELECT 'text'", &[])
        .await
        .unwrap_err();
    assert!(matches!(error, StorageError::Other(_)), "{error:?}");
}

#[tokio::test]
async fn a_file_locked_by_another_program_is_a_conflict() {
    let store = Store::open(Engine::Sqlite, "").await.unwrap();
    let mut other = store.sqlite().await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let error = store.database.begin().await.unwrap_err();
    assert!(matches!(error, StorageError::Conflict(_)), "{error:?}");
    assert!(error.is_transient());
    other.execute("ROLLBACK").await.unwrap();
    store
        .database
        .begin()
        .await
        .unwrap()
        .commit()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_disk_is_transient_and_undoes_everything() {
    let store = Store::open(Engine::Sqlite, "").await.unwrap();
    let mut transaction = store.database.begin().await.unwrap();
    // As if the disk ended soon after what is there.
    let limit: Option<(i64,)> = transaction
        .fetch_optional("PRAGMA max_page_count = 1", &[])
        .await
        .unwrap();
    assert!(limit.unwrap().0 > 1);
    transaction
        .execute(INSERT, &["small".into()])
        .await
        .unwrap();
    let error = transaction
        .execute(INSERT, &["x".repeat(100_000).into()])
        .await
        .unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    assert!(error.is_transient());
    assert!(transaction.execute(INSERT, &["more".into()]).await.is_err());
    assert!(transaction.commit().await.is_err());

    assert_eq!(
        store.database.fetch_optional(COUNT, &[]).await.unwrap(),
        Some((0_i64,))
    );
    let mut transaction = store.database.begin().await.unwrap();
    transaction
        .execute(INSERT, &["small".into()])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(
        store.database.fetch_optional(COUNT, &[]).await.unwrap(),
        Some((1_i64,))
    );
}

#[tokio::test]
async fn a_read_only_file_is_unavailable() {
    let store = Store::open(Engine::Sqlite, "").await.unwrap();
    let mut transaction = store.database.begin().await.unwrap();
    transaction
        .execute("PRAGMA query_only = on", &[])
        .await
        .unwrap();
    let error = transaction
        .execute(INSERT, &["a".into()])
        .await
        .unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_deadlock_is_a_conflict() {
    let Some(store) = Store::open(Engine::Postgres, "a deadlock").await else {
        return;
    };
    let mut setup = store.database.begin().await.unwrap();
    setup
        .execute("INSERT INTO things (name) VALUES ('a'), ('b')", &[])
        .await
        .unwrap();
    setup.commit().await.unwrap();

    let mut first = store.database.begin().await.unwrap();
    let mut second = store.database.begin().await.unwrap();
    first.execute(TOUCH, &["a".into()]).await.unwrap();
    second.execute(TOUCH, &["b".into()]).await.unwrap();
    let crossing =
        tokio::spawn(async move { second.execute(TOUCH, &["a".into()]).await.map(|_| second) });
    until_waiting_for_locks(&store, 1).await;
    let outcome = first.execute(TOUCH, &["b".into()]).await;
    let failed = outcome.err().or(crossing.await.unwrap().err()).unwrap();
    assert!(matches!(failed, StorageError::Conflict(_)), "{failed:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_until_it_is_back() {
    if let Err(reason) = PostgresServer::available() {
        return skip("a server that goes away", &reason);
    }
    let mut server = PostgresServer::start().await.unwrap();
    let location = Location::Postgres {
        url: server.url("postgres"),
        schema: "part".to_owned(),
    };
    let options = StorageOptions::new(location);
    let database = Database::open(&options, &MIGRATIONS).await.unwrap();
    let mut transaction = database.begin().await.unwrap();
    transaction
        .execute(INSERT, &["undone".into()])
        .await
        .unwrap();
    database.fetch_all::<(i64,)>(COUNT, &[]).await.unwrap();

    server.kill_hard().await.unwrap();
    let error = transaction
        .execute(INSERT, &["undone too".into()])
        .await
        .unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    drop(transaction);
    let error = database.fetch_all::<(i64,)>(COUNT, &[]).await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    let error = Database::open(&options, &MIGRATIONS).await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");

    server.restart().await.unwrap();
    let rows = eventually(DEADLINE, "the database to answer again", async || {
        database.fetch_optional::<(i64,)>(COUNT, &[]).await.ok()
    });
    assert_eq!(rows.await.unwrap(), Some((0,)));
    let mut transaction = eventually(DEADLINE, "a transaction", async || {
        database.begin().await.ok()
    })
    .await
    .unwrap();
    transaction.execute(INSERT, &["kept".into()]).await.unwrap();
    transaction.commit().await.unwrap();
    database.close().await;
}
