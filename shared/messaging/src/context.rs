//! What is known of a message besides its body.

use std::sync::Arc;

use muster_contract::Principal;
use muster_platform::{Clock, Ids, Timestamp};
use uuid::Uuid;

/// Where time and ids come from.
#[derive(Clone)]
pub struct Environment {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

/// What is known of a message besides its body; cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) inner: Arc<Known>,
}

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: Uuid,
    pub(crate) correlation_id: Uuid,
    pub(crate) principal: Option<Principal>,
    pub(crate) received_at: Timestamp,
    /// W3C `traceparent` and `tracestate` under which what it causes is sent.
    pub(crate) trace: Option<(String, String)>,
    /// What it is [about](crate::about::about); only where it is traced.
    pub(crate) about: Option<String>,
    /// Whether it is a command.
    pub(crate) is_request: bool,
}

impl Context {
    /// Of something that no message has set off.
    pub(crate) fn of_its_own(environment: &Environment) -> Self {
        let id = environment.ids.next();
        Self {
            inner: Known {
                id,
                correlation_id: id,
                principal: None,
                received_at: environment.clock.now(),
                trace: None,
                about: None,
                is_request: false,
            }
            .into(),
        }
    }

    /// Identity of the message for the inbox.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.inner.id
    }

    /// Same for everything that one client request set off.
    #[must_use]
    pub fn correlation_id(&self) -> Uuid {
        self.inner.correlation_id
    }

    /// Who calls.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.inner.principal.as_ref()
    }

    /// When the service took it.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        self.inner.received_at
    }
}
