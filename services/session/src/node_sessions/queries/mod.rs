//! What is asked about sessions.

pub(crate) mod account_node_sessions;
pub(crate) mod list_node_sessions;
