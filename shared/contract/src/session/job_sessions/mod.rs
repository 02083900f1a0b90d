//! Messages of job sessions: jobs that start together, with a tag for each run (seed 1; `api/freezer.md`), and of the jobs,
//! actions, clients and backups that go with them. All names and documents are checked by whoever takes them from a client
//! with what [`limits`] says; the owner refuses what is not so.

mod backup_actions;
mod backup_clients;
mod backup_documents;
mod backup_jobs;
mod backups;
mod delete_job_session;
mod document;
mod end_session_job;
mod filter_body;
mod job_session;
pub mod limits;
mod list_filter;
mod list_job_sessions;
mod list_session_runs;
mod place_session_job;
mod save_job_session;
mod session_document;
mod session_run_changed;
mod start_session_job;

pub use backup_actions::{DeleteBackupAction, ListBackupActions, SaveBackupAction};
pub use backup_clients::{DeleteBackupClient, ListBackupClients, RegisterBackupClient};
pub use backup_documents::{
    DeletedDocument, DocumentPage, DocumentRefusal, SaveMode, SavedDocument,
};
pub use backup_jobs::{
    DeleteBackupJob, JobSignal, ListBackupJobs, SaveBackupJob, SignalBackupJob, SignaledBackupJob,
};
pub use backups::{DeleteBackup, ListBackups, SaveBackup};
pub use delete_job_session::DeleteJobSession;
pub use document::Document;
pub use end_session_job::{EndDecision, EndSessionJob, SessionJobEnd};
pub use filter_body::{CONDITION_LIMIT, InvalidFilter};
pub use job_session::{
    JobSession, JobSessionRefusal, JobSessionStatus, RunJobStatus, RunResult, SessionJob,
};
pub use list_filter::{FieldValue, ListFilter};
pub use list_job_sessions::{JobSessionPage, ListJobSessions};
pub use list_session_runs::{
    ListSessionRuns, SessionRun, SessionRunJob, SessionRunPage, SessionRunStatus,
};
pub use place_session_job::{AddSessionJob, RemoveSessionJob};
pub use save_job_session::{JobSessionChange, JobSessionPatch, JobSessionState, SaveJobSession};
pub use session_document::SessionDocument;
pub use session_run_changed::{SessionJobEnded, SessionRunCompleted, SessionRunStarted};
pub use start_session_job::{SessionJobStart, StartDecision, StartSessionJob};
