//! The archive's SQL. One idea per file; every statement is a `&'static str` or made of such pieces.

pub(crate) mod archive_work;
pub(crate) mod archived_jobs;
pub(crate) mod attach_tags;
pub(crate) mod cluster_documents;
pub(crate) mod early_stops;
pub(crate) mod find_job;
pub(crate) mod find_stops;
pub(crate) mod finish_jobs;
pub(crate) mod insert_jobs;
pub(crate) mod job_row;
pub(crate) mod job_tags;
pub(crate) mod job_times;
pub(crate) mod latest_starts;
pub(crate) mod list_page;
pub(crate) mod list_statement;
pub(crate) mod metric_samples;
pub(crate) mod places;
pub(crate) mod record_jobs;

#[cfg(test)]
mod plans;

use muster_storage::StorageError;

/// A row that does not say what it should: somebody else wrote to the table, or a newer release.
fn unreadable(what: &str, value: impl std::fmt::Display) -> StorageError {
    StorageError::Other(format!("a row of the archive has an unreadable {what}: {value}").into())
}
