//! `GET /Node/get`

mod explanation;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::node_allocation::NodeDemand;
use muster_contract::session::{
    GrowNodeSession, GrowNodeSessionRefusal, OpenNodeSession, OpenNodeSessionRefusal, OpeningRate,
};
use muster_platform::site::DuffyRules;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::description::{Forecast, LegacyFailures};
use super::super::error::Msg;
use super::super::patience;
use super::super::waiting_for_nodes::send_waiting;
use super::answers::{Nodes, nodes, string, text};
use super::call::{Call, INVALID_KEY, essence};
use super::node_request::NodeRequest;
use super::refused::{FAILED, allocation, session};
use super::session_get::opening_refused;
use super::session_reference::{checked, reference};
use crate::frame::{Caller, Failure, Idempotency, IdempotencyKeyHeader, Ingress};

/// What can be asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; `NodeRequest` reads them")]
pub(super) struct NodeGetParameters {
    /// Key of the project.
    key: String,
    /// Release of the operating system.
    #[param(default = "7", example = "8-stream", max_length = 64)]
    ver: Option<String>,
    /// Processor architecture.
    #[param(default = "x86_64", max_length = 64)]
    arch: Option<String>,
    /// Size of a virtual machine; `tiny` if none is given with aarch64 or ppc64le. Ignored with any other architecture if
    /// no pool has it.
    #[param(max_length = 64)]
    flavor: Option<String>,
    /// Nodes, all of one kind.
    #[param(default = 1, minimum = 1, maximum = 10000)]
    count: Option<u32>,
    /// Be content with as many, and take up to `count`; 0 = with whatever there is.
    #[param(minimum = 0)]
    min: Option<u32>,
    /// Patterns, with commas between them, of short host names to avoid: `%` stands for anything, `_` for one character.
    #[param(example = "n1.%,n2.%")]
    exclude_host: Option<String>,
    /// Add the nodes to this session, an id or an alias, and open no other.
    ssid: Option<String>,
    /// Tie a new session to a job: `cluster:jobId`. It closes when the job stops, and does not expire.
    #[param(example = "fritz:4711")]
    job: Option<String>,
    /// Wait so many seconds for nodes. A client that goes away meanwhile does not wait on, unless it gave `req`.
    #[param(default = 0, maximum = 300)]
    wait: Option<u32>,
    /// Say what would come of it, and do nothing.
    dry_run: Option<bool>,
    /// The same call with the same `req` is carried out once, and gets the first one's answer. So does one with the
    /// header `Idempotency-Key`.
    #[param(max_length = 255)]
    req: Option<String>,
}

/// What is answered as JSON.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description")]
pub(super) enum NodeAnswer<'a> {
    /// The nodes.
    Lent(Nodes<'a>),
    /// What would come of it.
    Forecast(Forecast),
    /// There can be none.
    #[schema(example = "Failed to allocate nodes")]
    Failed(String),
    /// The session is over.
    Over(Msg<'a>),
}

/// Gets nodes
///
/// All of them or none, in a session of their own unless `ssid` names another. A client that reads the inventory
/// afterwards finds them in it.
#[utoipa::path(
    get,
    path = "/Node/get",
    operation_id = "node_get",
    tag = "legacy",
    params(NodeGetParameters, IdempotencyKeyHeader),
    responses(
        (status = 200, content(
            (NodeAnswer = "application/json"),
            (String = "text/html", example = "Insufficient Nodes in READY State"),
        ), description = "Nodes; with `dry_run` what would come of it; text if there are not as many (`Insufficient Nodes in READY State`) or nobody has that key (`Invalid duffy key`); a JSON string if there can be none (`Failed to allocate nodes`); `{\"msg\":\"Session not in Prod\"}` if the session is over"),
        (status = 429, description = "Too many sessions of that project lately: `Failed to allocate nodes: Rate limit exceeded: 6 sessions in the last 5 minutes`", body = String, content_type = "application/json"),
        LegacyFailures,
    ),
)]
pub(super) async fn node_get(
    State(ingress): State<Ingress>,
    call: Call,
    header: Idempotency,
) -> Result<Response, Failure> {
    let Some(caller) = call.caller(&ingress)? else {
        return Ok(text(INVALID_KEY));
    };
    let request = NodeRequest::parse(&call.parameters)?;
    // Given but empty is an empty variable in somebody's script, and no wish for a session of its own.
    let ssid = match call.parameters.get("ssid") {
        None => None,
        given => Some(checked(given)?),
    };
    let idempotency = call.idempotency(header)?;
    let demand = request.demand(&ingress, &caller).await?;
    if call.parameters.switch("dry_run") {
        return explanation::explain(&ingress, &caller, demand).await;
    }
    let asked = Asked {
        request,
        demand,
        caller,
        idempotency,
    };
    match ssid {
        Some(ssid) => grow(&ingress, asked, ssid).await,
        None => open(&ingress, asked).await,
    }
}

