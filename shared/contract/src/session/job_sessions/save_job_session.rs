//! Command: a new session, or another state of one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{JobSession, JobSessionRefusal};
use crate::{Command, Message, Service};

/// Writes down what a session is to be. Its jobs and its runs are not touched. A change of the schedule reaches its jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SaveJobSession {
    /// The project that it belongs to.
    pub tenant: String,
    /// What is to become of it.
    pub change: JobSessionChange,
}

/// What is to become of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobSessionChange {
    /// A new one with an id of the owner's choice.
    Create(JobSessionState),
    /// All of it, of a new one or one that is there.
    Replace {
        /// The session.
        session_id: String,
        /// What it is to be.
        state: JobSessionState,
        /// Only if that is its version.
        version: Option<i64>,
    },
    /// Some of one that is there.
    Patch {
        /// The session.
        session_id: String,
        /// What changes.
        patch: JobSessionPatch,
        /// Only if that is its version.
        version: Option<i64>,
    },
}

/// What a client says of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobSessionState {
    /// What its owner says of it.
    pub description: Option<String>,
    /// When its jobs start.
    pub schedule: Map<String, Value>,
    /// Seconds from the start of a run in which others may join it: 0 to
    /// [`HOLD_OFF_LIMIT`](super::limits::HOLD_OFF_LIMIT).
    pub hold_off: i64,
    /// Number of the last run: 0 to [`TAG_LIMIT`](super::limits::TAG_LIMIT). It only ever rises, and while a run is on it
    /// stays: anything else is passed over.
    pub tag: i64,
}

/// What changes; `None` = it stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobSessionPatch {
    /// What its owner says of it; the inner `None` = nothing any more.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub description: Option<Option<String>>,
    /// Keys of the schedule; `null` = it goes. Others stay.
    pub schedule: Option<Map<String, Value>>,
    /// As in [`JobSessionState`].
    pub hold_off: Option<i64>,
    /// As in [`JobSessionState`].
    pub tag: Option<i64>,
}

/// `null` and nothing are different.
mod maybe {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::option_option, reason = "that is what it is for")]
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<String>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }

    #[expect(
        clippy::option_option,
        clippy::ref_option,
        reason = "serde gives a reference"
    )]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Option<String>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }
}

impl Message for SaveJobSession {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "save-job-session";
}

impl Command for SaveJobSession {
    type Reply = JobSession;
    type Refusal = JobSessionRefusal;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_can_stay_go_and_change() {
        for description in [None, Some(None), Some(Some("x".to_owned()))] {
            let patch = JobSessionPatch {
                description,
                ..JobSessionPatch::default()
            };
            let text = serde_json::to_string(&patch).unwrap();
            assert_eq!(
                serde_json::from_str::<JobSessionPatch>(&text).unwrap(),
                patch
            );
        }
    }
}
