//! Clients: the schedulers that run jobs (`api/freezer.md` §1.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{DeletedDocument, DocumentPage, DocumentRefusal, ListFilter, SavedDocument};
use crate::{Command, Message, Query, Service, message::Never};

/// Registers a client, or says what has become of one that is registered. A central one is seen by all projects; only
/// administrators register it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegisterBackupClient {
    /// The project that it belongs to.
    pub tenant: String,
    /// `client_id`, and what else there is of it.
    pub document: Map<String, Value>,
}

impl Message for RegisterBackupClient {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "register-backup-client";
}

impl Command for RegisterBackupClient {
    type Reply = SavedDocument;
    type Refusal = DocumentRefusal;
}

/// Deletes a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteBackupClient {
    /// The project that it belongs to.
    pub tenant: String,
    /// Its id.
    pub client_id: String,
}

impl Message for DeleteBackupClient {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "delete-backup-client";
}

impl Command for DeleteBackupClient {
    type Reply = DeletedDocument;
    type Refusal = DocumentRefusal;
}

/// Asks for clients: those of the project, and central ones of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListBackupClients {
    /// Only those of this project; `None` = of all.
    pub tenant: Option<String>,
    /// Only the one with this id.
    pub client_id: Option<String>,
    /// Only those that it shows.
    pub filter: ListFilter,
    /// How many of those to leave out first.
    pub offset: u64,
    /// How many at most; the owner gives 500 at most.
    pub limit: u32,
}

impl Message for ListBackupClients {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "list-backup-clients";
}

impl Query for ListBackupClients {
    type Answer = DocumentPage;
    type Refusal = Never;
}
