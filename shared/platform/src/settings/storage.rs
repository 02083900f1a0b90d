//! Section `storage`.

use serde::{Deserialize, Serialize};

use super::checks::SectionChecks;
use super::connection_url::ConnectionUrl;

/// What a database URL may begin with.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSettings {
    /// A `PostgreSQL` database, `postgres://user:password@host/database`. Default: none; each part
    /// keeps a `SQLite` file in the data directory.
    pub url: Option<ConnectionUrl>,
    /// Connections that only read, for each part. Default: 4.
    pub read_connections: u32,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            url: None,
            read_connections: 4,
        }
    }
}

impl StorageSettings {
    pub(super) fn check(&self, checks: &mut SectionChecks<'_>) {
        let known_scheme = self.url.as_ref().is_none_or(|url| {
            SCHEMES
                .iter()
                .any(|scheme| url.reveal().starts_with(scheme))
        });
        checks.require(
            "url",
            known_scheme,
            "postgres://user:password@host/database".to_owned(),
        );
        checks.positive("read_connections", self.read_connections);
    }
}
