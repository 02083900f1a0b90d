//! Several reads that see one state.

use std::sync::Arc;

use sqlx::{PgPool, PgTransaction, SqlSafeStr};

use crate::bind::{Bind, postgres_arguments};
use crate::composed::ComposedSql;
use crate::error::StorageError;
use crate::record::Record;
use crate::set_statement::SetStatement;
use crate::sqlite_pool::SqliteConnections;
use crate::sqlite_transaction::SqliteTransaction;

/// A read transaction: what it reads is the state at its first read, whatever is committed meanwhile. It ends when it
/// is dropped.
#[derive(Debug)]
pub struct Snapshot {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Sqlite(SqliteTransaction),
    Postgres(PgTransaction<'static>),
}

impl Snapshot {
    pub(crate) async fn begin_sqlite(
        readers: &Arc<SqliteConnections>,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            inner: Inner::Sqlite(SqliteTransaction::begin(readers, "BEGIN DEFERRED").await?),
        })
    }

    pub(crate) async fn begin_postgres(readers: &PgPool) -> Result<Self, StorageError> {
        let transaction = readers
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        Ok(Self {
            inner: Inner::Postgres(transaction),
        })
    }

    /// Reads all rows of a statement.
    pub async fn fetch_all<T: Record>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        self.all(sql, binds).await
    }

    /// Reads the first row of a statement, if there is one.
    pub async fn fetch_optional<T: Record>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Option<T>, StorageError> {
        match &mut self.inner {
            Inner::Sqlite(transaction) => transaction.lease()?.fetch_optional(sql, binds).await,
            Inner::Postgres(transaction) => {
                let query = sqlx::query_as_with(sql, postgres_arguments(binds)?);
                Ok(query.fetch_optional(&mut **transaction).await?)
            }
        }
    }

    /// Reads all rows of a statement that was put together from fixed pieces.
    pub async fn fetch_composed<T: Record>(
        &mut self,
        sql: ComposedSql,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        self.all(sql.into_statement(), binds).await
    }

    /// Reads with a statement over a set of rows: many keys in one go. The rows come in no promised order.
    pub async fn fetch_set<T: Record>(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> Result<Vec<T>, StorageError> {
        statement.check(rows)?;
        match &mut self.inner {
            _ if rows.is_empty() => Ok(Vec::new()),
            Inner::Sqlite(transaction) => transaction.lease()?.fetch_set(statement, rows).await,
            Inner::Postgres(transaction) => {
                let query = sqlx::query_as_with(
                    statement.postgres_text(),
                    statement.postgres_arguments(rows)?,
                );
                Ok(query.fetch_all(&mut **transaction).await?)
            }
        }
    }

    async fn all<T: Record>(
        &mut self,
        sql: impl SqlSafeStr,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        match &mut self.inner {
            Inner::Sqlite(transaction) => transaction.lease()?.fetch_all(sql, binds).await,
            Inner::Postgres(transaction) => {
                let query = sqlx::query_as_with(sql, postgres_arguments(binds)?);
                Ok(query.fetch_all(&mut **transaction).await?)
            }
        }
    }
}
