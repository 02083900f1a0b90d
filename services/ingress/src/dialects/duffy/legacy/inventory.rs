//! `GET /Inventory`

use std::fmt::Display;
use std::io::Write;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use muster_contract::Outcome;
use muster_contract::node_allocation::{ListNodes, Node, NodeState};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::description::LegacyFailures;
use super::call::Call;
use crate::frame::{Failure, Ingress};

/// Bytes of a row, somewhat more than most have.
const ROW_SIZE: usize = 192;

/// Whose nodes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct InventoryParameters {
    /// Key of a project: then only what its sessions hold.
    key: Option<String>,
}

/// What stands in a row, if anything does.
#[derive(Serialize, ToSchema)]
#[schema(as = InventoryCell)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description")]
enum Cell {
    /// A name, an address or a state.
    Text(String),
    /// A number.
    Number(i64),
}

/// Lists nodes
///
/// Without a key all there are, for everybody to see, as rows of: number, short host name, address, chassis, how often it
/// was used, state, session that holds it (or why it failed), `null`, `null`, release, architecture, 1 if it can be lent
/// and else 0, console port, flavor. With a key the nodes that its project's sessions hold, as pairs of short host name and
/// session; none if nobody has that key. Shows every change whose answer has been given before this is asked.
#[utoipa::path(
    get,
    path = "/Inventory",
    operation_id = "inventory",
    tag = "legacy",
    params(InventoryParameters),
    responses(
        (status = 200, description = "The rows, or the pairs", body = Vec<Vec<Option<Cell>>>,
            example = json!([[1, "n24.dusty", "172.19.2.24", "dusty", 7, "Deployed", "0199c1a2-7c1e-7d3c-9f57-2b1e5a0c6f11", null, null, "7", "x86_64", 1, 2230, null]])),
        LegacyFailures,
    ),
)]
pub(super) async fn inventory(
    State(ingress): State<Ingress>,
    call: Call,
) -> Result<Response, Failure> {
    // An empty key is none, as in Duffy 2.
    let Some(key) = call.parameters.get("key").filter(|key| !key.is_empty()) else {
        let nodes = ask(&ingress, ListNodes::default()).await?;
        return Ok(list(&nodes, row));
    };
    let Some(principal) = ingress.directory.principal_of_duffy_key(key.as_bytes()) else {
        // cico takes anything but a list for a fault of its own, and then gives nothing back.
        return Ok(list(&[], |_, _| {}));
    };
    let query = ListNodes {
        tenant: Some(principal.project.clone()),
        ..ListNodes::default()
    };
    let nodes = ask(&ingress, query).await?;
    Ok(list(&nodes, |json, node| {
        json.push(b'[');
        text(json, &node.hostname);
        json.push(b',');
        text_or_null(json, node.session.as_deref());
        json.push(b']');
    }))
}

async fn ask(ingress: &Ingress, query: ListNodes) -> Result<Vec<Node>, Failure> {
    match ingress.ask_for(None, &query).await? {
        Outcome::Done(page) => Ok(page.nodes),
        Outcome::Refused(never) => match never {},
    }
}

/// Written piece by piece: thousands of rows come and go with each call of each client.
fn list(nodes: &[Node], mut element: impl FnMut(&mut Vec<u8>, &Node)) -> Response {
    let mut json = Vec::with_capacity(nodes.len().saturating_mul(ROW_SIZE).saturating_add(3));
    json.push(b'[');
    for (position, node) in nodes.iter().enumerate() {
        if position > 0 {
            json.push(b',');
        }
        element(&mut json, node);
    }
    json.extend_from_slice(b"]\n");
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}

