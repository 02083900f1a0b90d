//! Saves actions.

use std::collections::BTreeSet;

use muster_contract::session::{DocumentRefusal, SaveBackupAction, SaveMode, SavedDocument};
use muster_platform::Ids;
use muster_storage::{StorageError, Transaction};

use super::order::{Order, check, document_handler, invalid};
use crate::job_sessions::{
    domain::{
        backup_action::{self, BackupAction},
        fields,
    },
    store::backup_actions::{ActionKey, action_lock, load_actions, save_actions},
};

document_handler!(
    /// Takes [`SaveBackupAction`].
    SaveBackupActionHandler,
    SaveBackupAction,
    save_backup_actions
);

type Results = Vec<Result<SavedDocument, DocumentRefusal>>;

/// Saves actions as if the commands came one by one in this order.
pub(crate) async fn save_backup_actions(
    transaction: &mut Transaction,
    ids: &dyn Ids,
    orders: &[Order<'_, SaveBackupAction>],
) -> Result<Results, StorageError> {
    let keys: Vec<Result<ActionKey, DocumentRefusal>> =
        orders.iter().map(|order| key(order, ids)).collect();
    let known = || {
        keys.iter()
            .flatten()
            .map(|(tenant, id)| (tenant.as_str(), id.as_str()))
    };
    let locks: Vec<_> = known()
        .map(|(tenant, id)| action_lock(tenant, id))
        .collect();
    transaction.lock_keys(&locks).await?;
    let mut actions = load_actions(transaction, known()).await?;
    let mut changed = BTreeSet::new();
    let mut results = Vec::with_capacity(orders.len());
    for (order, key) in orders.iter().zip(keys) {
        let saved = key.and_then(|key| {
            let action = saved(order, &key, actions.get(&key))?;
            changed.insert(key.clone());
            let document = SavedDocument {
                id: key.1.clone(),
                version: action.version,
            };
            actions.insert(key, action);
            Ok(document)
        });
        results.push(saved);
    }
    let changed = changed.iter().filter_map(|key| actions.get(key));
    save_actions(transaction, changed).await?;
    Ok(results)
}

/// Whose it is, and its id.
fn key(order: &Order<'_, SaveBackupAction>, ids: &dyn Ids) -> Result<ActionKey, DocumentRefusal> {
    let body = order.body;
    check(order, &body.tenant, body.action_id.as_deref())?;
    let given = match &body.action_id {
        Some(id) => Some(id.as_str()),
        None => fields::text(&body.document, "action_id").map_err(invalid)?,
    };
    let id = match given.filter(|id| !id.is_empty()) {
        Some(id) => {
            fields::check_id("action_id", id).map_err(invalid)?;
            id.to_owned()
        }
        None if body.mode == SaveMode::Create => ids.next().simple().to_string(),
        None => return Err(DocumentRefusal::Unknown),
    };
    Ok((body.tenant.clone(), id))
}

fn saved(
    order: &Order<'_, SaveBackupAction>,
    (tenant, id): &ActionKey,
    there: Option<&BackupAction>,
) -> Result<BackupAction, DocumentRefusal> {
    let body = order.body;
    let seen = fields::number(&body.document, "_version").map_err(invalid)?;
    let document = match (body.mode, there) {
        (SaveMode::Create, Some(_)) => return Err(DocumentRefusal::Exists { id: id.clone() }),
        (SaveMode::Patch, None) => return Err(DocumentRefusal::Unknown),
        (_, Some(there)) if seen.is_some_and(|seen| seen != there.version) => {
            let version = there.version;
            return Err(DocumentRefusal::Changed { version });
        }
        (SaveMode::Patch, Some(there)) => backup_action::patched(&there.document, &body.document),
        (SaveMode::Create | SaveMode::Replace, _) => backup_action::new(&body.document, None),
    };
    Ok(BackupAction {
        action_id: id.clone(),
        tenant: tenant.clone(),
        user: there.map_or_else(|| order.caller.name.clone(), |there| there.user.clone()),
        version: there.map_or(0, |there| there.version) + 1,
        document: document.map_err(invalid)?,
    })
}
