//! Saves what is known of backups.

use std::collections::BTreeSet;

use muster_contract::session::{DocumentRefusal, SaveBackup, SaveMode, SavedDocument};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::order::{Order, check, document_handler, invalid};
use crate::job_sessions::{
    domain::backup::Backup,
    store::backups::{BackupKey, backup_lock, load_backups, save_backups as write},
};

document_handler!(
    /// Takes [`SaveBackup`].
    SaveBackupHandler,
    SaveBackup,
    save_backups
);

type Results = Vec<Result<SavedDocument, DocumentRefusal>>;

/// Saves backups as if the commands came one by one in this order.
pub(crate) async fn save_backups(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, SaveBackup>],
) -> Result<Results, StorageError> {
    let keys: Vec<Result<BackupKey, DocumentRefusal>> =
        orders.iter().map(|order| key(order, ids)).collect();
    let patched = orders.iter().zip(&keys);
    let patched = patched.filter(|(order, _)| order.body.mode == SaveMode::Patch);
    let patched: Vec<&BackupKey> = patched.filter_map(|(_, key)| key.as_ref().ok()).collect();
    let locks: Vec<_> = patched
        .iter()
        .map(|(tenant, id)| backup_lock(tenant, id))
        .collect();
    transaction.lock_keys(&locks).await?;
    let known = patched
        .iter()
        .map(|(tenant, id)| (tenant.as_str(), id.as_str()));
    let mut backups = load_backups(transaction, known).await?;
    let mut changed = BTreeSet::new();
    let mut results = Vec::with_capacity(orders.len());
    for (order, key) in orders.iter().zip(keys) {
        let saved = key.and_then(|key| {
            let backup = saved(order, backups.get(&key))?;
            changed.insert((key.clone(), order.caller.name.as_str()));
            let id = key.1.clone();
            backups.insert(key, backup);
            Ok(SavedDocument { id, version: 0 })
        });
        results.push(saved);
    }
    // One that two have patched is written once.
    let mut last: Option<&BackupKey> = None;
    let changed = changed.iter().filter_map(|(key, user)| {
        if last.replace(key) == Some(key) {
            return None;
        }
        Some((key, *user, backups.get(key)?))
    });
    let rows: Vec<_> = changed.collect();
    write(transaction, rows).await?;
    Ok(results)
}

/// Whose it is, and its id: as with the real server, a new one gets one.
fn key(order: &Order<'_, SaveBackup>, ids: &dyn Ids) -> Result<BackupKey, DocumentRefusal> {
    let body = order.body;
    check(order, &body.tenant, body.backup_id.as_deref())?;
    let id = match (body.mode, &body.backup_id) {
        (SaveMode::Create, _) => ids.next().simple().to_string(),
        (SaveMode::Patch, Some(id)) => id.clone(),
        (SaveMode::Patch | SaveMode::Replace, _) => return Err(DocumentRefusal::Unknown),
    };
    Ok((body.tenant.clone(), id))
}

fn saved(order: &Order<'_, SaveBackup>, there: Option<&Backup>) -> Result<Backup, DocumentRefusal> {
    let document = &order.body.document;
    if order.body.mode == SaveMode::Create {
        return Backup::new(document).map_err(invalid);
    }
    let mut backup = there.ok_or(DocumentRefusal::Unknown)?.clone();
    backup.patch(document).map_err(invalid)?;
    Ok(backup)
}

#[cfg(test)]
mod tests;
