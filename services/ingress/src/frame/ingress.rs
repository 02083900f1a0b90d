//! What every handler has at hand.

use std::ops::Deref;
use std::sync::Arc;

use muster_contract::session::ComputeSessionChanged;
use muster_messaging::{CommandClient, Environment, EventTail, QueryClient};
use muster_platform::settings::IngressSettings;
use muster_platform::{Health, Shutdown};
use muster_telemetry::Metrics;
use tokio::sync::Semaphore;

use super::limits::{CANCELLATION_LIMIT, LIVE_LIMIT, Limits};
use crate::auth::{Directory, SignIn, TokenKey};

/// What an ingress is made of.
pub struct IngressParts {
    /// Its section of the settings.
    pub settings: IngressSettings,
    /// Sends commands.
    pub commands: CommandClient,
    /// Asks questions.
    pub queries: QueryClient,
    /// What becomes of compute sessions, for those who listen.
    pub compute_events: EventTail<ComputeSessionChanged>,
    /// Who may call.
    pub directory: Directory,
    /// Signs the tokens of those who sign in with a password.
    pub token_key: TokenKey,
    /// The state of the process, for `/readyz`; the ingress adds itself as `ingress`. Whoever made
    /// its connection to the broker reports on that.
    pub health: Health,
    /// The metrics of the process, for `/metrics`.
    pub metrics: Metrics,
    /// Where time and ids come from.
    pub environment: Environment,
}

/// What every handler has at hand; cheap to clone.
#[derive(Clone)]
pub(crate) struct Ingress(Arc<Shared>);

/// See [`IngressParts`].
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) commands: CommandClient,
    pub(crate) queries: QueryClient,
    pub(crate) compute_events: EventTail<ComputeSessionChanged>,
    pub(crate) directory: Directory,
    pub(crate) sign_in: SignIn,
    /// Where clients reach us, if the operator says so.
    pub(crate) public_url: Option<String>,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
    pub(crate) environment: Environment,
    /// For what outlives its request.
    pub(crate) tasks: Shutdown,
    /// Places for those that cancel what a client waited for that went away.
    pub(crate) cancellations: Arc<Semaphore>,
    /// Places for those that listen to events or run code over a web socket.
    pub(crate) live: Arc<Semaphore>,
}

impl Ingress {
    pub(crate) fn new(parts: IngressParts, tasks: Shutdown) -> Self {
        Self(Arc::new(Shared {
            limits: Limits::of(&parts.settings),
            commands: parts.commands,
            queries: parts.queries,
            compute_events: parts.compute_events,
            directory: parts.directory,
            sign_in: SignIn::new(parts.token_key, parts.settings.token_lifetime),
            public_url: parts.settings.public_url,
            health: parts.health,
            metrics: parts.metrics,
            environment: parts.environment,
            tasks,
            cancellations: Arc::new(Semaphore::new(CANCELLATION_LIMIT)),
            live: Arc::new(Semaphore::new(LIVE_LIMIT)),
        }))
    }
}

impl Deref for Ingress {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
