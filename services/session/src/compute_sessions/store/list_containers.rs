//! The containers of a session, page by page.

use muster_contract::session::{ContainerRole, ListComputeContainers, WhichContainers};
use muster_storage::{Database, Snapshot, StorageError};
use uuid::Uuid;

use super::{
    load::read_sessions,
    session_row::{ContainerRow, container_columns, id},
};
use crate::compute_sessions::domain::session::Session;

pub(super) const SESSION: &str = "SELECT session FROM compute_container WHERE id = $1";

pub(super) const ONE: &str = concat!(
    "SELECT ",
    container_columns!(),
    " FROM compute_container WHERE id = $1"
);

/// By place: nobody counts off the containers before a page. $1 = the session, $2 = the first place, $3 = the first one no more.
pub(super) const PLACES: &str = concat!(
    "SELECT ",
    container_columns!(),
    " FROM compute_container WHERE session = $1 AND place >= $2 AND place < $3 ORDER BY place"
);

pub(super) const NUMBER: &str = "SELECT COUNT(*) FROM compute_container WHERE session = $1";

/// The session with the containers of the page, and how many there are on all pages; no session if there is none, or it is not of whom it
/// has to be.
pub(crate) async fn list_containers(
    database: &Database,
    question: &ListComputeContainers,
) -> Result<(Option<Session>, u64), StorageError> {
    let mut snapshot = database.snapshot().await?;
    let Some(mut session) = session(&mut snapshot, question).await? else {
        return Ok((None, 0));
    };
    let (rows, total) = match question.containers {
        WhichContainers::Container(container) => {
            let rows: Vec<ContainerRow> = snapshot
                .fetch_all(ONE, &[container.to_string().into()])
                .await?;
            let total = rows.len() as u64;
            (rows, total)
        }
        WhichContainers::Session(session) => page(&mut snapshot, question, session).await?,
    };
    for row in rows {
        session.containers.push(row.into_container()?);
    }
    Ok((Some(session), total))
}

async fn session(
    snapshot: &mut Snapshot,
    question: &ListComputeContainers,
) -> Result<Option<Session>, StorageError> {
    let session = match question.containers {
        WhichContainers::Session(session) => session,
        WhichContainers::Container(container) => {
            let binds = [container.to_string().into()];
            let rows: Vec<(String,)> = snapshot.fetch_all(SESSION, &binds).await?;
            match rows.first() {
                Some((session,)) => id(session)?,
                None => return Ok(None),
            }
        }
    };
    let session = read_sessions(snapshot, &[session], false)
        .await?
        .remove(&session);
    let is = |wanted: &Option<String>, given: &str| {
        wanted.as_deref().is_none_or(|wanted| wanted == given)
    };
    Ok(session.filter(|session| {
        is(&question.owner, &session.wish.owner) && is(&question.domain, &session.wish.domain)
    }))
}

/// The containers have the places 0, 1, 2 and so on, and only the first is the main one.
async fn page(
    snapshot: &mut Snapshot,
    question: &ListComputeContainers,
    session: Uuid,
) -> Result<(Vec<ContainerRow>, u64), StorageError> {
    let session = session.to_string();
    let number: Vec<(i64,)> = snapshot.fetch_all(NUMBER, &[(&session).into()]).await?;
    let number = number.first().map_or(0, |(number,)| *number);
    let (first, end) = match question.role {
        None => (0, number),
        Some(ContainerRole::Main) => (0, number.min(1)),
        Some(ContainerRole::Sub) => (number.min(1), number),
    };
    let limit = question.limit.min(ListComputeContainers::PAGE_LIMIT);
    let from = first.saturating_add(question.offset.into()).min(end);
    let until = from.saturating_add(limit.into()).min(end);
    let rows = if from < until {
        let binds = [session.into(), from.into(), until.into()];
        snapshot.fetch_all(PLACES, &binds).await?
    } else {
        Vec::new()
    };
    let total = u64::try_from(end.saturating_sub(first)).unwrap_or_default();
    Ok((rows, total))
}
