//! What the archive is asked.

pub(crate) mod job_metrics;
pub(crate) mod list_jobs;
