//! The archive's SQL. One idea per file; every statement is a `&'static str` or made of such pieces.

pub(crate) mod archive_work;
pub(crate) mod archived_jobs;
pub(crate) mod attach_tags;
pub(crate) mod bookmarks;
pub(crate) mod cluster_documents;
pub(crate) mod delete_jobs;
pub(crate) mod describe_jobs;
pub(crate) mod detach_tags;
pub(crate) mod early_stops;
pub(crate) mod find_job;
pub(crate) mod find_stops;
pub(crate) mod finish_jobs;
pub(crate) mod hold_job;
pub(crate) mod insert_jobs;
pub(crate) mod job_row;
pub(crate) mod job_tags;
pub(crate) mod job_times;
pub(crate) mod latest_starts;
pub(crate) mod list_page;
pub(crate) mod list_statement;
pub(crate) mod machine_states;
pub(crate) mod meta_data;
pub(crate) mod metric_samples;
pub(crate) mod node_states;
pub(crate) mod places;
pub(crate) mod record_jobs;
pub(crate) mod removals;

#[cfg(test)]
mod plans;

use muster_storage::StorageError;

/// A row that does not say what it should: somebody else wrote to the table, or a newer release.
pub(crate) fn unreadable(what: &str, value: impl std::fmt::Display) -> StorageError {
    StorageError::Other(format!("a row of the archive has an unreadable {what}: {value}").into())
}
