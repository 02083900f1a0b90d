//! Deletes actions, clients and backups.

use std::collections::BTreeSet;

use muster_contract::session::{
    DeleteBackup, DeleteBackupAction, DeleteBackupClient, DeletedDocument, DocumentRefusal,
};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::order::{Order, check, document_handler};
use crate::job_sessions::store::{
    backup_actions::{action_lock, delete_actions, load_actions},
    backup_clients::{client_lock, delete_clients, load_clients},
    backups::{backup_lock, delete_backups as delete_rows, load_backups},
};

document_handler!(
    /// Takes [`DeleteBackupAction`].
    DeleteBackupActionHandler,
    DeleteBackupAction,
    delete_backup_actions
);

document_handler!(
    /// Takes [`DeleteBackupClient`].
    DeleteBackupClientHandler,
    DeleteBackupClient,
    delete_backup_clients
);

document_handler!(
    /// Takes [`DeleteBackup`].
    DeleteBackupHandler,
    DeleteBackup,
    delete_backups
);

pub(super) type Results = Vec<Result<DeletedDocument, DocumentRefusal>>;

/// What the commands name, if their callers may.
pub(super) fn named<'a, C>(
    orders: &'a [Order<'a, C>],
    name: fn(&C) -> (&str, &str),
) -> Vec<Result<(&'a str, &'a str), DocumentRefusal>> {
    let named = orders.iter().map(|order| {
        let (tenant, id) = name(order.body);
        match check(order, tenant, Some(id)) {
            // There can be none.
            Err(DocumentRefusal::Unknown) => Ok((tenant, "")),
            allowed => allowed.map(|()| (tenant, id)),
        }
    });
    named.collect()
}

/// What is deleted: of those that are there, each by the first who names it.
pub(super) fn results<'a>(
    named: Vec<Result<(&'a str, &'a str), DocumentRefusal>>,
    mut there: BTreeSet<(&'a str, &'a str)>,
) -> Results {
    let deleted = named.into_iter().map(|named| {
        named.map(|key| DeletedDocument {
            existed: there.remove(&key),
        })
    });
    deleted.collect()
}

/// Deletes actions. Jobs do them no more.
pub(crate) async fn delete_backup_actions(
    transaction: &mut Transaction,
    _: &dyn Ids,
    orders: &[Order<'_, DeleteBackupAction>],
) -> Result<Results, StorageError> {
    let named = named(orders, |body| (&body.tenant, &body.action_id));
    let keys = || named.iter().flatten().copied();
    let locks: Vec<_> = keys().map(|(tenant, id)| action_lock(tenant, id)).collect();
    transaction.lock_keys(&locks).await?;
    let there = load_actions(transaction, keys()).await?;
    let there: BTreeSet<(&str, &str)> = there.keys().map(pair).collect();
    delete_actions(transaction, there.iter().copied()).await?;
    Ok(results(named, there))
}

/// Deletes what is known of backups.
pub(crate) async fn delete_backups(
    transaction: &mut Transaction,
    _: &dyn Ids,
    orders: &[Order<'_, DeleteBackup>],
) -> Result<Results, StorageError> {
    let named = named(orders, |body| (&body.tenant, &body.backup_id));
    let keys = || named.iter().flatten().copied();
    let locks: Vec<_> = keys().map(|(tenant, id)| backup_lock(tenant, id)).collect();
    transaction.lock_keys(&locks).await?;
    let there = load_backups(transaction, keys()).await?;
    let there: BTreeSet<(&str, &str)> = there.keys().map(pair).collect();
    delete_rows(transaction, there.iter().copied()).await?;
    Ok(results(named, there))
}

/// Deletes clients. A central one is seen by all projects, and deleted by its own.
pub(crate) async fn delete_backup_clients(
    transaction: &mut Transaction,
    _: &dyn Ids,
    orders: &[Order<'_, DeleteBackupClient>],
) -> Result<Results, StorageError> {
    let mut named = named(orders, |body| (&body.tenant, &body.client_id));
    let keys = || named.iter().flatten().copied();
    let locks: Vec<_> = keys().map(|(_, id)| client_lock(id)).collect();
    transaction.lock_keys(&locks).await?;
    let seen = load_clients(transaction, keys()).await?;
    let own = seen
        .iter()
        .filter(|((tenant, _), clients)| clients.iter().any(|client| client.tenant == *tenant));
    let own: BTreeSet<(&str, &str)> = own.map(|(key, _)| pair(key)).collect();
    delete_clients(transaction, own.iter().copied()).await?;
    for named in &mut named {
        if let Ok(key) = named
            && !own.contains(key)
            && seen.contains_key(&(key.0.to_owned(), key.1.to_owned()))
        {
            let reason = "a central client is deleted by the project that it belongs to".to_owned();
            *named = Err(DocumentRefusal::Forbidden { reason });
        }
    }
    Ok(results(named, own))
}

pub(super) fn pair((tenant, id): &(String, String)) -> (&str, &str) {
    (tenant, id)
}
