//! Registers clients.

use std::collections::{BTreeMap, BTreeSet};

use muster_contract::session::{DocumentRefusal, RegisterBackupClient, SavedDocument};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::order::{Order, check, document_handler, invalid};
use crate::job_sessions::{
    domain::backup_client::BackupClient,
    store::backup_clients::{client_lock, load_clients, save_clients},
};

document_handler!(
    /// Takes [`RegisterBackupClient`].
    RegisterBackupClientHandler,
    RegisterBackupClient,
    register_backup_clients
);

type Results = Vec<Result<SavedDocument, DocumentRefusal>>;
type Key = (String, String);

/// Registers clients as if the commands came one by one in this order.
pub(crate) async fn register_backup_clients(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, RegisterBackupClient>],
) -> Result<Results, StorageError> {
    let clients: Vec<Result<BackupClient, DocumentRefusal>> =
        orders.iter().map(|order| registering(order, ids)).collect();
    let wanted = || clients.iter().flatten();
    let locks: Vec<_> = wanted()
        .map(|client| client_lock(&client.client_id))
        .collect();
    transaction.lock_keys(&locks).await?;
    let keys = wanted().map(|client| (client.tenant.as_str(), client.client_id.as_str()));
    let mut there = BTreeMap::<Key, BackupClient>::new();
    for client in load_clients(transaction, keys)
        .await?
        .into_values()
        .flatten()
    {
        there.insert((client.tenant.clone(), client.client_id.clone()), client);
    }
    let mut changed = BTreeSet::new();
    let mut results = Vec::with_capacity(orders.len());
    for client in clients {
        results.push(client.and_then(|client| {
            let key = (client.tenant.clone(), client.client_id.clone());
            register(&mut there, client)?;
            let id = key.1.clone();
            changed.insert(key);
            Ok(SavedDocument { id, version: 0 })
        }));
    }
    let changed = changed.iter().filter_map(|key| there.get(key));
    save_clients(transaction, changed).await?;
    Ok(results)
}

fn registering(
    order: &Order<'_, RegisterBackupClient>,
    ids: &dyn Ids,
) -> Result<BackupClient, DocumentRefusal> {
    let body = order.body;
    check(order, &body.tenant, None)?;
    let uuid = || ids.next().simple().to_string();
    let (tenant, user) = (&body.tenant, &order.caller.name);
    let client = BackupClient::registering(tenant, user, &body.document, uuid).map_err(invalid)?;
    if client.is_central && !order.caller.crosses_tenants() {
        let reason = "only an administrator registers a central client".to_owned();
        return Err(DocumentRefusal::Forbidden { reason });
    }
    Ok(client)
}

/// Nobody takes the name of a central client of another project: its jobs would be run by somebody else.
fn register(
    there: &mut BTreeMap<Key, BackupClient>,
    client: BackupClient,
) -> Result<(), DocumentRefusal> {
    let key = (client.tenant.clone(), client.client_id.clone());
    if let Some(kept) = there.get_mut(&key) {
        kept.register_again(client);
        return Ok(());
    }
    let is_taken = |other: &BackupClient| other.is_central && other.client_id == client.client_id;
    if there.values().any(is_taken) {
        return Err(DocumentRefusal::Exists {
            id: client.client_id,
        });
    }
    there.insert(key, client);
    Ok(())
}

#[cfg(test)]
mod tests;
