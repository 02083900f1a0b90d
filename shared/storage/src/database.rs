//! A service's own database.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlSafeStr;
use sqlx::migrate::Migrator;

use crate::bind::{Bind, postgres_arguments};
use crate::composed::ComposedSql;
use crate::error::StorageError;
use crate::postgres::{self, PostgresSchema};
use crate::record::Record;
use crate::set_statement::SetStatement;
use crate::snapshot::Snapshot;
use crate::sqlite::{self, SqliteFile};
use crate::transaction::Transaction;

/// How long an operation waits for a free connection before it fails as unavailable.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the data is and how it is reached.
#[derive(Debug, Clone)]
pub struct StorageOptions {
    /// The engine and the place.
    pub location: Location,
    /// Connections for reading; at least one is used.
    pub read_connections: u32,
    /// How long SQLite waits for a lock on the file, which an operator's tool may hold for a moment.
    pub busy_timeout: Duration,
}

impl StorageOptions {
    /// Connections for reading unless set otherwise.
    pub const DEFAULT_READ_CONNECTIONS: u32 = 4;
    /// The wait for a lock on a SQLite file unless set otherwise.
    pub const DEFAULT_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

    /// The defaults for a location.
    #[must_use]
    pub fn new(location: Location) -> Self {
        Self {
            location,
            read_connections: Self::DEFAULT_READ_CONNECTIONS,
            busy_timeout: Self::DEFAULT_BUSY_TIMEOUT,
        }
    }
}

/// Where a service's tables are.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file, made with its directory if missing.
    Sqlite(PathBuf),
    /// A schema of a PostgreSQL database, made if missing.
    Postgres {
        /// `postgres://user:password@host:port/database`
        url: String,
        /// Lower-case letters, digits and `_`.
        schema: String,
    },
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => formatter.debug_tuple("Sqlite").field(path).finish(),
            // The URL holds a password.
            Self::Postgres { schema, .. } => formatter
                .debug_struct("Postgres")
                .field("schema", schema)
                .finish_non_exhaustive(),
        }
    }
}

/// The database engine in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file, one replica.
    Sqlite,
    /// A server, any number of replicas.
    Postgres,
}

/// A service's database, open and migrated. Clones share the connections.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

pub(crate) enum Inner {
    Sqlite(SqliteFile),
    Postgres(PostgresSchema),
}

impl Database {
    /// Opens the database, makes it if it is missing, and brings its tables up to date: first the inbox, outbox and
    /// dead letters of this crate, then the service's own migrations.
    ///
    /// A SQLite file is held until it is closed or the last clone is gone; opening it again meanwhile fails with
    /// [`StorageError::ReplicaLock`].
    pub async fn open(
        options: &StorageOptions,
        migrations: &'static Migrator,
    ) -> Result<Self, StorageError> {
        let inner = match &options.location {
            Location::Sqlite(path) => Inner::Sqlite(sqlite::open(path, options, migrations).await?),
            Location::Postgres { url, schema } => {
                Inner::Postgres(postgres::open(url, schema, options, migrations).await?)
            }
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Starts a transaction that may write. Dropping it undoes it.
    ///
    /// On SQLite there is one at a time, others wait; on PostgreSQL it is `READ COMMITTED`.
    pub async fn begin(&self) -> Result<Transaction, StorageError> {
        match &*self.inner {
            Inner::Sqlite(file) => Transaction::begin_sqlite(&file.writer).await,
            Inner::Postgres(schema) => {
                Transaction::begin_postgres(&schema.writers, schema.lock_salt).await
            }
        }
    }

    /// Starts a read transaction, in which several reads see one state.
    pub async fn snapshot(&self) -> Result<Snapshot, StorageError> {
        match &*self.inner {
            Inner::Sqlite(file) => Snapshot::begin_sqlite(&file.readers).await,
            Inner::Postgres(schema) => Snapshot::begin_postgres(&schema.readers).await,
        }
    }

    /// Reads all rows of a statement, outside a transaction. They are collected in memory: give the statement a limit.
    pub async fn fetch_all<T: Record>(
        &self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        self.all(sql, binds).await
    }

    /// Reads the first row of a statement, if there is one.
    pub async fn fetch_optional<T: Record>(
        &self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Option<T>, StorageError> {
        match &*self.inner {
            Inner::Sqlite(file) => file.readers.lease().await?.fetch_optional(sql, binds).await,
            Inner::Postgres(schema) => {
                let query = sqlx::query_as_with(sql, postgres_arguments(binds)?);
                Ok(query.fetch_optional(&schema.readers).await?)
            }
        }
    }

    /// Reads all rows of a statement that was put together from fixed pieces.
    pub async fn fetch_composed<T: Record>(
        &self,
        sql: ComposedSql,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        self.all(sql.into_statement(), binds).await
    }

    /// Reads with a statement over a set of rows: many keys in one go. The rows come in no promised order.
    pub async fn fetch_set<T: Record>(
        &self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> Result<Vec<T>, StorageError> {
        statement.check(rows)?;
        match &*self.inner {
            _ if rows.is_empty() => Ok(Vec::new()),
            Inner::Sqlite(file) => file.readers.lease().await?.fetch_set(statement, rows).await,
            Inner::Postgres(schema) => {
                let query = sqlx::query_as_with(
                    statement.postgres_text(),
                    statement.postgres_arguments(rows)?,
                );
                Ok(query.fetch_all(&schema.readers).await?)
            }
        }
    }

    async fn all<T: Record>(
        &self,
        sql: impl SqlSafeStr,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        match &*self.inner {
            Inner::Sqlite(file) => file.readers.lease().await?.fetch_all(sql, binds).await,
            Inner::Postgres(schema) => {
                let query = sqlx::query_as_with(sql, postgres_arguments(binds)?);
                Ok(query.fetch_all(&schema.readers).await?)
            }
        }
    }

    /// Which engine this is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match &*self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Waits for running operations and closes the connections. Operations started afterwards fail as unavailable; a
    /// SQLite file can be opened by another replica.
    pub async fn close(&self) {
        match &*self.inner {
            Inner::Sqlite(file) => file.close().await,
            Inner::Postgres(schema) => {
                schema.readers.close().await;
                schema.writers.close().await;
            }
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Database")
            .field("engine", &self.engine())
            .finish_non_exhaustive()
    }
}
