//! What is known of sessions that ask.

use std::collections::{BTreeSet, HashMap, HashSet};

use muster_contract::node_allocation::WaitingReason;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, ThreeSets, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use super::{id_of, queue::reason_of};

pub(super) static FENCED: SetStatement = SetStatement::new(
    "SELECT fence.name AS session FROM {rows} JOIN fence ON fence.name = r.session",
    &[("session", ColumnType::Text)],
);

pub(super) static WAITING: SetStatement = SetStatement::new(
    "SELECT slot_request.session, slot_request.reason FROM {rows} JOIN slot_request ON slot_request.session = r.session",
    &[("session", ColumnType::Text)],
);

pub(super) static LEASED: SetStatement = SetStatement::new(
    "SELECT slot_lease.session, slot_lease.container, slot_lease.agent, slot_lease.scaling_group, slot_lease.ended_at \
     FROM {rows} JOIN slot_lease ON slot_lease.session = r.session",
    &[("session", ColumnType::Text)],
);

#[derive(Debug, FromRow)]
struct LeaseRow {
    session: String,
    container: i64,
    agent: String,
    scaling_group: String,
    ended_at: Option<i64>,
}

/// What is known of some sessions.
#[derive(Debug, Default)]
pub(crate) struct KnownSessions {
    /// They get no more.
    pub(crate) fenced: HashSet<Uuid>,
    /// They wait for that.
    pub(crate) waiting: HashMap<Uuid, WaitingReason>,
    /// They got slots.
    pub(crate) granted: HashMap<Uuid, Granted>,
}

/// What a session got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) scaling_group: String,
    /// Of each container, in their order: the agent, and whether it still has its slots.
    pub(crate) containers: Vec<(String, bool)>,
}

/// What is known of these sessions.
pub(crate) async fn known(
    transaction: &mut Transaction,
    sessions: impl IntoIterator<Item = Uuid>,
) -> Result<KnownSessions, StorageError> {
    let sessions: BTreeSet<Uuid> = sessions.into_iter().collect();
    let rows: Vec<Vec<Bind>> = sessions
        .into_iter()
        .map(|session| vec![session.to_string().into()])
        .collect();
    let (fenced, waiting, mut leases): ThreeSets<(String,), (String, String), LeaseRow> =
        transaction
            .fetch_sets([&FENCED, &WAITING, &LEASED], &rows)
            .await?;
    leases.sort_unstable_by_key(|row| row.container);
    let mut known = KnownSessions::default();
    for (session,) in fenced {
        known.fenced.insert(id_of(&session)?);
    }
    for (session, reason) in waiting {
        known.waiting.insert(id_of(&session)?, reason_of(&reason)?);
    }
    for row in leases {
        let granted = known.granted.entry(id_of(&row.session)?).or_default();
        granted.scaling_group = row.scaling_group;
        granted.containers.push((row.agent, row.ended_at.is_none()));
    }
    Ok(known)
}
