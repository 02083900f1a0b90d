//! What the site file says of compute sessions, as it is written, before anything in it has been checked.

use std::collections::BTreeMap;

use muster_contract::agent::ServiceProtocol;
use serde::Deserialize;
use toml::Spanned;

use super::compute::Scheduler;
use super::document::HumanDuration;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageEntry {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) aliases: Vec<Spanned<String>>,
    pub(super) command: Spanned<Vec<Spanned<String>>>,
    pub(super) docker: Option<DockerEntry>,
    pub(super) interpreter: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) services: Vec<ServiceEntry>,
    #[serde(default)]
    pub(super) environ: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub(super) minimum: SlotsEntry,
    #[serde(default)]
    pub(super) maximum: SlotsEntry,
}

/// What is different with Docker.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DockerEntry {
    pub(super) image: Option<Spanned<String>>,
    pub(super) command: Option<Spanned<Vec<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceEntry {
    pub(super) name: Spanned<String>,
    pub(super) protocol: ServiceProtocol,
    pub(super) port: Spanned<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScalingGroupEntry {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) scheduler: Scheduler,
    pub(super) projects: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourcePolicyEntry {
    pub(super) name: Spanned<String>,
    pub(super) compute_sessions: Option<u32>,
    #[serde(default)]
    pub(super) slots: SlotsEntry,
    pub(super) containers_per_session: Option<Spanned<u32>>,
    pub(super) idle_timeout: Option<Spanned<HumanDuration>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DomainEntry {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) quota: DomainQuotaEntry,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DomainQuotaEntry {
    pub(super) compute_sessions: Option<u32>,
    pub(super) slots: SlotsEntry,
}

/// Amounts by slot.
pub(super) type SlotsEntry = BTreeMap<Spanned<String>, Spanned<AmountEntry>>;

/// An amount as an operator writes it: `"4g"`, `2`.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a text such as \"4g\" or a whole number"
)]
pub(super) enum AmountEntry {
    Text(String),
    Number(u64),
}
