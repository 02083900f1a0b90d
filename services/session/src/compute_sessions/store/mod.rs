//! The SQL.

pub(crate) mod containers;
pub(crate) mod dependencies;
pub(crate) mod due;
pub(crate) mod find_sessions;
pub(crate) mod list_sessions;
pub(crate) mod load;
pub(crate) mod logs;
#[cfg(test)]
mod plans;
pub(crate) mod save;
mod session_row;
pub(crate) mod waiters;
