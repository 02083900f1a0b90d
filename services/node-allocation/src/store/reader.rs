//! Reading in a transaction that writes, or in one that does not.

use std::future::Future;

use muster_storage::{Bind, Record, SetStatement, Snapshot, StorageError, Transaction};

/// What can be read from.
pub(crate) trait Reader: Send {
    /// All rows of a statement.
    fn all<T: Record>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> impl Future<Output = Result<Vec<T>, StorageError>> + Send;

    /// All rows of a statement over a set.
    fn set<T: Record>(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> impl Future<Output = Result<Vec<T>, StorageError>> + Send;
}

impl Reader for Transaction {
    async fn all<T: Record>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        self.fetch_all(sql, binds).await
    }

    async fn set<T: Record>(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> Result<Vec<T>, StorageError> {
        self.fetch_set(statement, rows).await
    }
}

impl Reader for Snapshot {
    async fn all<T: Record>(
        &mut self,
        sql: &'static str,
        binds: &[Bind],
    ) -> Result<Vec<T>, StorageError> {
        self.fetch_all(sql, binds).await
    }

    async fn set<T: Record>(
        &mut self,
        statement: &'static SetStatement,
        rows: &[Vec<Bind>],
    ) -> Result<Vec<T>, StorageError> {
        self.fetch_set(statement, rows).await
    }
}
