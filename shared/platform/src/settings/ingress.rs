//! Section `ingress`.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::checks::SectionChecks;
use super::nats::BROKER_MAX_PAYLOAD;

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
    /// How many requests may wait for an outcome at once; further ones are turned away with 503.
    /// Default: 4096.
    pub waiter_limit: usize,
}

impl Default for IngressSettings {
    fn default() -> Self {
        Self {
            body_limit: ByteSize::mib(4),
            request_timeout: Duration::from_secs(10),
            command_deadline: Duration::from_secs(10),
            query_deadline: Duration::from_secs(30),
            waiter_limit: 4096,
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
        checks.positive("waiter_limit", self.waiter_limit);
    }
}
