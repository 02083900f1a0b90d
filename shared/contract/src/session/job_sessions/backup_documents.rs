//! What the messages of jobs, actions, clients and backups have in common.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;

/// How a document is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SaveMode {
    /// As a new one.
    Create,
    /// As a new one, or in the place of the one that is there.
    Replace,
    /// Into the one that is there, key by key.
    Patch,
}

/// A document was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SavedDocument {
    /// Its id.
    pub id: String,
    /// Rises with each change; 0 of what does not count its changes (clients and backups).
    pub version: i64,
}

/// A document is not there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedDocument {
    /// Whether it was there.
    pub existed: bool,
}

/// Documents as their readers see them, in the order of their creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<Document>,
}

/// Why a document is not changed, with a text for whoever asked where there is more to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentRefusal {
    /// Another project's, or something that only administrators may do.
    Forbidden {
        /// What.
        reason: String,
    },
    /// There is none of that id.
    Unknown,
    /// Not a document of that kind.
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// There is one with that id.
    Exists {
        /// The id.
        id: String,
    },
    /// It was changed meanwhile: `_version` is not its version.
    Changed {
        /// Its version.
        version: i64,
    },
    /// A document, but what it asks for cannot be: an unknown client or action, or more than the client can do.
    Unprocessable {
        /// Why.
        reason: String,
    },
}
