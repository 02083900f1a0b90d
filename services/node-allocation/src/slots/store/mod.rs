//! The SQL of slots. What changes slots takes the lock of the service ([`lock`](crate::store::lock)) first, as what changes nodes does:
//! one batch may do both, and two locks would have to be taken in one order everywhere.

pub(crate) mod agents;
pub(crate) mod declare;
pub(crate) mod groups;
pub(crate) mod leases;
pub(crate) mod list_agents;
pub(crate) mod queue;
pub(crate) mod quotas;
pub(crate) mod sessions;

#[cfg(test)]
mod plans;

use muster_contract::ResourceSlots;
use muster_storage::StorageError;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::store::unreadable;

fn to_json(value: &impl Serialize) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|error| StorageError::Other(error.into()))
}

fn of_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| unreadable(what, error))
}

pub(crate) fn slots_of(text: &str) -> Result<ResourceSlots, StorageError> {
    of_json("amount of slots", text)
}

fn id_of(text: &str) -> Result<Uuid, StorageError> {
    text.parse().map_err(|error| unreadable("id", error))
}