/// The 14 columns.
fn row(json: &mut Vec<u8>, node: &Node) {
    json.push(b'[');
    number(json, node.id);
    json.push(b',');
    text(json, &node.hostname);
    json.push(b',');
    text(json, &node.ip_address);
    json.push(b',');
    text(json, &node.chassis);
    json.push(b',');
    number(json, node.used_count);
    json.push(b',');
    text(json, state(node.state));
    json.push(b',');
    let comment = node.session.as_deref().or(node.reason.as_deref());
    text_or_null(json, comment);
    json.extend_from_slice(b",null,null,");
    text(json, &node.version);
    json.push(b',');
    text(json, &node.architecture);
    json.push(b',');
    number(json, i32::from(can_be_lent(node.state)));
    json.push(b',');
    match node.console_port {
        Some(port) => number(json, port),
        None => json.extend_from_slice(b"null"),
    }
    json.push(b',');
    text_or_null(json, node.flavor.as_deref());
    json.push(b']');
}

fn number(json: &mut Vec<u8>, number: impl Display) {
    // Writing to memory does not fail.
    let _ = write!(json, "{number}");
}

fn text(json: &mut Vec<u8>, text: &str) {
    // Neither does this, and text always becomes JSON.
    let _ = serde_json::to_writer(json, text);
}

fn text_or_null(json: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(value) => text(json, value),
        None => json.extend_from_slice(b"null"),
    }
}

/// Duffy 2 moves what failed, or was set aside, to pool 0.
fn can_be_lent(state: NodeState) -> bool {
    !matches!(
        state,
        NodeState::Quarantined | NodeState::Failed | NodeState::Reserved
    )
}

/// The name of a state in Duffy 1 and 2.
fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Unused => "Active",
        NodeState::Provisioning => "Provisioning",
        NodeState::Ready => "Ready",
        NodeState::Contextualizing => "Contextualizing",
        NodeState::Deployed => "Deployed",
        NodeState::Deprovisioning => "Deprovision",
        NodeState::Held => "Fail",
        NodeState::Quarantined | NodeState::Failed => "Failed",
        NodeState::Reserved => "Reserved",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    fn node(state: NodeState) -> Node {
        Node {
            id: 7,
            hostname: "n7.\"dusty\"".to_owned(),
            ip_address: "172.19.2.7".to_owned(),
            pool: "metal-7-x86_64".to_owned(),
            chassis: "dusty".to_owned(),
            console_port: None,
            version: "7".to_owned(),
            architecture: "x86_64".to_owned(),
            flavor: None,
            state,
            used_count: 3,
            tenant: None,
            session: None,
            generation: 3,
            reason: None,
            state_since: 0,
        }
    }

    async fn rows(nodes: &[Node]) -> Value {
        let body = list(nodes, row).into_body();
        let bytes = to_bytes(body, 1 << 30).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_row_has_14_columns() {
        let mut held = node(NodeState::Deployed);
        held.session = Some("0199".to_owned());
        held.console_port = Some(2230);
        held.flavor = Some("tiny".to_owned());
        let mut failed = node(NodeState::Failed);
        failed.reason = Some("no answer".to_owned());
        let name = "n7.\"dusty\"";
        assert_eq!(
            rows(&[held, failed]).await,
            json!([
                [
                    7,
                    name,
                    "172.19.2.7",
                    "dusty",
                    3,
                    "Deployed",
                    "0199",
                    null,
                    null,
                    "7",
                    "x86_64",
                    1,
                    2230,
                    "tiny"
                ],
                [
                    7,
                    name,
                    "172.19.2.7",
                    "dusty",
                    3,
                    "Failed",
                    "no answer",
                    null,
                    null,
                    "7",
                    "x86_64",
                    0,
                    null,
                    null
                ],
            ])
        );
        assert_eq!(rows(&[]).await, json!([]));
    }

    #[tokio::test]
    async fn states_have_their_old_names() {
        let nodes: Vec<Node> = NodeState::ALL.into_iter().map(node).collect();
        let rows = rows(&nodes).await;
        let names: Vec<&str> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[5].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "Active",
                "Provisioning",
                "Ready",
                "Contextualizing",
                "Deployed",
                "Deprovision",
                "Fail",
                "Failed",
                "Failed",
                "Reserved"
            ]
        );
    }
}
