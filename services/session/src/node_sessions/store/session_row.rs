//! Rows of `node_session` and `session_node`.

use muster_contract::{
    node_allocation::LeasedNode,
    session::{EndReason, JobReference, NodeSessionState},
};
use muster_storage::StorageError;
use sqlx::FromRow;

use crate::node_sessions::domain::session::{HeldNode, Session};

/// What a [`SessionRow`] is read from.
macro_rules! session_columns {
    () => {
        "node_session.number, node_session.id, node_session.tenant, node_session.alias, node_session.state, \
         node_session.job_cluster, node_session.job_id, node_session.created_at, node_session.expires_at, \
         node_session.ended_at, node_session.end_reason, node_session.hooked"
    };
}

pub(super) use session_columns;

#[derive(Debug, FromRow)]
pub(super) struct SessionRow {
    number: i64,
    id: String,
    tenant: String,
    alias: Option<String>,
    state: String,
    job_cluster: Option<String>,
    job_id: Option<i64>,
    created_at: i64,
    expires_at: Option<i64>,
    ended_at: Option<i64>,
    end_reason: Option<String>,
    /// Whether there are hooks of it.
    pub(super) hooked: bool,
}

#[derive(Debug, FromRow)]
pub(super) struct NodeRow {
    pub(super) session: String,
    node: i64,
    generation: i64,
    hostname: String,
    ip_address: String,
    pool: String,
    lifetime: Option<i64>,
    maximum_lifetime: Option<i64>,
    counted_from: i64,
    place: i64,
}

impl SessionRow {
    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The session, without its nodes and hooks.
    pub(super) fn into_session(self) -> Result<Session, StorageError> {
        let state = NodeSessionState::from_name(&self.state);
        let state = state.ok_or_else(|| unknown("state", &self.state))?;
        let end_reason = self.end_reason.as_deref().map(end_reason).transpose()?;
        let job = self.job_cluster.zip(self.job_id);
        Ok(Session {
            id: self.id,
            number: self.number,
            tenant: self.tenant,
            alias: self.alias,
            state,
            job: job.map(|(cluster, job_id)| JobReference { cluster, job_id }),
            created_at: self.created_at,
            expires_at: self.expires_at,
            ended_at: self.ended_at,
            end_reason,
            nodes: Vec::new(),
            hooks: Vec::new(),
        })
    }
}

impl NodeRow {
    /// In the order in which the nodes came.
    pub(super) fn order(&self) -> (i64, i64, i64) {
        (self.counted_from, self.place, self.node)
    }

    pub(super) fn into_node(self) -> HeldNode {
        HeldNode {
            lease: LeasedNode {
                id: self.node,
                hostname: self.hostname,
                ip_address: self.ip_address,
                pool: self.pool,
                generation: self.generation,
                lifetime: self.lifetime,
                maximum_lifetime: self.maximum_lifetime,
            },
            counted_from: self.counted_from,
        }
    }
}

/// The name of the reason in the table.
pub(super) const fn end_reason_name(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Asked => "asked",
        EndReason::Expired => "expired",
        EndReason::JobStopped => "job_stopped",
    }
}

fn end_reason(name: &str) -> Result<EndReason, StorageError> {
    [EndReason::Asked, EndReason::Expired, EndReason::JobStopped]
        .into_iter()
        .find(|reason| end_reason_name(*reason) == name)
        .ok_or_else(|| unknown("end reason", name))
}

fn unknown(what: &str, name: &str) -> StorageError {
    StorageError::Other(format!("unknown {what} in the table: {name}").into())
}
