//! Event: a session has to wait for slots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Event, Message, Service};

/// A session waits for slots. Said when it begins to wait, and when what it waits for has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotsQueued {
    /// The request that is answered.
    pub request: Uuid,
    /// The session.
    pub session: Uuid,
    /// The project that it belongs to.
    pub tenant: String,
    /// What it waits for.
    pub reason: WaitingReason,
}

/// What a session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitingReason {
    /// Its time to start.
    NotYet,
    /// Its owner has as many sessions as it may.
    OwnerSessions,
    /// Its owner has as many slots as it may.
    OwnerSlots,
    /// Its project has as many sessions as it may.
    ProjectSessions,
    /// Its project has as many slots as it may.
    ProjectSlots,
    /// Its domain has as many sessions as it may.
    DomainSessions,
    /// Its domain has as many slots as it may.
    DomainSlots,
    /// No agent of the scaling group is there.
    NoAgents,
    /// The agents of the scaling group have others.
    NoRoom,
}

impl WaitingReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::NotYet,
        Self::OwnerSessions,
        Self::OwnerSlots,
        Self::ProjectSessions,
        Self::ProjectSlots,
        Self::DomainSessions,
        Self::DomainSlots,
        Self::NoAgents,
        Self::NoRoom,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotYet => "not-yet",
            Self::OwnerSessions => "owner-sessions",
            Self::OwnerSlots => "owner-slots",
            Self::ProjectSessions => "project-sessions",
            Self::ProjectSlots => "project-slots",
            Self::DomainSessions => "domain-sessions",
            Self::DomainSlots => "domain-slots",
            Self::NoAgents => "no-agents",
            Self::NoRoom => "no-room",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// For people: what clients show as `status_info` (`api/backendai.md` §3).
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotYet => "not-yet (its time to start has not come)",
            Self::OwnerSessions => "out-of-resource (keypair concurrency limit reached)",
            Self::OwnerSlots => "out-of-resource (keypair resource quota exceeded)",
            Self::ProjectSessions => "out-of-resource (group concurrency limit reached)",
            Self::ProjectSlots => "out-of-resource (group resource quota exceeded)",
            Self::DomainSessions => "out-of-resource (domain concurrency limit reached)",
            Self::DomainSlots => "out-of-resource (domain resource quota exceeded)",
            Self::NoAgents => "no-available-instances (no agent of the scaling group is alive)",
            Self::NoRoom => "no-available-instances (all agents of the scaling group are occupied)",
        }
    }
}

impl Message for SlotsQueued {
    const SERVICE: Service = Service::NodeAllocation;
    const NAME: &'static str = "slots.queued";
}

impl Event for SlotsQueued {
    fn tenant(&self) -> &str {
        &self.tenant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_comes_back_from_its_name() {
        for reason in WaitingReason::ALL {
            assert_eq!(WaitingReason::from_name(reason.name()), Some(reason));
        }
        assert_eq!(WaitingReason::from_name("no reason"), None);
    }
}
