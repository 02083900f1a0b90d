//! The connections to a SQLite file.
//!
//! sqlx's own pool tests every connection through the connection's thread each time it is given back, which costs a
//! short read or a short transaction more than it takes itself. A connection to a file does not go away, so none of
//! that is needed here; what is left of a pool is this.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection, FromRow, SqlSafeStr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::bind::{Bind, sqlite_arguments};
use crate::database::ACQUIRE_TIMEOUT;
use crate::error::StorageError;
use crate::set_statement::SetStatement;

/// A few connections to one file, opened when they are first needed and then kept.
#[derive(Debug)]
pub(crate) struct SqliteConnections {
    options: SqliteConnectOptions,
    limit: u32,
    permits: Arc<Semaphore>,
    /// The last one given back is the first one given out: its caches are warm.
    idle: Mutex<Vec<SqliteConnection>>,
}

impl SqliteConnections {
    pub(crate) fn new(options: SqliteConnectOptions, limit: u32) -> Arc<Self> {
        Arc::new(Self {
            options,
            limit,
            permits: Arc::new(Semaphore::new(limit as usize)),
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Waits for a free connection.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<SqliteLease, StorageError> {
        let waiting =
            tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(&self.permits).acquire_owned());
        let permit = waiting
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok(SqliteLease {
            connection: Some(connection),
            home: Arc::clone(self),
            in_doubt: false,
            _permit: permit,
        })
    }

    /// Waits for the leases that are out, then closes.
    pub(crate) async fn close(&self) {
        // An error: somebody else is closing already.
        let all =
            tokio::time::timeout(ACQUIRE_TIMEOUT, self.permits.acquire_many(self.limit)).await;
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a connection to the database did not close cleanly");
            }
        }
        drop(all);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        // Nothing can panic while it is locked; if it did, the list would still be whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct SqliteLease {
    /// Always there until the drop.
    connection: Option<SqliteConnection>,
    home: Arc<SqliteConnections>,
    /// An operation was begun and not seen to its end: the caller gave up waiting, or the connection's thread died.
    in_doubt: bool,
    _permit: OwnedSemaphorePermit,
}

impl SqliteLease {
    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        binds: &[Bind],
    ) -> Result<u64, StorageError> {
        let query = sqlx::query_with(sql, sqlite_arguments(binds)?);
        let result = query.execute(self.begin_operation()?).await;
        Ok(self.end_operation(result)?.rows_affected())
    }

    pub(crate) async fn fetch_all<T>(
        &mut self,
        sql: impl SqlSafeStr,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let query = sqlx::query_as_with(sql, sqlite_arguments(binds)?);
        let result = query.fetch_all(self.begin_operation()?).await;
        self.end_operation(result)
    }

    pub(crate) async fn fetch_optional<T>(
        &mut self,
        sql: impl SqlSafeStr,
        binds: &[Bind],
    ) -> Result<Option<T>, StorageError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let query = sqlx::query_as_with(sql, sqlite_arguments(binds)?);
        let result = query.fetch_optional(self.begin_operation()?).await;
        self.end_operation(result)
    }

    /// Runs a statement over a set of rows, and collects what it returns.
    pub(crate) async fn fetch_set<T>(
        &mut self,
        statement: &'static SetStatement,
        mut rows: &[Vec<Bind>],
    ) -> Result<Vec<T>, StorageError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let mut records = Vec::with_capacity(rows.len());
        while let Some((sql, run)) = statement.next_sqlite_run(&mut rows) {
            let query = sqlx::query_as_with(sql, sqlite_arguments(run.iter().flatten())?);
            let result = query.fetch_all(self.begin_operation()?).await;
            records.extend(self.end_operation(result)?);
        }
        Ok(records)
    }

    /// Runs a statement over a set of rows, and counts what it changes.
    pub(crate) async fn execute_set(
        &mut self,
        statement: &'static SetStatement,
        mut rows: &[Vec<Bind>],
    ) -> Result<u64, StorageError> {
        let mut changed = 0;
        while let Some((sql, run)) = statement.next_sqlite_run(&mut rows) {
            let query = sqlx::query_with(sql, sqlite_arguments(run.iter().flatten())?);
            let result = query.execute(self.begin_operation()?).await;
            changed += self.end_operation(result)?.rows_affected();
        }
        Ok(changed)
    }

    /// Closes the connection instead of giving it back, which undoes what is open on it.
    pub(crate) fn distrust(&mut self) {
        self.in_doubt = true;
    }

    pub(crate) fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    fn begin_operation(&mut self) -> Result<&mut SqliteConnection, StorageError> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)?;
        self.in_doubt = true;
        Ok(connection)
    }

    fn end_operation<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, StorageError> {
        self.in_doubt = matches!(result, Err(sqlx::Error::WorkerCrashed));
        Ok(result?)
    }
}

impl Drop for SqliteLease {
    fn drop(&mut self) {
        // What is in doubt is closed instead, which also undoes its transaction; the next lease opens another.
        if let Some(connection) = self.connection.take().filter(|_| !self.in_doubt) {
            self.home.idle().push(connection);
        }
    }
}
