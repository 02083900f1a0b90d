//! Actions: what jobs do (`api/freezer.md` §1.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{DeletedDocument, DocumentPage, DocumentRefusal, ListFilter, SaveMode, SavedDocument};
use crate::{Command, Message, Query, Service, message::Never};

/// Saves an action. Jobs that have it do it as it is now. Its `_version`, if it has one, must be the version of what is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaveBackupAction {
    /// The project that it belongs to.
    pub tenant: String,
    /// Of a new one: an id of the caller's choice.
    pub action_id: Option<String>,
    /// How. A patch is merged: `freezer_action` key by key.
    pub mode: SaveMode,
    /// What is saved, or the changes.
    pub document: Map<String, Value>,
}

impl Message for SaveBackupAction {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "save-backup-action";
}

impl Command for SaveBackupAction {
    type Reply = SavedDocument;
    type Refusal = DocumentRefusal;
}

/// Deletes an action. Jobs do it no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteBackupAction {
    /// The project that it belongs to.
    pub tenant: String,
    /// Its id.
    pub action_id: String,
}

impl Message for DeleteBackupAction {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "delete-backup-action";
}

impl Command for DeleteBackupAction {
    type Reply = DeletedDocument;
    type Refusal = DocumentRefusal;
}

/// Asks for actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListBackupActions {
    /// Only those of this project; `None` = of all.
    pub tenant: Option<String>,
    /// Only the one with this id.
    pub action_id: Option<String>,
    /// Only those that it shows.
    pub filter: ListFilter,
    /// How many of those to leave out first.
    pub offset: u64,
    /// How many at most; the owner gives 500 at most.
    pub limit: u32,
}

impl Message for ListBackupActions {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "list-backup-actions";
}

impl Query for ListBackupActions {
    type Answer = DocumentPage;
    type Refusal = Never;
}
