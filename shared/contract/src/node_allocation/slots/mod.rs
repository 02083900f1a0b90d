//! Resource slots of agents for the containers of compute sessions: asked for by the session service, all or nothing, given back by
//! it, and taken from it when an agent is lost.

mod allocate_slots;
mod list_agents;
mod release_slots;
mod slots_granted;
mod slots_lost;
mod slots_queued;
mod slots_refused;

pub use allocate_slots::AllocateSlots;
pub use list_agents::{Agent, AgentPage, AgentStatus, ListAgents};
pub use release_slots::ReleaseSlots;
pub use slots_granted::{SlotLease, SlotsGranted};
pub use slots_lost::SlotsLost;
pub use slots_queued::{SlotsQueued, WaitingReason};
pub use slots_refused::{SlotsRefusal, SlotsRefused};
