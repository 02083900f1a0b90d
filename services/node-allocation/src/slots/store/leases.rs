//! Who has what of which agent.

use std::collections::{BTreeSet, HashMap};

use muster_contract::ResourceSlots;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;

use super::{id_of, slots_of, to_json};
use crate::{
    slots::{
        domain::wish::{Holder, Wish},
        told::LostSession,
    },
    store::count,
};

/// What some containers of one holder have of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) agent: String,
    pub(crate) scaling_group: String,
    pub(crate) holder: Holder,
    /// All of them together.
    pub(crate) slots: ResourceSlots,
    /// Those of them that are the main one of their session.
    pub(crate) sessions: u32,
}

#[derive(Debug, FromRow)]
pub(crate) struct UseRow {
    agent: String,
    pub(crate) scaling_group: String,
    owner: String,
    pub(crate) tenant: String,
    domain: String,
    pub(crate) slots: String,
    pub(crate) containers: i64,
    pub(crate) sessions: i64,
}

/// Amounts cannot be added by the database, which knows no exact ones, but containers that are alike can be counted.
pub(crate) const USED: &str = "SELECT agent, scaling_group, owner, tenant, domain, slots, COUNT(*) AS containers, \
         CAST(SUM(CASE WHEN container = 0 THEN 1 ELSE 0 END) AS BIGINT) AS sessions \
     FROM slot_lease WHERE ended_at IS NULL GROUP BY agent, scaling_group, owner, tenant, domain, slots";

static GRANT: SetStatement = SetStatement::new(
    "INSERT INTO slot_lease (session, container, request, agent, scaling_group, owner, tenant, domain, slots, granted_at) \
     SELECT r.session, r.container, r.request, r.agent, r.scaling_group, r.owner, r.tenant, r.domain, r.slots, r.granted_at \
     FROM {rows} WHERE true",
    &[
        ("session", ColumnType::Text),
        ("container", ColumnType::Integer),
        ("request", ColumnType::Text),
        ("agent", ColumnType::Text),
        ("scaling_group", ColumnType::Text),
        ("owner", ColumnType::Text),
        ("tenant", ColumnType::Text),
        ("domain", ColumnType::Text),
        ("slots", ColumnType::Text),
        ("granted_at", ColumnType::Integer),
    ],
);

/// The time of a command is when it came, and what came later may have had its turn before: no lease ends before it began.
pub(super) static END_OF_SESSIONS: SetStatement = SetStatement::new(
    "UPDATE slot_lease SET ended_at = CASE WHEN r.now < slot_lease.granted_at THEN slot_lease.granted_at ELSE r.now END \
     FROM {rows} WHERE slot_lease.session = r.session AND slot_lease.ended_at IS NULL",
    &[("session", ColumnType::Text), ("now", ColumnType::Integer)],
);

pub(super) static END_OF_AGENTS: SetStatement = SetStatement::new(
    "UPDATE slot_lease SET ended_at = CASE WHEN r.now < slot_lease.granted_at THEN slot_lease.granted_at ELSE r.now END \
     FROM {rows} WHERE slot_lease.agent = r.agent AND slot_lease.ended_at IS NULL \
     RETURNING slot_lease.session, slot_lease.tenant, slot_lease.agent",
    &[("agent", ColumnType::Text), ("now", ColumnType::Integer)],
);

pub(super) const FORGET: &str = "DELETE FROM slot_lease WHERE (session, container) IN \
     (SELECT session, container FROM slot_lease WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)";

/// All that anybody has.
pub(crate) async fn used(transaction: &mut Transaction) -> Result<Vec<Use>, StorageError> {
    let rows: Vec<UseRow> = transaction.fetch_all(USED, &[]).await?;
    // Most are alike.
    let mut read: HashMap<String, ResourceSlots> = HashMap::new();
    rows.into_iter()
        .map(|row| {
            let slots = if let Some(slots) = read.get(&row.slots) {
                slots.clone()
            } else {
                let slots = slots_of(&row.slots)?;
                read.insert(row.slots, slots.clone());
                slots
            };
            Ok(Use {
                slots: slots.times(count("number of containers", row.containers)?),
                sessions: count("number of sessions", row.sessions)?,
                agent: row.agent,
                scaling_group: row.scaling_group,
                holder: Holder {
                    owner: row.owner,
                    tenant: row.tenant,
                    domain: row.domain,
                },
            })
        })
        .collect()
}

/// Notes what sessions got, each with the agents of its containers.
pub(crate) async fn grant<'a>(
    transaction: &mut Transaction,
    now: i64,
    granted: impl IntoIterator<Item = (&'a Wish, &'a [String])>,
) -> Result<(), StorageError> {
    let mut rows: Vec<Vec<Bind>> = Vec::new();
    for (wish, agents) in granted {
        let slots = to_json(&wish.need.slots)?;
        let (session, request) = (wish.session.to_string(), wish.request.to_string());
        rows.extend((0_i64..).zip(agents).map(|(container, agent)| {
            vec![
                (&session).into(),
                container.into(),
                (&request).into(),
                agent.into(),
                (&wish.scaling_group).into(),
                (&wish.holder.owner).into(),
                (&wish.holder.tenant).into(),
                (&wish.holder.domain).into(),
                (&slots).into(),
                now.into(),
            ]
        }));
    }
    transaction.write_set(&GRANT, &rows).await
}

/// Ends what these sessions, each named once, have; says how many containers they had slots for.
pub(crate) async fn end_of_sessions(
    transaction: &mut Transaction,
    now: i64,
    sessions: &BTreeSet<String>,
) -> Result<u64, StorageError> {
    let rows: Vec<Vec<Bind>> = sessions
        .iter()
        .map(|session| vec![session.into(), now.into()])
        .collect();
    transaction.execute_set(&END_OF_SESSIONS, &rows).await
}

/// Ends what sessions have of these agents, each named once; says which had something.
pub(crate) async fn end_of_agents(
    transaction: &mut Transaction,
    now: i64,
    agents: &[String],
) -> Result<BTreeSet<LostSession>, StorageError> {
    let rows: Vec<Vec<Bind>> = agents
        .iter()
        .map(|agent| vec![agent.into(), now.into()])
        .collect();
    let rows: Vec<(String, String, String)> = transaction.fetch_set(&END_OF_AGENTS, &rows).await?;
    rows.into_iter()
        .map(|(session, tenant, agent)| {
            Ok(LostSession {
                session: id_of(&session)?,
                tenant,
                agent,
            })
        })
        .collect()
}

/// Forgets the oldest leases that ended before that time, so many at most; says how many it were.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    before: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    transaction
        .execute(FORGET, &[before.into(), limit.into()])
        .await
}
