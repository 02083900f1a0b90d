//! What a client of the legacy API is told when a service refuses.

use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::node_allocation::AllocationRefusal;
use muster_contract::session::NodeSessionRefusal;

use super::answers::{message, string, text};
use super::call::{invalid_key, invalid_session};
use crate::frame::{Failure, FailureKind};

/// There are no nodes at this moment.
pub(super) const INSUFFICIENT: &str = "Insufficient Nodes in READY State";

/// There are none for another reason.
pub(super) const FAILED: &str = "Failed to allocate nodes";

/// Nothing is done to a session.
pub(super) fn session(refusal: &NodeSessionRefusal) -> Result<Response, Failure> {
    match refusal {
        NodeSessionRefusal::Unknown => Err(invalid_session()),
        NodeSessionRefusal::NotYours => Err(invalid_key()),
        NodeSessionRefusal::WrongState { .. } => Ok(message("Session not in Prod")),
    }
}

/// There are no nodes.
pub(super) fn allocation(refusal: &AllocationRefusal) -> Result<Response, Failure> {
    match refusal {
        // A pool that nobody has is a pool without nodes to Duffy 2.
        AllocationRefusal::InsufficientNodes { .. }
        | AllocationRefusal::UnknownPool { .. }
        | AllocationRefusal::WaitedInVain => Ok(text(INSUFFICIENT)),
        AllocationRefusal::QuotaExceeded {
            quota,
            held,
            wanted,
        } => Ok(string(
            StatusCode::OK,
            &format!("{FAILED}: Quota exceeded: {wanted} wanted, {held} held, {quota} allowed"),
        )),
        AllocationRefusal::QueueFull { limit } => Err(Failure::new(
            FailureKind::Unavailable,
            format!("{limit} requests wait for nodes already; try again"),
        )),
        AllocationRefusal::Cancelled
        | AllocationRefusal::ContextualizationFailed { .. }
        | AllocationRefusal::AgentSilent { .. } => Ok(string(StatusCode::OK, FAILED)),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::header::CONTENT_TYPE;
    use muster_contract::node_allocation::NodeSelector;
    use muster_contract::session::NodeSessionState;

    use super::*;

    async fn read(answer: Result<Response, Failure>) -> (u16, String, String) {
        let answer = answer.unwrap();
        let content_type = answer.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
        (
            status,
            content_type,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn no_nodes_is_text_that_clients_try_again_upon() {
        let selector = NodeSelector::Pool {
            name: "x".to_owned(),
        };
        for refusal in [
            AllocationRefusal::InsufficientNodes {
                selector: selector.clone(),
                wanted: 2,
                ready: 1,
                never: true,
            },
            AllocationRefusal::UnknownPool { selector },
            AllocationRefusal::WaitedInVain,
        ] {
            assert_eq!(
                read(allocation(&refusal)).await,
                (
                    200,
                    "text/html; charset=utf-8".to_owned(),
                    INSUFFICIENT.to_owned()
                )
            );
        }
        let failure = allocation(&AllocationRefusal::QueueFull { limit: 3 }).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Unavailable);
    }

    #[tokio::test]
    async fn what_does_not_get_better_is_a_json_string() {
        let quota = AllocationRefusal::QuotaExceeded {
            quota: 5,
            held: 4,
            wanted: 2,
        };
        assert_eq!(
            read(allocation(&quota)).await,
            (
                200,
                "application/json".to_owned(),
                "\"Failed to allocate nodes: Quota exceeded: 2 wanted, 4 held, 5 allowed\"\n"
                    .to_owned()
            )
        );
        let failed = AllocationRefusal::ContextualizationFailed {
            hostname: "n1.dusty".to_owned(),
            reason: "no route to host".to_owned(),
        };
        let agent = "provisioner".to_owned();
        let silent = AllocationRefusal::AgentSilent { agent };
        for refusal in [AllocationRefusal::Cancelled, failed, silent] {
            let (status, _, body) = read(allocation(&refusal)).await;
            assert_eq!(
                (status, body.as_str()),
                (200, "\"Failed to allocate nodes\"\n")
            );
        }
    }

    #[tokio::test]
    async fn sessions_are_refused_as_in_duffy_2() {
        for (refusal, message) in [
            (NodeSessionRefusal::Unknown, "Invalid session ID"),
            (NodeSessionRefusal::NotYours, "Invalid duffy key"),
        ] {
            let failure = session(&refusal).unwrap_err();
            assert_eq!(failure.kind(), FailureKind::Forbidden);
            assert_eq!(failure.message(), message);
        }
        let refusal = NodeSessionRefusal::WrongState {
            state: NodeSessionState::Closed,
        };
        assert_eq!(
            read(session(&refusal)).await,
            (
                200,
                "application/json".to_owned(),
                "{\"msg\":\"Session not in Prod\"}\n".to_owned()
            )
        );
    }
}
