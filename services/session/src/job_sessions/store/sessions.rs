//! Sessions and their jobs, read and written in sets.

use std::collections::{BTreeMap, HashMap};

use muster_contract::session::{JobSessionStatus, RunJobStatus, RunResult};
use muster_storage::{
    Bind, ColumnType, LockKey, SetStatement, Snapshot, StorageError, Transaction,
};
use sqlx::FromRow;

use super::backup_jobs::{json, key_rows, object};
use crate::job_sessions::domain::{
    run::{Member, Rules, Runs},
    session::Session,
};

/// A session's tenant and id.
pub(crate) type SessionKey = (String, String);

/// What a [`SessionRow`] is read from.
macro_rules! session_columns {
    () => {
        "job_session.number, job_session.session_id, job_session.tenant, job_session.user_name, job_session.version, \
         job_session.description, job_session.schedule, job_session.hold_off, job_session.tag, job_session.status, \
         job_session.result, job_session.started_at, job_session.ended_at, job_session.flawed"
    };
}

pub(super) use session_columns;

#[derive(Debug, FromRow)]
pub(super) struct SessionRow {
    pub(super) number: i64,
    session_id: String,
    tenant: String,
    user_name: String,
    version: i64,
    description: Option<String>,
    schedule: String,
    hold_off: i64,
    tag: i64,
    status: String,
    result: Option<String>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    flawed: bool,
}

