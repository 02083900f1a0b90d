//! What is asked about slots.

pub(crate) mod list_agents;
