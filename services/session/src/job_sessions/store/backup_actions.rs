//! Actions, and which jobs have which, read and written in sets.

use std::collections::BTreeMap;

use muster_storage::{Bind, ColumnType, LockKey, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::backup_jobs::{json, key_rows, object};
use crate::job_sessions::domain::backup_action::BackupAction;

/// An action's tenant and id.
pub(crate) type ActionKey = (String, String);

/// What an [`ActionRow`] is read from.
macro_rules! action_columns {
    () => {
        "backup_action.action_id, backup_action.tenant, backup_action.user_name, backup_action.version, \
         backup_action.document"
    };
}

#[derive(Debug, FromRow)]
struct ActionRow {
    action_id: String,
    tenant: String,
    user_name: String,
    version: i64,
    document: String,
}

#[derive(Debug, FromRow)]
struct JobActionRow {
    job: i64,
    place: i64,
    #[sqlx(flatten)]
    action: ActionRow,
}

pub(super) static BY_KEY: SetStatement = SetStatement::new(
    concat!(
        "SELECT ",
        action_columns!(),
        " FROM {rows} JOIN backup_action ON backup_action.tenant = r.tenant \
         AND backup_action.action_id = r.action_id"
    ),
    &[
        ("tenant", ColumnType::Text),
        ("action_id", ColumnType::Text),
    ],
);

pub(super) static OF_JOBS: SetStatement = SetStatement::new(
    concat!(
        "SELECT backup_job_action.job, backup_job_action.place, ",
        action_columns!(),
        " FROM {rows} JOIN backup_job_action ON backup_job_action.job = r.job \
         JOIN backup_action ON backup_action.tenant = r.tenant \
             AND backup_action.action_id = backup_job_action.action_id"
    ),
    &[("job", ColumnType::Integer), ("tenant", ColumnType::Text)],
);

pub(super) static SAVE: SetStatement = SetStatement::new(
    "INSERT INTO backup_action (action_id, tenant, user_name, version, document) \
     SELECT r.action_id, r.tenant, r.user_name, r.version, r.document FROM {rows} WHERE true \
     ON CONFLICT (tenant, action_id) DO UPDATE SET version = excluded.version, document = excluded.document",
    &[
        ("action_id", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("user_name", ColumnType::Text),
        ("version", ColumnType::Integer),
        ("document", ColumnType::Text),
    ],
);

pub(super) static DELETE: SetStatement = SetStatement::new(
    "DELETE FROM backup_action WHERE (tenant, action_id) IN (SELECT r.tenant, r.action_id FROM {rows})",
    &[
        ("tenant", ColumnType::Text),
        ("action_id", ColumnType::Text),
    ],
);

/// An id may be another tenant's too: only the jobs of the action's own.
pub(super) static FORGET: SetStatement = SetStatement::new(
    "DELETE FROM backup_job_action WHERE (job, place) IN ( \
         SELECT backup_job_action.job, backup_job_action.place FROM {rows} \
         JOIN backup_job_action ON backup_job_action.action_id = r.action_id \
         JOIN backup_job ON backup_job.number = backup_job_action.job AND backup_job.tenant = r.tenant)",
    &[
        ("tenant", ColumnType::Text),
        ("action_id", ColumnType::Text),
    ],
);

pub(super) static CLEAR: SetStatement = SetStatement::new(
    "DELETE FROM backup_job_action WHERE job IN (SELECT r.job FROM {rows})",
    &[("job", ColumnType::Integer)],
);

pub(super) static PLACE: SetStatement = SetStatement::new(
    "INSERT INTO backup_job_action (job, place, action_id) SELECT r.job, r.place, r.action_id FROM {rows} WHERE true",
    &[
        ("job", ColumnType::Integer),
        ("place", ColumnType::Integer),
        ("action_id", ColumnType::Text),
    ],
);

/// What whoever changes an action takes its turn on.
pub(crate) fn action_lock(tenant: &str, action_id: &str) -> LockKey {
    LockKey::of(&["backup-action", tenant, action_id])
}

/// The actions with these tenants and ids that are there.
pub(crate) async fn load_actions<'a>(
    transaction: &mut Transaction,
    keys: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<BTreeMap<ActionKey, BackupAction>, StorageError> {
    let rows: Vec<ActionRow> = transaction.fetch_set(&BY_KEY, &key_rows(keys)).await?;
    rows.into_iter()
        .map(|row| {
            let action = row.into_action()?;
            Ok(((action.tenant.clone(), action.action_id.clone()), action))
        })
        .collect()
}

/// The actions of these jobs in their order, by the number of the job; the text is its tenant.
pub(crate) async fn load_actions_of_jobs<'a>(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = (i64, &'a str)>,
) -> Result<BTreeMap<i64, Vec<BackupAction>>, StorageError> {
    let rows = jobs
        .into_iter()
        .map(|(job, tenant)| vec![job.into(), tenant.into()]);
    let rows: Vec<Vec<Bind>> = rows.collect();
    let mut rows: Vec<JobActionRow> = transaction.fetch_set(&OF_JOBS, &rows).await?;
    rows.sort_by_key(|row| (row.job, row.place));
    let mut actions = BTreeMap::<i64, Vec<BackupAction>>::new();
    for row in rows {
        actions
            .entry(row.job)
            .or_default()
            .push(row.action.into_action()?);
    }
    Ok(actions)
}

/// Writes actions, new ones and others. Each once.
pub(crate) async fn save_actions<'a>(
    transaction: &mut Transaction,
    actions: impl IntoIterator<Item = &'a BackupAction>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = actions
        .into_iter()
        .map(|action| {
            vec![
                (&action.action_id).into(),
                (&action.tenant).into(),
                (&action.user).into(),
                action.version.into(),
                json(&action.document).into(),
            ]
        })
        .collect();
    transaction.execute_set(&SAVE, &rows).await?;
    Ok(())
}

/// Deletes actions. Jobs do them no more.
pub(crate) async fn delete_actions<'a>(
    transaction: &mut Transaction,
    keys: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), StorageError> {
    let rows = key_rows(keys);
    transaction.execute_set(&FORGET, &rows).await?;
    transaction.execute_set(&DELETE, &rows).await?;
    Ok(())
}

/// Gives jobs, by number, these actions instead of those that they have.
pub(crate) async fn place_actions(
    transaction: &mut Transaction,
    jobs: &[(i64, &[String])],
) -> Result<(), StorageError> {
    let numbers: Vec<Vec<Bind>> = jobs.iter().map(|(job, _)| vec![(*job).into()]).collect();
    transaction.execute_set(&CLEAR, &numbers).await?;
    let places = jobs.iter().flat_map(|(job, actions)| {
        (0_i64..)
            .zip(*actions)
            .map(|(place, action)| vec![(*job).into(), place.into(), action.into()])
    });
    let places: Vec<Vec<Bind>> = places.collect();
    transaction.execute_set(&PLACE, &places).await?;
    Ok(())
}

impl ActionRow {
    fn into_action(self) -> Result<BackupAction, StorageError> {
        Ok(BackupAction {
            action_id: self.action_id,
            tenant: self.tenant,
            user: self.user_name,
            version: self.version,
            document: object(&self.document)?,
        })
    }
}
