//! The rules: no input or output.

pub(crate) mod backup;
pub(crate) mod backup_action;
pub(crate) mod backup_client;
pub(crate) mod backup_job;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod job_change;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod session;
