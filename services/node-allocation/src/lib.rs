//! Pools, nodes, leases, quotas and the queue for them.

mod migrations;

pub use migrations::MIGRATIONS;
