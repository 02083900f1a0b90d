//! What is due by time.

pub(crate) mod end_due_jobs;
