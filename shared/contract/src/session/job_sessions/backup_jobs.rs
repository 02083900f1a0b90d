//! Jobs: what is to be done when, and by which client (`api/freezer.md` §1.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{DeletedDocument, DocumentPage, DocumentRefusal, ListFilter, SaveMode, SavedDocument};
use crate::{Command, Message, Query, Service, message::Never};

/// Saves a job. A document is one of `api/freezer.md` §1.6; its `session_id` never changes which session the job is in, that is
/// done by adding and removing it. Its `_version`, if it has one, must be the version of what is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaveBackupJob {
    /// The project that it belongs to.
    pub tenant: String,
    /// Of a new one: an id of the caller's choice.
    pub job_id: Option<String>,
    /// How. A patch is merged: `job_schedule` key by key.
    pub mode: SaveMode,
    /// What is saved, or the changes.
    pub document: Map<String, Value>,
}

impl Message for SaveBackupJob {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "save-backup-job";
}

impl Command for SaveBackupJob {
    type Reply = SavedDocument;
    type Refusal = DocumentRefusal;
}

/// Deletes a job. It leaves its session, and the run that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteBackupJob {
    /// The project that it belongs to.
    pub tenant: String,
    /// Its id.
    pub job_id: String,
}

impl Message for DeleteBackupJob {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "delete-backup-job";
}

impl Command for DeleteBackupJob {
    type Reply = DeletedDocument;
    type Refusal = DocumentRefusal;
}

/// What a job is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobSignal {
    /// To run.
    Start,
    /// To be taken off its schedule.
    Stop,
    /// To end what runs.
    Abort,
}

impl JobSignal {
    /// Its name in a job's schedule.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Abort => "abort",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Start, Self::Stop, Self::Abort]
            .into_iter()
            .find(|signal| signal.name() == name)
    }
}

/// Asks a job for something: its scheduler sees it when it next looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignalBackupJob {
    /// The project that it belongs to.
    pub tenant: String,
    /// Its id.
    pub job_id: String,
    /// What is asked.
    pub signal: JobSignal,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignaledBackupJob {
    /// It was asked before, and its scheduler has not seen it yet: nothing was changed.
    pub already_requested: bool,
}

impl Message for SignalBackupJob {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "signal-backup-job";
}

impl Command for SignalBackupJob {
    type Reply = SignaledBackupJob;
    type Refusal = DocumentRefusal;
}

/// Asks for jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListBackupJobs {
    /// Only those of this project; `None` = of all.
    pub tenant: Option<String>,
    /// Only the one with this id.
    pub job_id: Option<String>,
    /// Only those that it shows.
    pub filter: ListFilter,
    /// How many of those to leave out first.
    pub offset: u64,
    /// How many at most; the owner gives 500 at most.
    pub limit: u32,
}

impl Message for ListBackupJobs {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "list-backup-jobs";
}

impl Query for ListBackupJobs {
    type Answer = DocumentPage;
    type Refusal = Never;
}
