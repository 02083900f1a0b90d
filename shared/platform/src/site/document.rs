//! The site file as it is written, before anything in it has been checked. Compute sessions have a file of their own.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::SiteProblem;
use super::document_compute::{
    DomainEntry, ImageEntry, ResourcePolicyEntry, ScalingGroupEntry, SlotsEntry,
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Document {
    pub(super) project: Vec<ProjectEntry>,
    pub(super) principal: Vec<PrincipalEntry>,
    pub(super) pool: Vec<PoolEntry>,
    pub(super) node: Vec<NodeEntry>,
    pub(super) agent: Vec<AgentEntry>,
    pub(super) producer: Vec<ProducerEntry>,
    pub(super) domain: Vec<DomainEntry>,
    pub(super) resource_policy: Vec<ResourcePolicyEntry>,
    pub(super) scaling_group: Vec<ScalingGroupEntry>,
    pub(super) image: Vec<ImageEntry>,
    pub(super) cluster: Vec<ClusterEntry>,
    pub(super) clustercockpit: ClusterCockpitSection,
    pub(super) duffy: DuffySection,
    pub(super) keystone: Option<KeystoneSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectEntry {
    pub(super) name: Spanned<String>,
    pub(super) domain: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) quota: QuotaEntry,
    pub(super) session_hooks: Option<SessionHooksEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuotaEntry {
    pub(super) nodes: Option<u32>,
    pub(super) compute_sessions: Option<u32>,
    #[serde(default)]
    pub(super) slots: SlotsEntry,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolEntry {
    pub(super) name: Spanned<String>,
    pub(super) version: Spanned<String>,
    pub(super) arch: Spanned<String>,
    pub(super) flavor: Option<Spanned<String>>,
    pub(super) fill_level: Option<u32>,
    pub(super) lifetime: Option<Spanned<String>>,
    pub(super) maximum_lifetime: Option<Spanned<String>>,
    pub(super) hooks: Option<NodeHooksEntry>,
    pub(super) maximum_ready_age: Option<Spanned<String>>,
    pub(super) quarantine: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeHooksEntry {
    pub(super) agent: Spanned<String>,
    pub(super) provision: Option<Spanned<String>>,
    pub(super) contextualize: Option<Spanned<String>>,
    pub(super) deprovision: Option<Spanned<String>>,
    pub(super) attempts: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionHooksEntry {
    pub(super) agent: Spanned<String>,
    pub(super) set_up: Option<Spanned<String>>,
    pub(super) tear_down: Option<Spanned<String>>,
    pub(super) attempts: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentEntry {
    pub(super) name: Spanned<String>,
    pub(super) nkey: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProducerEntry {
    pub(super) name: Spanned<String>,
    pub(super) project: Spanned<String>,
    pub(super) nkey: Option<Spanned<String>>,
    pub(super) job_events: Option<Spanned<String>>,
    pub(super) node_states: Option<Spanned<String>>,
    pub(super) metrics: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeEntry {
    pub(super) hostname: Spanned<String>,
    pub(super) pool: Spanned<String>,
    pub(super) ip: Option<Spanned<IpAddr>>,
    pub(super) chassis: Option<Spanned<String>>,
    pub(super) console_port: Option<Spanned<u16>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrincipalEntry {
    pub(super) name: Spanned<String>,
    pub(super) project: Spanned<String>,
    #[serde(default)]
    pub(super) roles: Vec<Spanned<String>>,
    pub(super) token: Option<Spanned<String>>,
    pub(super) token_sha256: Option<Spanned<String>>,
    pub(super) duffy_key: Option<Spanned<String>>,
    pub(super) duffy_key_sha256: Option<Spanned<String>>,
    pub(super) password: Option<Spanned<String>>,
    pub(super) access_key: Option<Spanned<String>>,
    pub(super) secret_key: Option<Spanned<String>>,
    pub(super) resource_policy: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterEntry {
    pub(super) file: Spanned<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClusterCockpitSection {
    pub(super) jwt_public_key: Option<Spanned<String>>,
    #[serde(with = "humantime_serde")]
    pub(super) jwt_max_age: Option<Duration>,
    pub(super) default_project: Option<Spanned<String>>,
    pub(super) validate_user: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DuffySection {
    pub(super) host_suffix: Option<Spanned<String>>,
    pub(super) rate_limit: Option<u32>,
    pub(super) rate_window: Option<Spanned<HumanDuration>>,
    pub(super) failed_node_limit: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeystoneSection {
    pub(super) url: Spanned<String>,
}

/// A length of time as an operator writes it: `5m`.
#[derive(Debug, Deserialize)]
pub(super) struct HumanDuration(#[serde(with = "humantime_serde")] pub(super) Duration);

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, SiteProblem> {
        toml::from_str(text).map_err(|error| SiteProblem::of_toml(text, &error))
    }
}
