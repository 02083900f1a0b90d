//! What the archive is asked.

pub(crate) mod list_jobs;
