//! Hooks of sessions.

use muster_contract::agent::SessionHook;
use muster_storage::{Bind, ColumnType, SetStatement, StorageError, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use crate::node_sessions::domain::hook::{Hook, HookState};

#[derive(Debug, FromRow)]
pub(super) struct HookRow {
    pub(super) session: String,
    hook: String,
    agent: String,
    time_limit: i64,
    attempt_limit: i64,
    state: String,
    attempts: i64,
    order_id: Option<String>,
    deadline: Option<i64>,
    due_at: Option<i64>,
    reason: Option<String>,
}

pub(super) static OF_SESSIONS: SetStatement = SetStatement::new(
    "SELECT session_hook.session, session_hook.hook, session_hook.agent, session_hook.time_limit, \
         session_hook.attempt_limit, session_hook.state, session_hook.attempts, session_hook.order_id, \
         session_hook.deadline, session_hook.due_at, session_hook.reason \
     FROM {rows} JOIN session_hook ON session_hook.session = r.session",
    &[("session", ColumnType::Text)],
);

pub(super) static SAVE: SetStatement = SetStatement::new(
    "INSERT INTO session_hook (session, hook, agent, time_limit, attempt_limit, state, attempts, order_id, deadline, \
         due_at, reason) \
     SELECT r.session, r.hook, r.agent, r.time_limit, r.attempt_limit, r.state, r.attempts, r.order_id, r.deadline, \
         r.due_at, r.reason \
     FROM {rows} WHERE true \
     ON CONFLICT (session, hook) DO UPDATE SET state = excluded.state, attempts = excluded.attempts, \
         order_id = excluded.order_id, deadline = excluded.deadline, due_at = excluded.due_at, \
         reason = excluded.reason",
    &[
        ("session", ColumnType::Text),
        ("hook", ColumnType::Text),
        ("agent", ColumnType::Text),
        ("time_limit", ColumnType::Integer),
        ("attempt_limit", ColumnType::Integer),
        ("state", ColumnType::Text),
        ("attempts", ColumnType::Integer),
        ("order_id", ColumnType::Text),
        ("deadline", ColumnType::Integer),
        ("due_at", ColumnType::Integer),
        ("reason", ColumnType::Text),
    ],
);

pub(super) static BY_ORDER: SetStatement = SetStatement::new(
    "SELECT session_hook.session FROM {rows} JOIN session_hook ON session_hook.order_id = r.order_id",
    &[("order_id", ColumnType::Text)],
);

pub(super) const DUE: &str = "SELECT session FROM session_hook WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2";

/// Writes how far the hooks are. Each hook of a session once.
pub(crate) async fn save_hooks(
    transaction: &mut Transaction,
    hooks: impl IntoIterator<Item = (&str, &Hook)>,
) -> Result<(), StorageError> {
    let rows: Vec<Vec<Bind>> = hooks
        .into_iter()
        .map(|(session, hook)| {
            let (order, deadline) = match hook.state {
                HookState::Ordered { order, deadline } => (Some(order), Some(deadline)),
                _ => (None, None),
            };
            vec![
                session.into(),
                hook.kind.name().into(),
                (&hook.agent).into(),
                hook.time_limit.into(),
                i64::from(hook.attempt_limit).into(),
                state_name(hook.state).into(),
                i64::from(hook.attempts).into(),
                Bind::Text(order.map(|order| order.to_string())),
                deadline.into(),
                hook.due_at().into(),
                Bind::Text(hook.reason.clone()),
            ]
        })
        .collect();
    transaction.write_set(&SAVE, &rows).await
}

/// The sessions whose attempts these orders are, where they are on.
pub(crate) async fn sessions_of_orders(
    transaction: &mut Transaction,
    orders: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<String>, StorageError> {
    let mut orders: Vec<Uuid> = orders.into_iter().collect();
    orders.sort_unstable();
    orders.dedup();
    let rows: Vec<Vec<Bind>> = orders
        .iter()
        .map(|order| vec![order.to_string().into()])
        .collect();
    let rows: Vec<(String,)> = transaction.fetch_set(&BY_ORDER, &rows).await?;
    Ok(rows.into_iter().map(|(session,)| session).collect())
}

/// Sessions with a hook that has to be looked at, those that have waited longest first.
pub(crate) async fn sessions_with_due_hooks(
    transaction: &mut Transaction,
    now: i64,
    limit: i64,
) -> Result<Vec<String>, StorageError> {
    let binds = [now.into(), limit.into()];
    let rows: Vec<(String,)> = transaction.fetch_all(DUE, &binds).await?;
    Ok(rows.into_iter().map(|(session,)| session).collect())
}

impl HookRow {
    pub(super) fn into_hook(self) -> Result<Hook, StorageError> {
        let unknown = |what: &str, text: &str| {
            StorageError::Other(format!("unknown {what} of a hook in the table: {text}").into())
        };
        let order = self.order_id.as_deref().map(Uuid::try_parse).transpose();
        let order = order.map_err(|error| StorageError::Other(error.into()))?;
        let state = match (self.state.as_str(), order, self.deadline, self.due_at) {
            ("idle", ..) => HookState::Idle,
            ("ordered", Some(order), Some(deadline), _) => HookState::Ordered { order, deadline },
            ("waiting", _, _, Some(until)) => HookState::Waiting { until },
            ("succeeded", ..) => HookState::Succeeded,
            ("failed", ..) => HookState::Failed,
            (state, ..) => return Err(unknown("state", state)),
        };
        Ok(Hook {
            kind: SessionHook::from_name(&self.hook).ok_or_else(|| unknown("name", &self.hook))?,
            agent: self.agent,
            time_limit: self.time_limit,
            attempt_limit: u32::try_from(self.attempt_limit).unwrap_or(u32::MAX),
            state,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            reason: self.reason,
        })
    }
}

const fn state_name(state: HookState) -> &'static str {
    match state {
        HookState::Idle => "idle",
        HookState::Ordered { .. } => "ordered",
        HookState::Waiting { .. } => "waiting",
        HookState::Succeeded => "succeeded",
        HookState::Failed => "failed",
    }
}
