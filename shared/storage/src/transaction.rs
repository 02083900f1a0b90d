//! A transaction that may write.

use std::sync::Arc;

use sqlx::{PgPool, PgTransaction};

use crate::bind::{Bind, postgres_arguments};
use crate::error::StorageError;
use crate::lock_key::LockKey;
use crate::record::Record;
use crate::set_statement::SetStatement;
use crate::sqlite_batch::{all_changed, records};
use crate::sqlite_pool::SqliteConnections;
use crate::sqlite_transaction::SqliteTransaction;
use crate::sums::Additions;

/// A transaction that may write. It is undone unless it is committed.
///
/// After an error nothing more can be done in it, on either engine: neither further statements nor the commit.
#[derive(Debug)]
pub struct Transaction {
    inner: Inner,
    failed: bool,
    additions: Additions,
}

/// What three statements return.
pub type ThreeSets<A, B, C> = (Vec<A>, Vec<B>, Vec<C>);

#[derive(Debug)]
enum Inner {
    Sqlite(SqliteTransaction),
    Postgres {
        transaction: PgTransaction<'static>,
        lock_salt: LockKey,
    },
}

impl Transaction {
    pub(crate) async fn begin_sqlite(
        writer: &Arc<SqliteConnections>,
    ) -> Result<Self, StorageError> {
        let transaction = SqliteTransaction::begin(writer, "BEGIN IMMEDIATE").await?;
        Ok(Self {
            inner: Inner::Sqlite(transaction),
            failed: false,
            additions: Additions::default(),
        })
    }

    pub(crate) async fn begin_postgres(
        writers: &PgPool,
        lock_salt: LockKey,
    ) -> Result<Self, StorageError> {
        let transaction = writers
            .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
            .await?;
        Ok(Self {
            inner: Inner::Postgres {
                transaction,
                lock_salt,
            },
            failed: false,
            additions: Additions::default(),
        })
    }

    /// Runs a statement and tells how many rows it changed.
    pub async fn execute(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<u64, StorageError> {
        let result = match self.usable()? {
            Inner::Sqlite(transaction) => transaction.execute(sql, binds).await,
            Inner::Postgres { transaction, .. } => {
                let query = sqlx::query_with(sql, postgres_arguments(binds)?);
                query
                    .execute(&mut **transaction)
                    .await
                    .map(|result| result.rows_affected())
                    .map_err(Into::into)
            }
        };
        self.note(result)
    }

    /// Runs a statement and collects the rows it returns.
    pub async fn fetch_all<T: Record>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        let result = match self.usable()? {
            Inner::Sqlite(transaction) => transaction.fetch_all(sql, binds).await,
            Inner::Postgres { transaction, .. } => {
                let query = sqlx::query_as_with(sql, postgres_arguments(binds)?);
                query
                    .fetch_all(&mut **transaction)
                    .await
                    .map_err(Into::into)
            }
        };
        self.note(result)
    }

    /// Runs a statement that returns at most one row.
    pub async fn fetch_optional<T: Record>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Option<T>, StorageError> {
        let result = match self.usable()? {
            Inner::Sqlite(transaction) => transaction.fetch_optional(sql, binds).await,
            Inner::Postgres { transaction, .. } => {
                let query = sqlx::query_as_with(sql, postgres_arguments(binds)?);
                query
                    .fetch_optional(&mut **transaction)
                    .await
                    .map_err(Into::into)
            }
        };
        self.note(result)
    }

