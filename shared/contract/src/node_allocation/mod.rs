//! Messages of node allocation: pools, nodes, leases, quotas and the queue (design §2; seed 3; `api/duffy.md`).
//!
//! A lease is a node held by one session. The session service asks for leases and gives them back; the answers are
//! events, which carry the `request` of the command they answer. A lease carries a generation: what is said of an
//! earlier generation is too late and changes nothing.

mod allocate_nodes;
mod allocation_refused;
mod cancel_allocation;
mod change_node;
mod demand;
mod explain_allocation;
mod hold_nodes;
mod list_nodes;
mod list_pools;
mod node;
mod nodes_granted;
mod nodes_held;
mod nodes_released;
mod release_nodes;
mod slots;

pub use allocate_nodes::AllocateNodes;
pub use allocation_refused::{AllocationRefusal, AllocationRefused};
pub use cancel_allocation::CancelAllocation;
pub use change_node::{ChangeNode, ChangeNodeRefusal, NodeChange};
pub use demand::{NodeDemand, NodeSelector};
pub use explain_allocation::{DemandExplanation, ExplainAllocation, Explanation};
pub use hold_nodes::HoldNodes;
pub use list_nodes::{ListNodes, NodePage};
pub use list_pools::{ListPools, Pool, PoolLevels, PoolList};
pub use node::{LeasedNode, Node, NodeState};
pub use nodes_granted::NodesGranted;
pub use nodes_held::NodesHeld;
pub use nodes_released::NodesReleased;
pub use release_nodes::ReleaseNodes;
pub use slots::{
    Agent, AgentPage, AgentStatus, AllocateSlots, ListAgents, ReleaseSlots, SlotLease,
    SlotsGranted, SlotsLost, SlotsQueued, SlotsRefusal, SlotsRefused, WaitingReason,
};

crate::dead_letters::dead_letter_messages!(crate::Service::NodeAllocation);
