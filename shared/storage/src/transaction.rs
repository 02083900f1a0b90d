//! A transaction that may write.

use sqlx::{PgPool, PgTransaction, SqlitePool, SqliteTransaction};

use crate::bind::{Bind, postgres_arguments, sqlite_arguments};
use crate::error::StorageError;
use crate::lock_key::LockKey;
use crate::record::Record;
use crate::set_statement::SetStatement;

/// A transaction that may write. It is undone unless it is committed.
#[derive(Debug)]
pub struct Transaction {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Sqlite(SqliteTransaction<'static>),
    Postgres {
        transaction: PgTransaction<'static>,
        lock_salt: LockKey,
    },
}

impl Transaction {
    pub(crate) async fn begin_sqlite(writer: &SqlitePool) -> Result<Self, StorageError> {
        Ok(Self {
            inner: Inner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
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
        })
    }

    /// Runs a statement and tells how many rows it changed.
    pub async fn execute(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<u64, StorageError> {
        Ok(match &mut self.inner {
            Inner::Sqlite(transaction) => {
                let arguments = sqlite_arguments(binds).map_err(StorageError::other)?;
                sqlx::query_with(sql, arguments)
                    .execute(&mut **transaction)
                    .await?
                    .rows_affected()
            }
            Inner::Postgres { transaction, .. } => {
                let arguments = postgres_arguments(binds).map_err(StorageError::other)?;
                sqlx::query_with(sql, arguments)
                    .execute(&mut **transaction)
                    .await?
                    .rows_affected()
            }
        })
    }

    /// Runs a statement and collects the rows it returns.
    pub async fn fetch_all<T: Record>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        Ok(match &mut self.inner {
            Inner::Sqlite(transaction) => {
                let arguments = sqlite_arguments(binds).map_err(StorageError::other)?;
                sqlx::query_as_with(sql, arguments)
                    .fetch_all(&mut **transaction)
                    .await?
            }
            Inner::Postgres { transaction, .. } => {
                let arguments = postgres_arguments(binds).map_err(StorageError::other)?;
                sqlx::query_as_with(sql, arguments)
                    .fetch_all(&mut **transaction)
                    .await?
            }
        })
    }

    /// Runs a statement that returns at most one row.
    pub async fn fetch_optional<T: Record>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Option<T>, StorageError> {
        Ok(match &mut self.inner {
            Inner::Sqlite(transaction) => {
                let arguments = sqlite_arguments(binds).map_err(StorageError::other)?;
                sqlx::query_as_with(sql, arguments)
                    .fetch_optional(&mut **transaction)
                    .await?
            }
            Inner::Postgres { transaction, .. } => {
                let arguments = postgres_arguments(binds).map_err(StorageError::other)?;
                sqlx::query_as_with(sql, arguments)
                    .fetch_optional(&mut **transaction)
                    .await?
            }
        })
    }

    /// Runs a statement over a set of rows and tells how many rows it changed.
    pub async fn execute_set(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> Result<u64, StorageError> {
        statement.check(rows)?;
        match &mut self.inner {
            Inner::Sqlite(transaction) => {
                let mut changed = 0;
                for row in rows {
                    let arguments = sqlite_arguments(row).map_err(StorageError::other)?;
                    let result = sqlx::query_with(statement.sqlite_text(), arguments)
                        .execute(&mut **transaction)
                        .await?;
                    changed += result.rows_affected();
                }
                Ok(changed)
            }
            Inner::Postgres { .. } if rows.is_empty() => Ok(0),
            Inner::Postgres { transaction, .. } => {
                let arguments = statement.postgres_arguments(rows)?;
                let result = sqlx::query_with(statement.postgres_text(), arguments)
                    .execute(&mut **transaction)
                    .await?;
                Ok(result.rows_affected())
            }
        }
    }

    /// Runs a statement over a set of rows and collects the rows it returns, in no promised order.
    pub async fn fetch_set<T: Record>(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> Result<Vec<T>, StorageError> {
        statement.check(rows)?;
        match &mut self.inner {
            Inner::Sqlite(transaction) => {
                let mut records = Vec::with_capacity(rows.len());
                for row in rows {
                    let arguments = sqlite_arguments(row).map_err(StorageError::other)?;
                    let query = sqlx::query_as_with(statement.sqlite_text(), arguments);
                    records.extend(query.fetch_all(&mut **transaction).await?);
                }
                Ok(records)
            }
            Inner::Postgres { .. } if rows.is_empty() => Ok(Vec::new()),
            Inner::Postgres { transaction, .. } => {
                let arguments = statement.postgres_arguments(rows)?;
                Ok(sqlx::query_as_with(statement.postgres_text(), arguments)
                    .fetch_all(&mut **transaction)
                    .await?)
            }
        }
    }

    /// Makes transactions that name the same key run one after the other, until they end.
    ///
    /// The keys are taken in one order, so two transactions that each lock once cannot wait for each other. On SQLite
    /// there is only one writer, and so nothing to do.
    pub async fn lock_keys(&mut self, keys: &[LockKey]) -> Result<(), StorageError> {
        if let Inner::Postgres {
            transaction,
            lock_salt,
        } = &mut self.inner
            && !keys.is_empty()
        {
            let mut keys: Vec<i64> = keys.iter().map(|key| key.salted(*lock_salt)).collect();
            keys.sort_unstable();
            keys.dedup();
            sqlx::query("SELECT pg_advisory_xact_lock(key) FROM UNNEST($1::bigint[]) AS keys(key)")
                .bind(keys)
                .execute(&mut **transaction)
                .await?;
        }
        Ok(())
    }

    /// Makes everything permanent: when this returns, it is on the disk.
    pub async fn commit(self) -> Result<(), StorageError> {
        match self.inner {
            Inner::Sqlite(transaction) => transaction.commit().await?,
            Inner::Postgres { transaction, .. } => transaction.commit().await?,
        }
        Ok(())
    }

    /// Undoes everything. Dropping does the same without waiting for it.
    pub async fn rollback(self) -> Result<(), StorageError> {
        match self.inner {
            Inner::Sqlite(transaction) => transaction.rollback().await?,
            Inner::Postgres { transaction, .. } => transaction.rollback().await?,
        }
        Ok(())
    }
}
