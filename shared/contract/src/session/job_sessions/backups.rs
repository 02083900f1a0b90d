//! Backups that were made (`api/freezer.md` §1.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{DeletedDocument, DocumentPage, DocumentRefusal, ListFilter, SaveMode, SavedDocument};
use crate::{Command, Message, Query, Service, message::Never};

/// Saves what is known of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaveBackup {
    /// The project that it belongs to.
    pub tenant: String,
    /// Of the one that is patched. A new one gets an id.
    pub backup_id: Option<String>,
    /// How; a backup is not replaced. Of a patch, `backup_metadata` is merged key by key.
    pub mode: SaveMode,
    /// Its metadata with its `status`; of a patch: `status` and `backup_metadata`.
    pub document: Map<String, Value>,
}

impl Message for SaveBackup {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "save-backup";
}

impl Command for SaveBackup {
    type Reply = SavedDocument;
    type Refusal = DocumentRefusal;
}

/// Deletes what is known of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteBackup {
    /// The project that it belongs to.
    pub tenant: String,
    /// Its id.
    pub backup_id: String,
}

impl Message for DeleteBackup {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "delete-backup";
}

impl Command for DeleteBackup {
    type Reply = DeletedDocument;
    type Refusal = DocumentRefusal;
}

/// Asks for backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListBackups {
    /// Only those of this project; `None` = of all.
    pub tenant: Option<String>,
    /// Only the one with this id.
    pub backup_id: Option<String>,
    /// Only those that it shows.
    pub filter: ListFilter,
    /// How many of those to leave out first.
    pub offset: u64,
    /// How many at most; the owner gives 500 at most.
    pub limit: u32,
}

impl Message for ListBackups {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "list-backups";
}

impl Query for ListBackups {
    type Answer = DocumentPage;
    type Refusal = Never;
}
