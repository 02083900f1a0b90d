//! What node allocation is asked.

pub(crate) mod explain_allocation;
pub(crate) mod list_nodes;
pub(crate) mod list_pools;
