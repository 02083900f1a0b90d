//! Removals that are not done yet.

use muster_storage::{LockKey, StorageError, Transaction};
use uuid::Uuid;

use super::unreadable;
use crate::domain::removal::Removal;

/// A removal on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenRemoval {
    /// The command that asked for it.
    pub(crate) command: Uuid,
    /// What is left of it.
    pub(crate) work: Removal,
    /// What was removed so far.
    pub(crate) removed: u64,
}

/// Keeps a removal that goes on later.
pub(crate) async fn keep_removal(
    transaction: &mut Transaction,
    removal: &OpenRemoval,
    now: i64,
) -> Result<(), StorageError> {
    let sql = "INSERT INTO removal (command, begun_at, work, removed) VALUES ($1, $2, $3, $4)";
    let binds = [
        removal.command.to_string().into(),
        now.into(),
        json(&removal.work)?.into(),
        count(removal.removed).into(),
    ];
    transaction.execute(sql, &binds).await?;
    Ok(())
}

/// The removal that was begun first, if there is one; no other replica gets one before the transaction ends.
pub(crate) async fn next_removal(
    transaction: &mut Transaction,
) -> Result<Option<OpenRemoval>, StorageError> {
    transaction.lock_keys(&[LockKey::of(&["removals"])]).await?;
    let sql = "SELECT command, work, removed FROM removal ORDER BY begun_at, command LIMIT 1";
    let row: Option<(String, String, i64)> = transaction.fetch_optional(sql, &[]).await?;
    row.map(|(command, work, removed)| {
        Ok(OpenRemoval {
            command: command
                .parse()
                .map_err(|error| unreadable("command", error))?,
            work: serde_json::from_str(&work).map_err(|error| unreadable("work", error))?,
            removed: u64::try_from(removed).unwrap_or_default(),
        })
    })
    .transpose()
}

/// Notes how far a removal has come.
pub(crate) async fn advance_removal(
    transaction: &mut Transaction,
    removal: &OpenRemoval,
) -> Result<(), StorageError> {
    let sql = "UPDATE removal SET work = $2, removed = $3 WHERE command = $1";
    let binds = [
        removal.command.to_string().into(),
        json(&removal.work)?.into(),
        count(removal.removed).into(),
    ];
    transaction.execute(sql, &binds).await?;
    Ok(())
}

/// Forgets a removal that is done.
pub(crate) async fn forget_removal(
    transaction: &mut Transaction,
    command: Uuid,
) -> Result<(), StorageError> {
    let sql = "DELETE FROM removal WHERE command = $1";
    transaction
        .execute(sql, &[command.to_string().into()])
        .await?;
    Ok(())
}

fn json(work: &Removal) -> Result<String, StorageError> {
    serde_json::to_string(work).map_err(|error| StorageError::Other(error.into()))
}

fn count(removed: u64) -> i64 {
    i64::try_from(removed).unwrap_or(i64::MAX)
}
