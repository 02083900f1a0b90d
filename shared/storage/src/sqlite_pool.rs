//! The connections to a SQLite file.
//!
//! sqlx's own pool tests every connection through the connection's thread each time it is given back, which costs a
//! short read or a short transaction more than it takes itself. A connection to a file does not go away, so none of
//! that is needed here; what is left of a pool is this.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteQueryResult, SqliteRow};
use sqlx::{ConnectOptions, Connection, Either, Executor as _, FromRow, SqlSafeStr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::bind::{Bind, sqlite_arguments};
use crate::database::ACQUIRE_TIMEOUT;
use crate::error::StorageError;
use crate::set_statement::SetStatement;
use crate::sqlite_batch::{Answer, SqliteBatch, records};

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
        let mut found = Vec::with_capacity(rows.len());
        while let Some(run) = statement.next_sqlite_run(&mut rows) {
            let mut batch = SqliteBatch::default();
            batch.push_run(run, None)?;
            for answer in self.run(batch).await? {
                found.extend(records(&answer.rows)?);
            }
        }
        Ok(found)
    }

    /// Runs statements one after the other until one fails; an answer for each.
    pub(crate) async fn run(&mut self, batch: SqliteBatch) -> Result<Vec<Answer>, StorageError> {
        let mut answers = Vec::with_capacity(batch.len());
        let (sql, arguments, demands) = batch.into_query();
        let query = sqlx::query_with(sql, arguments);
        let result = collect(self.begin_operation()?.fetch_many(query), &mut answers).await;
        let result = self.end_operation(result);
        // First: what was not as it was read explains what else went wrong after it.
        demands.check(&answers)?;
        result.map(|()| answers)
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

/// Sorts what comes: the rows of a statement, then its end.
async fn collect(
    mut stream: BoxStream<'_, Result<Either<SqliteQueryResult, SqliteRow>, sqlx::Error>>,
    answers: &mut Vec<Answer>,
) -> Result<(), sqlx::Error> {
    let mut answer = Answer::default();
    while let Some(next) = stream.try_next().await? {
        match next {
            Either::Right(row) => answer.rows.push(row),
            Either::Left(end) => {
                answer.changed = end.rows_affected();
                answers.push(std::mem::take(&mut answer));
            }
        }
    }
    Ok(())
}

impl Drop for SqliteLease {
    fn drop(&mut self) {
        // What is in doubt is closed instead, which also undoes its transaction; the next lease opens another.
        if let Some(connection) = self.connection.take().filter(|_| !self.in_doubt) {
            self.home.idle().push(connection);
        }
    }
}
