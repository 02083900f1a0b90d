//! What agents report.

pub(crate) mod node_hook_finished;
