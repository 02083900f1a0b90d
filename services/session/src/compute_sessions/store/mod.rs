//! The SQL.

pub(crate) mod containers;
pub(crate) mod counts;
pub(crate) mod dependencies;
pub(crate) mod due;
pub(crate) mod find_sessions;
pub(crate) mod list_containers;
pub(crate) mod lists;
pub(crate) mod load;
pub(crate) mod logs;
#[cfg(test)]
mod plans;
pub(crate) mod save;
mod session_row;
pub(crate) mod waiters;
