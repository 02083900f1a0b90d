//! The cluster descriptions that the site gave last.

use muster_platform::Timestamp;
use muster_storage::{Bind, ColumnType, Database, LockKey, SetStatement, StorageError};

static STORE: SetStatement = SetStatement::new(
    "INSERT INTO cluster (name, document, applied_at) SELECT r.name, r.document, r.applied_at FROM {rows} WHERE true \
     ON CONFLICT (name) DO UPDATE SET document = excluded.document, applied_at = excluded.applied_at \
     WHERE cluster.document <> excluded.document",
    &[
        ("name", ColumnType::Text),
        ("document", ColumnType::Text),
        ("applied_at", ColumnType::Integer),
    ],
);

static REMOVE: SetStatement = SetStatement::new(
    "DELETE FROM cluster WHERE name IN (SELECT r.name FROM {rows})",
    &[("name", ColumnType::Text)],
);

/// Puts these descriptions in the place of those that are there. What is the same stays untouched.
pub(crate) async fn replace(
    database: &Database,
    documents: &[(String, String)],
    now: Timestamp,
) -> Result<(), StorageError> {
    let mut transaction = database.begin().await?;
    // Replicas start at the same time.
    transaction.lock_keys(&[LockKey::of(&["clusters"])]).await?;
    let stored: Vec<(String,)> = transaction
        .fetch_all("SELECT name FROM cluster", &[])
        .await?;
    let listed = |name: &String| documents.iter().any(|(listed, _)| listed == name);
    let gone: Vec<Vec<Bind>> = stored
        .iter()
        .filter(|(name,)| !listed(name))
        .map(|(name,)| vec![name.into()])
        .collect();
    transaction.execute_set(&REMOVE, &gone).await?;
    let rows: Vec<Vec<Bind>> = documents
        .iter()
        .map(|(name, document)| vec![name.into(), document.into(), now.as_micros().into()])
        .collect();
    transaction.execute_set(&STORE, &rows).await?;
    transaction.commit().await
}

/// Adds the description of a cluster that has none.
pub(crate) async fn add_missing(
    database: &Database,
    name: &str,
    document: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let mut transaction = database.begin().await?;
    let sql = "INSERT INTO cluster (name, document, applied_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    let binds = [name.into(), document.into(), now.as_micros().into()];
    transaction.execute(sql, &binds).await?;
    transaction.commit().await
}

/// The descriptions that are there, with their names.
pub(crate) async fn named(database: &Database) -> Result<Vec<(String, String)>, StorageError> {
    database
        .fetch_all("SELECT name, document FROM cluster ORDER BY name", &[])
        .await
}

/// The descriptions that are there, by name.
pub(crate) async fn load(database: &Database) -> Result<Vec<String>, StorageError> {
    let rows: Vec<(String,)> = database
        .fetch_all("SELECT document FROM cluster ORDER BY name", &[])
        .await?;
    Ok(rows.into_iter().map(|(document,)| document).collect())
}
