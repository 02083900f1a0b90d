//! Transactions on a SQLite file.

use std::sync::Arc;

use sqlx::FromRow;
use sqlx::sqlite::SqliteRow;
use tokio::runtime::Handle;

use crate::bind::Bind;
use crate::error::StorageError;
use crate::set_statement::SetStatement;
use crate::sqlite_batch::{Answer, SqliteBatch, records};
use crate::sqlite_pool::{SqliteConnections, SqliteLease};

/// A transaction on a leased connection. Dropping it undoes it.
#[derive(Debug)]
pub(crate) struct SqliteTransaction {
    /// Always there until the transaction is ended.
    lease: Option<SqliteLease>,
    /// Statements whose results nobody has asked for.
    deferred: SqliteBatch,
}

impl SqliteTransaction {
    /// Begins with `statement`, a kind of `BEGIN`.
    pub(crate) async fn begin(
        connections: &Arc<SqliteConnections>,
        statement: &'static str,
    ) -> Result<Self, StorageError> {
        let mut lease = connections.lease().await?;
        // If the caller gives up meanwhile, the connection is in doubt and closed.
        lease.execute(statement, &[]).await?;
        Ok(Self {
            lease: Some(lease),
            deferred: SqliteBatch::default(),
        })
    }

    pub(crate) fn lease(&mut self) -> Result<&mut SqliteLease, StorageError> {
        self.lease
            .as_mut()
            .ok_or_else(|| sqlx::Error::WorkerCrashed.into())
    }

    /// Has a statement over a set of rows run later: together with the next one, at the latest before the commit. `what` =
    /// each row has to change one, and what these are.
    pub(crate) async fn defer(
        &mut self,
        statement: &'static SetStatement,
        mut rows: &[Vec<Bind>],
        what: Option<&'static str>,
    ) -> Result<(), StorageError> {
        while let Some(run) = statement.next_sqlite_run(&mut rows) {
            self.make_room(statement).await?;
            self.deferred.push_run(run, what)?;
            if !statement.is_joinable() {
                self.flush().await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn execute(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<u64, StorageError> {
        self.flush().await?;
        self.lease()?.execute(sql, binds).await
    }

    pub(crate) async fn fetch_all<T>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        if binds.is_empty() && !self.deferred.is_empty() {
            self.deferred.push(sql);
            let answers = self.flush().await?;
            return records(&answers.last().unwrap_or(&Answer::default()).rows);
        }
        self.flush().await?;
        self.lease()?.fetch_all(sql, binds).await
    }

    pub(crate) async fn fetch_optional<T>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Option<T>, StorageError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        self.flush().await?;
        self.lease()?.fetch_optional(sql, binds).await
    }

    /// Runs statements over the same rows, and collects what each returns or changes.
    pub(crate) async fn run_sets<const N: usize>(
        &mut self,
        statements: [&'static SetStatement; N],
        mut rows: &[Vec<Bind>],
    ) -> Result<[Answer; N], StorageError> {
        let mut all = [(); N].map(|()| Answer::default());
        while !rows.is_empty() {
            let mut rest = rows;
            let mut places = Vec::with_capacity(N);
            let mut answers = Vec::new();
            for statement in statements {
                rest = rows;
                let Some(run) = statement.next_sqlite_run(&mut rest) else {
                    continue;
                };
                if !statement.is_joinable() || self.deferred.is_full() {
                    answers.extend(self.flush().await?);
                }
                self.deferred.push_run(run, None)?;
                places.push(answers.len() + self.deferred.len() - 1);
                if !statement.is_joinable() {
                    answers.extend(self.flush().await?);
                }
            }
            answers.extend(self.flush().await?);
            for (place, all) in places.into_iter().zip(&mut all) {
                if let Some(answer) = answers.get_mut(place) {
                    all.changed += answer.changed;
                    all.rows.append(&mut answer.rows);
                }
            }
            rows = rest;
        }
        Ok(all)
    }

    /// Makes room for another statement in the text.
    async fn make_room(&mut self, statement: &SetStatement) -> Result<(), StorageError> {
        if !statement.is_joinable() || self.deferred.is_full() {
            self.flush().await?;
        }
        Ok(())
    }

    /// Runs what was deferred.
    async fn flush(&mut self) -> Result<Vec<Answer>, StorageError> {
        if self.deferred.is_empty() {
            return Ok(Vec::new());
        }
        let batch = std::mem::take(&mut self.deferred);
        self.lease()?.run(batch).await
    }

    pub(crate) async fn commit(mut self) -> Result<(), StorageError> {
        if self.deferred.demands() {
            self.flush().await?;
        }
        self.deferred.push("COMMIT");
        self.flush().await?;
        self.lease = None;
        Ok(())
    }

    pub(crate) async fn rollback(mut self) {
        if let Some(lease) = self.lease.take() {
            roll_back(lease).await;
        }
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        let Some(mut lease) = self.lease.take() else {
            return;
        };
        if lease.is_in_doubt() {
            return;
        }
        // Until the rollback has been seen to work; a runtime that shuts down may never run it.
        lease.distrust();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(roll_back(lease));
        }
    }
}

async fn roll_back(mut lease: SqliteLease) {
    // It fails if SQLite has undone the transaction itself, as after a full disk. Closing the connection is right then
    // and in every other case.
    if lease.execute("ROLLBACK", &[]).await.is_err() {
        lease.distrust();
    }
}
