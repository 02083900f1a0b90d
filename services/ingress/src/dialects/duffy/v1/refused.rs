//! What a client of release 3 is told when a service refuses.

use muster_contract::node_allocation::{AllocationRefusal, NodeSelector};
use muster_contract::session::NodeSessionRefusal;

use super::answers::{forbidden, not_found, unprocessable};
use crate::frame::{Failure, FailureKind};

/// Nothing is done to the session of that number.
pub(super) fn session(number: i64, refusal: &NodeSessionRefusal) -> Failure {
    match refusal {
        NodeSessionRefusal::Unknown => not_found(),
        NodeSessionRefusal::NotYours => forbidden("Forbidden"),
        NodeSessionRefusal::WrongState { .. } => retired(number),
    }
}

/// The session of that number is over.
pub(super) fn retired(number: i64) -> Failure {
    unprocessable(format!("session {number} is retired"))
}

/// There are no nodes.
pub(super) fn allocation(refusal: &AllocationRefusal) -> Failure {
    match refusal {
        AllocationRefusal::InsufficientNodes {
            selector, wanted, ..
        } => unprocessable(format!(
            "can't reserve nodes: quantity={wanted} pool='{}'",
            pool(selector)
        )),
        AllocationRefusal::UnknownPool { selector } => unprocessable(format!(
            "can't reserve nodes: there is no pool '{}'",
            pool(selector)
        )),
        AllocationRefusal::QuotaExceeded {
            quota,
            held,
            wanted,
        } => forbidden(format!(
            "quota exceeded: requested nodes ({wanted}) + current allocation ({held}) = {} > {quota}",
            wanted.saturating_add(*held)
        )),
        AllocationRefusal::QueueFull { limit } => Failure::new(
            FailureKind::Unavailable,
            format!("{limit} requests wait for nodes already; try again"),
        ),
        AllocationRefusal::WaitedInVain => {
            unprocessable("can't reserve nodes: none became ready in time")
        }
        AllocationRefusal::Cancelled => unprocessable("can't reserve nodes: cancelled"),
        AllocationRefusal::ContextualizationFailed { hostname, .. } => Failure::new(
            FailureKind::Unavailable,
            format!("contextualization of nodes failed: {hostname}"),
        ),
        AllocationRefusal::AgentSilent { .. } => Failure::new(
            FailureKind::Unavailable,
            "contextualization of nodes failed: no answer in time",
        ),
    }
}

fn pool(selector: &NodeSelector) -> String {
    match selector {
        NodeSelector::Pool { name } => name.clone(),
        NodeSelector::Properties {
            version,
            architecture,
            flavor,
        } => format!(
            "{version} {architecture} {}",
            flavor.as_deref().unwrap_or_default()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_status_and_words_of_duffy_3() {
        let selector = NodeSelector::Pool {
            name: "metal".to_owned(),
        };
        for (refusal, status, detail) in [
            (
                AllocationRefusal::InsufficientNodes {
                    selector: selector.clone(),
                    wanted: 3,
                    ready: 1,
                    never: false,
                },
                422,
                "can't reserve nodes: quantity=3 pool='metal'",
            ),
            (
                AllocationRefusal::UnknownPool { selector },
                422,
                "can't reserve nodes: there is no pool 'metal'",
            ),
            (
                AllocationRefusal::QuotaExceeded {
                    quota: 10,
                    held: 9,
                    wanted: 3,
                },
                403,
                "quota exceeded: requested nodes (3) + current allocation (9) = 12 > 10",
            ),
            (
                AllocationRefusal::QueueFull { limit: 2 },
                503,
                "2 requests wait for nodes already; try again",
            ),
            (
                AllocationRefusal::ContextualizationFailed {
                    hostname: "n1.dusty".to_owned(),
                    reason: "no route to host".to_owned(),
                },
                503,
                "contextualization of nodes failed: n1.dusty",
            ),
            (
                AllocationRefusal::AgentSilent {
                    agent: "provisioner".to_owned(),
                },
                503,
                "contextualization of nodes failed: no answer in time",
            ),
        ] {
            let failure = allocation(&refusal);
            assert_eq!(failure.kind().status(), status);
            assert_eq!(failure.message(), detail);
        }
        assert_eq!(
            session(7, &NodeSessionRefusal::Unknown).kind().status(),
            404
        );
        assert_eq!(retired(7).message(), "session 7 is retired");
    }
}
