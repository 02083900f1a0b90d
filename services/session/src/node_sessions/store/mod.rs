//! The SQL.

pub(crate) mod accounts;
pub(crate) mod due;
pub(crate) mod find_sessions;
pub(crate) mod held_nodes;
pub(crate) mod list_sessions;
pub(crate) mod load;
pub(crate) mod open_sessions;
pub(crate) mod pending_requests;
#[cfg(test)]
mod plans;
pub(crate) mod save;
pub(crate) mod session_hooks;
pub(crate) mod session_row;
pub(crate) mod stopped_jobs;
