//! The rules: no input or output.

pub(crate) mod backup_job;
pub(crate) mod schedule;
