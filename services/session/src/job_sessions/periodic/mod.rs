//! What is due by time.

pub(crate) mod end_due_jobs;
pub(crate) mod forget_runs;
