//! Messages about dead letters. Every service has these three, over its own table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most dead letters in one page.
pub const PAGE_LIMIT: u32 = 500;

/// Which dead letters to list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetterFilter {
    /// Only those with a greater id: the last id of the page before, 0 for the first page.
    pub after: i64,
    /// How many at most; the owner gives [`PAGE_LIMIT`] at most.
    pub limit: u32,
    /// Also those that were replayed.
    pub include_replayed: bool,
}

/// Names one dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetterId {
    /// Its number in the owner's table.
    pub id: i64,
}

/// A message that could not be processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetter {
    /// Its number in the owner's table.
    pub id: i64,
    /// Stream it was taken from.
    pub stream: String,
    /// Its sequence in that stream.
    pub stream_sequence: i64,
    /// Subject it was published to.
    pub subject: String,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body: text, or base64 where `payload_encoding` says so.
    pub payload: String,
    /// `utf-8` or `base64`.
    pub payload_encoding: String,
    /// Why it could not be processed.
    pub error: String,
    /// How often it had been delivered.
    pub deliveries: i64,
    /// When it was put aside: microseconds since 1970 UTC.
    pub filed_at: i64,
    /// When it was last published again: microseconds since 1970 UTC.
    pub replayed_at: Option<i64>,
}

/// A page of dead letters, by rising id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetterPage {
    /// The dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// How many there are in all that were not replayed.
    pub waiting: i64,
}

/// Refusal: there is no such dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnknownDeadLetter {
    /// The number that was asked for.
    pub id: i64,
}

/// Defines the three messages for one service, in the module where it stands.
macro_rules! dead_letter_messages {
    ($service:expr) => {
        /// Lists messages that this service could not process.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct ListDeadLetters(pub $crate::dead_letters::DeadLetterFilter);

        impl $crate::Message for ListDeadLetters {
            const SERVICE: $crate::Service = $service;
            const NAME: &'static str = "list-dead-letters";
        }

        impl $crate::Query for ListDeadLetters {
            type Answer = $crate::dead_letters::DeadLetterPage;
            type Refusal = $crate::message::Never;
        }

        /// Publishes a dead letter again, as it came.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct ReplayDeadLetter(pub $crate::dead_letters::DeadLetterId);

        impl $crate::Message for ReplayDeadLetter {
            const SERVICE: $crate::Service = $service;
            const NAME: &'static str = "replay-dead-letter";
        }

        impl $crate::Command for ReplayDeadLetter {
            type Reply = $crate::dead_letters::DeadLetter;
            type Refusal = $crate::dead_letters::UnknownDeadLetter;
        }

        /// Removes a dead letter for good.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct DiscardDeadLetter(pub $crate::dead_letters::DeadLetterId);

        impl $crate::Message for DiscardDeadLetter {
            const SERVICE: $crate::Service = $service;
            const NAME: &'static str = "discard-dead-letter";
        }

        impl $crate::Command for DiscardDeadLetter {
            type Reply = $crate::dead_letters::DeadLetter;
            type Refusal = $crate::dead_letters::UnknownDeadLetter;
        }

        impl AsRef<$crate::dead_letters::DeadLetterFilter> for ListDeadLetters {
            fn as_ref(&self) -> &$crate::dead_letters::DeadLetterFilter {
                &self.0
            }
        }

        impl AsRef<$crate::dead_letters::DeadLetterId> for ReplayDeadLetter {
            fn as_ref(&self) -> &$crate::dead_letters::DeadLetterId {
                &self.0
            }
        }

        impl AsRef<$crate::dead_letters::DeadLetterId> for DiscardDeadLetter {
            fn as_ref(&self) -> &$crate::dead_letters::DeadLetterId {
                &self.0
            }
        }
    };
}

pub(crate) use dead_letter_messages;
