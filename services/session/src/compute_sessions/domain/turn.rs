//! The turn of one message at a session: what it may look at, and what it wants done.

use muster_contract::{
    agent::{RestartContainer, StartContainer, StopContainer},
    node_allocation::{AllocateSlots, ReleaseSlots},
};
use muster_platform::Ids;
use uuid::Uuid;

use super::limits::ComputeLimits;

/// The turn of one message at a session.
pub(crate) struct Turn<'a> {
    /// When the message was taken: microseconds since 1970 UTC.
    pub(crate) now: i64,
    pub(crate) limits: ComputeLimits,
    ids: &'a dyn Ids,
    deeds: Vec<Deed>,
}

/// Something that others are to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Node allocation finds slots.
    Allocate(Box<AllocateSlots>),
    /// Node allocation takes them back.
    Release(ReleaseSlots),
    /// The agent of that name starts a container.
    Start(String, Box<StartContainer>),
    /// It starts it anew.
    Restart(String, RestartContainer),
    /// It ends it.
    Stop(String, StopContainer),
}

impl<'a> Turn<'a> {
    pub(crate) fn new(now: i64, limits: ComputeLimits, ids: &'a dyn Ids) -> Self {
        Self {
            now,
            limits,
            ids,
            deeds: Vec::new(),
        }
    }

    /// A new id.
    pub(super) fn next_id(&self) -> Uuid {
        self.ids.next()
    }

    /// Has something done.
    pub(super) fn has_done(&mut self, deed: Deed) {
        self.deeds.push(deed);
    }

    /// What is to be done, in order.
    pub(crate) fn into_deeds(self) -> Vec<Deed> {
        self.deeds
    }
}
