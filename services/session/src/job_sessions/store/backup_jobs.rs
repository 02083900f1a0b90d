//! Jobs, read and written in sets.

use std::collections::{BTreeMap, BTreeSet};

use muster_storage::{Bind, ColumnType, LockKey, SetStatement, StorageError, Transaction};
use serde_json::{Map, Value};
use sqlx::FromRow;

use crate::job_sessions::domain::{
    backup_job::BackupJob,
    schedule::{STATUS, text},
};

/// A job's tenant and id.
pub(crate) type JobKey = (String, String);

/// What a [`JobRow`] is read from.
macro_rules! job_columns {
    () => {
        "backup_job.number, backup_job.job_id, backup_job.tenant, backup_job.user_name, backup_job.client_id, \
         backup_job.version, backup_job.session_id, backup_job.session_tag, backup_job.schedule, \
         backup_job.own_schedule, backup_job.document"
    };
}

#[derive(Debug, FromRow)]
struct JobRow {
    number: i64,
    job_id: String,
    tenant: String,
    user_name: String,
    client_id: String,
    version: i64,
    session_id: Option<String>,
    session_tag: i64,
    schedule: String,
    own_schedule: Option<String>,
    document: String,
}

pub(super) static BY_KEY: SetStatement = SetStatement::new(
    concat!(
        "SELECT ",
        job_columns!(),
        " FROM {rows} JOIN backup_job ON backup_job.tenant = r.tenant AND backup_job.job_id = r.job_id"
    ),
    &[("tenant", ColumnType::Text), ("job_id", ColumnType::Text)],
);

pub(super) static OF_SESSIONS: SetStatement = SetStatement::new(
    concat!(
        "SELECT ",
        job_columns!(),
        " FROM {rows} JOIN backup_job ON backup_job.tenant = r.tenant AND backup_job.session_id = r.session_id"
    ),
    &[
        ("tenant", ColumnType::Text),
        ("session_id", ColumnType::Text),
    ],
);

pub(super) static UPDATE: SetStatement = SetStatement::new(
    "UPDATE backup_job SET client_id = r.client_id, version = r.version, session_id = r.session_id, \
         session_tag = r.session_tag, schedule = r.schedule, own_schedule = r.own_schedule, status = r.status, \
         document = r.document \
     FROM {rows} WHERE backup_job.number = r.number",
    &[
        ("number", ColumnType::Integer),
        ("client_id", ColumnType::Text),
        ("version", ColumnType::Integer),
        ("session_id", ColumnType::Text),
        ("session_tag", ColumnType::Integer),
        ("schedule", ColumnType::Text),
        ("own_schedule", ColumnType::Text),
        ("status", ColumnType::Text),
        ("document", ColumnType::Text),
    ],
);

