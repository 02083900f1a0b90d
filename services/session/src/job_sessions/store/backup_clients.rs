//! Clients, read and written in sets.

use std::collections::BTreeMap;

use muster_storage::{Bind, ColumnType, LockKey, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::backup_jobs::{json, key_rows, object};
use crate::job_sessions::domain::backup_client::BackupClient;

#[derive(Debug, FromRow)]
struct ClientRow {
    asking: String,
    client_id: String,
    tenant: String,
    user_name: String,
    is_central: bool,
    document: String,
}

pub(super) static SEEN: SetStatement = SetStatement::new(
    "SELECT r.tenant AS asking, backup_client.client_id, backup_client.tenant, backup_client.user_name, \
         backup_client.is_central, backup_client.document \
     FROM {rows} JOIN backup_client ON backup_client.client_id = r.client_id \
     WHERE backup_client.tenant = r.tenant OR backup_client.is_central",
    &[
        ("tenant", ColumnType::Text),
        ("client_id", ColumnType::Text),
    ],
);

pub(super) static SAVE: SetStatement = SetStatement::new(
    "INSERT INTO backup_client (client_id, tenant, user_name, is_central, document) \
     SELECT r.client_id, r.tenant, r.user_name, r.is_central, r.document FROM {rows} WHERE true \
     ON CONFLICT (tenant, client_id) DO UPDATE SET document = excluded.document",
    &[
        ("client_id", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("user_name", ColumnType::Text),
        ("is_central", ColumnType::Boolean),
        ("document", ColumnType::Text),
    ],
);

pub(super) static DELETE: SetStatement = SetStatement::new(
    "DELETE FROM backup_client WHERE (tenant, client_id) IN (SELECT r.tenant, r.client_id FROM {rows})",
    &[
        ("tenant", ColumnType::Text),
        ("client_id", ColumnType::Text),
    ],
);

/// What whoever registers a client takes its turn on: the id, since a central one is seen by all tenants.
pub(crate) fn client_lock(client_id: &str) -> LockKey {
    LockKey::of(&["backup-client", client_id])
}

/// The clients that these tenants see under these ids, by both: their own, and central ones of others.
pub(crate) async fn load_clients<'a>(
    transaction: &mut Transaction,
    keys: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<BTreeMap<(String, String), Vec<BackupClient>>, StorageError> {
    let rows: Vec<ClientRow> = transaction.fetch_set(&SEEN, &key_rows(keys)).await?;
    let mut clients = BTreeMap::<(String, String), Vec<BackupClient>>::new();
    for row in rows {
        let client = BackupClient {
            tenant: row.tenant,
            client_id: row.client_id,
            user: row.user_name,
            is_central: row.is_central,
            document: object(&row.document)?,
        };
        let seen = clients
            .entry((row.asking.clone(), client.client_id.clone()))
            .or_default();
        seen.push(client);
        // Its own before others', and these in one order.
        seen.sort_by(|one, other| {
            let key = |client: &BackupClient| (client.tenant != row.asking, client.tenant.clone());
            key(one).cmp(&key(other))
        });
    }
    Ok(clients)
}

/// Writes clients, new ones and others. Each once.
pub(crate) async fn save_clients<'a>(
    transaction: &mut Transaction,
    clients: impl IntoIterator<Item = &'a BackupClient>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = clients
        .into_iter()
        .map(|client| {
            vec![
                (&client.client_id).into(),
                (&client.tenant).into(),
                (&client.user).into(),
                client.is_central.into(),
                json(&client.document).into(),
            ]
        })
        .collect();
    transaction.execute_set(&SAVE, &rows).await?;
    Ok(())
}

/// Deletes clients by tenant and id.
pub(crate) async fn delete_clients<'a>(
    transaction: &mut Transaction,
    keys: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), StorageError> {
    transaction.execute_set(&DELETE, &key_rows(keys)).await?;
    Ok(())
}
