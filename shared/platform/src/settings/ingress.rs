//! Section `ingress`.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::checks::SectionChecks;
use super::nats::BROKER_MAX_PAYLOAD;

/// A shorter one would end between two requests of one client.
const MIN_TOKEN_LIFETIME: Duration = Duration::from_mins(1);

/// A token cannot be taken back, so it should not live long.
const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// The HTTP ingress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngressSettings {
    /// The largest request body taken. Default: `4MiB`; must be below the broker's 8 MiB a message.
    pub body_limit: ByteSize,
    /// How long a client may take to send a request. Default: `10s`.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// How long a command's outcome is waited for. Default: `10s`.
    #[serde(with = "humantime_serde")]
    pub command_deadline: Duration,
    /// How long the answer to a query is waited for. Default: `30s`.
    #[serde(with = "humantime_serde")]
    pub query_deadline: Duration,
    /// How long a client of Backend.AI may wait for a compute session to start, if it says that it waits for ever, or for longer.
    /// Default: `1h`.
    #[serde(with = "humantime_serde")]
    pub session_wait_limit: Duration,
    /// How many requests may wait for an outcome at once; further ones are turned away with 503.
    /// Default: 4096.
    pub waiter_limit: usize,
    /// File with the key that signs the tokens of those who sign in with a password: an Ed25519 private key as `muster key
    /// pair` prints it. Several ingresses that are to take each other's tokens have the same one. Default: `ingress/token.key`
    /// in the data directory, made by the first start. Absolute after loading.
    pub token_key_file: Option<PathBuf>,
    /// How long such a token is good. Default: `1h`.
    #[serde(with = "humantime_serde")]
    pub token_lifetime: Duration,
    /// Where clients reach the ingress, such as `https://muster.example.org`, for answers that say so. Default: `http://` and
    /// the host that the request itself names.
    pub public_url: Option<String>,
}

impl Default for IngressSettings {
    fn default() -> Self {
        Self {
            body_limit: ByteSize::mib(4),
            request_timeout: Duration::from_secs(10),
            command_deadline: Duration::from_secs(10),
            query_deadline: Duration::from_secs(30),
            session_wait_limit: Duration::from_hours(1),
            waiter_limit: 4096,
            token_key_file: None,
            token_lifetime: Duration::from_hours(1),
            public_url: None,
        }
    }
}

impl IngressSettings {
    pub(super) fn check(&self, checks: &mut SectionChecks<'_>) {
        checks.require(
            "body_limit",
            self.body_limit > ByteSize::b(0) && self.body_limit < BROKER_MAX_PAYLOAD,
            format!("more than 0 and less than {BROKER_MAX_PAYLOAD}, the broker's limit"),
        );
        checks.positive_duration("request_timeout", self.request_timeout);
        checks.positive_duration("command_deadline", self.command_deadline);
        checks.positive_duration("query_deadline", self.query_deadline);
        checks.positive_duration("session_wait_limit", self.session_wait_limit);
        checks.positive("waiter_limit", self.waiter_limit);
        checks.require(
            "token_lifetime",
            (MIN_TOKEN_LIFETIME..=MAX_TOKEN_LIFETIME).contains(&self.token_lifetime),
            "a time from 1m to 30d".to_owned(),
        );
        checks.require(
            "public_url",
            self.public_url.as_deref().is_none_or(is_address),
            "an address such as https://muster.example.org, without a path".to_owned(),
        );
    }
}

/// Whether it is a scheme and a host, which paths can be put after.
fn is_address(text: &str) -> bool {
    let host = ["http://", "https://"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    host.is_some_and(|host| {
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_graphic())
            && !host.contains(['/', '?', '#', '@', '"', '<', '>'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_and_a_host() {
        for good in [
            "http://muster",
            "https://muster.example.org:8443",
            "http://[::1]:80",
        ] {
            assert!(is_address(good), "{good}");
        }
        for wrong in [
            "",
            "muster",
            "http://",
            "http://muster/",
            "ftp://muster",
            "http://a b",
            "http://u:p@muster",
        ] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
