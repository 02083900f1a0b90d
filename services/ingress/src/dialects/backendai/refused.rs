//! What a client is told when the session service refuses.

use muster_contract::node_allocation::SlotsRefusal;
use muster_contract::session::{
    ComputeSessionMatch, ComputeSessionRefusal, CreateComputeSessionRefusal,
};
use serde_json::{Value, json};

use super::error::{
    NO_SCALING_GROUP, NO_SESSION, OVER_QUOTA, RESTART_FAILED, SESSION_EXISTS, SEVERAL_SESSIONS,
};
use crate::frame::{Failure, FailureKind};

/// What is said where there is no session.
pub(super) const UNKNOWN: &str = "there is no such session";

/// What the reason begins with that a session ended for whose restart came to nothing.
const FAILED_RESTART: &str = "failed-to-restart";

/// Nothing is done to a session.
pub(super) fn session(refusal: ComputeSessionRefusal) -> Failure {
    match refusal {
        ComputeSessionRefusal::Unknown => unknown(UNKNOWN),
        ComputeSessionRefusal::Ambiguous { matches } => {
            Failure::new(FailureKind::NotFound, "several sessions begin like that")
                .code(SEVERAL_SESSIONS)
                .data(json!({"matches": self::matches(&matches)}))
        }
        ComputeSessionRefusal::NotRunning { status, .. } => {
            Failure::invalid(format!("the session does not run: it is {}", status.name()))
        }
        ComputeSessionRefusal::Ended { reason } if reason.starts_with(FAILED_RESTART) => {
            Failure::new(FailureKind::Broken, reason).code(RESTART_FAILED)
        }
        ComputeSessionRefusal::Ended { reason } => {
            unknown(format!("the session was ended: {reason}"))
        }
    }
}

/// There will be no session.
pub(super) fn creation(refusal: CreateComputeSessionRefusal) -> Failure {
    match refusal {
        CreateComputeSessionRefusal::Exists { session } => {
            Failure::invalid("there is a session of that name")
                .code(SESSION_EXISTS)
                .data(json!({"existingSessionId": session}))
        }
        CreateComputeSessionRefusal::Dependency { name } => Failure::invalid(format!(
            "{name} in dependencies is no session of this owner, or came to nothing"
        )),
        CreateComputeSessionRefusal::Slots(refusal) => slots(refusal),
    }
}

fn slots(refusal: SlotsRefusal) -> Failure {
    match refusal {
        SlotsRefusal::UnknownScalingGroup { name } => {
            let message = match name {
                Some(name) => format!("there is no scaling group {name} for this project"),
                None => "there is no scaling group for this project".to_owned(),
            };
            Failure::new(FailureKind::NotFound, message).code(NO_SCALING_GROUP)
        }
        SlotsRefusal::UnknownSlot { name } => {
            Failure::invalid(format!("Unknown resource slot type: {name}"))
        }
        SlotsRefusal::TooLarge { available } => Failure::new(
            FailureKind::NotAcceptable,
            "even with nothing else running there would not be room for it",
        )
        .data(json!({"available": available})),
        SlotsRefusal::OverQuota { scope, quota } => Failure::new(
            FailureKind::NotAcceptable,
            format!("more than the {scope} may ever have"),
        )
        .code(OVER_QUOTA)
        .data(json!({"scope": scope, "quota": quota})),
        SlotsRefusal::QueueFull { limit } => Failure::new(
            FailureKind::Unavailable,
            format!("{limit} sessions wait already; try again"),
        ),
        SlotsRefusal::Cancelled => unknown("the session was ended while it waited"),
    }
}

/// Sessions that begin like something, as clients read them.
pub(super) fn matches(matches: &[ComputeSessionMatch]) -> Value {
    let matches = matches.iter().map(|found| {
        json!({
            "id": found.id,
            "name": found.name,
            "status": found.status.name(),
        })
    });
    matches.collect()
}

fn unknown(message: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(FailureKind::NotFound, message).code(NO_SESSION)
}

#[cfg(test)]
mod tests {
    use muster_contract::ResourceSlots;
    use muster_contract::session::ComputeSessionStatus;
    use uuid::Uuid;

    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    #[test]
    fn every_refusal_has_its_status_and_its_name() {
        let ended = |reason: &str| ComputeSessionRefusal::Ended {
            reason: reason.to_owned(),
        };
        for (refusal, status, code) in [
            (ComputeSessionRefusal::Unknown, 404, Some(NO_SESSION)),
            (
                ComputeSessionRefusal::Ambiguous {
                    matches: Vec::new(),
                },
                404,
                Some(SEVERAL_SESSIONS),
            ),
            (
                ComputeSessionRefusal::NotRunning {
                    session: ID,
                    status: ComputeSessionStatus::Pending,
                },
                400,
                None,
            ),
            (ended("user-requested"), 404, Some(NO_SESSION)),
            (
                ended("failed-to-restart (no python3)"),
                500,
                Some(RESTART_FAILED),
            ),
        ] {
            let text = format!("{refusal:?}");
            let failure = session(refusal);
            assert_eq!(failure.kind().status(), status, "{text}");
            assert_eq!(failure.given_code(), code, "{text}");
        }
    }

    #[test]
    fn every_refusal_of_a_new_session_has_its_status_and_its_name() {
        for (refusal, status, code) in [
            (
                SlotsRefusal::UnknownScalingGroup { name: None },
                404,
                Some(NO_SCALING_GROUP),
            ),
            (
                SlotsRefusal::UnknownSlot {
                    name: "cuda.devices".to_owned(),
                },
                400,
                None,
            ),
            (
                SlotsRefusal::TooLarge {
                    available: ResourceSlots::default(),
                },
                406,
                None,
            ),
            (
                SlotsRefusal::OverQuota {
                    scope: "keypair".to_owned(),
                    quota: ResourceSlots::default(),
                },
                406,
                Some(OVER_QUOTA),
            ),
            (SlotsRefusal::QueueFull { limit: 7 }, 503, None),
            (SlotsRefusal::Cancelled, 404, Some(NO_SESSION)),
        ] {
            let text = format!("{refusal:?}");
            let failure = creation(CreateComputeSessionRefusal::Slots(refusal));
            assert_eq!(failure.kind().status(), status, "{text}");
            assert_eq!(failure.given_code(), code, "{text}");
        }
        let exists = creation(CreateComputeSessionRefusal::Exists { session: ID });
        assert_eq!(exists.kind().status(), 400);
        assert_eq!(exists.given_code(), Some(SESSION_EXISTS));
        assert_eq!(exists.given_data(), Some(&json!({"existingSessionId": ID})));
        let dependency = CreateComputeSessionRefusal::Dependency {
            name: "other".to_owned(),
        };
        assert_eq!(creation(dependency).kind().status(), 400);
    }

    #[test]
    fn sessions_that_begin_like_that_are_told() {
        let found = ComputeSessionMatch {
            id: ID,
            name: "mysess-01".to_owned(),
            status: ComputeSessionStatus::Running,
        };
        let failure = session(ComputeSessionRefusal::Ambiguous {
            matches: vec![found],
        });
        let expected = json!({"matches": [{"id": ID, "name": "mysess-01", "status": "RUNNING"}]});
        assert_eq!(failure.given_data(), Some(&expected));
    }
}
