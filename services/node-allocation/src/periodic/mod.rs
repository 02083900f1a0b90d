//! What is due by time.

pub(crate) mod lease_history;
pub(crate) mod node_renewal;
pub(crate) mod node_upkeep;
pub(crate) mod queue_deadlines;
