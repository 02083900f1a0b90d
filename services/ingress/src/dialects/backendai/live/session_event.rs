//! What becomes of a session, as events for clients (`api/backendai.md` §2): named as Backend.AI's documents have it.

use muster_contract::session::{
    BatchResult, ComputeSession, ComputeSessionStatus, ComputeSessionType,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An event's data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionEvent<'a> {
    /// The session's id.
    #[schema(value_type = String, format = "uuid")]
    session_id: Uuid,
    /// Its name.
    session_name: &'a str,
    /// Whose it is.
    owner_access_key: &'a str,
    /// Why it is where it is.
    reason: &'a str,
    /// What came of its command: `UNDEFINED`, `SUCCESS` or `FAILURE`.
    result: &'static str,
}

impl<'a> SessionEvent<'a> {
    pub(super) fn of(session: &'a ComputeSession) -> Self {
        Self {
            session_id: session.id,
            session_name: &session.name,
            owner_access_key: &session.owner,
            reason: session.status_info.as_deref().unwrap_or_default(),
            result: session.result.name(),
        }
    }
}

/// The names of the events that this change of a session is, in order. That it waits for something else than before is none.
pub(super) fn names(session: &ComputeSession) -> &'static [&'static str] {
    use ComputeSessionStatus::{
        Cancelled, Pending, Preparing, Restarting, Running, Terminated, Terminating,
    };
    let is_batch = session.kind == ComputeSessionType::Batch;
    match (session.status, session.result) {
        (Pending, _) if session.status_info.is_none() => &["session_enqueued"],
        (Pending | Restarting, _) => &[],
        (Preparing, _) => &["session_preparing"],
        (Running, _) => &["session_started"],
        (Terminating, _) => &["session_terminating"],
        (Terminated, BatchResult::Success) if is_batch => {
            &["session_success", "session_terminated"]
        }
        (Terminated, BatchResult::Failure) if is_batch => {
            &["session_failure", "session_terminated"]
        }
        (Terminated, _) => &["session_terminated"],
        (Cancelled, _) => &["session_cancelled"],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::sessions::test_session::session;
    use super::*;

    #[test]
    fn an_event_says_what_clients_and_documents_have() {
        let mut session = session();
        session.status_info = Some("user-requested".to_owned());
        let expected = json!({
            "sessionId": session.id, "sessionName": "mysess-01", "ownerAccessKey": "AK",
            "reason": "user-requested", "result": "UNDEFINED",
        });
        let event = serde_json::to_value(SessionEvent::of(&session)).unwrap();
        assert_eq!(event, expected);
    }

    #[test]
    fn a_batch_session_says_first_what_came_of_it() {
        let mut session = session();
        assert_eq!(names(&session), ["session_started"]);
        session.status = ComputeSessionStatus::Terminated;
        assert_eq!(names(&session), ["session_terminated"]);
        session.kind = ComputeSessionType::Batch;
        session.result = BatchResult::Failure;
        assert_eq!(names(&session), ["session_failure", "session_terminated"]);
    }

    #[test]
    fn waiting_for_something_else_is_no_event() {
        let mut session = session();
        session.status = ComputeSessionStatus::Pending;
        assert_eq!(names(&session), ["session_enqueued"]);
        session.status_info = Some("out-of-resource".to_owned());
        assert!(names(&session).is_empty());
    }
}
