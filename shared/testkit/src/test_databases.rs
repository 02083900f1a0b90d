//! Databases for the tests of a service: each test its own, on both engines.

use anyhow::{Context as _, Result};
use muster_contract::Service;
use muster_storage::{Database, Location, StorageOptions};
use sqlx::migrate::Migrator;

use crate::{PostgresServer, TemporaryDirectory, skip};

/// What makes the databases of a service's tests.
#[derive(Debug, Clone, Copy)]
pub struct TestDatabases {
    service: Service,
    migrations: &'static Migrator,
}

impl TestDatabases {
    /// Those of a service with these tables.
    #[must_use]
    pub const fn new(service: Service, migrations: &'static Migrator) -> Self {
        Self {
            service,
            migrations,
        }
    }

    /// An empty SQLite database.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn sqlite(self) -> Result<TestDatabase> {
        let directory = TemporaryDirectory::new(self.service.name())?;
        let location = Location::Sqlite(directory.join("service.sqlite"));
        Ok(TestDatabase {
            database: self.open(location).await?,
            origin: self,
            url: None,
            _directory: Some(directory),
        })
    }

    /// An empty PostgreSQL database; `None`, which is said, where there can be none.
    ///
    /// # Errors
    /// It cannot be made, though there is a server for it.
    pub async fn postgres(self) -> Result<Option<TestDatabase>> {
        if let Err(reason) = PostgresServer::available() {
            skip(&format!("{} on PostgreSQL", self.service), &reason);
            return Ok(None);
        }
        let url = PostgresServer::shared().await?.create_database().await?;
        Ok(Some(TestDatabase {
            database: self.open_postgres(url.clone()).await?,
            origin: self,
            url: Some(url),
            _directory: None,
        }))
    }

    async fn open_postgres(self, url: String) -> Result<Database> {
        let schema = self.service.schema().to_owned();
        self.open(Location::Postgres { url, schema }).await
    }

    async fn open(self, location: Location) -> Result<Database> {
        Ok(Database::open(&StorageOptions::new(location), self.migrations).await?)
    }
}

/// A database of the test's own; it goes with this value.
pub struct TestDatabase {
    /// It.
    pub database: Database,
    origin: TestDatabases,
    /// Where it is, if it is on PostgreSQL.
    url: Option<String>,
    _directory: Option<TemporaryDirectory>,
}

impl TestDatabase {
    /// The same PostgreSQL database as another replica has it, with connections of its own.
    ///
    /// # Errors
    /// It cannot be opened, or is on SQLite, where there are no replicas.
    pub async fn replica(&self) -> Result<Database> {
        let url = self.url.clone().context("SQLite has no replicas")?;
        self.origin.open_postgres(url).await
    }
}

/// Makes of one test two, one for each engine: modules of its name with the tests `sqlite` and `postgres`.
///
/// Given are the [`TestDatabases`], and, for tests that want more than a `&Database`, what they want a reference to and an
/// async function that takes the database and the test, and runs it.
///
/// ```ignore
/// muster_testkit::on_both_engines! {
///     DATABASES;
///     async fn an_empty_one_has_no_tables_of_others(database) {
///         let rows: Result<Vec<(i64,)>, _> = database.fetch_all("SELECT 1 FROM other", &[]).await;
///         assert!(rows.is_err());
///     }
/// }
/// ```
#[macro_export]
macro_rules! on_both_engines {
    ($databases:expr; $($tests:tt)+) => {
        $crate::on_both_engines! { $databases, $crate::plainly, muster_storage::Database; $($tests)+ }
    };
    (
        $databases:expr, $run:expr, $given:ty;
        $($(#[$attribute:meta])* async fn $name:ident($world:ident) $body:block)+
    ) => {$(
        mod $name {
            use super::*;

            async fn test($world: &$given) $body

            $(#[$attribute])*
            #[tokio::test]
            async fn sqlite() {
                let database = $databases.sqlite().await.unwrap();
                $run(&database.database, test).await;
            }

            $(#[$attribute])*
            #[tokio::test]
            async fn postgres() {
                if let Some(database) = $databases.postgres().await.unwrap() {
                    $run(&database.database, test).await;
                }
            }
        }
    )+};
}

/// Runs a test of [`on_both_engines`] that wants the database alone.
#[doc(hidden)]
pub async fn plainly(database: &Database, test: impl AsyncFnOnce(&Database)) {
    test(database).await;
}
