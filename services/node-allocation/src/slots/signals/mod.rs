//! What agents say of themselves.

pub(crate) mod agent_beat;