#[derive(Debug, FromRow)]
pub(super) struct MemberRow {
    session: i64,
    job_id: String,
    place: i64,
    client_id: String,
    run: i64,
    status: String,
    result: Option<String>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

pub(super) static BY_KEY: SetStatement = SetStatement::new(
    concat!(
        "SELECT ",
        session_columns!(),
        " FROM {rows} JOIN job_session ON job_session.tenant = r.tenant AND job_session.session_id = r.session_id"
    ),
    &[
        ("tenant", ColumnType::Text),
        ("session_id", ColumnType::Text),
    ],
);

pub(super) static MEMBERS: SetStatement = SetStatement::new(
    "SELECT session_job.session, session_job.job_id, session_job.place, session_job.client_id, session_job.run, \
         session_job.status, session_job.result, session_job.started_at, session_job.ended_at \
     FROM {rows} JOIN session_job ON session_job.session = r.session",
    &[("session", ColumnType::Integer)],
);

pub(super) static INSERT: SetStatement = SetStatement::new(
    "INSERT INTO job_session (session_id, tenant, user_name, version, description, schedule, hold_off, tag, status, \
         result, started_at, ended_at, flawed, due_at) \
     SELECT r.session_id, r.tenant, r.user_name, r.version, r.description, r.schedule, r.hold_off, r.tag, r.status, \
         r.result, r.started_at, r.ended_at, r.flawed, r.due_at \
     FROM {rows} WHERE true",
    &[
        ("session_id", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("user_name", ColumnType::Text),
        ("version", ColumnType::Integer),
        ("description", ColumnType::Text),
        ("schedule", ColumnType::Text),
        ("hold_off", ColumnType::Integer),
        ("tag", ColumnType::Integer),
        ("status", ColumnType::Text),
        ("result", ColumnType::Text),
        ("started_at", ColumnType::Integer),
        ("ended_at", ColumnType::Integer),
        ("flawed", ColumnType::Boolean),
        ("due_at", ColumnType::Integer),
    ],
);

pub(super) static UPDATE: SetStatement = SetStatement::new(
    "UPDATE job_session SET version = r.version, description = r.description, schedule = r.schedule, \
         hold_off = r.hold_off, tag = r.tag, status = r.status, result = r.result, started_at = r.started_at, \
         ended_at = r.ended_at, flawed = r.flawed, due_at = r.due_at \
     FROM {rows} WHERE job_session.number = r.number",
    &[
        ("number", ColumnType::Integer),
        ("version", ColumnType::Integer),
        ("description", ColumnType::Text),
        ("schedule", ColumnType::Text),
        ("hold_off", ColumnType::Integer),
        ("tag", ColumnType::Integer),
        ("status", ColumnType::Text),
        ("result", ColumnType::Text),
        ("started_at", ColumnType::Integer),
        ("ended_at", ColumnType::Integer),
        ("flawed", ColumnType::Boolean),
        ("due_at", ColumnType::Integer),
    ],
);

pub(super) static DELETE: SetStatement = SetStatement::new(
    "DELETE FROM job_session WHERE number IN (SELECT r.number FROM {rows})",
    &[("number", ColumnType::Integer)],
);

pub(super) static REMOVE_MEMBERS: SetStatement = SetStatement::new(
    "DELETE FROM session_job WHERE (session, job_id) IN (SELECT r.session, r.job_id FROM {rows})",
    &[
        ("session", ColumnType::Integer),
        ("job_id", ColumnType::Text),
    ],
);

/// Where a job of the session runs is written when it comes; whoever changes the job says so then, without the session's lock.
pub(super) static SAVE_MEMBERS: SetStatement = SetStatement::new(
    "INSERT INTO session_job (session, job_id, place, client_id, run, status, result, started_at, ended_at) \
     SELECT r.session, r.job_id, r.place, r.client_id, r.run, r.status, r.result, r.started_at, r.ended_at \
     FROM {rows} WHERE true ON CONFLICT (session, job_id) DO UPDATE SET place = excluded.place, \
         run = excluded.run, status = excluded.status, result = excluded.result, started_at = excluded.started_at, \
         ended_at = excluded.ended_at",
    &[
        ("session", ColumnType::Integer),
        ("job_id", ColumnType::Text),
        ("place", ColumnType::Integer),
        ("client_id", ColumnType::Text),
        ("run", ColumnType::Integer),
        ("status", ColumnType::Text),
        ("result", ColumnType::Text),
        ("started_at", ColumnType::Integer),
        ("ended_at", ColumnType::Integer),
    ],
);

pub(super) const DUE: &str = "SELECT tenant, session_id FROM job_session \
     WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2";

/// What whoever changes a session takes its turn on.
pub(crate) fn session_lock((tenant, session_id): &SessionKey) -> LockKey {
    LockKey::of(&["job-session", tenant, session_id])
}

/// The sessions with these tenants and ids that are there, with their jobs.
pub(crate) async fn load_sessions<'a>(
    transaction: &mut Transaction,
    keys: impl IntoIterator<Item = &'a SessionKey>,
) -> Result<BTreeMap<SessionKey, Session>, StorageError> {
    let keys = keys.into_iter();
    let keys = key_rows(keys.map(|(tenant, id)| (tenant.as_str(), id.as_str())));
    let rows: Vec<SessionRow> = transaction.fetch_set(&BY_KEY, &keys).await?;
    let members = transaction.fetch_set(&MEMBERS, &numbers(&rows)).await?;
    let sessions = whole(rows, members)?.into_iter();
    Ok(sessions
        .map(|session| {
            (
                (session.tenant.clone(), session.session_id.clone()),
                session,
            )
        })
        .collect())
}

/// Gives the sessions their jobs.
pub(super) async fn whole_sessions(
    snapshot: &mut Snapshot,
    rows: Vec<SessionRow>,
) -> Result<Vec<Session>, StorageError> {
    let members = snapshot.fetch_set(&MEMBERS, &numbers(&rows)).await?;
    whole(rows, members)
}

/// Writes sessions that are not in the table. Nobody else writes one of that tenant and id meanwhile.
pub(crate) async fn insert_sessions<'a>(
    transaction: &mut Transaction,
    sessions: impl IntoIterator<Item = &'a Session>,
    rules: Rules,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = sessions
        .into_iter()
        .map(|session| {
            let mut row: Vec<Bind> = vec![
                (&session.session_id).into(),
                (&session.tenant).into(),
                (&session.user).into(),
            ];
            row.extend(changing(session, rules));
            row
        })
        .collect();
    transaction.execute_set(&INSERT, &rows).await?;
    Ok(())
}

/// Writes what became of sessions that are in the table, without their jobs. Each once.
pub(crate) async fn update_sessions<'a>(
    transaction: &mut Transaction,
    sessions: impl IntoIterator<Item = &'a Session>,
    rules: Rules,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = sessions
        .into_iter()
        .map(|session| {
            let mut row: Vec<Bind> = vec![session.number.into()];
            row.extend(changing(session, rules));
            row
        })
        .collect();
    transaction.execute_set(&UPDATE, &rows).await?;
    Ok(())
}

/// Deletes the sessions with these numbers.
pub(crate) async fn delete_sessions(
    transaction: &mut Transaction,
    numbers: &[i64],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = numbers
        .iter()
        .map(|number| vec![(*number).into()])
        .collect();
    transaction.execute_set(&DELETE, &rows).await?;
    Ok(())
}

