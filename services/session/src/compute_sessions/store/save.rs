//! Writing sessions and their containers.

use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use uuid::Uuid;

use super::session_row::json;
use crate::compute_sessions::domain::{container::Container, session::Session};

pub(super) static INSERT: SetStatement = SetStatement::new(
    "INSERT INTO compute_session (id, status, status_info, status_changed_at, started_at, terminated_at, result, \
         scaling_group, queries, active_at, request, due_at, stop_attempts, owner, name, tenant, domain, wish, created_at) \
     SELECT r.id, r.status, r.status_info, r.status_changed_at, r.started_at, r.terminated_at, r.result, \
         r.scaling_group, r.queries, r.active_at, r.request, r.due_at, r.stop_attempts, r.owner, r.name, r.tenant, \
         r.domain, r.wish, r.created_at \
     FROM {rows} WHERE true",
    &[
        ("id", ColumnType::Text),
        ("status", ColumnType::Text),
        ("status_info", ColumnType::Text),
        ("status_changed_at", ColumnType::Integer),
        ("started_at", ColumnType::Integer),
        ("terminated_at", ColumnType::Integer),
        ("result", ColumnType::Text),
        ("scaling_group", ColumnType::Text),
        ("queries", ColumnType::Integer),
        ("active_at", ColumnType::Integer),
        ("request", ColumnType::Text),
        ("due_at", ColumnType::Integer),
        ("stop_attempts", ColumnType::Integer),
        ("owner", ColumnType::Text),
        ("name", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("domain", ColumnType::Text),
        ("wish", ColumnType::Text),
        ("created_at", ColumnType::Integer),
    ],
);

pub(super) static UPDATE: SetStatement = SetStatement::new(
    "UPDATE compute_session SET status = r.status, status_info = r.status_info, \
         status_changed_at = r.status_changed_at, started_at = r.started_at, terminated_at = r.terminated_at, \
         result = r.result, scaling_group = r.scaling_group, queries = r.queries, active_at = r.active_at, \
         request = r.request, due_at = r.due_at, stop_attempts = r.stop_attempts \
     FROM {rows} WHERE compute_session.id = r.id",
    &[
        ("id", ColumnType::Text),
        ("status", ColumnType::Text),
        ("status_info", ColumnType::Text),
        ("status_changed_at", ColumnType::Integer),
        ("started_at", ColumnType::Integer),
        ("terminated_at", ColumnType::Integer),
        ("result", ColumnType::Text),
        ("scaling_group", ColumnType::Text),
        ("queries", ColumnType::Integer),
        ("active_at", ColumnType::Integer),
        ("request", ColumnType::Text),
        ("due_at", ColumnType::Integer),
        ("stop_attempts", ColumnType::Integer),
    ],
);

pub(super) static SAVE_CONTAINERS: SetStatement = SetStatement::new(
    "INSERT INTO compute_container (id, session, place, agent, status, status_info, status_changed_at, started_at, \
         terminated_at, host, service_ports, exit_code, usage, order_id) \
     SELECT r.id, r.session, r.place, r.agent, r.status, r.status_info, r.status_changed_at, r.started_at, \
         r.terminated_at, r.host, r.service_ports, r.exit_code, r.usage, r.order_id \
     FROM {rows} WHERE true \
     ON CONFLICT (id) DO UPDATE SET status = excluded.status, status_info = excluded.status_info, \
         status_changed_at = excluded.status_changed_at, started_at = excluded.started_at, \
         terminated_at = excluded.terminated_at, host = excluded.host, service_ports = excluded.service_ports, \
         exit_code = excluded.exit_code, usage = excluded.usage, order_id = excluded.order_id",
    &[
        ("id", ColumnType::Text),
        ("session", ColumnType::Text),
        ("place", ColumnType::Integer),
        ("agent", ColumnType::Text),
        ("status", ColumnType::Text),
        ("status_info", ColumnType::Text),
        ("status_changed_at", ColumnType::Integer),
        ("started_at", ColumnType::Integer),
        ("terminated_at", ColumnType::Integer),
        ("host", ColumnType::Text),
        ("service_ports", ColumnType::Text),
        ("exit_code", ColumnType::Integer),
        ("usage", ColumnType::Text),
        ("order_id", ColumnType::Text),
    ],
);

/// Records new sessions. The caller holds the locks of their names, so that none is there twice.
pub(crate) async fn insert_sessions(
    transaction: &mut Transaction,
    sessions: &[&Session],
) -> Result<(), StorageError> {
    let rows = sessions
        .iter()
        .map(|session| {
            let wish = &session.wish;
            let mut row = state(session);
            row.extend::<[Bind; 6]>([
                (&wish.owner).into(),
                (&wish.name).into(),
                (&wish.tenant).into(),
                (&wish.domain).into(),
                json(&**wish)?.into(),
                session.created_at.into(),
            ]);
            Ok(row)
        })
        .collect::<Result<Vec<_>, StorageError>>()?;
    transaction.write_set(&INSERT, &rows).await
}

/// Writes how the sessions are. Each once.
pub(crate) async fn update_sessions(
    transaction: &mut Transaction,
    sessions: &[&Session],
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = sessions.iter().map(|session| state(session)).collect();
    transaction.write_set(&UPDATE, &rows).await
}

/// Writes how containers are, each with its session. Each once.
pub(crate) async fn save_containers(
    transaction: &mut Transaction,
    containers: &[(Uuid, &Container)],
) -> Result<(), StorageError> {
    let rows = containers
        .iter()
        .map(|(session, container)| row(*session, container))
        .collect::<Result<Vec<_>, StorageError>>()?;
    transaction.write_set(&SAVE_CONTAINERS, &rows).await
}

/// What changes in the life of a session.
fn state(session: &Session) -> Vec<Bind> {
    vec![
        session.id.to_string().into(),
        session.status.name().into(),
        Bind::Text(session.status_info.clone()),
        session.status_changed_at.into(),
        session.started_at.into(),
        session.terminated_at.into(),
        session.result.name().into(),
        Bind::Text(session.scaling_group.clone()),
        session.queries.into(),
        session.active_at.into(),
        Bind::Text(session.request.map(|request| request.to_string())),
        session.due_at.into(),
        session.stop_attempts.into(),
    ]
}

fn row(session: Uuid, container: &Container) -> Result<Vec<Bind>, StorageError> {
    Ok(vec![
        container.id.to_string().into(),
        session.to_string().into(),
        container.index.into(),
        (&container.agent).into(),
        container.status.name().into(),
        Bind::Text(container.status_info.clone()),
        container.status_changed_at.into(),
        container.started_at.into(),
        container.terminated_at.into(),
        Bind::Text(container.host.clone()),
        json(&container.service_ports)?.into(),
        Bind::Integer(container.exit_code.map(i64::from)),
        Bind::Text(container.usage.as_ref().map(json).transpose()?),
        container.order.to_string().into(),
    ])
}
