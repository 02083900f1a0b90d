//! Rows of `compute_session` and `compute_container`.

use std::sync::Arc;

use muster_contract::session::{BatchResult, ComputeSessionStatus};
use muster_storage::StorageError;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::FromRow;
use uuid::Uuid;

use crate::compute_sessions::domain::{container::Container, session::Session};

/// What a [`SessionRow`] is read from.
macro_rules! session_columns {
    () => {
        "compute_session.id, compute_session.wish, compute_session.status, compute_session.status_info, \
         compute_session.status_changed_at, compute_session.created_at, compute_session.started_at, \
         compute_session.terminated_at, compute_session.result, compute_session.scaling_group, compute_session.queries, \
         compute_session.active_at, compute_session.request, compute_session.due_at, compute_session.stop_attempts"
    };
}

pub(super) use session_columns;

#[derive(Debug, FromRow)]
pub(super) struct SessionRow {
    id: String,
    wish: String,
    status: String,
    status_info: Option<String>,
    status_changed_at: i64,
    created_at: i64,
    started_at: Option<i64>,
    terminated_at: Option<i64>,
    result: String,
    scaling_group: Option<String>,
    queries: i64,
    active_at: i64,
    request: Option<String>,
    due_at: Option<i64>,
    stop_attempts: i64,
}

/// What a [`ContainerRow`] is read from.
macro_rules! container_columns {
    () => {
        "compute_container.id, compute_container.session, compute_container.place, compute_container.agent, \
         compute_container.status, compute_container.status_info, compute_container.status_changed_at, \
         compute_container.started_at, compute_container.terminated_at, compute_container.host, \
         compute_container.service_ports, compute_container.exit_code, compute_container.usage, \
         compute_container.order_id"
    };
}

pub(super) use container_columns;

#[derive(Debug, FromRow)]
pub(super) struct ContainerRow {
    id: String,
    pub(super) session: String,
    pub(super) place: i64,
    agent: String,
    status: String,
    status_info: Option<String>,
    status_changed_at: i64,
    started_at: Option<i64>,
    terminated_at: Option<i64>,
    host: Option<String>,
    service_ports: String,
    exit_code: Option<i64>,
    usage: Option<String>,
    order_id: String,
}

impl SessionRow {
    /// The session, without its containers.
    pub(super) fn into_session(self) -> Result<Session, StorageError> {
        let result = BatchResult::from_name(&self.result);
        Ok(Session {
            id: id(&self.id)?,
            wish: Arc::new(parsed(&self.wish)?),
            status: status(&self.status)?,
            status_info: self.status_info,
            status_changed_at: self.status_changed_at,
            created_at: self.created_at,
            started_at: self.started_at,
            terminated_at: self.terminated_at,
            result: result.ok_or_else(|| unknown("result", &self.result))?,
            scaling_group: self.scaling_group,
            queries: self.queries,
            active_at: self.active_at,
            request: self.request.as_deref().map(id).transpose()?,
            due_at: self.due_at,
            stop_attempts: u32::try_from(self.stop_attempts).unwrap_or(u32::MAX),
            containers: Vec::new(),
        })
    }
}

impl ContainerRow {
    pub(super) fn into_container(self) -> Result<Container, StorageError> {
        Ok(Container {
            id: id(&self.id)?,
            index: u32::try_from(self.place).unwrap_or(u32::MAX),
            agent: self.agent,
            status: status(&self.status)?,
            status_info: self.status_info,
            status_changed_at: self.status_changed_at,
            started_at: self.started_at,
            terminated_at: self.terminated_at,
            host: self.host,
            service_ports: parsed(&self.service_ports)?,
            exit_code: self.exit_code.and_then(|code| i32::try_from(code).ok()),
            usage: self.usage.as_deref().map(parsed).transpose()?,
            order: id(&self.order_id)?,
        })
    }
}

pub(super) fn status(name: &str) -> Result<ComputeSessionStatus, StorageError> {
    ComputeSessionStatus::from_name(name).ok_or_else(|| unknown("status", name))
}

pub(super) fn id(text: &str) -> Result<Uuid, StorageError> {
    Uuid::try_parse(text).map_err(|error| StorageError::Other(error.into()))
}

pub(super) fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError::Other(error.into()))
}

pub(super) fn json(value: &impl Serialize) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|error| StorageError::Other(error.into()))
}

pub(super) fn unknown(what: &str, name: &str) -> StorageError {
    StorageError::Other(format!("unknown {what} of a compute session in the table: {name}").into())
}