struct Asked {
    request: NodeRequest,
    demand: NodeDemand,
    caller: Caller,
    idempotency: Idempotency,
}

impl Asked {
    /// Until when to wait for nodes.
    fn wait_until(&self, ingress: &Ingress) -> Option<i64> {
        let wait = self.request.wait?;
        Some(ingress.environment.clock.now().plus(wait).as_micros())
    }
}

async fn open(ingress: &Ingress, asked: Asked) -> Result<Response, Failure> {
    let rules = ingress.directory.duffy();
    let wait_until = asked.wait_until(ingress);
    let patience = patience::for_session(ingress, &asked.caller, asked.request.wait, true);
    let body = essence(&asked.request);
    let command = OpenNodeSession {
        alias: None,
        demands: vec![asked.demand],
        wait_until,
        job: asked.request.job,
        rate: rate(rules),
    };
    let (caller, idempotency) = (&asked.caller, asked.idempotency);
    let outcome = send_waiting(ingress, patience, caller, idempotency, &body, &command).await?;
    match outcome {
        Outcome::Done(opened) => Ok(nodes(&opened.nodes, &rules.host_suffix, &opened.id)),
        Outcome::Refused(OpenNodeSessionRefusal::Allocation(refusal)) => allocation(&refusal),
        Outcome::Refused(OpenNodeSessionRefusal::TooManySessions { sessions, seconds }) => Ok(
            string(StatusCode::TOO_MANY_REQUESTS, &too_many(sessions, seconds)),
        ),
        Outcome::Refused(refusal) => opening_refused(refusal),
    }
}

async fn grow(ingress: &Ingress, asked: Asked, ssid: &str) -> Result<Response, Failure> {
    let wait_until = asked.wait_until(ingress);
    let patience = patience::for_nodes(ingress, asked.request.wait);
    let body = essence(&(&asked.request, ssid));
    let command = GrowNodeSession {
        session: reference(ssid),
        demands: vec![asked.demand],
        wait_until,
    };
    let (caller, idempotency) = (&asked.caller, asked.idempotency);
    let outcome = send_waiting(ingress, patience, caller, idempotency, &body, &command).await?;
    match outcome {
        Outcome::Done(grown) => {
            let suffix = &ingress.directory.duffy().host_suffix;
            Ok(nodes(&grown.added, suffix, &grown.session.id))
        }
        Outcome::Refused(GrowNodeSessionRefusal::Session(refusal)) => session(&refusal),
        Outcome::Refused(GrowNodeSessionRefusal::Allocation(refusal)) => allocation(&refusal),
    }
}

fn rate(rules: &DuffyRules) -> Option<OpeningRate> {
    let seconds = u32::try_from(rules.rate_window.as_secs()).unwrap_or(u32::MAX);
    rules
        .rate_limit
        .map(|sessions| OpeningRate { sessions, seconds })
}

fn too_many(sessions: u32, seconds: u32) -> String {
    let (number, unit) = match seconds {
        seconds if seconds % 60 == 0 => (seconds / 60, "minutes"),
        seconds => (seconds, "seconds"),
    };
    format!("{FAILED}: Rate limit exceeded: {sessions} sessions in the last {number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_told_as_in_duffy_2() {
        assert_eq!(
            too_many(6, 300),
            "Failed to allocate nodes: Rate limit exceeded: 6 sessions in the last 5 minutes"
        );
        assert!(too_many(2, 90).ends_with("2 sessions in the last 90 seconds"));
    }

    #[test]
    fn the_limit_is_the_sites() {
        let rules = DuffyRules::default();
        assert_eq!(
            rate(&rules),
            Some(OpeningRate {
                sessions: 5,
                seconds: 300
            })
        );
        let without = DuffyRules {
            rate_limit: None,
            ..rules
        };
        assert_eq!(rate(&without), None);
    }
}