/// Takes jobs out of the sessions with these numbers.
pub(crate) async fn remove_members(
    transaction: &mut Transaction,
    members: &[(i64, String)],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = members
        .iter()
        .map(|(session, job_id)| vec![(*session).into(), job_id.into()])
        .collect();
    transaction.execute_set(&REMOVE_MEMBERS, &rows).await?;
    Ok(())
}

/// Writes jobs of the sessions with these numbers. Each once.
pub(crate) async fn save_members<'a>(
    transaction: &mut Transaction,
    members: impl IntoIterator<Item = (i64, &'a Member)>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = members
        .into_iter()
        .map(|(session, member)| {
            vec![
                session.into(),
                (&member.job_id).into(),
                member.place.into(),
                (&member.client_id).into(),
                member.run.into(),
                member.status.name().into(),
                member.result.map(RunResult::name).map(str::to_owned).into(),
                member.started_at.into(),
                member.ended_at.into(),
            ]
        })
        .collect();
    transaction.execute_set(&SAVE_MEMBERS, &rows).await?;
    Ok(())
}

/// Sessions whose run has to be looked at, those that have waited longest first.
pub(crate) async fn due_sessions(
    transaction: &mut Transaction,
    now: i64,
    limit: i64,
) -> Result<Vec<SessionKey>, StorageError> {
    transaction
        .fetch_all(DUE, &[now.into(), limit.into()])
        .await
}

fn numbers(rows: &[SessionRow]) -> Vec<Vec<Bind>> {
    rows.iter().map(|row| vec![row.number.into()]).collect()
}

fn changing(session: &Session, rules: Rules) -> [Bind; 11] {
    let runs = &session.runs;
    [
        session.version.into(),
        Bind::Text(session.description.clone()),
        json(&session.schedule).into(),
        runs.hold_off.into(),
        runs.tag.into(),
        runs.status.name().into(),
        runs.result.map(RunResult::name).map(str::to_owned).into(),
        runs.started_at.into(),
        runs.ended_at.into(),
        runs.flawed.into(),
        runs.due_at(rules).into(),
    ]
}

/// In the order of their numbers.
fn whole(rows: Vec<SessionRow>, members: Vec<MemberRow>) -> Result<Vec<Session>, StorageError> {
    let mut by_session: HashMap<i64, Vec<Member>> = HashMap::with_capacity(rows.len());
    for row in members {
        let (session, member) = (row.session, row.into_member()?);
        by_session.entry(session).or_default().push(member);
    }
    let mut sessions = Vec::with_capacity(rows.len());
    for row in rows {
        let mut members = by_session.remove(&row.number).unwrap_or_default();
        members.sort_unstable_by_key(|member| member.place);
        sessions.push(row.into_session(members)?);
    }
    sessions.sort_unstable_by_key(|session| session.number);
    Ok(sessions)
}

impl SessionRow {
    fn into_session(self, members: Vec<Member>) -> Result<Session, StorageError> {
        let status = JobSessionStatus::from_name(&self.status);
        Ok(Session {
            number: self.number,
            session_id: self.session_id,
            tenant: self.tenant,
            user: self.user_name,
            version: self.version,
            description: self.description,
            schedule: object(&self.schedule)?,
            runs: Runs {
                hold_off: self.hold_off,
                tag: self.tag,
                status: status.ok_or_else(|| unknown("status", &self.status))?,
                result: result(self.result.as_deref())?,
                started_at: self.started_at,
                ended_at: self.ended_at,
                flawed: self.flawed,
                members,
            },
        })
    }
}

impl MemberRow {
    fn into_member(self) -> Result<Member, StorageError> {
        Ok(Member {
            job_id: self.job_id,
            client_id: self.client_id,
            place: self.place,
            run: self.run,
            status: job_status(&self.status)?,
            result: result(self.result.as_deref())?,
            started_at: self.started_at,
            ended_at: self.ended_at,
        })
    }
}

pub(super) fn job_status(name: &str) -> Result<RunJobStatus, StorageError> {
    RunJobStatus::from_name(name).ok_or_else(|| unknown("status", name))
}

pub(super) fn result(name: Option<&str>) -> Result<Option<RunResult>, StorageError> {
    name.map(|name| RunResult::from_name(name).ok_or_else(|| unknown("result", name)))
        .transpose()
}

pub(super) fn unknown(what: &str, name: &str) -> StorageError {
    StorageError::Other(format!("unknown {what} in the table: {name}").into())
}
