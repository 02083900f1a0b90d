//! Transactions on a SQLite file.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::error::StorageError;
use crate::sqlite_pool::{SqliteConnections, SqliteLease};

/// A transaction on a leased connection. Dropping it undoes it.
#[derive(Debug)]
pub(crate) struct SqliteTransaction {
    /// Always there until the transaction is ended.
    lease: Option<SqliteLease>,
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
        Ok(Self { lease: Some(lease) })
    }

    pub(crate) fn lease(&mut self) -> Result<&mut SqliteLease, StorageError> {
        self.lease
            .as_mut()
            .ok_or_else(|| sqlx::Error::WorkerCrashed.into())
    }

    pub(crate) async fn commit(mut self) -> Result<(), StorageError> {
        self.lease()?.execute("COMMIT", &[]).await?;
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
