//! Sessions that wait.

use std::collections::BTreeSet;

use muster_contract::node_allocation::WaitingReason;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use super::{id_of, slots_of, to_json};
use crate::{
    slots::domain::wish::{Holder, Need, Wish},
    store::{count, unreadable},
};

#[derive(Debug, FromRow)]
struct Row {
    request: String,
    session: String,
    owner: String,
    tenant: String,
    domain: String,
    scaling_group: String,
    slots: String,
    containers: i64,
    on_one_agent: bool,
    not_before: Option<i64>,
    enqueued_at: i64,
    reason: String,
}

pub(super) const ALL: &str = "SELECT request, session, owner, tenant, domain, scaling_group, slots, containers, on_one_agent, \
     not_before, enqueued_at, reason FROM slot_request ORDER BY enqueued_at";

pub(super) const LENGTH: &str = "SELECT COUNT(*), MAX(enqueued_at) FROM slot_request";

/// The second: whether anybody waits at all.
pub(super) const DUE: &str = "SELECT (SELECT MIN(not_before) FROM slot_request WHERE reason = 'not-yet'), \
     (SELECT MIN(enqueued_at) FROM slot_request)";

static ADD: SetStatement = SetStatement::new(
    "INSERT INTO slot_request (request, session, owner, tenant, domain, scaling_group, slots, containers, on_one_agent, \
         not_before, enqueued_at, reason) \
     SELECT r.request, r.session, r.owner, r.tenant, r.domain, r.scaling_group, r.slots, r.containers, r.on_one_agent, \
         r.not_before, r.enqueued_at, r.reason FROM {rows} WHERE true",
    &[
        ("request", ColumnType::Text),
        ("session", ColumnType::Text),
        ("owner", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("domain", ColumnType::Text),
        ("scaling_group", ColumnType::Text),
        ("slots", ColumnType::Text),
        ("containers", ColumnType::Integer),
        ("on_one_agent", ColumnType::Boolean),
        ("not_before", ColumnType::Integer),
        ("enqueued_at", ColumnType::Integer),
        ("reason", ColumnType::Text),
    ],
);

pub(super) static REMOVE: SetStatement = SetStatement::new(
    "DELETE FROM slot_request WHERE request IN (SELECT r.request FROM {rows})",
    &[("request", ColumnType::Text)],
);

pub(super) static REMOVE_SESSIONS: SetStatement = SetStatement::new(
    "DELETE FROM slot_request WHERE session IN (SELECT r.session FROM {rows})",
    &[("session", ColumnType::Text)],
);

pub(super) static SET_REASON: SetStatement = SetStatement::new(
    "UPDATE slot_request SET reason = r.reason FROM {rows} WHERE slot_request.request = r.request",
    &[("request", ColumnType::Text), ("reason", ColumnType::Text)],
);

/// How long the queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) requests: u32,
    /// When the last of them came; 0 = there is none.
    pub(crate) newest: i64,
}

/// A reason as the table has it.
pub(super) fn reason_of(name: &str) -> Result<WaitingReason, StorageError> {
    WaitingReason::from_name(name).ok_or_else(|| unreadable("reason", name))
}

/// All that wait, with what they were told they wait for, in the order in which they came.
pub(crate) async fn waiting(
    transaction: &mut Transaction,
) -> Result<Vec<(Wish, WaitingReason)>, StorageError> {
    let rows: Vec<Row> = transaction.fetch_all(ALL, &[]).await?;
    rows.into_iter().map(wish).collect()
}

fn wish(row: Row) -> Result<(Wish, WaitingReason), StorageError> {
    let containers = count("number of containers", row.containers)?;
    let wish = Wish {
        request: id_of(&row.request)?,
        session: id_of(&row.session)?,
        holder: Holder {
            owner: row.owner,
            tenant: row.tenant,
            domain: row.domain,
        },
        scaling_group: row.scaling_group,
        need: Need::new(&slots_of(&row.slots)?, containers, row.on_one_agent),
        not_before: row.not_before,
        enqueued_at: row.enqueued_at,
    };
    Ok((wish, reason_of(&row.reason)?))
}

/// How long it is.
pub(crate) async fn length(transaction: &mut Transaction) -> Result<Length, StorageError> {
    let row: Option<(i64, Option<i64>)> = transaction.fetch_optional(LENGTH, &[]).await?;
    let (requests, newest) = row.unwrap_or_default();
    Ok(Length {
        requests: count("number of requests", requests)?,
        newest: newest.unwrap_or_default(),
    })
}

/// When the first of those that wait for their time may start, and whether anybody waits at all.
pub(crate) async fn due(
    transaction: &mut Transaction,
) -> Result<(Option<i64>, bool), StorageError> {
    let row: Option<(Option<i64>, Option<i64>)> = transaction.fetch_optional(DUE, &[]).await?;
    let (earliest, any) = row.unwrap_or_default();
    Ok((earliest, any.is_some()))
}

/// Puts them into the queue, each with what it waits for.
pub(crate) async fn add(
    transaction: &mut Transaction,
    wishes: &[(Wish, WaitingReason)],
) -> Result<(), StorageError> {
    let rows = wishes
        .iter()
        .map(|(wish, reason)| {
            Ok(vec![
                wish.request.to_string().into(),
                wish.session.to_string().into(),
                (&wish.holder.owner).into(),
                (&wish.holder.tenant).into(),
                (&wish.holder.domain).into(),
                (&wish.scaling_group).into(),
                to_json(&wish.need.slots)?.into(),
                wish.need.containers.into(),
                wish.need.on_one_agent.into(),
                wish.not_before.into(),
                wish.enqueued_at.into(),
                reason.name().into(),
            ])
        })
        .collect::<Result<Vec<Vec<Bind>>, StorageError>>()?;
    transaction.write_set(&ADD, &rows).await
}

/// Takes requests out of the queue.
pub(crate) async fn remove(
    transaction: &mut Transaction,
    requests: impl IntoIterator<Item = Uuid>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = requests
        .into_iter()
        .map(|request| vec![request.to_string().into()])
        .collect();
    transaction.write_set(&REMOVE, &rows).await
}

/// Takes these sessions out of the queue.
pub(crate) async fn remove_sessions(
    transaction: &mut Transaction,
    sessions: &BTreeSet<String>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = sessions
        .iter()
        .map(|session| vec![session.into()])
        .collect();
    transaction.write_set(&REMOVE_SESSIONS, &rows).await
}

/// Notes what requests wait for.
pub(crate) async fn set_reasons(
    transaction: &mut Transaction,
    reasons: impl IntoIterator<Item = (Uuid, WaitingReason)>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = reasons
        .into_iter()
        .map(|(request, reason)| vec![request.to_string().into(), reason.name().into()])
        .collect();
    transaction
        .change_set(&SET_REASON, &rows, "sessions that wait")
        .await
}
