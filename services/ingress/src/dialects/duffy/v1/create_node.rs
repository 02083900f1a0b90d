//! `POST /api/v1/nodes`

use std::net::IpAddr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_contract::Outcome;
use muster_contract::node_allocation::{ChangeNode, ChangeNodeRefusal, NodeChange};
use muster_platform::host_names::is_host_name;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::description::AnyFailure;
use super::super::error::Detail;
use super::super::limits::{COMMENT_LIMIT, NAME_LIMIT, is_name, is_text};
use super::answers::{body, forbidden, json, unprocessable};
use super::node_object::NodeObject;
use super::show_node::NodeResult;
use crate::frame::{
    Caller, Failure, FailureKind, Idempotency, IdempotencyKeyHeader, Ingress, RequestBody,
};

/// A node to be added.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NodeCreate {
    /// Its name, short or as answers have it.
    #[schema(example = "n24.dusty")]
    hostname: String,
    /// Its address.
    #[schema(value_type = String, example = "172.19.3.24")]
    ipaddr: IpAddr,
    /// Name of its pool. (In Duffy it may have none.)
    #[schema(example = "metal-7-x86_64")]
    pool: Option<String>,
    /// Shown in the inventory.
    comment: Option<String>,
    /// Has to be true: nodes that are made for a session and thrown away afterwards are not known here.
    #[serde(default = "reusable")]
    #[schema(default = true)]
    reusable: bool,
    /// What else is known of it; more members are ignored.
    #[serde(default)]
    data: NodeCreateData,
}

/// What else is known of a node to be added.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct NodeCreateData {
    /// Where it stands.
    chassis: Option<String>,
    /// Port of its console.
    console_port: Option<u16>,
}

/// The answer to a name that no host has.
const NO_HOST_NAME: &str =
    "hostname: small letters, digits and inner hyphens between the dots, 253 bytes at most";

fn reusable() -> bool {
    true
}