    /// Runs a statement over a set of rows and tells how many rows it changed.
    pub async fn execute_set(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> Result<u64, StorageError> {
        statement.check(rows)?;
        let result = match self.usable()? {
            _ if rows.is_empty() => Ok(0),
            Inner::Sqlite(transaction) => {
                let answers = transaction.run_sets([statement], rows).await;
                answers.map(|[answer]| answer.changed)
            }
            Inner::Postgres { transaction, .. } => {
                let query = sqlx::query_with(
                    statement.postgres_text(),
                    statement.postgres_arguments(rows)?,
                );
                query
                    .execute(&mut **transaction)
                    .await
                    .map(|result| result.rows_affected())
                    .map_err(Into::into)
            }
        };
        self.note(result)
    }

    /// Runs a statement over a set of rows and collects the rows it returns, in no promised order.
    pub async fn fetch_set<T: Record>(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> Result<Vec<T>, StorageError> {
        statement.check(rows)?;
        let result = match self.usable()? {
            _ if rows.is_empty() => Ok(Vec::new()),
            Inner::Sqlite(transaction) => {
                let answers = transaction.run_sets([statement], rows).await;
                answers.and_then(|[answer]| records(&answer.rows))
            }
            Inner::Postgres { transaction, .. } => {
                let query = sqlx::query_as_with(
                    statement.postgres_text(),
                    statement.postgres_arguments(rows)?,
                );
                query
                    .fetch_all(&mut **transaction)
                    .await
                    .map_err(Into::into)
            }
        };
        self.note(result)
    }

    /// Runs a statement over a set of rows, where nobody has to know what comes of it. It is done in its turn, but it may
    /// fail later: with the next statement, or with the commit.
    pub async fn write_set(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> Result<(), StorageError> {
        self.write(statement, rows, None).await
    }

    /// Runs a statement over a set of rows, each of which has to change one row of a table; `what` these are. If one does
    /// not, all comes to nothing with [`StorageError::Conflict`], now or as [`Transaction::write_set`] fails.
    pub async fn change_set(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
        what: &'static str,
    ) -> Result<(), StorageError> {
        self.write(statement, rows, Some(what)).await
    }

    async fn write(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
        what: Option<&'static str>,
    ) -> Result<(), StorageError> {
        if let Inner::Sqlite(transaction) = self.usable()? {
            statement.check(rows)?;
            let result = transaction.defer(statement, rows, what).await;
            return self.note(result);
        }
        let changed = self.execute_set(statement, rows).await?;
        let expected = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let result = what.map_or(Ok(()), |what| all_changed(what, changed, expected));
        self.note(result)
    }

    /// Adds these amounts to the sums of a key, with a statement over rows of the key's texts followed by the amounts. It is done when
    /// the transaction commits, for all that it has added, in the order of the keys: transactions that add to the same sums then wait
    /// for each other only there, and never in a circle, however many changes led to it.
    pub fn add_to_sums(
        &mut self,
        statement: &'static SetStatement,
        key: Vec<String>,
        amounts: &[i64],
    ) {
        self.additions.add(statement, key, amounts);
    }

    /// Reads with three statements over the same set of rows; the rows of each come in no promised order.
    pub async fn fetch_sets<A: Record, B: Record, C: Record>(
        &mut self,
        statements: [&'static SetStatement; 3],
        rows: &[Vec<Bind>],
    ) -> Result<ThreeSets<A, B, C>, StorageError> {
        let [first, second, third] = statements;
        if let Inner::Sqlite(transaction) = self.usable()? {
            for statement in statements {
                statement.check(rows)?;
            }
            let answers = transaction.run_sets(statements, rows).await;
            let result = answers.and_then(|[first, second, third]| {
                Ok((
                    records(&first.rows)?,
                    records(&second.rows)?,
                    records(&third.rows)?,
                ))
            });
            return self.note(result);
        }
        Ok((
            self.fetch_set(first, rows).await?,
            self.fetch_set(second, rows).await?,
            self.fetch_set(third, rows).await?,
        ))
    }

    /// Makes transactions that name the same key run one after the other, until they end.
    ///
    /// The keys are taken in one order, so two transactions that each lock once cannot wait for each other. On SQLite
    /// there is only one writer, and so nothing to do.
    pub async fn lock_keys(&mut self, keys: &[LockKey]) -> Result<(), StorageError> {
        let result = match self.usable()? {
            Inner::Sqlite(_) => Ok(()),
            Inner::Postgres { .. } if keys.is_empty() => Ok(()),
            Inner::Postgres {
                transaction,
                lock_salt,
            } => {
                let mut keys: Vec<i64> = keys.iter().map(|key| key.salted(*lock_salt)).collect();
                keys.sort_unstable();
                keys.dedup();
                sqlx::query(
                    "SELECT pg_advisory_xact_lock(key) FROM UNNEST($1::bigint[]) AS keys(key)",
                )
                .bind(keys)
                .execute(&mut **transaction)
                .await
                .map(|_| ())
                .map_err(Into::into)
            }
        };
        self.note(result)
    }

    /// Makes everything permanent: when this returns, it is on the disk.
    pub async fn commit(mut self) -> Result<(), StorageError> {
        for (statement, rows) in std::mem::take(&mut self.additions).into_sets() {
            self.write_set(statement, &rows).await?;
        }
        self.usable()?;
        match self.inner {
            Inner::Sqlite(transaction) => transaction.commit().await,
            Inner::Postgres { transaction, .. } => Ok(transaction.commit().await?),
        }
    }

    /// Undoes everything. Dropping does the same without waiting for it.
    pub async fn rollback(self) -> Result<(), StorageError> {
        match self.inner {
            Inner::Sqlite(transaction) => transaction.rollback().await,
            Inner::Postgres { transaction, .. } => transaction.rollback().await?,
        }
        Ok(())
    }

    /// PostgreSQL answers the commit of a failed transaction with a silent rollback, and SQLite commits what worked;
    /// after a full disk it has even undone the transaction and would run what follows on its own. A caller that let
    /// an error pass must not get any of that.
    fn usable(&mut self) -> Result<&mut Inner, StorageError> {
        if self.failed {
            return Err(StorageError::other(
                "an earlier statement of the transaction has failed",
            ));
        }
        Ok(&mut self.inner)
    }

    fn note<T>(&mut self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        self.failed |= result.is_err();
        result
    }
}
