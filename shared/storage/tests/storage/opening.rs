//! Files, schemas, migrations and the one replica of a file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use muster_storage::{Database, Engine, Location, StorageError, StorageOptions};
use muster_testkit::{ChildProcess, DEADLINE, LastSignal, TemporaryDirectory, eventually};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::fixture::{MIGRATIONS, Store, on_both_engines};

on_both_engines!(
    opening_again_finds_everything_in_place,
    a_migration_that_changed_is_refused,
    a_migration_that_fails_leaves_nothing,
);

fn leaked(sql: &'static str) -> &'static Migrator {
    let migration = Migration::new(
        1,
        "things".into(),
        MigrationType::Simple,
        sql.into_sql_str(),
        false,
    );
    Box::leak(Box::new(Migrator::with_migrations(vec![migration])))
}

async fn opening_again_finds_everything_in_place(store: Store) {
    let mut transaction = store.database.begin().await.unwrap();
    transaction
        .execute("INSERT INTO things (name) VALUES ('a')", &[])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    store.database.close().await;

    let again = store.open_again().await.unwrap();
    assert_eq!(
        again
            .fetch_all::<(i64, String)>("SELECT id, name FROM things", &[])
            .await
            .unwrap(),
        [(1_i64, "a".to_owned())]
    );
    for table in [
        "SELECT COUNT(*) FROM inbox",
        "SELECT COUNT(*) FROM outbox",
        "SELECT COUNT(*) FROM dead_letters",
    ] {
        assert_eq!(
            again.fetch_all::<(i64,)>(table, &[]).await.unwrap(),
            [(0_i64,)]
        );
    }
    again.close().await;
}

async fn a_migration_that_changed_is_refused(store: Store) {
    store.database.close().await;
    let changed = leaked("CREATE TABLE other (name TEXT)");
    let error = Database::open(&store.options, changed).await.unwrap_err();
    assert!(matches!(error, StorageError::Migration(_)), "{error:?}");
    // And the file is free again.
    store.open_again().await.unwrap().close().await;
}

async fn a_migration_that_fails_leaves_nothing(store: Store) {
    store.database.close().await;
    let other = match &store.options.location {
        Location::Sqlite(path) => Location::Sqlite(path.with_extension("other")),
        Location::Postgres { url, .. } => Location::Postgres {
            url: url.clone(),
            schema: "other".to_owned(),
        },
    };
    let options = StorageOptions::new(other);
    let broken = leaked("CREATE TABLE half (name TEXT); CREATE TABLE half (name TEXT)");
    let error = Database::open(&options, broken).await.unwrap_err();
    assert!(matches!(error, StorageError::Migration(_)), "{error:?}");
    let integer = leaked("CREATE TABLE half (size INTEGER)");
    let error = Database::open(&options, integer).await.unwrap_err();
    assert!(matches!(error, StorageError::Migration(_)), "{error:?}");
    Database::open(&options, leaked("CREATE TABLE half (name TEXT)"))
        .await
        .unwrap()
        .close()
        .await;
}

#[tokio::test]
async fn one_replica_holds_a_file() {
    let store = Store::open(Engine::Sqlite, "").await.unwrap();
    let Location::Sqlite(path) = &store.options.location else {
        unreachable!()
    };
    let error = store.open_again().await.unwrap_err();
    assert!(
        matches!(error, StorageError::ReplicaLock { .. }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        format!(
            "{} is already open by another replica; several replicas need PostgreSQL: set storage.url",
            path.display()
        )
    );
    // The last clone gone is as good as closed.
    let options = store.options.clone();
    let clone = store.database.clone();
    let Store {
        database,
        directory,
        ..
    } = store;
    drop(database);
    assert!(matches!(
        Database::open(&options, &MIGRATIONS).await,
        Err(StorageError::ReplicaLock { .. })
    ));
    drop(clone);
    Database::open(&options, &MIGRATIONS)
        .await
        .unwrap()
        .close()
        .await;
    drop(directory);
}

#[tokio::test]
async fn another_process_holds_a_file() {
    let directory = TemporaryDirectory::new("storage").unwrap();
    let lock = directory.join("test.sqlite.lock");
    let mut command = Command::new("flock");
    // In one process: killed, it leaves no `sleep` behind.
    command.arg("--no-fork").arg(&lock).args(["sleep", "600"]);
    let mut holder = ChildProcess::spawn("a replica", command, LastSignal::Kill).unwrap();
    let options = StorageOptions::new(Location::Sqlite(directory.join("test.sqlite")));
    eventually(DEADLINE, "the other process to hold the lock", async || {
        matches!(
            Database::open(&options, &MIGRATIONS).await,
            Err(StorageError::ReplicaLock { .. })
        )
        .then_some(())
    })
    .await
    .unwrap();
    holder.kill_hard().unwrap();
}

#[tokio::test]
async fn files_are_the_owners_only() {
    let store = Store::open(Engine::Sqlite, "").await.unwrap();
    let Location::Sqlite(path) = &store.options.location else {
        unreachable!()
    };
    store
        .database
        .begin()
        .await
        .unwrap()
        .commit()
        .await
        .unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let parent = path.parent().unwrap();
    assert_eq!(mode(parent), 0o700);
    let files: Vec<_> = fs::read_dir(parent)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn places_that_cannot_be_opened_are_errors() {
    let directory = TemporaryDirectory::new("storage").unwrap();
    fs::write(
        directory.join("text"),
        "this is not a database, though it is long enough to be one",
    )
    .unwrap();
    fs::create_dir(directory.join("folder")).unwrap();
    for name in ["text", "text/below.sqlite", "folder"] {
        let options = StorageOptions::new(Location::Sqlite(directory.join(name)));
        let error = Database::open(&options, &MIGRATIONS).await.unwrap_err();
        assert!(matches!(error, StorageError::Other(_)), "{name}: {error:?}");
    }
    for (url, schema) in [
        ("postgres://127.0.0.1:1/none", "part"),
        ("not a url", "part"),
        ("postgres://127.0.0.1:1/none", "Part; DROP"),
        ("postgres://127.0.0.1:1/none", ""),
    ] {
        let options = StorageOptions::new(Location::Postgres {
            url: url.to_owned(),
            schema: schema.to_owned(),
        });
        let error = Database::open(&options, &MIGRATIONS).await.unwrap_err();
        let refused = (url, schema) == ("postgres://127.0.0.1:1/none", "part");
        assert_eq!(error.is_transient(), refused, "{url} {schema}: {error:?}");
    }
}

#[tokio::test]
async fn replicas_may_open_a_schema_at_the_same_time() {
    let Some(store) = Store::open(Engine::Postgres, "replicas at the same time").await else {
        return;
    };
    let Location::Postgres { url, .. } = &store.options.location else {
        unreachable!()
    };
    let opened: Vec<_> = (0..6)
        .map(|number| {
            // Two services with three replicas each.
            let schema = format!("service_{}", number % 2);
            let options = StorageOptions::new(Location::Postgres {
                url: url.clone(),
                schema,
            });
            tokio::spawn(async move { Database::open(&options, &MIGRATIONS).await })
        })
        .collect();
    let mut databases = Vec::new();
    for opening in opened {
        databases.push(opening.await.unwrap().unwrap());
    }
    let mut transaction = databases[0].begin().await.unwrap();
    transaction
        .execute("INSERT INTO things (name) VALUES ('a')", &[])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    for (number, database) in databases.iter().enumerate() {
        let expected = i64::from(number % 2 == 0);
        assert_eq!(
            database
                .fetch_all::<(i64,)>("SELECT COUNT(*) FROM things", &[])
                .await
                .unwrap(),
            [(expected,)]
        );
        database.close().await;
    }
}
