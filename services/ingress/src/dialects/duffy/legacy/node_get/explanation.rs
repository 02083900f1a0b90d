//! `dry_run`: what would come of a request, and why.

use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::node_allocation::{
    AllocationRefusal, DemandExplanation, ExplainAllocation, Explanation, NodeDemand,
};

use super::super::super::description::Forecast;
use super::super::answers::json;
use crate::frame::{Caller, Failure, Ingress};

pub(super) async fn explain(
    ingress: &Ingress,
    caller: &Caller,
    demand: NodeDemand,
) -> Result<Response, Failure> {
    let query = ExplainAllocation {
        tenant: caller.principal.project.clone(),
        demands: vec![demand],
    };
    match ingress.ask(caller, &query).await? {
        Outcome::Done(explanation) => Ok(json(StatusCode::OK, &told(explanation))),
        Outcome::Refused(never) => match never {},
    }
}

fn told(explanation: Explanation) -> Forecast {
    let first = explanation.demands.into_iter().next();
    let DemandExplanation {
        pools,
        ready,
        total,
    } = first.unwrap_or(DemandExplanation {
        pools: Vec::new(),
        ready: 0,
        total: 0,
    });
    Forecast {
        dry_run: true,
        granted: explanation.refusal.is_none(),
        reason: explanation.refusal.as_ref().map(reason),
        pools,
        ready,
        total,
        quota: explanation.quota,
        held: explanation.held,
        waiting: explanation.waiting,
    }
}

fn reason(refusal: &AllocationRefusal) -> String {
    match refusal {
        AllocationRefusal::InsufficientNodes {
            wanted,
            ready,
            never,
            ..
        } => {
            let hope = if *never {
                "; there will never be as many"
            } else {
                ""
            };
            format!("{wanted} nodes wanted, {ready} ready{hope}")
        }
        AllocationRefusal::UnknownPool { .. } => "no pool has such nodes".to_owned(),
        AllocationRefusal::QuotaExceeded {
            quota,
            held,
            wanted,
        } => format!("{wanted} nodes wanted, {held} held, {quota} allowed"),
        AllocationRefusal::QueueFull { limit } => format!("{limit} requests wait already"),
        AllocationRefusal::WaitedInVain => "no nodes became ready in time".to_owned(),
        AllocationRefusal::Cancelled => "cancelled".to_owned(),
        AllocationRefusal::ContextualizationFailed { hostname, reason } => {
            format!("{hostname} could not be prepared: {reason}")
        }
        AllocationRefusal::AgentSilent { agent } => {
            format!("agent {agent} did not answer in time")
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_contract::node_allocation::NodeSelector;

    use super::*;

    #[test]
    fn says_why_not() {
        let told = told(Explanation {
            refusal: Some(AllocationRefusal::InsufficientNodes {
                selector: NodeSelector::Pool {
                    name: "metal".to_owned(),
                },
                wanted: 5,
                ready: 2,
                never: true,
            }),
            demands: vec![DemandExplanation {
                pools: vec!["metal".to_owned()],
                ready: 2,
                total: 4,
            }],
            quota: Some(10),
            held: 1,
            waiting: 0,
        });
        assert_eq!(
            serde_json::to_value(told).unwrap(),
            serde_json::json!({
                "dry_run": true,
                "granted": false,
                "reason": "5 nodes wanted, 2 ready; there will never be as many",
                "pools": ["metal"],
                "ready": 2,
                "total": 4,
                "quota": 10,
                "held": 1,
                "waiting": 0,
            })
        );
    }
}
