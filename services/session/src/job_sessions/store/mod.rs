//! The tables.

pub(crate) mod backup_actions;
pub(crate) mod backup_clients;
pub(crate) mod backup_jobs;
pub(crate) mod backups;
#[cfg(test)]
mod document_plans;
pub(crate) mod forgetting;
pub(crate) mod history;
pub(crate) mod left_runs;
pub(crate) mod list_documents;
pub(crate) mod list_runs;
pub(crate) mod list_sessions;
pub(crate) mod list_statement;
pub(crate) mod lists;
#[cfg(test)]
mod session_plans;
pub(crate) mod sessions;
