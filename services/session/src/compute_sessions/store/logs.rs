//! What containers wrote that are over.

use std::collections::BTreeMap;

use muster_contract::agent::LOG_LIMIT;
use muster_storage::{ColumnType, SetStatement, Snapshot, StorageError, Transaction};
use uuid::Uuid;

use crate::compute_sessions::domain::reason::storable;

pub(super) static KEEP: SetStatement = SetStatement::new(
    "INSERT INTO compute_container_log (container, logs) SELECT r.container, r.logs FROM {rows} WHERE true \
     ON CONFLICT (container) DO UPDATE SET logs = excluded.logs",
    &[("container", ColumnType::Text), ("logs", ColumnType::Text)],
);

pub(super) const OF_SESSION: &str = "SELECT compute_container_log.logs FROM compute_container \
     JOIN compute_container_log ON compute_container_log.container = compute_container.id \
     WHERE compute_container.session = $1 AND compute_container.place = 0";

/// What a container wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerLog {
    container: Uuid,
    logs: String,
}

impl ContainerLog {
    /// The end of it, as much as is kept; nothing if it wrote nothing.
    pub(crate) fn of(container: Uuid, logs: &str) -> Option<Self> {
        let mut start = logs.len().saturating_sub(LOG_LIMIT);
        while !logs.is_char_boundary(start) {
            start += 1;
        }
        let logs = logs.get(start..).filter(|logs| !logs.is_empty())?;
        let logs = storable(logs);
        Some(Self { container, logs })
    }
}

/// Keeps what containers wrote. Each once.
pub(crate) async fn keep(
    transaction: &mut Transaction,
    logs: &BTreeMap<Uuid, ContainerLog>,
) -> Result<(), StorageError> {
    let rows = logs.values();
    let rows = rows.map(|log| vec![log.container.to_string().into(), (&log.logs).into()]);
    transaction
        .write_set(&KEEP, &rows.collect::<Vec<_>>())
        .await
}

/// What the main container of a session wrote, if it is over.
pub(crate) async fn logs_of_session(
    snapshot: &mut Snapshot,
    session: Uuid,
) -> Result<Option<String>, StorageError> {
    let binds = [session.to_string().into()];
    let row: Option<(String,)> = snapshot.fetch_optional(OF_SESSION, &binds).await?;
    Ok(row.map(|(logs,)| logs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept() {
        let id = Uuid::nil();
        assert_eq!(ContainerLog::of(id, ""), None);
        let log = ContainerLog::of(id, &format!("{}\0end", "é".repeat(LOG_LIMIT))).unwrap();
        assert!(log.logs.ends_with("\u{fffd}end") && log.logs.starts_with('é'));
        assert!(log.logs.len() <= LOG_LIMIT + 2);
    }
}
