//! A database of either engine for one test.

use std::time::Duration;

use muster_storage::{Database, Engine, Location, StorageError, StorageOptions};
use muster_testkit::{PostgresServer, TemporaryDirectory, skip};
use sqlx::migrate::Migrator;

/// The tables the tests use.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("tests/migrations");

/// An empty database, and where it is.
pub(crate) struct Store {
    pub(crate) database: Database,
    pub(crate) options: StorageOptions,
    /// Goes with the store.
    pub(crate) directory: TemporaryDirectory,
}

impl Store {
    /// `None` when the engine is not installed; that has been said then.
    pub(crate) async fn open(engine: Engine, test: &str) -> Option<Self> {
        let directory = TemporaryDirectory::new("storage").unwrap();
        let location = match engine {
            Engine::Sqlite => Location::Sqlite(directory.join("part/test.sqlite")),
            Engine::Postgres => {
                if let Err(reason) = PostgresServer::available() {
                    skip(&format!("{test} on PostgreSQL"), &reason);
                    return None;
                }
                let url = PostgresServer::shared()
                    .await
                    .unwrap()
                    .create_database()
                    .await
                    .unwrap();
                Location::Postgres {
                    url,
                    schema: "test_part".to_owned(),
                }
            }
        };
        let mut options = StorageOptions::new(location);
        options.busy_timeout = Duration::from_millis(50);
        let database = Database::open(&options, &MIGRATIONS).await.unwrap();
        Some(Self {
            database,
            options,
            directory,
        })
    }

    /// Opens the same place once more.
    pub(crate) async fn open_again(&self) -> Result<Database, StorageError> {
        Database::open(&self.options, &MIGRATIONS).await
    }

    /// A connection of the test's own, past this crate.
    pub(crate) async fn sqlite(&self) -> sqlx::SqliteConnection {
        use sqlx::ConnectOptions;
        let Location::Sqlite(path) = &self.options.location else {
            panic!("not SQLite")
        };
        sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path)
            .connect()
            .await
            .unwrap()
    }

    /// A connection of the test's own, past this crate.
    pub(crate) async fn postgres(&self) -> sqlx::PgConnection {
        use sqlx::Connection;
        let Location::Postgres { url, .. } = &self.options.location else {
            panic!("not PostgreSQL")
        };
        sqlx::PgConnection::connect(url).await.unwrap()
    }
}

/// Makes a test for each engine out of `async fn name(store: Store)`.
macro_rules! on_both_engines {
    ($($body:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $body() {
                let store = crate::fixture::Store::open(muster_storage::Engine::Sqlite, stringify!($body)).await;
                super::$body(store.unwrap()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $body() {
                let store = crate::fixture::Store::open(muster_storage::Engine::Postgres, stringify!($body)).await;
                if let Some(store) = store {
                    super::$body(store).await;
                }
            })+
        }
    };
}
pub(crate) use on_both_engines;

/// Waits until `count` connections to the test's database wait for a lock.
pub(crate) async fn until_waiting_for_locks(store: &Store, count: i64) {
    let mut connection = store.postgres().await;
    muster_testkit::eventually(muster_testkit::DEADLINE, "a transaction to wait for another", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        (waiting == count).then_some(())
    })
    .await
    .unwrap();
}
