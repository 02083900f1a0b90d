//! Several reads that see one state.

use sqlx::{PgPool, PgTransaction, SqlSafeStr, SqlStr, SqlitePool, SqliteTransaction};

use crate::bind::{Bind, postgres_arguments, sqlite_arguments};
use crate::composed::ComposedSql;
use crate::error::StorageError;
use crate::record::Record;

/// A read transaction: what it reads is the state at its first read, whatever is committed meanwhile. It ends when it
/// is dropped.
#[derive(Debug)]
pub struct Snapshot {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Sqlite(SqliteTransaction<'static>),
    Postgres(PgTransaction<'static>),
}

impl Snapshot {
    pub(crate) async fn begin_sqlite(readers: &SqlitePool) -> Result<Self, StorageError> {
        Ok(Self {
            inner: Inner::Sqlite(readers.begin_with("BEGIN DEFERRED").await?),
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
        self.all(sql.into_sql_str(), binds).await
    }

    /// Reads the first row of a statement, if there is one.
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
            Inner::Postgres(transaction) => {
                let arguments = postgres_arguments(binds).map_err(StorageError::other)?;
                sqlx::query_as_with(sql, arguments)
                    .fetch_optional(&mut **transaction)
                    .await?
            }
        })
    }

    /// Reads all rows of a statement that was put together from fixed pieces.
    pub async fn fetch_composed<T: Record>(
        &mut self,
        sql: ComposedSql,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        self.all(sql.into_statement(), binds).await
    }

    async fn all<T: Record>(
        &mut self,
        sql: SqlStr,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        Ok(match &mut self.inner {
            Inner::Sqlite(transaction) => {
                let arguments = sqlite_arguments(binds).map_err(StorageError::other)?;
                sqlx::query_as_with(sql, arguments)
                    .fetch_all(&mut **transaction)
                    .await?
            }
            Inner::Postgres(transaction) => {
                let arguments = postgres_arguments(binds).map_err(StorageError::other)?;
                sqlx::query_as_with(sql, arguments)
                    .fetch_all(&mut **transaction)
                    .await?
            }
        })
    }
}
