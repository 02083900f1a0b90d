//! Messages of job sessions: jobs that start together, with a tag for each run (seed 1; `api/freezer.md`), and of the jobs,
//! actions, clients and backups that go with them. All names and documents are checked by whoever takes them from a client
//! with what [`limits`] says; the owner refuses what is not so.

mod backup_actions;
mod backup_clients;
mod backup_documents;
mod backup_jobs;
mod backups;
mod document;
mod filter_body;
pub mod limits;
mod list_filter;

pub use backup_actions::{DeleteBackupAction, ListBackupActions, SaveBackupAction};
pub use backup_clients::{DeleteBackupClient, ListBackupClients, RegisterBackupClient};
pub use backup_documents::{
    DeletedDocument, DocumentPage, DocumentRefusal, SaveMode, SavedDocument,
};
pub use backup_jobs::{
    DeleteBackupJob, JobSignal, ListBackupJobs, SaveBackupJob, SignalBackupJob, SignaledBackupJob,
};
pub use backups::{DeleteBackup, ListBackups, SaveBackup};
pub use document::Document;
pub use filter_body::{CONDITION_LIMIT, InvalidFilter};
pub use list_filter::{FieldValue, ListFilter};
