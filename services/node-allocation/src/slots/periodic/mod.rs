//! What is due to slots by time.

pub(crate) mod lost_agents;
pub(crate) mod slot_history;
pub(crate) mod slot_queue;
