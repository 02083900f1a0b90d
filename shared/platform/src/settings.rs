//! Settings: what an operator may choose, where each value came from, and what was wrong with it.
//!
//! Four layers, the higher one wins key by key: the built-in defaults, a file (`muster.toml` in the
//! current directory, or the one named by `--config` or `MUSTER_CONFIG`), the environment
//! (`MUSTER__SECTION__KEY`, two underscores between the levels; variables set to nothing count as
//! not set), and overrides given by the caller, normally command line flags.
//!
//! To add a section: write its struct with `Default` in a file of its own, add it as a field of
//! [`Settings`] and, if it has ranges, to `Settings::check`. Known keys, error messages and
//! [`Loaded::explain`] follow from the struct.

mod admin;
mod agent;
mod checks;
mod connection_url;
mod error;
mod explain;
mod ingress;
mod job_archive;
mod keys;
mod layer;
mod load;
mod nats;
mod node_allocation;
mod service;
mod session;
mod sources;
mod storage;
mod telemetry;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use admin::AdminSettings;
pub use agent::{AgentSettings, ContainerBackend};
pub use connection_url::ConnectionUrl;
pub use error::{Problem, SettingsError};
pub use explain::Explained;
pub use ingress::IngressSettings;
pub use job_archive::JobArchiveSettings;
pub use load::Loaded;
pub use nats::{BROKER_MAX_PAYLOAD, NatsSettings};
pub use node_allocation::NodeAllocationSettings;
pub use service::ServiceSettings;
pub use session::SessionSettings;
pub use sources::{CONFIG_VARIABLE, DEFAULT_FILE, Override, Sources};
pub use storage::StorageSettings;
pub use telemetry::{LogFormat, TelemetrySettings};

use checks::Checks;

const DEFAULT_DATA_DIRECTORY: &str = ".muster";
const DEFAULT_PORT: u16 = 8080;

/// Everything an operator may choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where databases, keys, archive files and the broker's store are kept. Default: `.muster` in
    /// the current directory; always absolute after loading.
    pub data_directory: PathBuf,
    /// The site file declaring projects, principals, clusters and so on. Default: none; a first
    /// start makes a small usable site. Absolute after loading.
    pub site: Option<PathBuf>,
    /// Address and port the HTTP ingress serves on; port 0 takes a free one. Default:
    /// `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// The broker.
    pub nats: NatsSettings,
    /// The HTTP ingress.
    pub ingress: IngressSettings,
    /// Databases.
    pub storage: StorageSettings,
    /// The session service.
    pub session: SessionSettings,
    /// Node allocation.
    pub node_allocation: NodeAllocationSettings,
    /// The job archive.
    pub job_archive: JobArchiveSettings,
    /// An agent.
    pub agent: AgentSettings,
    /// Traces, metrics and logs.
    pub telemetry: TelemetrySettings,
    /// The operators' own HTTP address of a part.
    pub admin: AdminSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_directory: DEFAULT_DATA_DIRECTORY.into(),
            site: None,
            listen: (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(),
            nats: NatsSettings::default(),
            ingress: IngressSettings::default(),
            storage: StorageSettings::default(),
            session: SessionSettings::default(),
            node_allocation: NodeAllocationSettings::default(),
            job_archive: JobArchiveSettings::default(),
            agent: AgentSettings::default(),
            telemetry: TelemetrySettings::default(),
            admin: AdminSettings::default(),
        }
    }
}

impl Settings {
    /// Reads all layers, see the [module](self).
    ///
    /// # Errors
    /// A file that cannot be read or is no TOML; or every key that is not known and every value
    /// that cannot be used, each with the source it came from.
    pub fn load(sources: Sources) -> Result<Loaded, SettingsError> {
        load::load(sources)
    }

    /// Where the NATS seeds are: `nats.key_directory`, by default `nats` in the data directory.
    #[must_use]
    pub fn nats_key_directory(&self) -> PathBuf {
        self.nats
            .key_directory
            .clone()
            .unwrap_or_else(|| self.data_directory.join("nats"))
    }

    /// The key that signs the tokens of those who sign in: `ingress.token_key_file`, by default `ingress/token.key` in the
    /// data directory.
    #[must_use]
    pub fn token_key_file(&self) -> PathBuf {
        self.ingress
            .token_key_file
            .clone()
            .unwrap_or_else(|| self.data_directory.join("ingress").join("token.key"))
    }

    /// Where the archive of jobs is: `job_archive.archive_url`, by default `job-archive` in the data directory.
    #[must_use]
    pub fn archive_place(&self) -> String {
        match &self.job_archive.archive_url {
            Some(url) => url.reveal().to_owned(),
            None => self
                .data_directory
                .join("job-archive")
                .to_string_lossy()
                .into_owned(),
        }
    }

    /// The ranges of all sections.
    fn check(&self, checks: &mut Checks) {
        self.nats.check(&mut checks.section("nats"));
        self.ingress.check(&mut checks.section("ingress"));
        self.storage.check(&mut checks.section("storage"));
        self.session.check(&mut checks.section("session"));
        let node_allocation = &mut checks.section("node_allocation");
        self.node_allocation.check(node_allocation);
        self.job_archive.check(&mut checks.section("job_archive"));
        self.agent.check(&mut checks.section("agent"));
        self.telemetry.check(&mut checks.section("telemetry"));
    }
}
