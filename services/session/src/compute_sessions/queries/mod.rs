//! What is asked about sessions.

pub(crate) mod find_compute_session;
pub(crate) mod list_compute_containers;
pub(crate) mod list_compute_sessions;
pub(crate) mod match_compute_sessions;
