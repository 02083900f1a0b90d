//! Section `admin`.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The operators' own HTTP address of a part that runs in its own process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminSettings {
    /// Address and port for health, readiness and metrics; port 0 takes a free one. Default: none,
    /// they are not served.
    pub listen: Option<SocketAddr>,
}