pub(super) static INSERT: SetStatement = SetStatement::new(
    "INSERT INTO backup_job (job_id, tenant, user_name, client_id, version, session_tag, schedule, status, document) \
     SELECT r.job_id, r.tenant, r.user_name, r.client_id, r.version, 0, r.schedule, r.status, r.document \
     FROM {rows} WHERE true RETURNING number, tenant, job_id",
    &[
        ("job_id", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("user_name", ColumnType::Text),
        ("client_id", ColumnType::Text),
        ("version", ColumnType::Integer),
        ("schedule", ColumnType::Text),
        ("status", ColumnType::Text),
        ("document", ColumnType::Text),
    ],
);

pub(super) static DELETE: SetStatement = SetStatement::new(
    "DELETE FROM backup_job WHERE number IN (SELECT r.number FROM {rows})",
    &[("number", ColumnType::Integer)],
);

pub(super) static FOLLOW: SetStatement = SetStatement::new(
    "UPDATE session_job SET client_id = r.client_id FROM {rows} \
     WHERE session_job.job_id = r.job_id AND session_job.session = ( \
         SELECT job_session.number FROM job_session \
         WHERE job_session.tenant = r.tenant AND job_session.session_id = r.session_id)",
    &[
        ("job_id", ColumnType::Text),
        ("client_id", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("session_id", ColumnType::Text),
    ],
);

/// What whoever changes a job takes its turn on.
pub(crate) fn job_lock(tenant: &str, job_id: &str) -> LockKey {
    LockKey::of(&["backup-job", tenant, job_id])
}

/// The jobs with these tenants and ids that are there.
pub(crate) async fn load_jobs<'a>(
    transaction: &mut Transaction,
    keys: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<BTreeMap<JobKey, BackupJob>, StorageError> {
    let rows = transaction.fetch_set(&BY_KEY, &key_rows(keys)).await?;
    jobs(rows)
}

/// The jobs that are in the sessions with these tenants and ids.
pub(crate) async fn load_jobs_of_sessions<'a>(
    transaction: &mut Transaction,
    sessions: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<BTreeMap<JobKey, BackupJob>, StorageError> {
    let rows = transaction
        .fetch_set(&OF_SESSIONS, &key_rows(sessions))
        .await?;
    jobs(rows)
}

/// Writes what became of jobs that are in the table. Each once.
pub(crate) async fn update_jobs<'a>(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = &'a BackupJob>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = jobs
        .into_iter()
        .map(|job| {
            vec![
                job.number.into(),
                (&job.client_id).into(),
                job.version.into(),
                Bind::Text(job.session_id.clone()),
                job.session_tag.into(),
                json(&job.schedule).into(),
                Bind::Text(job.own_times.as_ref().map(json)),
                text(&job.schedule, STATUS).into(),
                json(&job.document).into(),
            ]
        })
        .collect();
    transaction.execute_set(&UPDATE, &rows).await?;
    Ok(())
}

/// Writes new jobs, which are in no session; tells their numbers. They rise in the order of the jobs.
pub(crate) async fn insert_jobs<'a>(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = &'a BackupJob>,
) -> Result<BTreeMap<JobKey, i64>, StorageError> {
    let rows: Vec<Vec<Bind>> = jobs
        .into_iter()
        .map(|job| {
            vec![
                (&job.job_id).into(),
                (&job.tenant).into(),
                (&job.user).into(),
                (&job.client_id).into(),
                job.version.into(),
                json(&job.schedule).into(),
                text(&job.schedule, STATUS).into(),
                json(&job.document).into(),
            ]
        })
        .collect();
    let rows: Vec<(i64, String, String)> = transaction.fetch_set(&INSERT, &rows).await?;
    let numbers = rows
        .into_iter()
        .map(|(number, tenant, job_id)| ((tenant, job_id), number));
    Ok(numbers.collect())
}

/// Tells the sessions of jobs, where they are in one, which clients run them now. Each job once.
pub(crate) async fn tell_sessions<'a>(
    transaction: &mut Transaction,
    jobs: impl IntoIterator<Item = &'a BackupJob>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = jobs
        .into_iter()
        .filter_map(|job| {
            let session = job.session_id.as_ref()?;
            Some(vec![
                (&job.job_id).into(),
                (&job.client_id).into(),
                (&job.tenant).into(),
                session.into(),
            ])
        })
        .collect();
    transaction.execute_set(&FOLLOW, &rows).await?;
    Ok(())
}

/// Deletes jobs by their numbers.
pub(crate) async fn delete_jobs(
    transaction: &mut Transaction,
    numbers: impl IntoIterator<Item = i64>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = numbers
        .into_iter()
        .map(|number| vec![number.into()])
        .collect();
    transaction.execute_set(&DELETE, &rows).await?;
    Ok(())
}

fn jobs(rows: Vec<JobRow>) -> Result<BTreeMap<JobKey, BackupJob>, StorageError> {
    rows.into_iter()
        .map(|row| {
            let job = row.into_job()?;
            Ok(((job.tenant.clone(), job.job_id.clone()), job))
        })
        .collect()
}

impl JobRow {
    fn into_job(self) -> Result<BackupJob, StorageError> {
        Ok(BackupJob {
            number: self.number,
            job_id: self.job_id,
            tenant: self.tenant,
            user: self.user_name,
            client_id: self.client_id,
            version: self.version,
            session_id: self.session_id,
            session_tag: self.session_tag,
            schedule: object(&self.schedule)?,
            own_times: self.own_schedule.as_deref().map(object).transpose()?,
            document: object(&self.document)?,
        })
    }
}

/// Each pair once.
pub(super) fn key_rows<'a>(keys: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Vec<Bind>> {
    let keys: BTreeSet<(&str, &str)> = keys.into_iter().collect();
    let row = |(tenant, id): (&str, &str)| vec![tenant.into(), id.into()];
    keys.into_iter().map(row).collect()
}

/// An object as it stands in a table.
pub(super) fn json(object: &Map<String, Value>) -> String {
    Value::Object(object.clone()).to_string()
}

/// An object that stands in a table.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError::Other(error.into()))
}
