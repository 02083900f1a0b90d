//! What a session wishes for.

use muster_contract::ResourceSlots;
use uuid::Uuid;

/// Sessions that may wait. All of them are looked at whenever slots come free.
pub(crate) const QUEUE_LIMIT: u32 = 10_000;

/// Containers that one session may have: one message names them all.
pub(crate) const CONTAINER_LIMIT: u32 = 1_000;

/// A session that wants slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) request: Uuid,
    pub(crate) session: Uuid,
    pub(crate) holder: Holder,
    pub(crate) scaling_group: String,
    pub(crate) need: Need,
    /// Microseconds since 1970.
    pub(crate) not_before: Option<i64>,
    /// Microseconds since 1970. No two in the queue are alike: what came at the same moment counts up.
    pub(crate) enqueued_at: i64,
}

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Holder {
    /// An access key.
    pub(crate) owner: String,
    pub(crate) tenant: String,
    pub(crate) domain: String,
}

/// Slots for its containers, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Need {
    /// Of each container; none of them nothing.
    pub(crate) slots: ResourceSlots,
    /// Never 0.
    pub(crate) containers: u32,
    pub(crate) on_one_agent: bool,
}

impl Need {
    /// Slots of which nothing is wanted are left out.
    pub(crate) fn new(slots: &ResourceSlots, containers: u32, on_one_agent: bool) -> Self {
        let wanted = slots.iter().filter(|(_, amount)| !amount.is_zero());
        Self {
            slots: wanted
                .map(|(slot, amount)| (slot.to_owned(), amount))
                .collect(),
            containers: containers.max(1),
            on_one_agent,
        }
    }

    /// Of all containers.
    pub(crate) fn total(&self) -> ResourceSlots {
        self.slots.times(self.containers)
    }
}
