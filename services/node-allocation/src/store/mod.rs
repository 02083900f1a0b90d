//! The SQL of node allocation. One idea per file; every statement is a `&'static str` or made of such pieces.

pub(crate) mod change_nodes;
pub(crate) mod conditions;
pub(crate) mod contextualizing;
pub(crate) mod declare;
pub(crate) mod fences;
pub(crate) mod find_node;
pub(crate) mod free_nodes;
pub(crate) mod grant;
pub(crate) mod hook_orders;
pub(crate) mod idle_nodes;
pub(crate) mod leases;
pub(crate) mod levels;
pub(crate) mod list_nodes;
pub(crate) mod list_pools;
pub(crate) mod pools;
pub(crate) mod reader;
pub(crate) mod release;
pub(crate) mod session_nodes;
pub(crate) mod tenants;
pub(crate) mod waiting;

#[cfg(test)]
mod plans;

use muster_contract::node_allocation::NodeState;
use muster_storage::{LockKey, StorageError, Transaction};

/// Makes changes of nodes run one after the other, also those of other replicas. To be called before anything is read
/// that the change depends on.
///
/// One lock for all: whoever waits may need nodes of any pool, so whatever frees a node would have to lock every pool and
/// every project that waits. And a batch that has all nodes for itself is several times as fast as batches that
/// dodge each other's locked rows (measured: 5,800 against 1,600 allocations a second on PostgreSQL).
pub(crate) async fn lock(transaction: &mut Transaction) -> Result<(), StorageError> {
    transaction
        .lock_keys(&[LockKey::of(&["node-allocation"])])
        .await
}

/// A row that does not say what it should: somebody else wrote to the table, or a newer release.
pub(crate) fn unreadable(what: &str, value: impl std::fmt::Display) -> StorageError {
    StorageError::Other(
        format!("a row of node allocation has an unreadable {what}: {value}").into(),
    )
}

/// A state as the table has it.
fn state(name: &str) -> Result<NodeState, StorageError> {
    NodeState::from_name(name).ok_or_else(|| unreadable("state", name))
}

/// A number of nodes as the table has it.
pub(crate) fn count(what: &str, value: i64) -> Result<u32, StorageError> {
    u32::try_from(value).map_err(|_| unreadable(what, value))
}

/// A set of rows was to be changed as it was read. If it is not there any more, the lock was not held: the whole
/// transaction is undone and run again.
fn all_changed(what: &str, changed: u64, expected: usize) -> Result<(), StorageError> {
    if u64::try_from(expected).is_ok_and(|expected| expected == changed) {
        return Ok(());
    }
    Err(StorageError::Conflict(
        format!("{what}: {changed} of {expected} rows are as they were read").into(),
    ))
}
