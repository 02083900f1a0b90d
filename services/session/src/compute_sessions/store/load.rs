//! Reading sessions with their containers and those who wait for them.

use std::collections::{BTreeSet, HashMap};

use muster_storage::{
    Bind, ColumnType, SetStatement, Snapshot, StorageError, ThreeSets, Transaction,
};
use uuid::Uuid;

use super::{
    session_row::{ContainerRow, SessionRow, container_columns, id, session_columns},
    waiters::{self, WaiterRow},
};
use crate::compute_sessions::{domain::session::Session, waiting::Waiter};

pub(super) static SESSIONS: SetStatement = SetStatement::new(
    concat!(
        "SELECT ",
        session_columns!(),
        " FROM {rows} JOIN compute_session ON compute_session.id = r.id"
    ),
    &[("id", ColumnType::Text)],
);

pub(super) static CONTAINERS: SetStatement = SetStatement::new(
    concat!(
        "SELECT ",
        container_columns!(),
        " FROM {rows} JOIN compute_container ON compute_container.session = r.id"
    ),
    &[("id", ColumnType::Text)],
);

/// The sessions with these ids, as they are, by id, and who waits for which.
pub(crate) async fn load_sessions(
    transaction: &mut Transaction,
    ids: &BTreeSet<Uuid>,
) -> Result<(HashMap<Uuid, Session>, Vec<(Uuid, Waiter)>), StorageError> {
    if ids.is_empty() {
        return Ok((HashMap::new(), Vec::new()));
    }
    let statements = [&SESSIONS, &CONTAINERS, &waiters::OF_SESSIONS];
    let rows: Vec<Vec<Bind>> = ids.iter().map(|id| vec![id.to_string().into()]).collect();
    let (sessions, containers, waiters): ThreeSets<SessionRow, ContainerRow, WaiterRow> =
        transaction.fetch_sets(statements, &rows).await?;
    let waiters: Result<_, StorageError> =
        waiters.into_iter().map(WaiterRow::into_waiter).collect();
    Ok((whole(sessions, containers)?, waiters?))
}

/// The sessions with these ids, by id; with their containers if they are wanted.
pub(crate) async fn read_sessions(
    snapshot: &mut Snapshot,
    ids: &[Uuid],
    with_containers: bool,
) -> Result<HashMap<Uuid, Session>, StorageError> {
    let rows: Vec<Vec<Bind>> = ids.iter().map(|id| vec![id.to_string().into()]).collect();
    let sessions = snapshot.fetch_set(&SESSIONS, &rows).await?;
    let containers = if with_containers {
        snapshot.fetch_set(&CONTAINERS, &rows).await?
    } else {
        Vec::new()
    };
    whole(sessions, containers)
}

/// Adds the containers of the sessions.
pub(crate) async fn read_containers(
    snapshot: &mut Snapshot,
    sessions: &mut HashMap<Uuid, Session>,
) -> Result<(), StorageError> {
    let ids = sessions.keys();
    let rows: Vec<Vec<Bind>> = ids.map(|id| vec![id.to_string().into()]).collect();
    let containers = snapshot.fetch_set(&CONTAINERS, &rows).await?;
    add_containers(sessions, containers)
}

fn whole(
    sessions: Vec<SessionRow>,
    containers: Vec<ContainerRow>,
) -> Result<HashMap<Uuid, Session>, StorageError> {
    let mut by_id = HashMap::with_capacity(sessions.len());
    for row in sessions {
        let session = row.into_session()?;
        by_id.insert(session.id, session);
    }
    add_containers(&mut by_id, containers)?;
    Ok(by_id)
}

fn add_containers(
    sessions: &mut HashMap<Uuid, Session>,
    mut containers: Vec<ContainerRow>,
) -> Result<(), StorageError> {
    containers.sort_unstable_by_key(|row| row.place);
    for row in containers {
        if let Some(session) = sessions.get_mut(&id(&row.session)?) {
            session.containers.push(row.into_container()?);
        }
    }
    Ok(())
}
