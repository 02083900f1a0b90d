//! What is to be done.

pub(crate) mod delete_backup_jobs;
pub(crate) mod delete_documents;
mod order;
pub(crate) mod register_backup_clients;
pub(crate) mod run_commands;
pub(crate) mod run_handler;
pub(crate) mod save_backup_actions;
pub(crate) mod save_backup_jobs;
pub(crate) mod save_backups;
pub(crate) mod save_job_session;
pub(crate) mod session_orders;
pub(crate) mod signal_backup_jobs;

#[cfg(test)]
pub(crate) use order::Order;
