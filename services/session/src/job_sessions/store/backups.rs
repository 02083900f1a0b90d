//! Backups, read and written in sets.

use std::collections::BTreeMap;

use muster_storage::{Bind, ColumnType, LockKey, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::backup_jobs::{json, key_rows, object};
use crate::job_sessions::domain::backup::Backup;

/// A backup's tenant and id.
pub(crate) type BackupKey = (String, String);

#[derive(Debug, FromRow)]
struct BackupRow {
    tenant: String,
    backup_id: String,
    status: String,
    document: String,
}

pub(super) static BY_KEY: SetStatement = SetStatement::new(
    "SELECT backup.tenant, backup.backup_id, backup.status, backup.document \
     FROM {rows} JOIN backup ON backup.tenant = r.tenant AND backup.backup_id = r.backup_id",
    &[
        ("tenant", ColumnType::Text),
        ("backup_id", ColumnType::Text),
    ],
);

pub(super) static SAVE: SetStatement = SetStatement::new(
    "INSERT INTO backup (backup_id, tenant, user_name, status, document) \
     SELECT r.backup_id, r.tenant, r.user_name, r.status, r.document FROM {rows} WHERE true \
     ON CONFLICT (tenant, backup_id) DO UPDATE SET status = excluded.status, document = excluded.document",
    &[
        ("backup_id", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("user_name", ColumnType::Text),
        ("status", ColumnType::Text),
        ("document", ColumnType::Text),
    ],
);

pub(super) static DELETE: SetStatement = SetStatement::new(
    "DELETE FROM backup WHERE (tenant, backup_id) IN (SELECT r.tenant, r.backup_id FROM {rows})",
    &[
        ("tenant", ColumnType::Text),
        ("backup_id", ColumnType::Text),
    ],
);

/// What whoever changes a backup takes its turn on.
pub(crate) fn backup_lock(tenant: &str, backup_id: &str) -> LockKey {
    LockKey::of(&["backup", tenant, backup_id])
}

/// The backups with these tenants and ids that are there.
pub(crate) async fn load_backups<'a>(
    transaction: &mut Transaction,
    keys: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<BTreeMap<BackupKey, Backup>, StorageError> {
    let rows: Vec<BackupRow> = transaction.fetch_set(&BY_KEY, &key_rows(keys)).await?;
    rows.into_iter()
        .map(|row| {
            let metadata = object(&row.document)?;
            let backup = Backup {
                status: row.status,
                metadata,
            };
            Ok(((row.tenant, row.backup_id), backup))
        })
        .collect()
}

/// Writes backups, new ones of these users and others. Each once.
pub(crate) async fn save_backups<'a>(
    transaction: &mut Transaction,
    backups: impl IntoIterator<Item = (&'a BackupKey, &'a str, &'a Backup)>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = backups
        .into_iter()
        .map(|((tenant, backup_id), user, backup)| {
            vec![
                backup_id.into(),
                tenant.into(),
                user.into(),
                (&backup.status).into(),
                json(&backup.metadata).into(),
            ]
        })
        .collect();
    transaction.execute_set(&SAVE, &rows).await?;
    Ok(())
}

/// Deletes backups by tenant and id.
pub(crate) async fn delete_backups<'a>(
    transaction: &mut Transaction,
    keys: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), StorageError> {
    transaction.execute_set(&DELETE, &key_rows(keys)).await?;
    Ok(())
}
