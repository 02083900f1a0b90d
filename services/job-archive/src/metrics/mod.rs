//! What was measured on nodes: taken from producers, kept for a while in few bytes, and looked up for jobs.
//!
//! What a batch of messages brings of a node becomes one row as it is ([`recent`]), which is cheap. Half an hour later the rows
//! of the node are packed into one row for each metric and hour ([`packing`]). Whoever looks for a job reads both.

pub(crate) mod agents;
mod assembling;
mod bits;
pub(crate) mod intake;
pub(crate) mod measuring;
mod metric_configs;
pub(crate) mod packer;
mod packing;
mod recent;
pub(crate) mod retention;
mod slots;
#[cfg(test)]
mod tests;
