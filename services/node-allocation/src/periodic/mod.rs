//! What is due by time.

pub(crate) mod lease_history;
pub(crate) mod queue_deadlines;
