//! Pools, nodes, leases, quotas and the queue for them.
//!
//! | what comes in | where it is handled |
//! |---|---|
//! | a session wants nodes | `commands/allocate_nodes.rs` |
//! | it does not want them any more | `commands/cancel_allocation.rs` |
//! | it gives nodes back, or ends | `commands/release_nodes.rs` |
//! | it keeps them for a look | `commands/hold_nodes.rs` |
//! | an operator changes a node | `commands/change_node.rs` |
//! | an agent has installed, prepared or wiped a node | `reports/node_hook_finished.rs` |
//! | it has said nothing; the next attempt is due; free nodes are missing, or too old | `periodic/node_upkeep.rs`, `periodic/node_renewal.rs` |
//! | the time of waiting is over | `periodic/queue_deadlines.rs` |
//! | a compute session wants slots of agents, or gives them back; what agents say of themselves | `slots/` |
//! | leases ended long ago | `periodic/lease_history.rs` |
//! | which nodes and pools there are, and why a request would be refused | `queries/` |
//! | the site file | `site_nodes.rs` |
//!
//! What agents do to nodes, from the order to what follows from its end, is in `hooks/`; a session is told of its nodes when
//! they are prepared, and nodes come back to the free ones only through the hooks of their pools.
//!
//! The rules are in `domain/` (who of those that wait comes first: `domain/queue.rs`), the SQL in `store/`, the tables in
//! `migrations/node-allocation`. A node is in at most one session at a time: one transaction after the other changes
//! nodes (`store::lock`), each claim is conditional on what was seen, and a unique index of live leases refuses
//! what both should let through.

mod commands;
mod domain;
mod hooks;
mod measures;
mod migrations;
mod moment;
mod periodic;
mod queries;
#[cfg(test)]
mod races;
mod reports;
mod site_nodes;
mod slots;
mod store;
#[cfg(test)]
mod testing;

use std::time::Duration;

use muster_contract::{
    Service,
    agent::{AgentBeat, NodeHookFinished},
    node_allocation::{
        AllocateNodes, AllocateSlots, CancelAllocation, ChangeNode, DiscardDeadLetter,
        ExplainAllocation, HoldNodes, ListAgents, ListDeadLetters, ListNodes, ListPools,
        ReleaseNodes, ReleaseSlots, ReplayDeadLetter,
    },
};
use muster_messaging::{BrokerError, Foundation, Running, ServiceBuilder};
use muster_platform::{Shutdown, Site};
use muster_storage::StorageError;

use crate::{
    commands::{
        allocate_nodes::AllocateNodesHandler, cancel_allocation::CancelAllocationHandler,
        change_node::ChangeNodeHandler, hold_nodes::HoldNodesHandler,
        release_nodes::ReleaseNodesHandler,
    },
    measures::AllocationLevels,
    periodic::{
        lease_history::{self, LeaseHistory},
        node_renewal::{self, NodeRenewal},
        node_upkeep::{self, NodeUpkeep},
        queue_deadlines::{self, QueueDeadlines},
    },
    queries::{
        explain_allocation::ExplainAllocationHandler, list_nodes::ListNodesHandler,
        list_pools::ListPoolsHandler,
    },
    reports::node_hook_finished::NodeHookReports,
    slots::{
        commands::{allocate_slots::AllocateSlotsHandler, release_slots::ReleaseSlotsHandler},
        periodic::{
            lost_agents::{self, LostAgents},
            slot_history::{self, SlotHistory},
            slot_queue::{self, SlotQueue},
        },
        queries::list_agents::ListAgentsHandler,
        signals::agent_beat::AgentBeats,
    },
};

pub use migrations::MIGRATIONS;
pub use site_nodes::SiteNodes;
pub use slots::SiteSlots;

/// What a site declares for node allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declarations {
    /// Pools, nodes, and how many of them projects may hold.
    pub nodes: SiteNodes,
    /// Groups of agents, and what compute sessions may have of them.
    pub slots: SiteSlots,
}

impl Declarations {
    /// What the site says. What it does not speak of stays as it was applied last: a part may be started without the site file.
    #[must_use]
    pub fn of_site(site: &Site) -> Self {
        Self {
            nodes: SiteNodes::of_site(site),
            slots: SiteSlots::of_site(site),
        }
    }
}

/// How long it waits, and how long it remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Leases are remembered for so long after their end.
    pub lease_retention: Duration,
    /// An agent that has not shown for so long is lost: found out between three quarters of it and all of it after its last beat,
    /// and not before the service itself has listened for that long.
    pub agent_timeout: Duration,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The tables do not take what the site declares.
    #[error("what the site declares could not be applied")]
    Site(#[from] StorageError),
    /// The broker.
    #[error("node allocation could not start on the broker")]
    Broker(#[from] BrokerError),
}

/// Applies what the site declares, then takes commands and answers queries, on the connection of the part
/// `node-allocation` and a database opened with [`MIGRATIONS`]. It stops in order when `shutdown` is triggered; the
/// returned value must be kept until then.
pub async fn start(
    foundation: Foundation,
    site: Declarations,
    times: Times,
    shutdown: &Shutdown,
) -> Result<Running, StartError> {
    let environment = foundation.environment.clone();
    let clock = || environment.clock.clone();
    let ids = || environment.ids.clone();
    let database = foundation.database.clone();
    site.nodes.apply(&database, environment.clock.now()).await?;
    site.slots.apply(&database).await?;
    let broker = foundation.broker.clone();
    let running = ServiceBuilder::new(Service::NodeAllocation, foundation)
        .command::<AllocateNodes>(AllocateNodesHandler(ids()))
        .command::<CancelAllocation>(CancelAllocationHandler(ids()))
        .command::<ReleaseNodes>(ReleaseNodesHandler(ids()))
        .command::<HoldNodes>(HoldNodesHandler(ids()))
        .command::<ChangeNode>(ChangeNodeHandler(ids()))
        .command::<AllocateSlots>(AllocateSlotsHandler)
        .command::<ReleaseSlots>(ReleaseSlotsHandler)
        .signal::<AgentBeat>(AgentBeats::new(times.agent_timeout))
        .report::<NodeHookFinished>(NodeHookReports(ids()))
        .periodic(
            "queue deadlines",
            queue_deadlines::INTERVAL,
            QueueDeadlines::new(clock(), ids()),
        )
        .periodic(
            "node upkeep",
            node_upkeep::INTERVAL,
            NodeUpkeep::new(clock(), ids()),
        )
        .periodic(
            "node renewal",
            node_renewal::INTERVAL,
            NodeRenewal::new(clock(), ids()),
        )
        .periodic(
            "lease history",
            lease_history::INTERVAL,
            LeaseHistory::new(times.lease_retention),
        )
        .periodic(
            "lost agents",
            lost_agents::INTERVAL,
            LostAgents::new(clock(), broker, times.agent_timeout),
        )
        .periodic("slot queue", slot_queue::INTERVAL, SlotQueue::new(clock()))
        .periodic(
            "slot history",
            slot_history::INTERVAL,
            SlotHistory::new(times.lease_retention),
        )
        .measure(AllocationLevels(database.clone()))
        .query::<ListAgents>(ListAgentsHandler(database.clone()))
        .query::<ListNodes>(ListNodesHandler(database.clone()))
        .query::<ListPools>(ListPoolsHandler(database.clone()))
        .query::<ExplainAllocation>(ExplainAllocationHandler(database))
        .dead_letters::<ListDeadLetters, ReplayDeadLetter, DiscardDeadLetter>()
        .run(shutdown)
        .await?;
    Ok(running)
}
