//! Slots of agents for the containers of compute sessions.
//!
//! | what comes in | where it is handled |
//! |---|---|
//! | a session wants slots | `commands/allocate_slots.rs` |
//! | it has ended | `commands/release_slots.rs` |
//! | an agent says what it has | `signals/agent_beat.rs` |
//! | it has said nothing for too long | `periodic/lost_agents.rs` |
//! | the time of a session has come; nothing else brought slots to those that wait | `periodic/slot_queue.rs` |
//! | leases ended, and agents were lost, long ago | `periodic/slot_history.rs` |
//! | which agents there are | `queries/list_agents.rs` |
//! | the site file | `site_slots.rs` |
//!
//! Whatever may bring slots to those that wait (a session that ends, an agent that comes or grows, one that is lost, since quotas
//! become free with it) serves them in the same transaction, so no wake-up can be lost. At the end of each transaction nobody waits
//! who could have slots; a request that has just come therefore need not be held against those that wait.

pub(crate) mod commands;
mod domain;
pub(crate) mod measures;
pub(crate) mod periodic;
pub(crate) mod queries;
mod serving;
pub(crate) mod signals;
mod site_slots;
mod store;
#[cfg(test)]
pub(crate) mod testing;
mod told;
#[cfg(test)]
mod walk;

use std::time::Duration;

pub use site_slots::SiteSlots;

/// A length of time in microseconds.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
