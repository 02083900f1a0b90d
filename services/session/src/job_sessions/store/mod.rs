//! The tables.

pub(crate) mod backup_jobs;
