//! A session in answers.

use std::collections::BTreeMap;

use muster_contract::session::{NodeSession, NodeSessionState};
use serde::Serialize;
use utoipa::ToSchema;

use super::answers::time;
use super::tenant_object::TenantObject;
use crate::auth::Directory;

/// One session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionResult {
    /// What was done: `get`, `post` or `put`.
    #[schema(example = "get")]
    pub(super) action: &'static str,
    /// The session.
    pub(super) session: SessionObject,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionObject {
    /// Its number.
    id: i64,
    /// Whether it is not over.
    active: bool,
    /// When it was opened.
    #[schema(example = "2026-01-31T12:00:00Z")]
    created_at: String,
    /// When it ended.
    retired_at: Option<String>,
    /// When it ends by itself; `null` = never.
    expires_at: Option<String>,
    /// Whose it is.
    tenant: TenantObject,
    /// What else is known of it.
    data: SessionData,
    /// Its nodes; of one that is over those that it had last.
    nodes: Vec<SessionNode>,
}

/// What else is known of a session.
#[derive(Debug, Serialize, ToSchema)]
struct SessionData {
    /// Its id in the legacy API.
    #[schema(example = "0199c1a2-7c1e-7d3c-9f57-2b1e5a0c6f11")]
    ssid: String,
    /// The name its owner gave it.
    alias: Option<String>,
    /// `opening` (it waits for nodes), `active`, `held` (kept for a look), `closing`, `closed` or `refused`.
    #[schema(example = "active")]
    state: &'static str,
    /// The job that it is tied to: `cluster:jobId`.
    job: Option<String>,
    /// How many nodes of which pools it has.
    nodes_specs: Vec<NodesSpecObject>,
}

/// Nodes of one pool.
#[derive(Debug, Serialize, ToSchema)]
struct NodesSpecObject {
    /// How many.
    quantity: u32,
    /// Name of the pool.
    pool: String,
}

/// A node of a session.
#[derive(Debug, Serialize, ToSchema)]
struct SessionNode {
    /// Its number.
    id: i64,
    /// Name to reach it by.
    hostname: String,
    /// Its address.
    ipaddr: String,
    comment: Option<String>,
    /// Name of its pool.
    pool: String,
    /// Always true.
    reusable: bool,
    /// Always empty.
    data: BTreeMap<String, String>,
    /// `deployed`; `null` in a session that is over.
    state: Option<&'static str>,
}

/// Whether a session can still be used, or is going to be.
pub(super) fn is_active(state: NodeSessionState) -> bool {
    use NodeSessionState::{Active, Held, Opening};
    matches!(state, Opening | Active | Held)
}

impl SessionObject {
    pub(super) fn new(session: NodeSession, directory: &Directory) -> Self {
        let active = is_active(session.state);
        let mut quantities: BTreeMap<&str, u32> = BTreeMap::new();
        for node in &session.nodes {
            let quantity = quantities.entry(&node.pool).or_default();
            *quantity = quantity.saturating_add(1);
        }
        let data = SessionData {
            ssid: session.id,
            alias: session.alias,
            state: session.state.name(),
            job: session
                .job
                .map(|job| format!("{}:{}", job.cluster, job.job_id)),
            nodes_specs: quantities
                .into_iter()
                .map(|(pool, quantity)| NodesSpecObject {
                    quantity,
                    pool: pool.to_owned(),
                })
                .collect(),
        };
        let suffix = &directory.duffy().host_suffix;
        Self {
            id: session.number,
            active,
            created_at: time(session.created_at),
            retired_at: session.ended_at.map(time),
            expires_at: session.expires_at.map(time),
            tenant: TenantObject::of(directory, &session.tenant),
            data,
            nodes: session
                .nodes
                .into_iter()
                .map(|node| SessionNode {
                    id: node.id,
                    hostname: format!("{}{suffix}", node.hostname),
                    ipaddr: node.ip_address,
                    comment: None,
                    pool: node.pool,
                    reusable: true,
                    data: BTreeMap::new(),
                    state: active.then_some("deployed"),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use muster_contract::node_allocation::LeasedNode;
    use muster_contract::session::JobReference;
    use muster_platform::Site;
    use serde_json::json;

    use super::*;

    #[test]
    fn has_the_members_that_duffys_client_reads() {
        let text = "[[project]]\nname = \"demo\"\n[duffy]\nhost_suffix = \".ci\"\n";
        let site = Site::parse(text, Path::new("site.toml")).unwrap();
        let node = |id, hostname: &str| LeasedNode {
            id,
            hostname: hostname.to_owned(),
            ip_address: format!("10.0.0.{id}"),
            pool: "metal".to_owned(),
            generation: 1,
            lifetime: None,
            maximum_lifetime: None,
        };
        let session = NodeSession {
            id: "0199".to_owned(),
            number: 3,
            tenant: "demo".to_owned(),
            alias: Some("storage".to_owned()),
            state: NodeSessionState::Active,
            job: Some(JobReference {
                cluster: "fritz".to_owned(),
                job_id: 7,
            }),
            created_at: 0,
            expires_at: Some(1_000_000),
            ended_at: None,
            end_reason: None,
            nodes: vec![node(1, "n1.a"), node(2, "n2.a")],
            set_up: None,
            tear_down: None,
        };
        let object = SessionObject::new(session, &Directory::of_site(&site).unwrap());
        let written = serde_json::to_value(object).unwrap();
        assert_eq!(written["id"], 3);
        assert_eq!(written["active"], true);
        assert_eq!(written["created_at"], "1970-01-01T00:00:00Z");
        assert_eq!(written["retired_at"], json!(null));
        assert_eq!(written["expires_at"], "1970-01-01T00:00:01Z");
        assert_eq!(written["tenant"]["name"], "demo");
        assert_eq!(
            written["data"],
            json!({
                "ssid": "0199",
                "alias": "storage",
                "state": "active",
                "job": "fritz:7",
                "nodes_specs": [{"quantity": 2, "pool": "metal"}],
            })
        );
        assert_eq!(
            written["nodes"][1],
            json!({
                "id": 2,
                "hostname": "n2.a.ci",
                "ipaddr": "10.0.0.2",
                "comment": null,
                "pool": "metal",
                "reusable": true,
                "data": {},
                "state": "deployed",
            })
        );
    }
}
