//! The connection with Docker.

use std::{
    collections::HashMap,
    fs, io,
    net::IpAddr,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bollard::{Docker, errors::Error, models::SystemVersion};
use muster_platform::{Ids as _, RandomIds};
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

/// How long Docker may take to say that it is there.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Labels of containers and networks: whose they are, and what they are for.
pub(super) const OWNER_LABEL: &str = "muster.agent";
pub(super) const CONTAINER_LABEL: &str = "muster.container";
pub(super) const SESSION_LABEL: &str = "muster.session";

/// The file with the value of [`OWNER_LABEL`].
const IDENTITY_FILE: &str = "identity";

/// Docker's status codes (<https://docs.docker.com/reference/api/engine/>).
const NOT_FOUND: u16 = 404;
const CONFLICT: u16 = 409;

/// What Docker did not do, in its words.
#[derive(Debug, thiserror::Error)]
#[error("Docker: {0}")]
pub(crate) struct EngineError(String);

impl From<Error> for EngineError {
    fn from(error: Error) -> Self {
        Self(match error {
            Error::DockerResponseServerError { message, .. } => message,
            error => error.to_string(),
        })
    }
}

impl EngineError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Docker, and which of its containers are this agent's.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(super) client: Docker,
    /// Tells this agent's containers from those of other agents that share the daemon.
    pub(super) owner: String,
    /// The agent, as the control plane knows it.
    pub(super) agent: String,
    /// The address of the machine that ports are published on.
    pub(super) published_on: &'static str,
    /// Networks are made by one at a time.
    pub(super) networks: tokio::sync::Mutex<()>,
    /// Who waits for the end of a main process, by the name of the container.
    watched: Mutex<HashMap<String, watch::Sender<Option<i32>>>>,
}

impl Engine {
    /// Connects with Docker at `host`, or where its own settings say, and asks whether it is there. What the agent's containers are
    /// labelled with is kept in `directory`.
    pub(in crate::containers) async fn connect(
        host: Option<&str>,
        agent: &str,
        address: &str,
        directory: &Path,
    ) -> Result<Self, EngineError> {
        let client = match host {
            Some(host) => Docker::connect_with_host(host),
            None => Docker::connect_with_defaults(),
        }?;
        let silent = || EngineError::new(format!("no answer within {ANSWER_LIMIT:?}"));
        // An older daemon refuses the newest version.
        let client = timeout(ANSWER_LIMIT, client.negotiate_version()).await;
        let client = client.map_err(|_| silent())??;
        let identity = identity(directory).map_err(|error| EngineError::new(error.to_string()))?;
        Ok(Self {
            client,
            owner: identity.to_string(),
            agent: agent.to_owned(),
            published_on: published_on(address),
            networks: tokio::sync::Mutex::default(),
            watched: Mutex::default(),
        })
    }

    /// What it is.
    pub(in crate::containers) async fn version(&self) -> String {
        let SystemVersion { version, .. } = self.client.version().await.unwrap_or_default();
        version.unwrap_or_default()
    }

    pub(super) fn watched(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<Option<i32>>>> {
        // Nothing panics while holding the lock.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a list of ours is asked for with.
    pub(super) fn ours(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([(
            "label".to_owned(),
            vec![format!("{OWNER_LABEL}={}", self.owner)],
        )])
    }
}

/// What Docker calls a container.
pub(super) fn name(container: Uuid) -> String {
    format!("muster-{container}")
}

/// Whether what was asked for is not there.
pub(super) fn is_missing(error: &Error) -> bool {
    has_status(error, NOT_FOUND)
}

/// Whether there is something else of that name, or it is in use.
pub(super) fn is_conflict(error: &Error) -> bool {
    has_status(error, CONFLICT)
}

fn has_status(error: &Error, status: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == status)
}

/// An agent that says it is reached at this machine alone is not to be reached from elsewhere.
fn published_on(address: &str) -> &'static str {
    let is_local = match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => address == "localhost",
    };
    if is_local { "127.0.0.1" } else { "0.0.0.0" }
}

fn identity(directory: &Path) -> io::Result<Uuid> {
    let path = directory.join(IDENTITY_FILE);
    if let Some(known) = fs::read_to_string(&path)
        .ok()
        .and_then(|text| text.trim().parse().ok())
    {
        return Ok(known);
    }
    let identity = RandomIds.next();
    fs::write(path, identity.to_string())?;
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use muster_testkit::TemporaryDirectory;

    use super::*;

    #[test]
    fn an_agent_stays_who_it_is() {
        let directory = TemporaryDirectory::new("identity").unwrap();
        let first = identity(directory.path()).unwrap();
        assert_eq!(identity(directory.path()).unwrap(), first);
    }

    #[test]
    fn ports_are_published_where_the_agent_is_reached() {
        for (address, expected) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "127.0.0.1"),
            ("localhost", "127.0.0.1"),
            ("10.0.0.7", "0.0.0.0"),
            ("n1.dusty", "0.0.0.0"),
        ] {
            assert_eq!(published_on(address), expected, "{address}");
        }
    }

    #[tokio::test]
    async fn where_nothing_listens_there_is_no_docker() {
        let directory = TemporaryDirectory::new("identity").unwrap();
        let host = format!("unix://{}/none.sock", directory.path().display());
        let error = Engine::connect(Some(&host), "a1", "127.0.0.1", directory.path()).await;
        assert!(error.unwrap_err().to_string().starts_with("Docker: "));
    }
}