/// Adds a node
///
/// To a pool, by an administrator; it is ready at once. (`muster node add` does the same, and the site file declares nodes.)
#[utoipa::path(
    post,
    path = "/api/v1/nodes",
    operation_id = "create_node",
    tag = "nodes",
    security(("HTTPBasic" = [])),
    params(IdempotencyKeyHeader),
    request_body(content = NodeCreate, description = "The node; Content-Type is not looked at"),
    responses(
        (status = 201, description = "The node", body = NodeResult),
        (status = 403, description = "The caller is no administrator", body = Detail),
        (status = 409, description = "There is a node of that name, or one with a name that is part of it or the other way round", body = Detail),
        (status = 400, description = "The header Idempotency-Key is none", body = Detail),
        (status = 413, description = "The body is too large", body = Detail),
        (status = 422, description = "There is no such pool, the body is not valid, or the Idempotency-Key was used for another request", body = Detail),
        AnyFailure,
    ),
)]
pub(super) async fn create_node(
    State(ingress): State<Ingress>,
    caller: Caller,
    idempotency: Idempotency,
    RequestBody(bytes): RequestBody,
) -> Result<Response, Failure> {
    // Nodes are lent to all tenants.
    if !caller.principal.crosses_tenants() {
        return Err(forbidden("Forbidden"));
    }
    let suffix = &ingress.directory.duffy().host_suffix;
    let command = command(body(&bytes)?, suffix)?;
    match ingress.send(&caller, idempotency, &bytes, &command).await? {
        Outcome::Done(node) => Ok(json(
            StatusCode::CREATED,
            &NodeResult {
                action: "post",
                node: NodeObject::new(node, suffix),
            },
        )),
        Outcome::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn command(node: NodeCreate, suffix: &str) -> Result<ChangeNode, Failure> {
    if !node.reusable {
        return Err(unprocessable("reusable: has to be true"));
    }
    let pool = node
        .pool
        .ok_or_else(|| unprocessable("pool: field required"))?;
    if !is_name(&pool, NAME_LIMIT) {
        return Err(unprocessable("pool: no pool can have that name"));
    }
    let chassis = node.data.chassis.unwrap_or_default();
    if !is_text(&chassis, NAME_LIMIT) {
        return Err(unprocessable(format!(
            "chassis: {NAME_LIMIT} bytes at most, and no control characters"
        )));
    }
    if let Some(comment) = &node.comment
        && !is_text(comment, COMMENT_LIMIT)
    {
        return Err(unprocessable(format!(
            "comment: {COMMENT_LIMIT} bytes at most, and no control characters"
        )));
    }
    let short = match suffix {
        "" => None,
        suffix => node.hostname.strip_suffix(suffix),
    };
    let hostname = short.unwrap_or(&node.hostname);
    if !is_host_name(hostname) {
        return Err(unprocessable(NO_HOST_NAME));
    }
    Ok(ChangeNode {
        hostname: hostname.to_owned(),
        change: NodeChange::Add {
            pool,
            ip_address: node.ipaddr.to_string(),
            chassis,
            console_port: node.data.console_port.map(i64::from),
        },
        reason: node.comment,
    })
}

fn refused(refusal: &ChangeNodeRefusal) -> Failure {
    match refusal {
        ChangeNodeRefusal::AmbiguousName { other } => Failure::new(
            FailureKind::Conflict,
            format!("there is node {other}: one name is the same as, or part of, the other"),
        ),
        ChangeNodeRefusal::UnknownPool { pool } => {
            unprocessable(format!("there is no pool '{pool}'"))
        }
        ChangeNodeRefusal::InvalidName => unprocessable(NO_HOST_NAME),
        // Of a node that is there.
        ChangeNodeRefusal::UnknownNode
        | ChangeNodeRefusal::InUse { .. }
        | ChangeNodeRefusal::WrongState { .. } => {
            Failure::broken("a node that is added was refused as one that is there")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ChangeNode, Failure> {
        command(body(text.as_bytes())?, ".ci.example.org")
    }

    #[test]
    fn a_name_may_be_given_as_answers_have_it() {
        for name in ["n1.dusty", "n1.dusty.ci.example.org"] {
            let text = format!(
                r#"{{"hostname":"{name}","ipaddr":"192.0.2.1","pool":"metal","data":{{"chassis":"dusty","console_port":7,"x":1}}}}"#
            );
            let command = parse(&text).unwrap();
            assert_eq!(command.hostname, "n1.dusty");
            let NodeChange::Add {
                chassis,
                console_port,
                ..
            } = command.change
            else {
                panic!("{:?}", command.change)
            };
            assert_eq!((chassis.as_str(), console_port), ("dusty", Some(7)));
        }
    }

    #[test]
    fn what_makes_no_sense_is_422() {
        for text in [
            "",
            "{}",
            r#"{"hostname":"n1","ipaddr":"192.0.2.1"}"#,
            r#"{"hostname":"n1","ipaddr":"192.0.2.1","pool":null}"#,
            r#"{"hostname":"n1","ipaddr":"192.0.2.1","pool":""}"#,
            r#"{"hostname":"n1","ipaddr":"192.0.2.256","pool":"p"}"#,
            r#"{"hostname":"n1","ipaddr":1,"pool":"p"}"#,
            r#"{"hostname":"n1\u0000","ipaddr":"192.0.2.1","pool":"p"}"#,
            r#"{"hostname":"","ipaddr":"192.0.2.1","pool":"p"}"#,
            r#"{"hostname":"N1","ipaddr":"192.0.2.1","pool":"p"}"#,
            r#"{"hostname":1,"ipaddr":"192.0.2.1","pool":"p"}"#,
            r#"{"ipaddr":"192.0.2.1","pool":"p"}"#,
            r#"{"hostname":"n1","ipaddr":"192.0.2.1","pool":"p","reusable":false}"#,
            r#"{"hostname":"n1","ipaddr":"192.0.2.1","pool":"p","comment":"a\u0000"}"#,
            r#"{"hostname":"n1","ipaddr":"192.0.2.1","pool":"p","data":{"console_port":65536}}"#,
            r#"{"hostname":"n1","ipaddr":"192.0.2.1","pool":"p","data":{"chassis":"a\u0000"}}"#,
        ] {
            assert_eq!(parse(text).unwrap_err().kind().status(), 422, "{text}");
        }
    }

    #[test]
    fn every_refusal_has_its_status() {
        let text = || "x".to_owned();
        for (refusal, status) in [
            (ChangeNodeRefusal::AmbiguousName { other: text() }, 409),
            (ChangeNodeRefusal::UnknownPool { pool: text() }, 422),
            (ChangeNodeRefusal::InvalidName, 422),
            (ChangeNodeRefusal::UnknownNode, 500),
        ] {
            assert_eq!(refused(&refusal).kind().status(), status, "{refusal:?}");
        }
    }
}
