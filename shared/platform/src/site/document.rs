//! The site file as it is written, before anything in it has been checked.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::SiteProblem;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Document {
    pub(super) project: Vec<ProjectEntry>,
    pub(super) principal: Vec<PrincipalEntry>,
    pub(super) cluster: Vec<ClusterEntry>,
    pub(super) clustercockpit: ClusterCockpitSection,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectEntry {
    pub(super) name: Spanned<String>,
    pub(super) domain: Option<Spanned<String>>,
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

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, SiteProblem> {
        toml::from_str(text).map_err(|error| SiteProblem::of_toml(text, &error))
    }
}
